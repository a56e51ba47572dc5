"""Lanes of edges that go around columns: none is used twice, and those of short ways are inside."""

from __future__ import annotations

from graphdsl.views.network.lanes import assign_lanes
from graphdsl.views.network.layers import Layer, Link, Weights

W = Weights("W", (2, 2))


def layer(id: int, *links: Link) -> Layer:
    return Layer(id, "dense", f"h{id}", 2, (2,), links=links)


def test_what_passes_nothing_has_no_lane() -> None:
    layers = [layer(0), layer(1, Link(0, W), Link(0))]
    assert assign_lanes(layers, {0: 0, 1: 1}) == {}


def test_a_link_has_a_lane_for_each_of_its_edges() -> None:
    layers = [layer(0), layer(1, Link(0)), layer(2, Link(1), Link(0, W), Link(0))]
    lanes = assign_lanes(layers, {0: 0, 1: 1, 2: 2})
    assert lanes == {(2, 1): range(4), (2, 2): range(4, 6)}


def test_what_passes_more_columns_is_outside() -> None:
    ends = layer(3, Link(2), Link(0))
    layers = [layer(0), layer(1, Link(0)), layer(2, Link(1), Link(0, W)), ends, layer(4, Link(2))]
    lanes = assign_lanes(layers, {0: 0, 1: 1, 2: 2, 3: 3, 4: 3})
    assert lanes == {(2, 1): range(4), (3, 1): range(4, 6)}


def test_links_that_pass_no_column_both_may_have_the_same_lanes() -> None:
    layers = [layer(0), layer(1, Link(0)), layer(2, Link(1), Link(0)), layer(3, Link(2), Link(1))]
    lanes = assign_lanes(layers, {0: 0, 1: 1, 2: 2, 3: 3})
    assert lanes == {(2, 1): range(2), (3, 1): range(2)}

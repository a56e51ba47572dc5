"""The names of flat arrays: told apart by their kind, whatever stands behind it."""

from __future__ import annotations

from typing import get_args

import pytest

from graphdsl.graph.flat_arrays import (
    Kind,
    flat_array,
    is_kind,
    is_part,
    own_name,
    part_array,
    type_of,
)
from graphdsl.graph.types import DType

KINDS: tuple[Kind, ...] = get_args(Kind)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("own", ["f32", "m.f32", "grad_norm.f32", "param_f32", "part0_f32"])
def test_a_name_says_its_kind_and_what_is_its_own(kind: Kind, own: str) -> None:
    name = flat_array(kind, own)
    assert [one for one in KINDS if is_kind(name, one)] == [kind]
    assert is_kind(name, *KINDS)
    assert own_name(name) == own
    assert not is_part(name)


@pytest.mark.parametrize("dtype", DType)
def test_a_type_is_read_where_it_was_written(dtype: DType) -> None:
    assert type_of(flat_array("grad", dtype)) is dtype
    assert type_of(part_array(12, dtype)) is dtype


def test_a_part_is_of_no_other_kind_and_of_one_worker() -> None:
    parts = [part_array(worker, DType.f32) for worker in (0, 1, 11)]
    assert len(set(parts)) == 3
    assert all(is_part(name) and not is_kind(name, *KINDS) for name in parts)


def test_names_are_those_of_files_that_were_written() -> None:
    """Checkpoints and exported files hold them."""
    assert [flat_array(kind, DType.f32) for kind in KINDS] == [
        *("param_f32", "grad_f32", "state_f32", "slot_f32"),
    ]
    assert part_array("{worker}", DType.f64) == "part{worker}_f64"

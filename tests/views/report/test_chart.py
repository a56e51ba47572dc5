"""Charts as SVG: well formed whatever curves are called, told apart in grey, gaps left open."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np

from graphdsl.training.history import History
from graphdsl.views.report.alone import draw_alone
from graphdsl.views.report.chart import Chart, Curve, describe, draw_plot, looks
from graphdsl.views.report.markup import element
from graphdsl.views.report.panels import chart_histories, draw_history

EVIL = "</svg><script>alert(1)</script>\" onload='x' \u202e&amp;"
SVG = "{http://www.w3.org/2000/svg}"


def curve(values: list[float], label: str = "train") -> Curve:
    return Curve(label, np.arange(1.0, len(values) + 1), np.array(values))


def paths(chart: Chart) -> list[str]:
    return re.findall(r'<path d="(M[^"]*h0[^"]*)"', draw_plot(chart).text)


def test_names_are_text_whatever_they_hold() -> None:
    svg = draw_alone([Chart(EVIL, [curve([1, 2], EVIL), curve([2, 3], "b")])])
    root = ElementTree.fromstring(svg)
    assert {one.tag.removeprefix(SVG) for one in root.iter()} == {
        *("svg", "rect", "text", "line", "path", "g"),
    }
    shown = [one.text for one in root.iter(f"{SVG}text")]
    assert EVIL.replace("\u202e", "\\u202e") in shown


def test_a_legend_takes_the_lines_that_it_needs() -> None:
    names = [f"validation top {at}" for at in range(9)]
    one, nine = (
        ElementTree.fromstring(draw_alone([Chart("top", [curve([1, 2], n) for n in few])]))
        for few in (names[:1], names)
    )
    places = [each.get("transform", "") for each in nine.iter(f"{SVG}g")]
    assert len(set(places)) == 9
    rights = [float(re.findall(r"[0-9.]+", at)[0]) + 34 + 7 * len(names[0]) for at in places]
    assert max(rights) < float(nine.get("width", "0"))
    lines = {re.findall(r"[0-9.]+", at)[1] for at in places}
    grown = float(nine.get("height", "0")) - float(one.get("height", "0"))
    assert grown == 20 * (len(lines) - 1) > 0


def test_a_long_name_does_not_stick_out_of_its_legend() -> None:
    assert ElementTree.fromstring(draw_alone([Chart("J", [curve([1, 2], "变" * 90)])]))
    assert f">{'变' * 39}…<" in draw_alone([Chart("J", [curve([1, 2], "变" * 90)])])


def test_a_long_title_does_not_stick_out() -> None:
    shown = draw_alone([Chart("J" * 5000, [curve([1, 2], "train")])])
    assert re.findall(r"<text[^>]*>(J[^<]*)<", shown) == [f"{'J' * 55}…"]


def test_attributes_cannot_be_left() -> None:
    root = ElementTree.fromstring(element("p", {"title": EVIL, "hidden": None}, "<b>").text)
    assert root.attrib == {"title": EVIL.replace("\u202e", "\\u202e")}
    assert (root.text, len(root)) == ("<b>", 0)


def test_a_value_that_is_not_finite_is_a_gap() -> None:
    (path,) = paths(Chart("J", [curve([1, 2, np.nan, np.inf, 3, 4])]))
    assert path.count("M") == 2
    assert path.count("L") == 2


def marks(chart: Chart) -> list[tuple[str, str]]:
    """Where marks stand."""
    return re.findall(r'<svg x="([^"]*)" y="([^"]*)" overflow="visible">', draw_plot(chart).text)


def test_a_lone_point_has_a_mark() -> None:
    chart = Chart("J", [curve([1.0])])
    assert paths(chart) == ["M500.0 500.0h0"]
    assert marks(chart) == [("50.00%", "50.00%")]
    gaps = Chart("J", [curve([1, 2, np.nan, 2, np.nan, np.inf, 3, 4, np.nan, 0])])
    assert [x for x, _ in marks(gaps)] == ["33.33%", "100.00%"]
    assert marks(Chart("J", [curve([1, 2, 3])])) == []
    assert marks(Chart("J", [curve([np.nan])])) == []


def test_curves_differ_in_dashes_and_marks_too() -> None:
    four = looks(4)
    assert len({look.dashes for look in four}) == len({look.shape for look in four}) == 4
    svg = draw_plot(Chart("J", [curve([1, 2], name) for name in "abcd"])).text
    assert {look.shape for look in four} <= set(re.findall(r' d="([^"]*)"', svg))


def test_a_long_curve_takes_few_bytes_and_keeps_its_peak() -> None:
    values = np.sin(np.arange(100_000.0) ** 2)
    values[60_000] = 50
    chart = Chart("J", [curve(values.tolist())])
    assert len(draw_plot(chart).text) < 60_000
    top = 1000 * (1 - chart.scales[1].at(50))
    faint, clear = paths(chart)
    assert f" {top:.1f}" in faint
    assert f" {top:.1f}" not in clear  # it goes through the middle


def test_a_chart_is_told_in_words() -> None:
    said = describe(Chart("J", [curve([4, 1]), curve([np.nan], "valid")]))
    assert said == "J by epoch: train from 4 to 1; valid has no finite value"


def test_losses_share_a_chart_and_numbered_metrics_too() -> None:
    row = {"epoch": 1.0, "train.J": 2.0, "valid.J": 3.0, "valid.top_1": 0.5, "valid.top_5": 0.9}
    history = History(epochs=[row], best=1)
    told = {c.title: [one.label for one in c.curves] for c in chart_histories({"": history})}
    assert told == {"J": ["train", "valid"], "top": ["top_1", "top_5"]}
    both = chart_histories({"A": history, "B": History(epochs=[{"epoch": 1.0, "train.J": 1.0}])})
    assert [one.label for one in both[0].curves] == ["A train", "A valid", "B train"]
    assert both[0].marks == [(1.0, "A kept")]
    assert chart_histories({"A": history, "B": history})[0].marks == [(1.0, "A and B kept")]


def test_a_history_without_rows_has_no_drawing() -> None:
    assert draw_history(History()) == ""

"""The gradients of a run as a table: statistics come in, a row for each parameter goes out, with a
picture of its size at the beginning and at the kept weights."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

from graphdsl.training.statistics import LayerStatistics
from graphdsl.views.report.markup import Markup, element, joined, region
from graphdsl.views.report.measured import BATCHES, Gradients
from graphdsl.views.report.scales import Scale, short_number

HEADS = (
    "parameter",
    "shape",
    "weight",
    "gradient at first",
    "gradient when kept",
    "from small to large",
    "zeros",
    "step / weight",
)
START, KEPT = "M-3.6 0a3.6 3.6 0 1 0 7.2 0a3.6 3.6 0 1 0 -7.2 0z", "M0 -5L5 0L0 5L-5 0z"


def show_gradients(gradients: Gradients, name: str, scale: Scale) -> Markup:
    """The table, with its notes; sizes are drawn on the scale."""
    notes = [element("p", {"class": "note"}, note) for note in gradients.notes]
    rows = gradients.kept or gradients.start
    if not rows:
        return joined(notes)
    first = {row.name: row for row in gradients.start or ()}
    last = {row.name: row for row in gradients.kept or ()}
    body = [element("tr", {}, *_cells(row, first, last, scale)) for row in rows]
    head = [element("th", {"scope": "col"}, text) for text in HEADS]
    table = element(
        "table",
        {"class": "gradients"},
        element("thead", {}, element("tr", {}, *head)),
        element("tbody", {}, *body),
    )
    return joined((*notes, region("scroll", name, table)))


def explain() -> Markup:
    """What the tables say."""
    said = (
        f"Sizes are the root of the mean square of the elements, over {BATCHES} batches of the "
        "training part at most, of a gradient as a training step takes it. "
    )
    return element(
        "p",
        {"class": "note"},
        said,
        _sign(START, "start"),
        " at the beginning, ",
        _sign(KEPT, "end"),
        " at the kept weights; the scale is logarithmic.",
    )


def _sign(shape: str, name: str) -> Markup:
    size = {"width": "14", "height": "12", "viewBox": "-7 -6 14 12", "aria-hidden": "true"}
    return element("svg", size, element("path", {"d": shape, "class": name}))


def find_scale(several: Iterable[Gradients]) -> Scale:
    """The scale that tables share: from the smallest size to the largest, whole decades."""
    rows = (row for one in several for row in (*(one.start or ()), *(one.kept or ())))
    positive = [row.rms for row in rows if row.rms > 0 and math.isfinite(row.rms)]
    low, high = min(positive, default=0.1), max(positive, default=1.0)
    bottom = math.floor(math.log10(low))
    return Scale(10.0**bottom, 10.0 ** max(math.ceil(math.log10(high)), bottom + 1), log=True)


def _cells(
    row: LayerStatistics,
    first: Mapping[str, LayerStatistics],
    last: Mapping[str, LayerStatistics],
    scale: Scale,
) -> Iterator[Markup]:
    sizes = [found[row.name].rms if row.name in found else None for found in (first, last)]
    yield element("th", {"scope": "row"}, row.name)
    yield element("td", {}, "×".join(map(str, row.shape)) or "1")
    yield element("td", {}, short_number(row.weight_rms, 3))
    for size in sizes:
        yield element("td", {}, "–" if size is None else short_number(size, 3))
    yield element("td", {"class": "picture"}, _picture(sizes, scale))
    yield element("td", {}, f"{100 * row.zeros:.3g} %")
    ratio = row.update_ratio
    yield element("td", {}, "–" if ratio is None else short_number(ratio, 3))


def _picture(sizes: Sequence[float | None], scale: Scale) -> Markup:
    """Both sizes on a line; one that is 0 has no place on it."""
    places = [f"{100 * scale.at(size):.1f}%" if size else None for size in sizes]
    line = [element("line", {"x1": "0", "x2": "100%", "y1": "50%", "y2": "50%", "class": "grid"})]
    if all(places):
        ends = {"x1": places[0], "x2": places[1], "y1": "50%", "y2": "50%", "class": "way"}
        line.append(element("line", ends))
    signs = zip(places, (START, KEPT), ("start", "end"), strict=True)
    marks = [
        element(
            "svg",
            {"x": place, "y": "50%", "overflow": "visible"},
            element("path", {"d": shape, "class": name}),
        )
        for place, shape, name in signs
        if place
    ]
    size = {"class": "sizes", "width": "100%", "height": "14", "overflow": "visible"}
    return element("svg", {**size, "aria-hidden": "true"}, *line, *marks)

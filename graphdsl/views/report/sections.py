"""The report's sections beside its curves: runs come in, markup goes out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from graphdsl.views.report.drawing import Drawing, draw_graph
from graphdsl.views.report.listing import changed_lines, list_lines, split_lines
from graphdsl.views.report.markup import Attributes, Markup, element, joined, region
from graphdsl.views.report.reading import ReportedRun
from graphdsl.views.report.scales import short_number
from graphdsl.views.report.settings import NONE, SettingRow, tell_settings

LABELS = ("A", "B")
"""What two runs are called."""
ENDINGS = {
    "epochs": "went through all its epochs",
    "early": "stopped early",
    "interrupted": "was interrupted",
    "diverged": "diverged",
    "failed": "failed",
}


def section(title: str, *parts: Markup | None, id: str) -> Markup:
    """A section with its heading."""
    heading = element("h2", {"id": id}, title)
    return element("section", {"aria-labelledby": id}, heading, joined(parts))


def labels_of(runs: Sequence[ReportedRun]) -> list[str]:
    """A and B; nothing for one alone."""
    return list(LABELS) if len(runs) > 1 else [""]


def summarise(runs: Sequence[ReportedRun]) -> Markup:
    """How each run went, and what is not as it should be."""
    cards = [_card(run, label) for run, label in zip(runs, labels_of(runs), strict=True)]
    return element("div", {"class": f"cards count-{len(runs)}"}, *cards)


def _card(run: ReportedRun, label: str) -> Markup:
    badge = element("b", {"class": "badge"}, label) if label else None
    heading = element("h2", {}, badge, run.name) if label else None
    ending = run.history.ending if run.ended else "open"
    facts = [
        element("div", {}, element("dt", {}, name), element("dd", {}, value))
        for name, value in _facts(run)
    ]
    notes = [element("li", {}, note) for note in run.notes]
    return element(
        "div",
        {"class": f"card ending-{ending}"},
        heading,
        element("p", {"class": "ending"}, _ending(run)),
        element("dl", {"class": "facts"}, *facts),
        element("ul", {"class": "notes"}, *notes) if notes else None,
    )


def _ending(run: ReportedRun) -> str:
    history = run.history
    if not run.ended:
        return "The run has not come to its end."
    because = f": {history.stopped_by}" if history.stopped_by else ""
    said = f"The run {ENDINGS[history.ending]}{because}."
    if history.best is not None:
        watch = f", the best by {history.watch}" if history.watch else ""
        said += f" It kept the weights of epoch {history.best:,}{watch}."
    return said


def _facts(run: ReportedRun) -> Iterator[tuple[str, str]]:
    history, rows = run.history, run.history.epochs
    yield "epochs", f"{len(rows):,} of {run.recorded.epochs:,}"
    last = rows[-1] if rows else {}
    if "step" in last:
        yield "steps", f"{last['step']:,.0f}"
    seconds = history.seconds or last.get("seconds", 0.0)
    yield "time", duration(seconds)
    for part, values in history.final.items():
        for name, value in list(values.items())[:3]:
            yield f"{part} {name}", short_number(value, 4)
    yield "seed", str(run.recorded.seed)


def duration(seconds: float) -> str:
    """Seconds as a person says them."""
    if not 0 <= seconds < 1e12:
        return NONE
    if seconds < 60:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


def show_metrics(runs: Sequence[ReportedRun]) -> Markup | None:
    """Losses and metrics of the kept weights, a row each."""
    rows = dict.fromkeys(
        (part, name)
        for run in runs
        for part, values in run.history.final.items()
        for name in values
    )
    if not rows:
        return None
    body = []
    for part, name in rows:
        values = [run.history.final.get(part, {}).get(name) for run in runs]
        cells = [NONE if value is None else short_number(value, 6) for value in values]
        if len(runs) > 1:
            both = [value for value in values if value is not None]
            cells.append(short_number(both[1] - both[0], 4) if len(both) > 1 else NONE)
        head = element("th", {"scope": "row"}, f"{part} {name}")
        body.append(element("tr", {}, head, *(element("td", {}, cell) for cell in cells)))
    names = ["", *(f"{label} {run.name}".strip() for label, run in _labelled(runs))]
    names += ["B − A"] if len(runs) > 1 else []
    return section("Metrics of the kept weights", _table(names, body, "metrics"), id="metrics")


def _labelled(runs: Sequence[ReportedRun]) -> Iterator[tuple[str, ReportedRun]]:
    return zip(labels_of(runs), runs, strict=True)


def _table(names: Sequence[str], body: Sequence[Markup], label: str) -> Markup:
    head = [element("th", {"scope": "col"}, name) if name else element("td") for name in names]
    table = element(
        "table", {}, element("thead", {}, element("tr", {}, *head)), element("tbody", {}, *body)
    )
    return region(f"scroll {label}", f"Table of {label}", table)


def show_settings(runs: Sequence[ReportedRun]) -> Markup:
    """Settings by group; a difference between two runs carries a sign."""
    names = ["", *(f"{label} {run.name}".strip() for label, run in _labelled(runs))]
    groups, several = tell_settings(runs), len(runs) > 1
    differing = sum(row.differs for rows in groups.values() for row in rows)
    said = f"{differing or 'None'} of these differ{'s' if differing == 1 else ''}"
    body = []
    for group, rows in groups.items():
        head = element("th", {"scope": "colgroup", "colspan": len(names)}, group)
        body.append(element("tr", {"class": "group"}, head))
        body += [_setting(row) for row in rows]
    note = f"{said}{', marked with ≠' if differing else ''}." if several else None
    return section(
        "Settings",
        element("p", {"class": "note"}, note) if note else None,
        _table(names, body, "settings"),
        id="settings",
    )


def _setting(row: SettingRow) -> Markup:
    sign = element("b", {"class": "sign"}, "≠ ") if row.differs else None
    cells = [
        element("td", {}, value, element("span", {"class": "tag"}, "overridden") if over else None)
        for value, over in zip(row.values, row.overridden, strict=True)
    ]
    name = {"class": "differs" if row.differs else None}
    return element("tr", name, element("th", {"scope": "row"}, sign, row.name), *cells)


def show_graphs(runs: Sequence[ReportedRun]) -> Markup | None:
    """The graph of each run; once where both have the same."""
    shown = [
        (f"{label} {run.name}".strip(), draw_graph(run.compilation))
        for label, run in _labelled(runs)
        if run.compilation is not None
    ]
    if not shown:
        return None
    note = None
    if len(shown) > 1 and shown[0][1].is_like(shown[1][1]):
        said = "Both runs have the same graph."
        note, shown = element("p", {"class": "note"}, said), shown[:1]
    figures = [_graph(name, drawing, titled=len(shown) > 1) for name, drawing in shown]
    box = element("div", {"class": f"pair count-{len(shown)}"}, *figures)
    return section("Graph", note, box, id="graph")


_WHOLE: Attributes = {
    "type": "button",
    "class": "whole-drawing",
    "aria-pressed": "false",
    "hidden": True,
}
"""A button that only the page's script makes useful, and shows."""


def _graph(name: str, drawing: Drawing, titled: bool) -> Markup:
    notes = [element("p", {"class": "note"}, note) for note in drawing.notes]
    image = element("img", {"src": drawing.address, "alt": f"The computation graph of {name}"})
    return element(
        "div",
        {},
        element("h3", {}, name) if titled else None,
        region("drawing", f"Graph of {name}", image) if drawing.svg else None,
        element("button", _WHOLE, "Full size") if drawing.svg else None,
        *notes,
    )


def show_texts(runs: Sequence[ReportedRun]) -> Markup | None:
    """The model's text; of two that differ both, their differing lines marked."""
    texts = [split_lines(run.text) for run in runs]
    if not any(run.text for run in runs):
        return None
    if len(texts) == 1 or texts[0] == texts[1]:
        said = "Both runs have the same text." if len(texts) > 1 else None
        note = element("p", {"class": "note"}, said) if said else None
        listed = list_lines(texts[0], "The model's text", frozenset(), "")
        return section("Model", note, listed, id="model")
    changed = changed_lines(texts[0], texts[1])
    sides = zip(_labelled(runs), texts, changed, ("−", "+"), strict=True)
    columns = [
        element(
            "div",
            {},
            element("h3", {}, f"{label} {run.name}"),
            list_lines(lines, f"The text of {label}", at, sign),
        )
        for (label, run), lines, at, sign in sides
    ]
    return section("Model", element("div", {"class": "pair count-2"}, *columns), id="model")

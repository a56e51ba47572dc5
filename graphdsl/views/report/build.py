"""The run report: folders of runs come in, one HTML file's text goes out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from graphdsl.training.files import write_text
from graphdsl.views.page.shell import Page, check_page, page_text
from graphdsl.views.report import sections
from graphdsl.views.report.chart import Chart, Curve
from graphdsl.views.report.curves import Shown, show_charts
from graphdsl.views.report.gradients import explain, find_scale, show_gradients
from graphdsl.views.report.markup import Markup, element, joined
from graphdsl.views.report.measured import Gradients, measure_run, rate_curve
from graphdsl.views.report.panels import chart_histories
from graphdsl.views.report.reading import ReportedRun, read_run

NO_SCRIPT = "Values are read out at an epoch with JavaScript, which is switched off here."


def write_report(folders: Sequence[Path], path: Path, source: Path | None = None) -> list[str]:
    """Write the report on one run or two; what it notes about them.

    `source` takes the place of their data, which gradients are taken on. Raises `DataError` for a
    folder that is no run's, and where the file cannot be written, `UsageError` for a path that
    names no page.
    """
    check_page(path)
    runs = [read_run(folder) for folder in folders]
    gradients = [measure_run(run, source) for run in runs]
    write_text(path, report_text(runs, gradients))
    both = zip(runs, gradients, strict=True)
    return [f"{run.folder}: {note}" for run, one in both for note in (*run.notes, *one.notes)]


def report_text(runs: Sequence[ReportedRun], gradients: Sequence[Gradients]) -> str:
    """The page on runs and on the gradients of each."""
    shown = show_charts(list(_charts(runs)), _start(runs))
    about = runs[0].compilation.program.doc if runs[0].compilation is not None else None
    content = element("main", {"class": "report"}, *_sections(runs, shown, gradients))
    return page_text(
        Page(
            title=" and ".join(run.name for run in runs),
            about=(about or "").partition("\n")[0],
            data={"charts": [one.data for one in shown]},
            body="",
            content=content.text,
            styles=("report.css",),
            scripts=("report.js",),
            help="report-help.html",
            without_script=NO_SCRIPT,
        )
    )


def _sections(
    runs: Sequence[ReportedRun], shown: Sequence[Shown], gradients: Sequence[Gradients]
) -> Iterator[Markup | None]:
    yield sections.summarise(runs)
    if shown:
        figures = element("div", {"class": "panels"}, *(one.figure for one in shown))
        yield sections.section("Curves", figures, id="curves")
    yield sections.show_metrics(runs)
    yield _gradients(runs, gradients)
    yield sections.show_graphs(runs)
    yield sections.show_texts(runs)
    yield sections.show_settings(runs)


def _charts(runs: Sequence[ReportedRun]) -> Iterator[Chart]:
    labelled = dict(zip(sections.labels_of(runs), runs, strict=True))
    yield from chart_histories({label: run.history for label, run in labelled.items()})
    rates = [
        Curve(label or curve.label, curve.epochs, curve.values)
        for label, run in labelled.items()
        if (curve := _rate(run)) is not None
    ]
    if rates:
        yield Chart("learning rate", rates)


def _rate(run: ReportedRun) -> Curve | None:
    if run.compilation is None:
        return None
    return rate_curve(run.compilation, run.recorded, run.history)


def _start(runs: Sequence[ReportedRun]) -> float | None:
    """The epoch that is read out at first: the one whose weights were kept; of two runs the last
    that both have."""
    if len(runs) == 1:
        best = runs[0].history.best
        return None if best is None else float(best)
    return min(
        (run.history.epochs[-1]["epoch"] for run in runs if run.history.epochs), default=None
    )


def _gradients(runs: Sequence[ReportedRun], gradients: Sequence[Gradients]) -> Markup | None:
    tables: list[Markup] = []
    scale = find_scale(gradients)
    for label, run, measured in zip(sections.labels_of(runs), runs, gradients, strict=True):
        if run.compilation is None:
            continue
        heading = element("h3", {}, f"{label} {run.name}") if label else None
        table = show_gradients(measured, f"{label} {run.name}: gradients".strip(), scale)
        tables += [joined((heading, table))]
    if not tables:
        return None
    return sections.section("Gradients by layer", explain(), *tables, id="gradients")

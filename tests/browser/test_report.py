"""The run report in a browser: values read out by pointer and keyboard, for everybody, unspoilt by
whatever a run's files say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from browser.devtools import Chromium
from browser.pages import Page, opened
from browser.test_access import faults
from cli.runs import TEXT
from graphdsl.views.report.build import write_report
from reported import lengthen, train

EVIL = "</script><script>window.owned=1</script><img src=x onerror=window.owned=2>"
NAME = "<img src=x onerror=window.owned=3>\u202e \"'&lt;"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reports")


@pytest.fixture(scope="module")
def one(folder: Path) -> Path:
    write_report([train(folder, "a")], folder / "one.html")
    return folder / "one.html"


@pytest.fixture(scope="module")
def two(folder: Path, one: Path) -> Path:
    other = train(folder, "b", "--set", "width=16", "--with", "epochs=6", "--seed", "3")
    write_report([folder / "a", other], folder / "two.html")
    return folder / "two.html"


@pytest.fixture
def page(chromium: Chromium, one: Path) -> Iterator[Page]:
    with opened(chromium, one) as found:
        yield found


def rows(run: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (run / "history.jsonl").read_text().splitlines()]


def read_out(page: Page) -> list[str]:
    """What the first chart says."""
    return list(
        page.evaluate("""(() => {
            const panel = document.querySelector('.panel');
            return [panel.querySelector('.at'), ...panel.querySelectorAll('.value')]
                .map((one) => one.textContent); })()""")
    )


def told(run: Path, epoch: int) -> list[str]:
    row = rows(run)[epoch - 1]
    return [f"epoch {epoch}", *(f"{row[name]:.5g}" for name in ("train.J", "valid.J"))]


def test_the_page_asks_for_nothing_and_has_no_complaint(page: Page) -> None:
    assert page.complaints == []
    assert [url[:5] for url in page.requests] == ["file:", "data:"]  # itself, and the drawing in it


def test_the_keyboard_reads_every_epoch_out(page: Page, folder: Path) -> None:
    assert read_out(page) == told(folder / "a", 4)  # the one that was kept
    page.evaluate("document.querySelector('.panel input').focus()")
    page.press("Home")
    assert read_out(page) == told(folder / "a", 1)
    for epoch in (2, 3):
        page.press("ArrowRight")
        assert read_out(page) == told(folder / "a", epoch)
    said = page.evaluate("document.activeElement.getAttribute('aria-valuetext')")
    at, train, valid = told(folder / "a", 3)
    assert said == f"{at}: train {train}, valid {valid}"


def test_tab_reaches_every_chart(page: Page) -> None:
    reached = set()
    for _ in range(60):
        page.press("Tab")
        at = "document.activeElement.closest('.panel')?.dataset.chart ?? null"
        reached.add(page.evaluate(f"document.activeElement.type === 'range' ? {at} : null"))
    charts = page.evaluate("document.querySelectorAll('.panel').length")
    assert reached - {None} == {str(number) for number in range(charts)}


def test_the_pointer_reads_out_all_charts_at_once(page: Page, folder: Path) -> None:
    box = page.evaluate("document.querySelector('.frame').getBoundingClientRect().toJSON()")
    for share, epoch in ((0.02, 1), (0.35, 2), (0.63, 3), (0.99, 4)):
        x, y = box["left"] + share * box["width"], box["top"] + 40
        page.call("Input.dispatchMouseEvent", {"type": "mouseMoved", "x": x, "y": y})
        assert read_out(page) == told(folder / "a", epoch)
        everywhere = "[...document.querySelectorAll('.at')].map((one) => one.textContent)"
        assert set(page.evaluate(everywhere)) == {f"epoch {epoch}"}


def test_a_curve_stands_where_its_values_are(page: Page, folder: Path) -> None:
    """The first chart's first curve, point by point, against its axis's labels."""
    found = page.evaluate("""(() => {
        const plot = document.querySelector('.plot'), labels = {};
        for (const text of plot.querySelectorAll('text[x="-8"]')) {
          const box = text.getBoundingClientRect();
          labels[text.textContent] = (box.top + box.bottom) / 2;
        }
        const path = plot.querySelector('path.curve-0');
        const inner = path.ownerSVGElement.getBoundingClientRect();
        const points = path.getAttribute('d').match(/[ML][\\d.]+ [\\d.]+/g)
            .map((word) => plot.getBoundingClientRect().top
                + Number(word.split(' ')[1]) / 1000 * plot.clientHeight);
        return { labels, points }; })()""")
    (low, at_low), *_, (high, at_high) = sorted((float(k), v) for k, v in found["labels"].items())
    for point, row in zip(found["points"], rows(folder / "a"), strict=True):
        value = low + (at_low - point) / (at_low - at_high) * (high - low)
        assert value == pytest.approx(row["train.J"], abs=0.02 * (high - low))


def test_a_table_has_the_same_values(page: Page, folder: Path) -> None:
    cells = page.evaluate("""[...document.querySelector('.panel table').tBodies[0].rows]
        .map((row) => [...row.cells].map((cell) => cell.textContent))""")
    assert cells == [[k[0].removeprefix("epoch "), *k[1:]] for k in map_told(folder / "a")]


def map_told(run: Path) -> list[list[str]]:
    return [told(run, epoch) for epoch in range(1, len(rows(run)) + 1)]


def test_the_drawing_shows_whole_at_a_press(chromium: Chromium, one: Path) -> None:
    with opened(chromium, one, width=360, height=740) as page:
        width = "document.querySelector('.drawing img').width"
        page.wait("!document.querySelector('.whole-drawing').hidden")
        small = page.evaluate(width)
        page.evaluate("document.querySelector('.whole-drawing').click()")
        assert page.evaluate(width) > small
        assert page.evaluate("document.querySelector('.drawing img').naturalWidth") > 0
        assert page.evaluate("document.documentElement.scrollWidth") <= 360


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(1280, 800), (360, 740)], ids=["laptop", "phone"])
def test_axe_finds_no_fault(
    chromium: Chromium, two: Path, scheme: str, size: tuple[int, int]
) -> None:
    look = {"width": size[0], "height": size[1], "scheme": scheme, "bypass_csp": True}
    with opened(chromium, two, **look) as page:
        assert faults(page) == []
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true })")
        assert faults(page) == []
        page.press("?")
        assert faults(page) == []


@pytest.mark.parametrize("width", [320, 360, 760, 1920])
def test_nothing_sticks_out_at_any_width(chromium: Chromium, two: Path, width: int) -> None:
    with opened(chromium, two, width=width, height=740) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_theme_is_a_key(page: Page) -> None:
    for theme in ("light", "dark", "auto"):  # the last is what the next page begins with
        page.press("t")
        assert page.evaluate("document.documentElement.dataset.theme") == theme


def test_nothing_that_a_run_says_is_run(chromium: Chromium, tmp_path: Path) -> None:
    run = train(tmp_path, "r", text=f"## {EVIL}\n\n{TEXT}# {EVIL} &lt;\n")
    row = {"epoch": 5, "step": 35, f"train.{EVIL}": 1.0, "valid.J": 1.0}
    with (run / "history.jsonl").open("a") as file:
        file.write(json.dumps(row) + "\n")
    settings = json.loads((run / "settings.json").read_text())
    settings |= {"model": EVIL, "constants": {EVIL: NAME}, "rows": {NAME: EVIL}}
    settings["versions"] |= {NAME: EVIL}
    (run / "settings.json").write_text(json.dumps(settings))
    ended = json.loads((run / "metrics.json").read_text())
    ended |= {"watch": NAME, "stopped_by": EVIL, NAME: {EVIL: 1.0}}
    (run / "metrics.json").write_text(json.dumps(ended))
    evil = run.rename(tmp_path / "<b>\u202e\"'&lt;<i>")
    write_report([evil, evil], tmp_path / "evil.html")
    with opened(chromium, tmp_path / "evil.html") as page:
        assert page.evaluate("window.owned ?? null") is None
        assert page.complaints == []
        assert {url[:5] for url in page.requests} == {"file:", "data:"}
        assert page.evaluate("document.querySelectorAll('script').length") == 2
        assert page.evaluate("document.querySelectorAll('img, .label *, i').length") == 1
        assert EVIL in page.text(".report")
        assert "\\u202e" in page.text("#title")
        assert "\u202e" not in page.text("body")


def test_a_run_of_100_000_epochs_is_small_and_soon_there(
    chromium: Chromium, folder: Path, one: Path
) -> None:
    long = lengthen(folder / "a", folder / "long", 100_000)
    path = folder / "long.html"
    write_report([long], path)
    assert path.stat().st_size < 3_000_000
    taken = []
    for _ in range(3):
        with opened(chromium, path) as page:
            page.wait("performance.getEntriesByName('ready').length")
            taken.append(page.evaluate("performance.getEntriesByName('ready')[0].startTime"))
            assert page.complaints == []
            page.evaluate("document.querySelector('.panel input').value = 299")
            page.evaluate(
                "document.querySelector('.panel input').dispatchEvent(new Event('input'))"
            )
            at, loss, _ = read_out(page)
    assert at == "epochs 49,834 … 50,000"
    assert loss.endswith("… 99")  # the one that stands out is told, though few are
    assert min(taken) < 2000

"""The browser that the tests of pages share, and pages for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from browser.devtools import BrowserError, Chromium, find_chromium
from graphdsl.driver import compile_source
from graphdsl.graph.types import DType
from graphdsl.language.source import Source, read_source
from graphdsl.session import Session
from graphdsl.views.page.build import write_page

Write = Callable[..., Path]


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    """A browser without a window; tests that need one are skipped where there is none."""
    program = find_chromium()
    if program is None:
        pytest.skip("no Chromium: install the package `chromium` to test pages in a browser")
    browser = Chromium(program, tmp_path_factory.mktemp("profile"))
    try:
        browser.call("Browser.getVersion")
    except (BrowserError, OSError) as fault:
        browser.close()
        pytest.skip(f"{program} does not start on this machine: {fault}")
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def page_of(tmp_path_factory: pytest.TempPathFactory) -> Write:
    """`page_of(text or path, x=2)` is the path of a model's page; its float is f64."""
    folder = tmp_path_factory.mktemp("pages")

    def write(model: str | Path, of: str | None = None, **fed: Any) -> Path:
        source = read_source(model) if isinstance(model, Path) else Source(model, "m.gdl")
        session = Session(compile_source(source, float=DType.f64))
        path = folder / f"{len(list(folder.iterdir()))}.html"
        write_page(session, path, fed, of)
        return path

    return write

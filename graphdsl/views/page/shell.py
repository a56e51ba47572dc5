"""The frame of every page: its parts come in, one self-contained HTML file goes out.

The page may load nothing and run nothing but what is in it: a Content-Security-Policy names the one
style sheet and the one script by their hashes, and forbids that markup is made from text (trusted
types). Data travel as JSON that is never run; whatever a user wrote is escaped here, in one place.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from html import escape
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any

from graphdsl.language.diagnostics import Diagnostic, UsageError
from graphdsl.language.excerpt import visible
from graphdsl.training.files import verify_folder
from graphdsl.training.version import version

ENDINGS = (".html", ".htm")
ASSETS = "assets"
STYLES = ("shell.css",)
SCRIPTS = ("shell.js",)
"""What every page has, before its own."""

_IN_SCRIPT = {ord(character): f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}
"""What JSON may not hold inside of a script element, as JSON writes it otherwise."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page. Texts are plain; `body`, `tools` and `help` are names of assets, which are markup,
    `styles` and `scripts` of assets that follow the shell's, in order. `content` is markup that
    stands behind `body`: whoever made it has escaped what is in it."""

    title: str
    about: str
    data: Any
    body: str
    styles: Sequence[str]
    scripts: Sequence[str]
    tools: str = ""
    help: str = ""
    content: str = ""
    without_script: str = "This page draws with JavaScript, which is switched off here."


def check_page(path: Path) -> None:
    """Raise `UsageError` unless a path names a page, `DataError` where there is no such folder."""
    if path.suffix.lower() not in ENDINGS:
        help = (f"name it {path.with_suffix('.html') if path.name else 'page.html'}",)
        raise UsageError(Diagnostic("E0822", f"'{path}': a page is written as .html", (), help))
    verify_folder(path)


def page_text(page: Page) -> str:
    """The whole file."""
    style = "\n".join(map(asset, (*STYLES, *page.styles)))
    script = "\n".join(map(asset, (*SCRIPTS, *page.scripts)))
    return Template(asset("shell.html")).substitute(
        policy=_policy(style, script),
        version=escape(version()),
        title=text(page.title),
        about=text(page.about),
        style=style,
        tools=asset(page.tools) if page.tools else "",
        body=(asset(page.body) if page.body else "") + page.content,
        without_script=text(page.without_script),
        help=asset(page.help) if page.help else "",
        data=data_text(page.data),
        script=script,
    )


def asset(name: str) -> str:
    """A file of the package's own, as it is put into a page."""
    found = resources.files("graphdsl.views.page").joinpath(ASSETS, name)
    return found.read_text(encoding="utf-8")


def text(plain: str) -> str:
    """Text that is nothing but text in HTML, with what is invisible made visible."""
    return escape(visible(plain))


def data_text(data: Any) -> str:
    """JSON that cannot end the element it stands in. Every string in it is made visible."""
    dumped = json.dumps(_visible(data), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return dumped.translate(_IN_SCRIPT)


def _visible(data: Any) -> Any:
    """The same with every text shown as a terminal shows it: no bidi marks, no controls."""
    match data:
        case str():
            return visible(data)
        case dict():
            return {key: _visible(value) for key, value in data.items()}
        case list() | tuple():
            return [_visible(value) for value in data]
    return data


def _policy(style: str, script: str) -> str:
    """What the page may do, for the browser."""
    rules = {
        "default-src": "'none'",
        "style-src": _hash(style),
        "script-src": _hash(script),
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def _hash(content: str) -> str:
    """The hash of an inline element's content; browsers read its line ends as they stand here."""
    return f"'sha256-{b64encode(sha256(content.encode()).digest()).decode()}'"

"""Paths that a model file names: beside the file, and never out of its folder."""

from __future__ import annotations

from pathlib import Path, PurePosixPath, PureWindowsPath

from graphdsl.language.diagnostics import Diagnostic, Label, ModelError
from graphdsl.language.source import Source, Span


def model_folder(source: Source) -> Path:
    """The folder a model's paths start from; the working directory for text from no file."""
    return source.path.parent if source.path is not None else Path()


def inside(folder: Path, text: str, span: Span) -> Path:
    """`text` as a path in `folder`; raises `ModelError` at `span` if it leads out of it.

    A link counts as the place that it leads to.
    """
    windows = PureWindowsPath(text)
    if PurePosixPath(text).is_absolute() or windows.drive or windows.root:
        raise _refusal(f"'{text}' is an absolute path", span)
    if ".." in windows.parts or "\0" in text:
        raise _refusal(f"'{text}' leads out of the model's folder", span)
    path = folder / text
    try:
        stays = path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):
        stays = False  # links in a circle
    if not stays:
        raise _refusal(f"'{text}' is a link that leads out of the model's folder", span)
    return path


def _refusal(message: str, span: Span) -> ModelError:
    help = (
        "a model file names data beside it, so that it can be run by others safely",
        "data elsewhere is named when it is run: --data PATH, or model.fit(path) from Python",
    )
    return ModelError(Diagnostic("E0508", message, (Label(span),), help))

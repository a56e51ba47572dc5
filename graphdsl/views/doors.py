"""What `Model` shows of itself: the arguments of its methods come in, drawings and tables go out.

What draws is imported when it is first asked for: most who compute never draw.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack, cast

from graphdsl.session import Session
from graphdsl.training.history import History
from graphdsl.training.media import Asked, choose_media
from graphdsl.training.options import fit_settings, verify_mode

if TYPE_CHECKING:
    from graphdsl.views.drawing.options import Shown
    from graphdsl.views.export import Sizes
    from graphdsl.views.network.options import EitherShown
    from graphdsl.views.profile import Profile
    from graphdsl.views.trace.record import Trace


def draw(session: Session, path: str | Path, view: str, **shown: Unpack[EitherShown]) -> None:
    """Write the picture that the path's ending names; raises as `render` and `make_options` do, or
    `render_network` and `make_network_options`."""
    from graphdsl.views.drawing.options import make_options
    from graphdsl.views.network.options import make_network_options, verify_view
    from graphdsl.views.network.render import render_network
    from graphdsl.views.render import render

    verify_view(view)
    if view == "network":
        render_network(session.compilation, path, make_network_options(shown), session)
    else:
        render(session.compilation, path, make_options(**cast("Shown", shown)), session)


def write_trace(session: Session, fed: Mapping[str, Any], of: str | None, training: bool) -> Trace:
    """Both sweeps, written out; raises as `observe` does."""
    from graphdsl.views.trace.recorder import trace

    verify_mode(training)
    return trace(session, fed, of=of, training=training)


def write_view(
    session: Session, path: str | Path, fed: Mapping[str, Any], of: str | None, training: bool
) -> None:
    """Write the page that plays both sweeps; raises as `write_page` does."""
    from graphdsl.views.page.build import write_page

    verify_mode(training)
    write_page(session, Path(path), fed, of, training)


def time_steps(session: Session, fed: Mapping[str, Any], steps: int, warm_up: int) -> Profile:
    """Where the time of `steps` goes; raises as `profile_model` does."""
    from graphdsl.views.profiling import profile_model

    return profile_model(session, fed, steps, warm_up)


def export_code(
    session: Session, seed: int, path: str | Path, to: str, sizes: Sizes | None
) -> list[Path]:
    """Write the model as a program, trained as its train block says; raises as `export` does."""
    from graphdsl.views.export import export

    return export(session, fit_settings(session.compilation, {}, seed), path, to, sizes)


def draw_history(history: History) -> str:
    """The curves of a run as SVG."""
    from graphdsl.views.report.panels import draw_history

    return draw_history(history)


History.drawing = draw_history


def bundle(session: Session, include: Asked, exclude: Asked) -> dict[str, str]:
    """What a notebook shows of a model: its graph, where this machine can lay it out, and text."""
    from graphdsl.views.notebook import bundle_model

    media = choose_media(include, exclude)
    return bundle_model(describe(session), session.compilation, media)


def describe(session: Session) -> str:
    """A model in a line: its file, its inputs, and how large it is."""
    count = sum(view.size for view in session.memory.params.values())
    inputs = ", ".join(f"{name}: {type}" for name, type in session.inputs.items())
    name = session.compilation.program.source.name
    said = f"{count:,} parameter{'' if count == 1 else 's'}"
    return f"<Model {name}: inputs {inputs or 'none'}; {said}>"

"""The options that commands share, and what they come to: a model, its settings, its feeds."""

from __future__ import annotations

import argparse
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphdsl.cli import words
from graphdsl.cli.signals import postponed

if TYPE_CHECKING:
    from graphdsl.driver import Compilation
    from graphdsl.graph.types import DType
    from graphdsl.language.overriding import GivenSettings
    from graphdsl.model import Model


def add_model_options(parser: argparse.ArgumentParser, dtype: str = "f32") -> None:
    """`--set`, `--with`, `--dtype`: what may be changed of a model from outside its file."""
    parser.add_argument(
        "--set",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        type=words.constant,
        dest="constants",
        help="override a constant; may be given several times",
    )
    parser.add_argument(
        "--with",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        type=words.setting,
        dest="settings",
        help=(
            "override a setting of the data or train block, the value as a file has it: "
            "'optimizer=adam(lr = 1e-2)'; KEY= leaves it out; may be given several times"
        ),
    )
    parser.add_argument(
        "--dtype",
        choices=("f32", "f64"),
        default=dtype,
        help=f"the model's float (default: {dtype})",
    )
    add_include(parser)


def add_include(parser: argparse.ArgumentParser) -> None:
    """`--include`."""
    parser.add_argument(
        "--include",
        metavar="DIR",
        action="append",
        default=[],
        help="a folder that imports may also come from; may be given several times",
    )


def add_training(parser: argparse.ArgumentParser) -> None:
    """`--training`."""
    parser.add_argument(
        "--training",
        action="store_true",
        help="compute as a training step does, with training = true; nothing is updated",
    )


def add_seed(parser: argparse.ArgumentParser) -> None:
    """`--seed`."""
    parser.add_argument(
        "--seed",
        metavar="N",
        type=words.natural,
        default=None,
        help="the seed of initial values, shuffling and random ops",
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    """`--json`."""
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def add_feeds(
    parser: argparse.ArgumentParser,
    does: str = "a value for an input: a number, a [list], or @file.npy",
) -> None:
    """`name=value` for inputs."""
    # A default keeps argparse from calling it required where FILE is missing too.
    parser.add_argument(
        "feeds", metavar="NAME=VALUE", nargs="*", default=[], type=words.pair, help=does
    )


def add_sizes(parser: argparse.ArgumentParser, does: str) -> None:
    """`name=size` for the sizes of a model."""
    parser.add_argument(
        "sizes", metavar="NAME=SIZE", nargs="*", default=[], type=words.size, help=does
    )


def add_debug_nan(parser: argparse.ArgumentParser) -> None:
    """`--debug-nan`."""
    parser.add_argument(
        "--debug-nan",
        action="store_true",
        help="look at every node, slowly, and stop at the first whose value is not finite",
    )


def debugging(args: argparse.Namespace, model: Model) -> AbstractContextManager[None]:
    """Inside, with `--debug-nan`, a node whose value is not finite raises `ModelError`."""
    from graphdsl.training.diagnosis import refusing

    return model.session.watched(refusing()) if args.debug_nan else nullcontext()


def add_engine(parser: argparse.ArgumentParser) -> None:
    """`--engine`."""
    parser.add_argument(
        "--engine",
        choices=("auto", "numpy", "numba"),
        default=None,
        help="what computes: numpy, numba (compiled; the extra fast), or auto: numba for "
        "trainings that are long enough (default: auto)",
    )


def load_model(args: argparse.Namespace) -> Model:
    """The model of the command line: its file, its constants, its float, its seed, its engine and,
    of a run that goes on or is looked into, how many workers its steps are shared among."""
    with postponed():
        from graphdsl.engines.choice import check_engine
        from graphdsl.model import Model

    engine = check_engine(getattr(args, "engine", None) or "auto")
    model = Model(compile_model(args), args.seed, engine)
    model.session.workers = getattr(args, "workers", model.session.workers)
    return model


def compile_model(args: argparse.Namespace) -> Compilation:
    """The same, compiled but without memory: for what only looks at a model."""
    with postponed():
        from graphdsl.driver import compile_source
        from graphdsl.language.source import read_source

    return compile_source(read_source(args.file), *overrides(args))


def overrides(args: argparse.Namespace) -> tuple[dict[str, Any], DType, list[Path], GivenSettings]:
    """What the command line says of how to compile: constants, float, folders and settings."""
    from graphdsl.graph.types import DType

    folders = [Path(folder) for folder in args.include]
    return dict(args.constants), DType[args.dtype], folders, read_settings(args)


def read_settings(args: argparse.Namespace) -> GivenSettings:
    """The settings of `--with` and of options of their own; raises `BadArgument` for one that is
    given twice."""
    from graphdsl.cli.faults import BadArgument
    from graphdsl.language.overriding import GivenSettings

    given: dict[str, words.Setting] = {}
    for one in args.settings:
        before = given.setdefault(one.key, one)
        if before is not one:
            both = " and ".join(dict.fromkeys((before.option, one.option)))
            raise BadArgument(f"{one.key} is given twice, by {both}")
    options = {key: one.option for key, one in given.items() if one.option != "--with"}
    return GivenSettings({key: one.text for key, one in given.items()}, "--with", options)


def read_feeds(pairs: list[words.Pair]) -> dict[str, Any]:
    """The inputs' values by name; raises `BadArgument` and, for files, `DataError`."""
    from graphdsl.cli.faults import BadArgument

    fed: dict[str, Any] = {}
    for name, text in pairs:
        if name in fed:
            raise BadArgument(f"{name} is given twice")
        try:
            fed[name] = _read_array(name, text[1:]) if text.startswith("@") else words.value(text)
        except ValueError as bad:
            hint = f"; a setting is given as --with '{name}={text}'" if _is_setting(name) else ""
            raise BadArgument(f"{name}={text}: {bad}{hint}") from None
    return fed


def _is_setting(name: str) -> bool:
    """Whether the `data` or the `train` block has a setting of that name."""
    from graphdsl.language.settings import lookup

    return lookup("data", name) is not None or lookup("train", name) is not None


def _read_array(name: str, path: str) -> Any:
    import numpy as np

    from graphdsl.language.diagnostics import DataError, Diagnostic
    from graphdsl.language.system_faults import reading_help

    try:
        return np.lib.format.open_memmap(path, mode="r")
    except (OSError, ValueError) as bad:
        reason = getattr(bad, "strerror", None) or "it is no .npy file of numbers"
        message = f"input '{name}': {path} cannot be read: {reason}"
        raise DataError(Diagnostic("E0820", message, (), reading_help(bad))) from None

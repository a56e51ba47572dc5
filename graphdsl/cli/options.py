"""The options that commands share, and words of the command line as values."""

from __future__ import annotations

import argparse
import json
import re
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphdsl.cli.signals import postponed

if TYPE_CHECKING:
    from graphdsl.driver import Compilation
    from graphdsl.graph.types import DType
    from graphdsl.language.overriding import GivenSettings
    from graphdsl.model import Model

Pair = tuple[str, str]


def add_model_options(parser: argparse.ArgumentParser, dtype: str = "f32") -> None:
    """`--set`, `--with`, `--dtype`: what may be changed of a model from outside its file."""
    parser.add_argument(
        "--set",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        type=constant,
        dest="constants",
        help="override a constant; may be given several times",
    )
    parser.add_argument(
        "--with",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        type=setting,
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
        type=natural,
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
    parser.add_argument("feeds", metavar="NAME=VALUE", nargs="*", type=pair, help=does)


def add_sizes(parser: argparse.ArgumentParser, does: str) -> None:
    """`name=size` for the sizes of a model."""
    parser.add_argument("sizes", metavar="NAME=SIZE", nargs="*", type=size, help=does)


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
    """The settings of `--with`; raises `BadArgument` for one that is given twice."""
    from graphdsl.cli.faults import BadArgument
    from graphdsl.language.overriding import GivenSettings

    given: dict[str, object] = {}
    for key, text in args.settings:
        if key in given:
            raise BadArgument(f"--with gives {key} twice")
        given[key] = text
    return GivenSettings(given, "--with")


def read_feeds(pairs: list[Pair]) -> dict[str, Any]:
    """The inputs' values by name; raises `BadArgument` and, for files, `DataError`."""
    from graphdsl.cli.faults import BadArgument

    fed: dict[str, Any] = {}
    for name, text in pairs:
        if name in fed:
            raise BadArgument(f"{name} is given twice")
        try:
            fed[name] = _read_array(name, text[1:]) if text.startswith("@") else value(text)
        except ValueError as bad:
            hint = f"; a setting is given as --with '{name}={text}'" if _is_setting(name) else ""
            raise BadArgument(f"{name}={text}: {bad}{hint}") from None
    return fed


def _is_setting(name: str) -> bool:
    """Whether the `data` or the `train` block has a setting of that name."""
    from graphdsl.language.settings import lookup

    return lookup("data", name) is not None or lookup("train", name) is not None


def pair(text: str) -> Pair:
    """`NAME=VALUE` as its two sides."""
    name, sign, said = text.partition("=")
    if not (name and sign and said):
        raise argparse.ArgumentTypeError(f"'{text}' is not of the form NAME=VALUE")
    return name.strip(), said.strip()


def setting(text: str) -> Pair:
    """`KEY=VALUE` as its two sides, the value perhaps empty."""
    key, sign, said = text.partition("=")
    if not (key.strip() and sign):
        raise argparse.ArgumentTypeError(f"'{text}' is not of the form KEY=VALUE")
    return key.strip(), said.strip()


def constant(text: str) -> tuple[str, Any]:
    """`NAME=VALUE` with the value read."""
    name, said = pair(text)
    try:
        return name, value(said)
    except ValueError as bad:
        raise argparse.ArgumentTypeError(f"{text}: {bad}") from None


def natural(text: str) -> int:
    """A whole number, 0 or more."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"'{text}' is no whole number, 0 or more")
    if len(text) > 19 or int(text) >= 2**63:
        raise argparse.ArgumentTypeError(f"'{text:.40}' does not fit 64 bits: 2^63 - 1 at most")
    return int(text)


def size(text: str) -> tuple[str, int]:
    """`NAME=SIZE` as its two sides."""
    name, said = pair(text)
    return name, natural(said)


def positive(text: str) -> int:
    """A whole number, 1 or more."""
    number = natural(text)
    if number == 0:
        raise argparse.ArgumentTypeError("it has to be 1 or more")
    return number


def batch(text: str) -> int | str:
    """A number of rows, or `all`."""
    return text if text == "all" else positive(text)


_SPELLED = {"nan": "NaN", "inf": "Infinity"}
_JSON_WORDS = re.compile(r"\b(nan|inf)\b")
"""Numbers that JSON spells in its own way."""


def value(text: str) -> Any:
    """A number, `true`, `false` or a list of these; raises `ValueError`."""
    if text in ("true", "false"):
        return text == "true"
    if text.startswith("["):
        try:
            return json.loads(_JSON_WORDS.sub(lambda word: _SPELLED[word[0]], text))
        except (ValueError, RecursionError):
            raise ValueError("this is no list of numbers, such as [1, 2.5] or [[1], [2]]") from None
    if text.lstrip("+-").replace("_", "").isdecimal():
        if len(text) > 30 or not -(2**63) <= int(text) < 2**63:
            raise ValueError("this integer does not fit 64 bits")
        return int(text)
    try:
        return float(text)
    except ValueError:
        raise ValueError("this is no number, list or truth value") from None


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

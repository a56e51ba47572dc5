"""`graphdsl predict FILE`: the outputs, for the rows of the data or for values given by name."""

from __future__ import annotations

import argparse
import io
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from graphdsl.cli import options, parts

if TYPE_CHECKING:
    from graphdsl.graph.kernel import Array
    from graphdsl.model import Model

FORMATS = (".npy", ".npz", ".csv")


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `predict`."""
    parser.add_argument("file", metavar="FILE", help="a model file")
    options.add_feeds(parser)
    parts.add_weights(parser)
    parts.add_data(parser, "other rows to predict for")
    parser.add_argument(
        "-o",
        "--out",
        metavar="FILE",
        type=Path,
        help="write the outputs to a .npy, .npz or .csv file instead of printing them",
    )
    options.add_model_options(parser)
    options.add_seed(parser)
    options.add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Compute the outputs; print or write them."""
    from graphdsl.cli import values

    if args.out is not None:
        check_out(args.out)
    model = parts.load_trained(args)
    outputs = _outputs(model, args)
    if args.out is not None:
        write_arrays(args.out, outputs)
        shapes = ", ".join(f"{name} {list(array.shape)}" for name, array in outputs.items())
        print(f"wrote {args.out}: {shapes}", file=sys.stderr)
    elif args.json:
        told = {name: values.plain(array) for name, array in outputs.items()}
        print(json.dumps(told, ensure_ascii=False))
    else:
        print(values.named_lines(outputs))
    return 0


def _outputs(model: Model, args: argparse.Namespace) -> dict[str, Array]:
    """The outputs for what the command line gives: values, other rows, a part of the data."""
    from graphdsl.cli.faults import BadArgument

    fed = options.read_feeds(args.feeds)
    given = [("values", bool(fed)), ("--data", args.data is not None), ("--part", bool(args.part))]
    several = [name for name, is_given in given if is_given]
    if len(several) > 1:
        raise BadArgument(f"give one of {' and '.join(several)}")
    graph = model.compilation.graph()
    names = [r.name for r in graph.results if r.role == "output"]
    if not names:
        raise _no_output()
    if fed or (args.data is None and model.compilation.lowered().data is None):
        found = model.run(fed)
        return {name: found[name] for name in names if name in found} or found
    return _for_rows(model, args, names)


def _for_rows(model: Model, args: argparse.Namespace, names: list[str]) -> dict[str, Array]:
    """The outputs for every row of the part, or of the other rows, of the command line."""
    import numpy as np

    from graphdsl.driver import Purpose
    from graphdsl.training import measure
    from graphdsl.training.data import load_dataset, load_part
    from graphdsl.training.options import fit_settings

    size = fit_settings(model.compilation, {}).eval_batch
    session = model.session
    if args.data is not None:
        graph = model.compilation.compiled(Purpose(tuple(names))).graph
        part = load_part(session, args.data, list(session.needed_inputs(graph)))
        return measure.predict(session, part, size, names)
    chosen = parts.chosen(load_dataset(session), args.part)
    each = [measure.predict(session, part, size, names) for part in chosen.values()]
    return {name: np.concatenate([outputs[name] for outputs in each]) for name in names}


def check_out(path: Path) -> None:
    """Raise `UsageError` unless `path` names a format that arrays are written in."""
    from graphdsl.language.diagnostics import DataError, Diagnostic, UsageError

    if path.suffix.lower() not in FORMATS:
        help = (f"name a file that ends in {', '.join(FORMATS)}",)
        message = f"'{path}': arrays are not written in this format"
        raise UsageError(Diagnostic("E0828", message, (), help))
    if not path.parent.is_dir():
        help = (f"make it first: mkdir -p {path.parent}",)
        message = f"'{path}' cannot be written: there is no folder '{path.parent}'"
        raise DataError(Diagnostic("E0823", message, (), help))


def write_arrays(path: Path, outputs: Mapping[str, Array]) -> None:
    """Write one array (.npy), all by name (.npz), or all as columns, a line a row (.csv)."""
    import numpy as np

    from graphdsl.training.files import write_bytes

    data = io.BytesIO()
    match path.suffix.lower():
        case ".npz":
            np.savez(data, **outputs)  # type: ignore[arg-type]
        case ".npy":
            if len(outputs) != 1:
                raise _misfit(path, f"a .npy file holds one array; there are {', '.join(outputs)}")
            np.save(data, next(iter(outputs.values())))
        case _:
            data.write(_csv(path, outputs).encode())
    write_bytes(path, data.getvalue())


def _csv(path: Path, outputs: Mapping[str, Array]) -> str:
    """A header and a line for each row; `p[3]` is the column of p's fourth element."""
    from graphdsl.cli.values import number_text

    if len({array.shape[:1] for array in outputs.values()}) > 1:
        raise _misfit(path, "the outputs differ in their number of rows")
    columns: dict[str, Array] = {}
    for name, array in outputs.items():
        if array.ndim <= 1:
            columns[name] = array.reshape(-1)
            continue
        flat = array.reshape(len(array), -1)
        columns |= {f"{name}[{i}]": flat[:, i] for i in range(flat.shape[1])}
    rows = zip(*columns.values(), strict=True)
    lines = [",".join(columns), *(",".join(map(number_text, row)) for row in rows)]
    return "\n".join(lines) + "\n"


def _misfit(path: Path, why: str) -> Exception:
    from graphdsl.language.diagnostics import Diagnostic, UsageError

    help = ("write a .npz file: it holds several arrays of any shape",)
    return UsageError(Diagnostic("E0828", f"'{path}': {why}", (), help))


def _no_output() -> Exception:
    from graphdsl.language.diagnostics import Diagnostic, ModelError

    help = ("declare what to predict: output p = softmax(z)",)
    return ModelError(Diagnostic("E0829", "the model declares no output", (), help))

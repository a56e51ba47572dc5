"""Imports point one way: a layer sees what stands before it, and passes don't see one another."""

import ast
from collections.abc import Iterator
from pathlib import Path, PurePath

import pytest

PACKAGE = Path(__file__).parents[1] / "graphdsl"
LAYERS = (
    *("language", "graph", "ops", "compiler", "engines", "driver", "session"),
    *(
        "stencils",
        "derivatives",
        "gradcheck",
        "training",
        "views",
        "model",
        "loading",
        "sklearn",
        "cli",
        "notebook",
        "__init__",
        "__main__",
    ),
)
PASSES = {"lower", "differentiate", "update", "rewrite", "schedule"}
FILES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))


def find_imports(file: PurePath, text: str) -> Iterator[tuple[str, ...]]:
    """What `file` imports of the package: the parts of each name behind `graphdsl`."""
    here = ("graphdsl", *file.parent.parts)
    for node in ast.walk(ast.parse(text)):
        names: list[tuple[str, ...]] = []
        if isinstance(node, ast.Import):
            names = [tuple(alias.name.split(".")) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = here[: len(here) + 1 - node.level] if node.level else ()
            module = (*base, *(node.module or "").split("."))
            names = [(*filter(None, module), alias.name) for alias in node.names]
        yield from (name[1:] for name in names if name[0] == "graphdsl")


def find_faults(file: PurePath, text: str) -> Iterator[str]:
    """Why `file` may not stand where it stands, or import what it imports."""
    layer, module = (*(part.removesuffix(".py") for part in file.parts), "")[:2]
    if layer not in LAYERS:
        yield f"{file}: a new layer; say in LAYERS where it stands"
        return
    for imported in find_imports(file, text):
        # A name that is no layer's, such as `graphdsl.load`, belongs to `graphdsl/__init__.py`.
        target = imported[0] if imported and imported[0] in LAYERS else "__init__"
        if LAYERS.index(target) > LAYERS.index(layer):
            yield f"{file}: {layer} may not import {'.'.join(imported) or 'graphdsl'}"
        passes = PASSES & {module, *imported[1:2]}
        if layer == target == "compiler" and module in PASSES and len(passes) == 2:
            yield f"{file}: the pass {module} may not import the pass {imported[1]}"


@pytest.mark.parametrize("file", FILES, ids=str)
def test_imports_point_one_way(file: Path) -> None:
    assert not list(find_faults(file, (PACKAGE / file).read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    ("file", "text", "faults"),
    [
        ("graph/graph.py", "from graphdsl.language.source import Span", 0),
        ("graph/graph.py", "from ..language import ast\nfrom . import types", 0),
        ("graph/graph.py", "def f():\n    import graphdsl.ops.linear", 1),
        ("graph/graph.py", "from .. import ops", 1),
        ("graph/graph.py", "from graphdsl import load", 1),
        ("compiler/lower/blocks.py", "from graphdsl.compiler.lower import names", 0),
        ("compiler/lower/blocks.py", "from graphdsl.compiler.update import splice", 1),
        ("compiler/rewrite.py", "from graphdsl.compiler import schedule", 1),
        ("compiler/rewrite.py", "from graphdsl.compiler.splice import splice", 0),
        ("driver.py", "from graphdsl.compiler import lower, rewrite", 0),
        ("driver.py", "import graphdsl", 1),
        ("__init__.py", "from graphdsl.loading import load", 0),
        ("brain.py", "", 1),
    ],
)
def test_faults_are_found(file: str, text: str, faults: int) -> None:
    assert len(list(find_faults(PurePath(file), text))) == faults

"""What `scripts/make_docs.py` writes is up to date and whole."""

from __future__ import annotations

import pytest

import doc_ops
import make_docs
from graphdsl.graph.op import OPS, Op

PUBLIC = [OPS[name] for name in OPS.public()]


def test_docs_are_fresh() -> None:
    found = [path.name for path in make_docs.stale()]
    assert not found, "run `python scripts/make_docs.py`"


@pytest.mark.parametrize("op", PUBLIC, ids=lambda op: op.name)
def test_every_op_is_told_whole(op: Op) -> None:
    example, types = doc_ops.typed_example(op)
    assert example, f"{op.name} has no example"
    assert types, f"no operands were found that the example of {op.name} fits: see doc_ops"
    assert op.doc
    assert op.formula
    assert op.derivative
    assert doc_ops.shape_rule(op)


def test_every_public_op_stands_on_the_page() -> None:
    page = (make_docs.DOCS / "ops.md").read_text("utf-8")  # which is fresh, as another test sees
    for op in PUBLIC:
        assert f"\n### {op.name}\n" in page
    assert "## Others" not in page

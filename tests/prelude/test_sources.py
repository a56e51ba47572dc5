"""Every declaration of the prelude says where its formula comes from: an author and a year."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

from graphdsl.language.ast import Block, Optimizer
from graphdsl.language.parser import parse
from graphdsl.language.source import Source

CITED = re.compile(r"[A-Z]\w+(?: et al\.)?,? \(?(?:1[789]|20)\d\d\b")
DECLARED = {
    statement.name.id: " ".join((statement.doc or "").split())
    for file in (files("graphdsl") / "prelude").iterdir()
    for statement in parse(Source(file.read_text("utf-8"), file.name)).statements
    if isinstance(statement, Block | Optimizer)
}


@pytest.mark.parametrize("name", DECLARED)
def test_a_declaration_names_its_source(name: str) -> None:
    assert CITED.search(DECLARED[name]), f"the ## of '{name}' names no author with a year"


def test_the_prelude_declares_blocks_and_optimizers_alone() -> None:
    texts = [file.read_text("utf-8") for file in (files("graphdsl") / "prelude").iterdir()]
    count = sum(len(parse(Source(text)).statements) for text in texts)
    assert count == len(DECLARED) > 30


@pytest.mark.parametrize(
    ("doc", "cited"),
    [
        ("A layer (Ba, Kiros & Hinton, 2016).", True),
        ("A layer; Chung et al. (2014) have another.", True),
        ("A layer of 2016 units.", False),
        ("Adam beside weight decay.", False),
    ],
)
def test_what_counts_as_a_source(doc: str, cited: bool) -> None:
    assert bool(CITED.search(doc)) == cited

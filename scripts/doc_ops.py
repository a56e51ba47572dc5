"""The op reference: the table of ops comes in, `docs/ops.md` goes out.

What a page says of an op stands in its declaration. The types of an example are found by checking
it: its free names are declared as inputs, and the first declarations that fit are shown.
"""

from __future__ import annotations

import ast as python
import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from itertools import product
from textwrap import fill

from graphdsl import ops
from graphdsl.driver import compile_source
from graphdsl.graph.op import OPS, REQUIRED, Op
from graphdsl.language.diagnostics import GraphdslError
from graphdsl.language.source import Source
from graphdsl.language.tokens import lex

HEAD = """\
# Ops

Generated from the declarations of the ops by `scripts/make_docs.py`.

An op is called by its name, `exp(x)`; those with a sign are written with it, `a + b`. Operands
stand in their places; what is followed by `=` is given by keyword, and `shape`, `axis` and the like
are known at compile time. An attribute without a default may also stand in its place, as in
`reshape(x, [-1, 2])`.

*Elementwise* ops broadcast as in NumPy. *Numbers* without a type take the type of what they meet,
i32 becomes i64 and truth values count as integers; where operands meet as *floats*, integers become
the model's float. In a derivative, g is the cotangent of the result y; where operands were
broadcast it is summed over the axes that were added. Each example says which types it has for
operands of likely sizes: N, M and K are symbols.

What is computed from a nan is nan, unless the op says otherwise; ops that move elements move it as
they move others. Comparisons with it are false, but for `!=`. Where a value is nan, nothing is said
of its derivative. A result that is 0 may be 0 or -0.
"""
MEET = {
    "number": "operands meet as numbers",
    "float": "operands meet as floats",
    "same": "operands meet in one type",
    "condition": "all operands but the first meet in one type",
    "none": "",
}
DIMS = "dim N, M, K\n"
SHAPES = ("[N, M]", "[M, K]", "[M]", "[N]", "[M, M]", "[N, 1, M]", "bool[N, M]", "i64[N]", "")
WIDE = ("[N, 4, 5]", "[4]", "[2, 3]", "[4, 3]", "[N, 3, 8]", "[5, 3, 3]", "[3, 5, 3]")
IMAGES = ("[N, 3, 8, 8]", "[5, 3, 3, 3]", "[3, 5, 3, 3]", "[N, 5, 3, 6]", "[N, 5, 9, 6, 6]")
LISTED = {
    "labels": ("i64[N]",),
    "tokens": ("i64[N]",),
    "indices": ("i64[K]", "i64[N]", "i64[N, K]"),
    "condition": ("bool[N, M]",),
    "mask": ("bool[N, M]", "bool[N, N]"),
}
_SQUARES = "param {0}: [3] = 0\ninput v: [3]\nJ = sum({0}^2)\n"
BEFORE = {
    "grad": _SQUARES.format("W"),
    "hessian": _SQUARES.format("w"),
    "hvp": _SQUARES.format("w"),
    "jacobian": "input x: [3]\ny = stack(x, x^2)\n",
    "jvp": "input x: [3]\ninput v: [3]\ny = stack(x, x^2)\n",
}
"""What stands above an example whose names are no plain inputs."""


def ops_page() -> str:
    """The whole page."""
    sections = list(_sections())
    parts = [
        HEAD,
        "\n".join(f"- [{name}](#{name.lower()}): {_list(found)}" for name, _, found in sections),
    ]
    for name, doc, found in sections:
        parts.append(f"## {name}\n\n{doc}")
        parts += [op_entry(op) for op in found]
    return "\n\n".join(part.rstrip() for part in parts) + "\n"


def _sections() -> Iterator[tuple[str, str, list[Op]]]:
    """The public ops by the module that declares them: its name, its doc and its ops."""
    left = dict.fromkeys(OPS.public())
    for name in ops.__all__:
        module = import_module(f"graphdsl.ops.{name}")
        own = _assigned(inspect.getsource(module))
        here = {v.name for k, v in vars(module).items() if k in own and isinstance(v, Op)}
        found = [OPS[op] for op in left if op in here]
        if found:
            doc = " ".join((module.__doc__ or "").split("\n\n")[0].split())
            doc = doc.removeprefix(f"{name.capitalize()}: ")
            yield name.capitalize(), fill(f"{doc[:1].upper()}{doc[1:]}", 100), found
            for op in found:
                left.pop(op.name)
    if left:
        yield "Others", "", [OPS[op] for op in left]


def _assigned(source: str) -> set[str]:
    """The names that a module binds itself, and does not import."""
    names: set[str] = set()
    for node in python.parse(source).body:
        targets = getattr(node, "targets", [getattr(node, "target", None)])
        for target in targets:
            names |= (
                {n.id for n in python.walk(target) if isinstance(n, python.Name)}
                if target
                else set()
            )
    return names


def op_entry(op: Op) -> str:
    """What the page says of one op."""
    rows = [f"### {op.name}", "", f"`{signature(op)}`", "", escaped(op.doc), ""]
    rows.append(f"- value: {escaped(op.formula)}")
    rows.append(f"- derivative: {escaped(op.derivative) or 'none'}")
    rows.append(f"- shape: {escaped(shape_rule(op))}")
    for name, attribute in op.attributes.items():
        if attribute.kind != "internal" and attribute.doc:
            rows.append(f"- `{name}`: {escaped(attribute.doc)}")
    if op.random:
        rows.append("- drawn anew at every step")
    example, types = typed_example(op)
    rows.append(f"- example: `{example}`" + (f", {types}" if types else ""))
    return "\n".join(rows)


def signature(op: Op) -> str:
    """How an op is called, and its sign."""
    operands = [*op.operands, "…"] if op.variadic else list(op.operands)
    shown = {k: a for k, a in op.attributes.items() if a.kind != "internal"}
    for name, attribute in shown.items():
        default = attribute.default
        if default is REQUIRED:
            operands.append(name)
        elif isinstance(default, bool):
            operands.append(f"{name} = {str(default).lower()}")
        else:
            operands.append(f"{name} = {'…' if default is None else default}")
    called = f"{op.name}({', '.join(operands)})"
    if op.infix and len(op.operands) == 2:
        a, b = op.operands
        return f"{a} {op.infix} {b}` or `{called}"
    return called


def shape_rule(op: Op) -> str:
    """The rule for shape and type in words, as the declaration implies it."""
    meets = MEET[op.promotion] if len(op.operands) > 1 or op.variadic else ""
    if op.elementwise:
        shape = "elementwise" if len(op.operands) > 1 else f"that of {op.operands[0]}"
    elif {"axis", "keepdims"} <= op.attributes.keys():
        shape = f"that of {op.operands[0]} without the axes reduced, or with 1 in their places"
    else:
        shape = "as in the example"
    if op.promotion == "float" and not meets:
        meets = "the elements are floats"
    return "; ".join(filter(None, (shape, meets)))


def typed_example(op: Op) -> tuple[str, str]:
    """An op's example and the types that it has: `x: f32[4, 3] → f32[4]`."""
    example = op.example.strip()
    if not example:
        return "", ""
    name = re.match(r"(?:loss|metric|output)?\s*(\w+)", example)
    assert name is not None, example
    bound = name[1]
    text = example if re.match(r"loss|metric|output", example) else f"output {example}"
    before = BEFORE.get(op.name, "")
    free = _free(text, bound)
    for types in _assignments([] if before else free):
        declared = "".join(
            f"input {n}{': ' + t if t else ''}\n" for n, t in zip(free, types, strict=False)
        )
        above = before or f"{DIMS}{declared}"
        found = _types(f"{above}{text}\n", [*free, bound])
        if found is not None:
            given = ", ".join(f"{n}: {t}" for n, t in zip(free, found, strict=False))
            return example, f"{given} → {bound}: {found[-1]}" if given else f"{bound}: {found[-1]}"
    return example, ""


def _assignments(names: list[str]) -> Iterator[tuple[str, ...]]:
    """Types for the names, the likely ones first: all alike, then the first and the others."""
    if any(name in LISTED for name in names):
        yield from product(*(LISTED.get(name, SHAPES) for name in names))
        return
    shapes = (*SHAPES, *WIDE, *IMAGES)
    if len(names) <= 1:
        yield from product(shapes, repeat=len(names))
        return
    yield (shapes[0],) * len(names)
    for alike in (False, True):
        for first, rest in product(shapes, repeat=2):
            if (first == rest) == alike:
                yield (first, *((rest,) * (len(names) - 1)))


def _free(text: str, bound: str) -> list[str]:
    """The names an example reads: neither ops nor types nor keywords of a call."""
    tokens = [t for t in lex(Source(text)).tokens]
    known = {*OPS, "float", "f32", "f64", "i32", "i64", "bool", "pi", "inf", bound}
    names: dict[str, None] = {}
    for token, after in zip(tokens, [*tokens[1:], None], strict=True):
        called = after is not None and after.type in ("LPAR", "EQUAL")
        if token.type == "NAME" and token.text not in known and not called:
            names[token.text] = None
    names.pop("T", None)
    return list(names)


def _types(text: str, names: list[str]) -> list[str] | None:
    try:
        graph = compile_source(Source(text)).graph()
    except GraphdslError:
        return None
    return [str(graph.nodes[graph.names[name]].type) for name in names]


def _list(found: list[Op]) -> str:
    return ", ".join(f"[{op.name}](#{op.name})" for op in found)


def escaped(text: str) -> str:
    """A text whose stars Markdown leaves alone, code apart."""
    parts = text.split("`")
    parts[::2] = [re.sub(r"([*<])", r"\\\1", part) for part in parts[::2]]
    return "`".join(parts)

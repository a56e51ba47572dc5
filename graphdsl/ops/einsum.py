"""Einstein's summation. The order of contraction is chosen when the sizes are known, and each
contraction is one matrix product wherever it is one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from graphdsl.graph.build import Expr
from graphdsl.graph.kernel import ArrayType, KernelCall
from graphdsl.graph.op import OPS, Attribute, Op, declare
from graphdsl.graph.sizes import Size, evaluate
from graphdsl.graph.types import DType, TensorType
from graphdsl.ops import equations
from graphdsl.ops.equations import Equation, Labels
from graphdsl.ops.rules import check_tensor, common_dtype
from graphdsl.ops.shape import broadcast_to, reshape


def _einsum_type(*types: TensorType, equation: str) -> TensorType:
    for position, operand in enumerate(types):
        check_tensor(operand, "einsum", position)
    shapes = [t.shape for t in types]
    return TensorType(common_dtype(types), equations.read(equation, shapes).shape)


class _Terms:
    """Arrays with labelled axes, while they are contracted; their names are of the program's."""

    def __init__(self, k: KernelCall, equation: Equation) -> None:
        self.k = k
        self.sizes = {label: evaluate(size, {}) for label, size in equation.sizes.items()}
        self.names: list[str] = []
        self.labels: list[Labels] = []
        self.straight: list[bool] = []
        for position, labels in enumerate(equation.operands):
            self._enter(position, labels)

    def _enter(self, position: int, labels: Labels) -> None:
        """An operand: a diagonal of it where a label comes twice, and no axes repeated from 1."""
        k, name, shape = self.k, self.k.args[position], self.k.types[position].shape
        whole = k.contiguous[position]
        keep = [i for i, label in enumerate(labels) if shape[i] == self.sizes[label]]
        if len(keep) < len(labels):
            items = ", ".join(":" if i in keep else "0" for i in range(len(labels)))
            name, whole = k.view(name, f"[{items}, ...]"), False
            labels = tuple(labels[i] for i in keep)
        while len(set(labels)) < len(labels):
            twice = next(label for label in labels if labels.count(label) > 1)
            first = labels.index(twice)
            second = labels.index(twice, first + 1)
            name, whole = k.view(name, f".diagonal(0, {first}, {second})"), False
            left = [label for i, label in enumerate(labels) if i not in (first, second)]
            labels = (*left, twice)
        self.add(name, labels, whole)

    def add(self, name: str, labels: Labels, straight: bool = True) -> None:
        """A further array; `straight` says that its elements stand in order."""
        self.names.append(name)
        self.labels.append(labels)
        self.straight.append(straight)

    def pop(self, positions: Sequence[int]) -> list[tuple[str, Labels, bool]]:
        """Take arrays out."""
        found = [(self.names[i], self.labels[i], self.straight[i]) for i in positions]
        for i in sorted(positions, reverse=True):
            del self.names[i], self.labels[i], self.straight[i]
        return found

    def shape(self, labels: Sequence[str]) -> tuple[int, ...]:
        """The sizes of these labels."""
        return tuple(self.sizes[label] for label in labels)


def _emit_einsum(k: KernelCall) -> None:
    equation = equations.read(k.attrs["equation"], [t.shape for t in k.types])
    terms = _Terms(k, equation)
    if not all(terms.sizes.values()):
        k.emit(f"{k.out}.fill(0)")
        return
    for step in _path(terms, equation.result):
        chosen = terms.pop(step)
        done = not terms.names
        later = {label for labels in [*terms.labels, equation.result] for label in labels}
        left = {label for _, labels, _ in chosen for label in labels} & later
        result = equation.result if done else tuple(sorted(left))
        out = k.out if done else k.scratch(terms.shape(result))
        if len(chosen) != 2 or not _emit_matrices(terms, chosen, result, out):
            _emit_plainly(terms, chosen, result, out)
        terms.add(out, result)


def _path(terms: _Terms, result: Labels) -> list[tuple[int, ...]]:
    """Which arrays are contracted, step by step."""
    if len(terms.names) <= 2:
        return [tuple(range(len(terms.names)))]
    spelled = equations.spell(terms.labels, result)
    shapes = [np.broadcast_to(np.zeros(()), terms.shape(labels)) for labels in terms.labels]
    kind = "optimal" if len(shapes) <= 5 else "greedy"
    return [tuple(step) for step in np.einsum_path(spelled, *shapes, optimize=kind)[0][1:]]


def _emit_plainly(
    terms: _Terms, chosen: list[tuple[str, Labels, bool]], result: Labels, out: str
) -> None:
    spelled = equations.spell([labels for _, labels, _ in chosen], result)
    names = ", ".join(name for name, _, _ in chosen)
    terms.k.emit(f'einsum("{spelled}", {names}, out={out})')


def _emit_matrices(
    terms: _Terms, chosen: list[tuple[str, Labels, bool]], result: Labels, out: str
) -> bool:
    """A contraction of two arrays as one product of (batches of) matrices, where it is one."""
    k, (_, a, _), (_, b, _) = terms.k, *chosen
    inner = [label for label in a if label in b and label not in result]
    batch = [label for label in result if label in a and label in b]
    rows = [label for label in result if label in a and label not in b]
    columns = [label for label in result if label in b and label not in a]
    if not inner or set(a) | set(b) != {*inner, *batch, *rows, *columns}:
        return False
    if k.out_type.dtype not in (DType.f32, DType.f64):
        return False
    if list(result) == [*batch, *columns, *rows] and rows and columns:
        chosen, rows, columns = chosen[::-1], columns, rows
    left = _as_matrices(terms, chosen[0], batch, rows, inner)
    right = _as_matrices(terms, chosen[1], batch, inner, columns)
    order = [*batch, *rows, *columns]
    target = out if tuple(order) == result else k.scratch(terms.shape(order))
    sizes = [math.prod(terms.shape(part)) for part in (batch, rows, columns)]
    shape = tuple(sizes) if batch else tuple(sizes[1:])
    matrices = target if shape == terms.shape(order) else k.view(target, f".reshape({shape})")
    k.emit(f"{'matmul' if batch else 'dot'}({left}, {right}, {matrices})")
    if target != out:
        back = tuple(order.index(label) for label in result)
        k.emit(f"copyto({out}, {k.view(target, f'.transpose({back})')})")
    return True


def _as_matrices(
    terms: _Terms,
    array: tuple[str, Labels, bool],
    batch: list[str],
    rows: list[str],
    columns: list[str],
) -> str:
    """The array as matrices [batch, rows, columns]: a view where there is one, else a copy."""
    k, (name, labels, straight) = terms.k, array
    wanted = [*batch, *rows, *columns]
    sizes = [math.prod(terms.shape(part)) for part in (batch, rows, columns)]
    flat: tuple[int, ...] = tuple(sizes)
    turned: tuple[int, ...] = (sizes[0], sizes[2], sizes[1])
    if not batch:
        flat, turned = flat[1:], turned[1:]
    for order, shape, suffix in (
        (wanted, flat, ""),
        ([*batch, *columns, *rows], turned, ".swapaxes(-2, -1)"),
    ):
        if list(labels) == order and (straight or len(labels) == len(shape)):
            view = f".reshape({shape})" if terms.shape(labels) != shape else ""
            return k.view(name, view + suffix) if view or suffix else name
    copy = k.scratch(terms.shape(wanted))
    axes = tuple(labels.index(label) for label in wanted)
    source = name if list(labels) == wanted else k.view(name, f".transpose({axes})")
    k.emit(f"copyto({copy}, {source})")
    return k.view(copy, f".reshape({flat})") if terms.shape(wanted) != flat else copy


def _einsum_vjp(position: int, g: Expr, y: Expr, *operands: Expr, equation: str) -> Expr:
    """The sum with g in the place of the operand; where a label comes twice in it, on a diagonal;
    where a label comes in it alone, repeated along that axis."""
    read = equations.read(equation, [x.type.shape for x in operands])
    x, labels = operands[position], read.operands[position]
    factors, terms = [g], [read.result]
    for i, (operand, own) in enumerate(zip(operands, read.operands, strict=True)):
        if i != position:
            kept = [j for j, a in enumerate(own) if operand.type.shape[j] == read.sizes[a]]
            if len(kept) < len(own):
                shape = tuple(operand.type.shape[j] for j in kept)
                operand = reshape(operand, shape=shape)
            factors.append(operand)
            terms.append(tuple(own[j] for j in kept))
    wanted: list[str] = []
    sizes: list[Size] = []
    for label, size in zip(labels, x.type.shape, strict=True):
        if size != read.sizes[label]:
            continue
        if label in wanted:
            twin = equations.fresh({*read.sizes, *wanted})
            factors.append(g.builder.apply(OPS["eye"], (), {"n": size, "dtype": x.type.dtype}))
            terms.append((label, twin))
            label = twin
        wanted.append(label)
        sizes.append(size)
    known = {label for term in terms for label in term}
    made = einsum(
        *factors,
        equation=equations.spell(terms, tuple(label for label in wanted if label in known)),
    )
    if not known.issuperset(wanted):
        ones = [s if label in known else 1 for label, s in zip(wanted, sizes, strict=True)]
        made = broadcast_to(reshape(made, shape=tuple(ones)), shape=tuple(sizes))
    return reshape(made, shape=x.type.shape) if made.type.shape != x.type.shape else made


def _flops(result: ArrayType, *operands: ArrayType, equation: str) -> int:
    """Those of one product; of three operands or more there are several ways."""
    sizes = equations.read(equation, [operand.shape for operand in operands]).sizes
    counts = (evaluate(size, {}) for size in sizes.values())
    return 2 * math.prod(counts) if len(operands) == 2 else 0


einsum = declare(
    Op(
        name="einsum",
        operands=("x",),
        variadic=True,
        infer=_einsum_type,
        attributes={
            "equation": Attribute(
                "string", doc="a letter for each axis of each operand; it may stand first"
            ),
        },
        vjp=_einsum_vjp,
        kernel=_emit_einsum,
        flops=_flops,
        doc="The sum of products over the letters that the result does not have; `...` stands for "
        "any further axes, which broadcast.",
        formula="Σ a b …",
        derivative="einsum with g in the operand's place",
        example='y = einsum("ij,jk->ik", a, b)',
    )
)

"""What an op is, and `OPS`, the one table of them.

An op is declared once, with `declare`: how it is written, its rule for shapes and element types,
its NumPy kernel, its VJP and what its reference page says. The compiler, the engines, the docs and
the tests read the declaration; none of them knows an op by its name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from graphdsl.graph.types import TensorType
from graphdsl.language.diagnostics import InternalError

if TYPE_CHECKING:
    from graphdsl.graph.build import Expr
    from graphdsl.graph.kernel import KernelCall
    from graphdsl.graph.rows import RowRule

REQUIRED: Any = object()
"""The default of an attribute that has to be given."""

Infer = Callable[..., TensorType]
Check = Callable[..., None]
Vjp = Callable[..., "Expr"]
Kernel = Callable[["KernelCall"], None]
Flops = Callable[..., int]
Allocated = Callable[..., int]
Mend = Callable[..., str]
"""Says it by what was seen, `(found, *operands)`: each a `Range`."""
Promotion = Literal["number", "float", "same", "condition", "none"]
Refusal = Literal["matrix", "index", "place"]
"""A matrix, or in the last operand an index beyond [-n, n), or a place beyond [0, n): n is the size
of the attribute `axis`, or of the result's last axis."""
AttributeKind = Literal[
    "int", "ints", "axis", "axes", "bool", "number", "dtype", "sizes", "size", "string", "internal"
]


class Fault(Exception):
    """What an op has against its operands or attributes; whoever builds it adds the place.

    `{a}` in `help` stands for the operand a as the user wrote it. `clash` are the axes whose sizes
    disagree, each with its operand's position; where a rule does not say, they are searched for.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        operand: int | None = None,
        attribute: str | None = None,
        help: str | None = None,
        clash: Sequence[tuple[int, int]] = (),
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.operand = operand
        self.attribute = attribute
        self.help = help
        self.clash = tuple(clash)


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute of an op: what is written by keyword and known at compile time."""

    kind: AttributeKind
    default: Any = REQUIRED
    doc: str = ""
    counts: Literal["operand", "result"] = "operand"
    """Of an axis: in which tensor it is counted, the first operand or the result."""


@dataclass(frozen=True, slots=True)
class Fold:
    """A reduction one element at a time, as fusing engines compute it."""

    start: Literal["0", "1", "lowest", "highest"]
    """What there is before the first element."""
    step: str
    """The formula of what there is then, `{y}`, and an element, `{x}` for operand x."""
    at: str = ""
    """The operand that names the place of each element of the first operand along the attribute
    `axis` of the result, counted from the end if below 0: the elements are folded there, in their
    order. Where it is empty, axes are reduced."""


@dataclass(frozen=True, slots=True, eq=False)
class Op:
    """One op. Rules are given operand types (`infer`) or expressions (`vjp`) by position and the
    attributes by keyword.

    `promotion` says in which element type the operands meet: "number" (truth values count as
    i64), "float" (integers become the model's float), "same" (as they are, made equal),
    "condition" (all but the first are made equal) or "none" (each stays as it is).
    """

    name: str
    operands: tuple[str, ...]
    infer: Infer
    doc: str
    formula: str
    check: Check | None = None
    """What it has against values that a file gives as numbers or constant lists: raises `Fault` for
    `(types, values, **attributes)`, where a value is an array, or None if only running tells."""
    derivative: str = ""
    """The VJP in words or symbols, and the subgradient at a kink."""
    vjp: tuple[Vjp | None, ...] | Vjp | None = None
    """A rule for each operand, `(g, y, *operands, **attributes)`, None where there is no
    derivative; for a variadic op one rule, `(position, g, y, *operands, **attributes)`."""
    partials: tuple[str, ...] = ()
    """Of an elementwise op ∂y/∂x for each operand x, as expressions of the language, with `{x}` for
    operand x, `{y}` for the result and `{n}` for attribute n; "" where there is no derivative."""
    kernel: str | Kernel | None = None
    """NumPy statements, one a line, with `{x}` for operand x and `{out}` for the result; or a
    function that emits them. None for leaves, views and ops that `decompose`."""
    view: Callable[[KernelCall], str | None] | None = None
    """The result as a view of the first operand's array, or None where it needs a copy."""
    scalar: str | None = None
    """The formula on Python floats and in fusing engines, `{x}` for operand x."""
    fold: Fold | None = None
    """Of a reduction over the attribute `axis`, or over all axes without that attribute; or at
    places that an operand names."""
    decompose: Callable[..., Expr] | None = None
    """The op in terms of simpler ones, `(*operands, **attributes)`; applied after the sweep."""
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    promotion: Promotion = "number"
    infix: str | None = None
    variadic: bool = False
    elementwise: bool = False
    commutes: bool = False
    """Whether two operands may change places without changing a bit of the result."""
    inplace: bool = False
    """Whether the result may be written over an operand of the same type."""
    leaf: bool = False
    random: bool = False
    """Random ops are never folded and never shared."""
    public: bool = True
    """Whether a `.gdl` file may call it by name."""
    flops: Flops | None = None
    """Of a matrix product or a kin: its multiplications and additions, `(result, *operands,
    **attributes)` with types whose sizes are numbers."""
    rows: RowRule | None = None
    """Where the rows of a batch stand in the result; ops that work element by element need none."""
    refuses: Refusal | None = None
    """What the kernel may meet that it does not take, which only running shows: it then ends the
    program, before it has written anything."""
    allocates: Allocated | None = None
    """The bytes of the temporary arrays that the kernel makes because NumPy has no `out=` for it,
    `(result, *operands, **attributes)` with types whose sizes are numbers."""
    domain: tuple[tuple[float, float], ...] = ((-3.0, 3.0),)
    """Where tests sample each operand; the last serves all that follow."""
    example: str = ""
    mend: str | Mend = ""
    """What keeps its result and its derivative finite, where they need not be."""

    def __call__(self, *operands: Expr | float, **attributes: Any) -> Expr:
        """Apply the op in the graph that its operands belong to."""
        builder = next(x.builder for x in operands if hasattr(x, "builder"))
        return builder.apply(self, operands, attributes)

    def emit(self, call: KernelCall) -> None:
        """Add the kernel's statements to a call."""
        if self.kernel is None:
            raise InternalError(f"the op {self.name} has no kernel")
        if callable(self.kernel):
            self.kernel(call)
            return
        args = [call.bare(position) for position in range(len(call.args))]
        fields = dict(zip(self.operands, args, strict=True))
        fields |= {name: repr(value) for name, value in call.attrs.items()}
        call.emit(*self.kernel.format(out=call.out, **fields).splitlines())

    def __repr__(self) -> str:
        return f"Op({self.name})"


class OpTable(dict[str, Op]):
    """The ops by name, and the binary ones by their sign."""

    def __init__(self) -> None:
        super().__init__()
        self.by_sign: dict[str, Op] = {}

    def public(self) -> list[str]:
        """The names a `.gdl` file may call."""
        return [name for name, op in self.items() if op.public]


OPS = OpTable()


def declare(op: Op) -> Op:
    """Enter an op into the table."""
    assert op.name not in OPS, f"op {op.name} is declared twice"
    OPS[op.name] = op
    if op.infix:
        OPS.by_sign[op.infix] = op
    return op

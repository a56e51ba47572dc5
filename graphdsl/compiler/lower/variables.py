"""Parameters and states: their types, their initial values, their settings."""

from __future__ import annotations

from typing import Any

from graphdsl.compiler.lower import expressions
from graphdsl.compiler.lower.context import Frame
from graphdsl.compiler.lower.draws import fill_help, read_draw
from graphdsl.compiler.lower.habits import type_help
from graphdsl.compiler.lower.misfits import report_initial, report_narrowed, report_shared
from graphdsl.compiler.lower.values import POISON, Poison, Value, describe, is_constant
from graphdsl.graph.build import Expr
from graphdsl.graph.graph import Init, Origin, Variable
from graphdsl.graph.op import OPS
from graphdsl.graph.sizes import Poly, SizeLimit, verify_count
from graphdsl.graph.types import DType, TensorType, find_misfit, keeps
from graphdsl.language import ast

MAX_ELEMENTS = 2**40
"""Elements of one variable; more is a mistake on every machine."""


def read_type(frame: Frame, type: ast.Type | None) -> TensorType | None:
    """A type as written; None with the fault reported."""
    if type is None:
        return TensorType(frame.shared.float)
    dtype = frame.shared.float
    if type.dtype is not None:
        known = [*DType.__members__, "float"]
        if type.dtype.id not in known:
            help = type_help(type.dtype.id, known)
            frame.error(
                "E0306", f"'{type.dtype.id}' is no element type", type.dtype.span, help=help
            )
            return None
        if type.dtype.id != "float":
            dtype = DType[type.dtype.id]
    sizes = [expressions.size(frame, expr) for expr in type.sizes or ()]
    if any(size is None for size in sizes):
        return None
    shape = tuple(size for size in sizes if size is not None)
    try:
        verify_count(shape)
    except SizeLimit as limit:
        frame.error("E0307", f"of the elements in all: {limit}", type.span)
        return None
    return TensorType(dtype, shape)


def declare_param(frame: Frame, statement: ast.Param) -> Value:
    """The node of a parameter, entered among the model's."""
    made = _variable(frame, statement, "param")
    if made is None:
        return POISON
    type, init = made
    settings: dict[str, float] = {}
    for setting in statement.settings:
        if setting.key.id in settings:
            return frame.error("E0313", f"'{setting.key.id}' is given twice", setting.key.span)
        value = expressions.evaluate(frame, setting.value)
        if isinstance(value, Poison):
            return POISON
        if not is_constant(value) or isinstance(value, tuple):
            message = f"'{setting.key.id}' is a constant, not {describe(value)}"
            return frame.error("E0313", message, setting.value.span)
        assert isinstance(value, bool | int | float)
        if isinstance(value, bool) is not (setting.key.id == "frozen"):
            wanted = "true or false" if setting.key.id == "frozen" else "a number"
            message = f"'{setting.key.id}' is {wanted}, not {describe(value)}"
            return frame.error("E0313", message, setting.value.span)
        settings[setting.key.id] = value
        frame.shared.settings[frame.qualified(statement.name.id), setting.key.id] = setting.span
    frozen = bool(settings.pop("frozen", False))
    if not type.dtype.is_float and not frozen:
        return frame.error(
            "E0324",
            f"a trained parameter is a float, not {type.dtype}",
            statement.span,
            help=["keep it out of training: with frozen = true"],
        )
    return _enter(frame, statement, "param", type, init, tuple(settings.items()), frozen)


def declare_state(frame: Frame, statement: ast.State) -> Value:
    """The node of a state, entered among the model's."""
    made = _variable(frame, statement, "state")
    if made is None:
        return POISON
    return _enter(frame, statement, "state", *made, (), False)


def _enter(
    frame: Frame,
    statement: ast.Param | ast.State,
    kind: str,
    type: TensorType,
    init: Init,
    settings: tuple[tuple[str, float], ...],
    frozen: bool,
) -> Value:
    shared, name = frame.shared, frame.qualified(statement.name.id)
    if name in shared.declared:
        return _again(frame, statement, name, type)
    shared.builder.origin = Origin(statement.span, frame.trail)
    node = shared.builder.add(OPS[kind], (), (("type", type),), type, name)
    if statement.type is not None:
        shared.written[node.id] = (statement.type, frame)
    table = shared.params if kind == "param" else shared.states
    table[name] = Variable(name, node.id, init, settings, frozen)
    shared.declared[name] = statement.span
    shared.names[name] = node.id
    return node


def _collide(frame: Frame, statement: ast.Param | ast.State, name: str) -> None:
    """Report two variables of different calls that would have one qualified name."""
    frame.error(
        "E0340",
        f"two calls would own a parameter or state called '{name}'",
        statement.name.span,
        help=["give the inner call a name of its own: bind it in a line before"],
    )


def _again(frame: Frame, statement: ast.Param | ast.State, name: str, type: TensorType) -> Value:
    """A second declaration: the same variable in a shared block, else bound twice."""
    shared = frame.shared
    if not frame.cell:
        if frame.scope.own(statement.name.id) is None:
            _collide(frame, statement, name)
        return POISON  # else reported where the name is bound
    variable = shared.params.get(name) or shared.states[name]
    node = Expr(shared.builder, variable.node)
    if node.type == type:
        return node
    return report_shared(frame, node, type, statement)


def _variable(
    frame: Frame, statement: ast.Param | ast.State, kind: str
) -> tuple[TensorType, Init] | None:
    """The type and the initial value as written."""
    init = statement.init
    if init is None:
        frame.error(
            "E0308",
            f"the {kind} '{statement.name.id}' has no initial value",
            statement.name.span,
            help=["draw it: '~ normal(0, 0.1)', or give it: '= 0'"],
        )
        return None
    if isinstance(init, ast.Draw):
        draw, type = read_draw(frame, init), read_type(frame, statement.type)
        if type is None or not _is_fixed(frame, statement, type) or draw is None:
            return None
        made = draw.fit(frame, type)
        return None if made is None else (type, made)
    return _filled(frame, statement, init)


def _is_fixed(frame: Frame, statement: ast.Param | ast.State, type: TensorType) -> bool:
    written = (statement.type.sizes if statement.type else None) or ()
    for axis, size in enumerate(type.shape):
        if isinstance(size, Poly):
            place = written[axis] if axis < len(written) else statement.init or statement
            frame.error(
                "E0310",
                f"the sizes of a parameter or a state are constants, {size} is not",
                place.span,
                help=["what is stored has its size before data comes: 'const' fixes one"],
            )
            return False
    if isinstance(type.size, int) and type.size > MAX_ELEMENTS:
        frame.error("E0325", f"{type} has {type.size:,} elements", statement.span)
        return False
    return True


def _filled(
    frame: Frame, statement: ast.Param | ast.State, init: ast.Fill
) -> tuple[TensorType, Init] | None:
    value = expressions.evaluate(frame, init.value)
    if isinstance(value, Poison):
        return None
    node: Any = value
    if isinstance(value, tuple):
        node = expressions.as_tensor(frame, value, init.value.span)
        if isinstance(node, Poison):
            return None
        found: TensorType = node.type
        made = Init(value=value)
    elif isinstance(value, Expr) and not value.type.weak:
        if _reads(frame, value):
            message = "an initial value is computed from constants alone"
            help = ["what data or parameters decide is bound as a node: name = …"]
            frame.error("E0308", message, init.value.span, help=help)
            return None
        found, made = value.type, Init(fill=value.id)
    elif is_constant(value):
        found, made = TensorType(frame.shared.float), Init(value=value)
    else:
        message = f"an initial value is a constant, not {describe(value)}"
        frame.error("E0308", message, init.value.span, help=fill_help(init.value))
        return None
    dtype = frame.shared.float if found.dtype.is_integer else found.dtype
    type = read_type(frame, statement.type) if statement.type else found.with_dtype(dtype)
    if type is None or not _is_fixed(frame, statement, type):
        return None
    if found.shape not in ((), type.shape):
        assert statement.type is not None, "else the type is that of the initial value"
        report_initial(frame, node, type, statement.type, init.value)
        return None
    if made.fill is not None:
        if not keeps(type.dtype, found.dtype):
            assert statement.type is not None, "else the type is that of the initial value"
            report_narrowed(frame, node, type, statement.type, init.value)
            return None
        return type, made
    misfit = find_misfit(made.value, type.dtype)
    if misfit is not None:
        frame.error("E0308", f"the initial value does not fit: {misfit}", init.value.span)
        return None
    return type, made


def _reads(frame: Frame, value: Expr) -> bool:
    """Whether a node depends on anything that is fed, trained or kept."""
    nodes, todo = frame.shared.builder.nodes, [value.id]
    found: set[int] = set()
    while todo:
        node = nodes[todo.pop()]
        if node.op in (OPS["input"], OPS["param"], OPS["state"]):
            return True
        todo.extend(i for i in node.operands if i not in found)
        found.update(node.operands)
    return False

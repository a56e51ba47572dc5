"""Programs interpreted in JAX: the syntax tree and the leaves' values come in, a scalar comes out.

It shares the parser with the compiler, the names of ops and of their attributes, and nothing
else: no graph is built, sizes are those of the arrays, derivatives are JAX's.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import graphdsl.ops  # noqa: F401
from graphdsl.graph.op import OPS, REQUIRED
from graphdsl.language import ast
from ops.jax_functions import FUNCTIONS
from ops.jax_numpy import evaluate

Env = dict[str, Any]
Values = Mapping[str, Any]
GLOBAL = {"float": np.float64, "f64": np.float64, "i64": np.int64, "pi": np.pi, "inf": np.inf}
"""Names that no program binds; any other is that of an op, handed to a block."""
SIGNS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "@": jnp.matmul,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def differentiate(
    program: ast.Program, leaves: Values, directions: Values, eager: bool = False
) -> tuple[Any, Values, Values]:
    """The loss, its gradients with respect to `leaves`, and the gradients' derivatives along
    `directions`, forward over reverse; JAX's primitives are run by NumPy unless `eager`."""

    def loss(leaves: Values) -> Any:
        return run(program, leaves)

    point = {name: np.asarray(value) for name, value in leaves.items()}
    along = {name: np.asarray(value) for name, value in directions.items()}

    def both(point: Values, along: Values) -> Any:
        return jax.jvp(jax.value_and_grad(loss), (point,), (along,))

    if eager:
        (value, gradients), (_, products) = both(point, along)
        return value, gradients, products
    traced, shape = jax.make_jaxpr(both, return_shape=True)(point, along)
    found = evaluate(traced, jax.tree.leaves((point, along)))
    (value, gradients), (_, products) = jax.tree.unflatten(jax.tree.structure(shape), found)
    return value, gradients, products


def run(program: ast.Program, feeds: Values) -> Any:
    """The loss of a program whose inputs, parameters and sizes are in `feeds`."""
    interpreter = _Interpreter()
    env = dict(feeds)
    interpreter.execute(program.statements, env)
    (loss,) = (s.name.id for s in program.statements if isinstance(s, ast.Loss))
    return env[loss]


class _Interpreter:
    """Evaluates expressions in an environment: tensors, numbers and lists by name."""

    def __init__(self) -> None:
        self.blocks: dict[str, ast.Block] = {}

    def execute(self, statements: tuple[ast.AnyStatement, ...], env: Env) -> Any:
        """Run statements, which bind names in `env`; the value of a `return`."""
        for statement in statements:
            match statement:
                case ast.Block():
                    self.blocks[statement.name.id] = statement
                case ast.Const() | ast.Loss():
                    env[statement.name.id] = self.value(statement.value, env)
                case ast.Assign():
                    found = self.value(statement.value, env)
                    several = found if len(statement.names) > 1 else (found,)
                    env |= {n.id: v for n, v in zip(statement.names, several, strict=True)}
                case ast.Repeat():
                    self._repeat(statement, env)
                case ast.Return():
                    found = tuple(self.value(value, env) for value in statement.values)
                    return found if len(found) > 1 else found[0]
                case ast.Input(type=ast.Type(sizes=tuple(sizes))):
                    known = zip(sizes, env[statement.name.id].shape, strict=True)
                    env |= {size.id: n for size, n in known if isinstance(size, ast.Name)}
                case _:
                    assert isinstance(statement, ast.Input | ast.Param | ast.Dim), statement
        return None

    def _repeat(self, loop: ast.Repeat, env: Env) -> None:
        collected: dict[str, list[Any]] = {}
        for turn in range(self.value(loop.first, env), self.value(loop.last, env) + 1):
            inner = {**env, loop.variable.id: turn}
            for statement in loop.body:
                if isinstance(statement, ast.Collect):
                    kept = collected.setdefault(statement.name.id, [])
                    kept.append(self.value(statement.value, inner))
                else:
                    self.execute((statement,), inner)
            env |= {name: inner[name] for name in env}
        env |= {name: jnp.stack(kept) for name, kept in collected.items()}

    def value(self, expr: Any, env: Env) -> Any:
        """What an expression stands for."""
        match expr:
            case ast.Number() | ast.Bool() | ast.String():
                return expr.value
            case ast.Name():
                return env[expr.id] if expr.id in env else GLOBAL.get(expr.id, expr.id)
            case ast.ListExpr():
                return tuple(self.value(item, env) for item in expr.items)
            case ast.Unary():
                x = self.value(expr.operand, env)
                return -x if expr.op == "-" else jnp.logical_not(x)
            case ast.Binary():
                left, right = self.value(expr.left, env), self.value(expr.right, env)
                return self._binary(expr.op, _tensor(left), _tensor(right))
            case ast.Cond():
                chosen = expr.then if self.value(expr.test, env) else expr.orelse
                return self.value(chosen, env)
            case ast.Attribute():
                assert expr.name.id == "T"
                return jnp.swapaxes(self.value(expr.base, env), -1, -2)
            case ast.Index():
                return self.value(expr.base, env)[tuple(self._item(i, env) for i in expr.items)]
        assert isinstance(expr, ast.Call), expr
        return self._call(expr, env)

    def _binary(self, sign: str, left: Any, right: Any) -> Any:
        if sign == "^":
            both = isinstance(left, int | float) and isinstance(right, int | float)
            return left**right if both else jnp.power(left, right)
        if sign in ("and", "or"):
            return (jnp.logical_and if sign == "and" else jnp.logical_or)(left, right)
        return SIGNS[sign](left, right)

    def _item(self, item: Any, env: Env) -> Any:
        if isinstance(item, ast.Ellipsis_):
            return ...
        if isinstance(item, ast.Slice):
            parts = (item.start, item.stop, item.step)
            return slice(*(part and self.value(part, env) for part in parts))
        return _tensor(self.value(item, env))

    def _call(self, call: ast.Call, env: Env) -> Any:
        assert isinstance(call.function, ast.Name)
        name = env.get(call.function.id, call.function.id)
        args = [self.value(arg, env) for arg in call.args]
        keywords = {k.name.id: self.value(k.value, env) for k in call.keywords}
        if name == "size":
            return args[0].shape[args[1]]
        if name in self.blocks:
            block = self.blocks[name]
            inner = {f.name.id: self.value(f.default, env) for f in block.formals if f.default}
            inner |= dict(zip((f.name.id for f in block.formals), args, strict=False)) | keywords
            return self.execute(block.body, inner)
        return FUNCTIONS[name](*_operands(name, args), **_attributes(name, args) | keywords)


def _tensor(value: Any) -> Any:
    """A list of numbers as a constant tensor; anything else as it is."""
    return jnp.asarray(value) if isinstance(value, tuple) else value


def _operands(name: str, args: list[Any]) -> list[Any]:
    """The arguments that are tensors or numbers; lists of numbers are tensors here."""
    op = OPS[name]
    found = [x for x in args if not isinstance(x, str)] if op.variadic else args
    count = len(found) if op.variadic else len(op.operands)
    return [_tensor(x) for x in found[:count]]


def _attributes(name: str, args: list[Any]) -> Env:
    """Defaults, and the attributes that are given by position: those that have none."""
    attributes = OPS[name].attributes
    given = {
        n: a.default
        for n, a in attributes.items()
        if a.default is not REQUIRED and a.kind != "dtype"
    }
    wanted = [n for n, a in attributes.items() if a.default is REQUIRED]
    if OPS[name].variadic:
        return given | dict(zip(wanted, (x for x in args if isinstance(x, str)), strict=False))
    return given | dict(zip(wanted, args[len(OPS[name].operands) :], strict=False))

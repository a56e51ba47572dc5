"""Arithmetic at compile time: constants in f64, sizes as polynomials.

Integers stay integers under `+ - * ^`; `/` gives a float, except between sizes, where it is exact.
Lists are computed with item by item, as the tensors they stand for.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

from graphdsl.compiler.lower.values import MAX_INTEGER, is_constant
from graphdsl.graph.op import Op
from graphdsl.graph.sizes import Poly, Size, SizeLimit, divide
from graphdsl.ops import formulas

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_SIZE: dict[str, Callable[[Any, Any], Size]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
}


class ConstantFault(Exception):
    """Why an expression of constants has no value."""


def combine(sign: str, a: Any, b: Any, op: Op) -> Any:
    """`a sign b` for constants and sizes; None where it is none of either.

    Raises `ConstantFault` for an integer beyond 64 bits and for a size that is too long.
    """
    if isinstance(a, Poly) or isinstance(b, Poly):
        try:
            return _combine_sizes(sign, a, b)
        except SizeLimit as limit:
            raise ConstantFault(str(limit)) from None
    if isinstance(a, tuple) or isinstance(b, tuple):
        return None if sign == "@" else _spread(lambda x, y: combine(sign, x, y, op), a, b)
    if not (_is_number(a) and _is_number(b)):
        return None
    if sign in _COMPARE:
        return _COMPARE[sign](a, b)
    if sign in ("and", "or"):
        return (bool(a) and bool(b)) if sign == "and" else (bool(a) or bool(b))
    if sign in _SIZE:
        return checked(_SIZE[sign](int(a) if isinstance(a, bool) else a, b))
    if sign == "^" and isinstance(a, int) and isinstance(b, int) and b >= 0:
        if abs(a) > 1 and b > 63:
            raise ConstantFault(f"{a}^{b} is beyond 64-bit integers")
        return checked(a**b)
    return call(op, a, b)


def _spread(function: Callable[..., Any], *args: Any) -> Any:
    """The function on the items of lists, which broadcast; None where it is none of them.

    Lists of lists meet as in NumPy, from the right: what is nested less deep meets every item.
    """
    depth = max(map(_depth, args))
    if not depth:
        return function(*args)
    lists = [arg for arg in args if _depth(arg) == depth]
    count = max(map(len, lists))
    if any(len(one) not in (1, count) for one in lists) or not all(map(len, lists)):
        return None
    found = [
        _spread(
            function,
            *((arg[i % len(arg)] if _depth(arg) == depth else arg) for arg in args),
        )
        for i in range(count)
    ]
    return None if any(item is None for item in found) else tuple(found)


def _depth(value: Any) -> int:
    """How deep lists are nested in a value, by their first items."""
    depth = 0
    while isinstance(value, tuple):
        depth, value = depth + 1, value[0] if value else None
    return depth


def _combine_sizes(sign: str, a: Any, b: Any) -> Any:
    if not all(isinstance(x, Poly | int) and not isinstance(x, bool) for x in (a, b)):
        return None
    if sign in _SIZE:
        return _SIZE[sign](a, b)
    if sign == "/":
        return divide(a, b)
    if sign == "^" and isinstance(b, int) and 0 <= b <= 8:
        return math.prod([a] * b)
    if sign == "==" and a == b:
        return True
    return None


def negate(value: Any) -> Any:
    """`-value` for a number, a size or a list; raises `ConstantFault` beyond 64 bits."""
    return tuple(map(negate, value)) if isinstance(value, tuple) else checked(-value)


def call(op: Op, *args: Any) -> Any:
    """An elementwise op on numbers and lists, in f64; None where it takes tensors alone."""
    if op.scalar is None or not op.elementwise or len(args) != len(op.operands):
        return None
    if any(isinstance(arg, tuple) for arg in args):
        return _spread(lambda *items: call(op, *items), *args)
    if not all(_is_number(arg) for arg in args):
        return None
    return checked(formulas.evaluate(op, *args))


def checked(value: Any) -> Any:
    """The value, unless it is an integer that 64 bits cannot hold."""
    if isinstance(value, int) and not -MAX_INTEGER - 1 <= value <= MAX_INTEGER:
        raise ConstantFault("an integer beyond 64 bits")
    return value


def _is_number(value: Any) -> bool:
    return is_constant(value) and not isinstance(value, tuple)

"""The right-hand sides of a `data` block: expressions over a source's columns, as arrays of rows.

`standardize(…)` and `category(…)` are computed first and take the place of a column; the rest is
a `Formula`. A setting is evaluated for all rows at once, or, where the columns are too large for
that, for the rows that are asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from graphdsl.driver import Compilation
from graphdsl.engines.feeds import refusal
from graphdsl.graph.kernel import Array
from graphdsl.language import ast
from graphdsl.language.diagnostics import DataError, Diagnostic, Label, ModelError
from graphdsl.language.printer import format_expr
from graphdsl.language.source import Span
from graphdsl.training import walking
from graphdsl.training.column_names import (
    TABLE,
    column_name,
    columns_read,
    learning,
    numeric,
    reference,
    special,
)
from graphdsl.training.columns import Table, too_large
from graphdsl.training.formulas import Formula, Leaf, plain_numbers
from graphdsl.training.learned import (
    Learned,
    Scale,
    codes_of,
    scale_in_pieces,
    scale_of,
    values_in_pieces,
)
from graphdsl.training.placed import Placed
from graphdsl.training.stacked import Stacked


class Binder:
    """Evaluates expressions over the rows of `tables`, one after the other.

    `train` are the rows that `standardize` and `category` learn from (None: all), unless what
    they learned is given. With `streams`, nothing is computed for all rows.
    """

    def __init__(
        self,
        compilation: Compilation,
        tables: Sequence[Table],
        train: Array | None = None,
        learned: Learned | None = None,
    ) -> None:
        learned = learned or Learned()
        self.compilation = compilation
        self.stacked = Stacked(tables)
        self.train = train
        self.streams = False
        self._scales = dict(learned.scales)
        self._categories = dict(learned.categories)
        self._leaves: dict[str, Leaf] = {}
        self._by_row: set[str] = set()
        self._arrays: dict[str, Array] = {}

    @property
    def table(self) -> Table:
        """The table whose columns are the names."""
        return self.stacked.tables[0]

    @property
    def learned(self) -> Learned:
        """What has been learned so far, or was given."""
        shapes = {name: self.table.columns[name].shape[1:] for name in numeric(self.table)}
        return Learned(dict(self._scales), dict(self._categories), shapes)

    def used(self, setting: ast.Setting) -> list[str]:
        """The columns a setting reads; raises `ModelError` for names that are none."""
        faults: list[Diagnostic] = []
        read = columns_read(setting.value, self.table, self.compilation, faults)
        names = list(dict.fromkeys(read))
        if faults:
            raise ModelError(faults)
        return names

    def evaluate(self, setting: ast.Setting) -> Array:
        """The value of a setting; raises `GraphdslError`, with the setting's place."""
        with Placed(setting.value.span), self._room_for(setting):
            return self._formula(setting.value).all()

    def formula(self, setting: ast.Setting) -> Formula:
        """The setting for the rows that are asked for, with what it learns learned."""
        with Placed(setting.value.span), self._room_for(setting):
            self.learn([setting])
            return self._formula(setting.value)

    def learn(self, settings: Iterable[ast.Setting]) -> Learned:
        """What the settings take from the training part; nothing else is computed."""
        for setting in settings:
            with Placed(setting.value.span):
                for call in learning(setting.value):
                    self._leaf_of(call)
                    if special(call) == "category":
                        self._known(self._category_column(call))
                    else:
                        self._scale(call.args[0])
        return self.learned

    def forget(self) -> None:
        """Let go of what was loaded and computed: what has been learned stays."""
        self.stacked.forget()
        self._arrays.clear()

    @contextmanager
    def _room_for(self, setting: ast.Setting) -> Iterator[None]:
        """A context whose lack of memory is told with what it was for."""
        try:
            yield
        except MemoryError:
            what = f"'{format_expr(setting.value)}' of {self.stacked.count:,} rows"
            raise too_large(what) from None

    # --- expressions -----------------------------------------------------------------------------

    def _formula(self, expr: ast.Expr) -> Formula:
        rewritten = self._rewritten(expr)
        used = dict.fromkeys(n.id for n in walking.names(rewritten) if n.id in self._leaves)
        leaves = {name: self._leaves[name] for name in used}
        return Formula(self.compilation, rewritten, leaves, frozenset(self._by_row & leaves.keys()))

    def _rewritten(self, expr: Any) -> Any:
        """The expression with columns, and what is computed first, under names of their own."""
        match expr:
            case ast.Name(id=name) if name in self.table.columns:
                return self._column(name, expr.span)
            case ast.Name(id=name) if name == TABLE:
                for name in numeric(self.table):
                    self.stacked.verify_numbers(name, expr.span)
                return self._keep("the table", self._whole_table, expr.span)
            case ast.Call() if special(expr) is not None:
                return self._leaf_of(expr)
        return walking.rebuilt(expr, self._rewritten)

    def _keep(self, key: str, leaf: Leaf, span: Span, by_row: bool = True) -> ast.Name:
        """A name for what takes a column's place; all its rows are computed once."""
        self._leaves.setdefault(key, partial(self._held, key, leaf))
        if by_row:
            self._by_row.add(key)
        return ast.Name(key, span=span)

    def _held(self, key: str, leaf: Leaf, rows: Array | None) -> Array:
        if rows is not None:
            return leaf(rows)
        if key not in self._arrays:
            self._arrays[key] = leaf(None)
        return self._arrays[key]

    def _leaf_of(self, call: ast.Call) -> ast.Name:
        name = special(call)
        if len(call.args) != 1 or call.keywords:
            wanted = '"NAME"' if name == "column" else "COLUMN"
            message, help = f"'{name}' takes one argument", (f"{name}({wanted})",)
            raise ModelError(Diagnostic("E0510", message, (Label(call.span),), help))
        if name == "column":
            return self._column(column_name(call), call.span)
        key = f"{name} {call.span.start}"
        if name == "category":
            return self._keep(key, partial(self._codes, self._category_column(call)), call.span)
        return self._keep(key, partial(self._standardized, call.args[0]), call.span)

    # --- columns ---------------------------------------------------------------------------------

    def _column(self, name: str, span: Span) -> ast.Name:
        self.stacked.verify_numbers(name, span)
        by_row = bool(self.table.columns[name].shape)
        return self._keep(f"column {name}", partial(self.stacked.column, name), span, by_row)

    def _whole_table(self, rows: Array | None) -> Array:
        names = numeric(self.table)
        columns = [plain_numbers(self.stacked.column(name, rows), name) for name in names]
        return np.column_stack(columns) if columns else np.zeros((0, 0))

    # --- what is learned -------------------------------------------------------------------------

    def _category_column(self, call: ast.Call) -> str:
        (argument,) = call.args
        name = reference(argument)
        if name is None or name not in self.table.columns:
            message = "'category' takes the name of a column"
            labels, help = (Label(argument.span),), ("category(species)",)
            raise ModelError(Diagnostic("E0510", message, labels, help))
        return name

    def _codes(self, name: str, rows: Array | None) -> Array:
        """Whole numbers from 0 for the values of a column in their sorted order: i64."""
        known = self._known(name)

        def place(at: int) -> str:
            return self.stacked.place(at if rows is None else int(rows[at]))

        return codes_of(self._values(name, rows), known, name, place)

    def _known(self, name: str) -> tuple[Any, ...]:
        """The values of a column in the training part."""
        if name not in self._categories:
            train = np.arange(len(self._values(name, None))) if self.train is None else self.train
            self._categories[name] = values_in_pieces(partial(self._values, name), train)
        return self._categories[name]

    def _values(self, name: str, rows: Array | None) -> Array:
        values = self.stacked.column(name, rows)
        if values.ndim != 1 or values.dtype.kind not in "biufUS":
            found = f"elements of type {values.dtype}" if values.ndim == 1 else "rows of several"
            message = f"'category' takes one value a row, and '{name}' has {found}"
            raise refusal("E0510", message, "name a column of numbers or text, one for each row")
        return np.char.decode(values, "utf-8", "replace") if values.dtype.kind == "S" else values

    def _standardized(self, expr: ast.Expr, rows: Array | None) -> Array:
        """(c - mean) / deviation of each feature over the training rows; what is constant
        there is divided by 1."""
        scale, formula = self._scale(expr), self._formula(expr)
        values = self._features(expr, formula.all() if rows is None else formula.at(rows))
        if values.shape[1:] != scale.mean.shape:
            features = f"{list(values.shape[1:])}, and the training part's {list(scale.mean.shape)}"
            raise DataError(Diagnostic("E0615", f"a row to standardize has the shape {features}"))
        return scale.apply(values)

    def _scale(self, expr: ast.Expr) -> Scale:
        text = format_expr(expr)
        if text not in self._scales:
            formula = self._formula(expr)
            if self.streams:
                assert self.train is not None
                self._scales[text] = scale_in_pieces(
                    lambda rows: self._features(expr, formula.at(rows)), self.train
                )
            else:
                values = self._features(expr, formula.all())
                self._scales[text] = scale_of(values if self.train is None else values[self.train])
        return self._scales[text]

    def _features(self, expr: ast.Expr, values: Array) -> Array:
        if not values.ndim:
            message = "'standardize' takes a column or several, not one number"
            raise ModelError(Diagnostic("E0510", message, (Label(expr.span),)))
        return plain_numbers(values, "standardize").astype(np.float64)

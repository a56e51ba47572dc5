"""Hypothesis strategies that all tests share: programs as ASTs, to be printed and parsed again."""

from __future__ import annotations

from hypothesis import strategies as st

from graphdsl.language import ast
from graphdsl.language.source import Source, Span
from graphdsl.language.tokens import KEYWORDS

HERE = Span(Source(""), 0, 0)
"""Where nodes stand that no file holds."""

WORDS = ("x", "y", "W", "b1", "θ", "_a", "lambda", "def", "orb", "nota", "名前", "e5", "T", "True")
OPERATORS = ("+", "-", "*", "/", "@", "^", "and", "or", "==", "!=", "<", "<=", ">", ">=")


def names() -> st.SearchStrategy[ast.Name]:
    """Names, Python's keywords and other scripts among them."""
    return st.builds(ast.Name, st.sampled_from(WORDS), span=st.just(HERE))


def keys() -> st.SearchStrategy[ast.Name]:
    """Keys of settings, which may be keywords."""
    return st.builds(ast.Name, st.sampled_from((*WORDS, *sorted(KEYWORDS))), span=st.just(HERE))


def numbers() -> st.SearchStrategy[ast.Number]:
    """Numbers as programs hold them: not negative, finite, integers of 64 bits."""
    floats = st.floats(0, allow_nan=False, allow_infinity=False)
    return st.builds(ast.Number, st.integers(0, 2**63 - 1) | floats, span=st.just(HERE))


def strings() -> st.SearchStrategy[ast.String]:
    """Strings without what ends them."""
    texts = st.text(st.sampled_from("ab c.*#{}()λ'\\"), max_size=6)
    return st.builds(ast.String, texts, span=st.just(HERE))


def expressions() -> st.SearchStrategy[ast.Expr]:
    """Any expression."""
    return st.deferred(_expressions)  # deferred, for the sake of short reprs


def _expressions() -> st.SearchStrategy[ast.Expr]:
    booleans = st.builds(ast.Bool, st.booleans(), span=st.just(HERE))
    return st.recursive(names() | numbers() | strings() | booleans, _larger, max_leaves=12)


def _larger(inner: st.SearchStrategy[ast.Expr]) -> st.SearchStrategy[ast.Expr]:
    here = st.just(HERE)
    several = st.lists(inner, max_size=3).map(tuple)
    slices = st.builds(
        ast.Slice, st.none() | inner, st.none() | inner, st.none() | inner, span=here
    )
    items = st.lists(inner | slices | st.just(ast.Ellipsis_(span=HERE)), min_size=1, max_size=3)
    entries = st.lists(st.tuples(inner, inner), max_size=2).map(tuple)
    return st.one_of(
        st.builds(ast.Unary, st.sampled_from(("-", "not")), inner, span=here),
        st.builds(ast.Binary, st.sampled_from(OPERATORS), inner, inner, span=here, op_span=here),
        st.builds(ast.Cond, inner, inner, inner, span=here),
        st.builds(ast.Call, inner, several, keywords(inner), span=here),
        st.builds(ast.Index, inner, items.map(tuple), span=here),
        st.builds(ast.Attribute, inner, names(), span=here),
        st.builds(ast.ListExpr, several, span=here),
        st.builds(ast.MapExpr, entries, span=here),
    )


def keywords(values: st.SearchStrategy[ast.Expr]) -> st.SearchStrategy[tuple[ast.Keyword, ...]]:
    """Keyword arguments, each given once."""
    one = st.builds(ast.Keyword, names(), values, span=st.just(HERE))
    return st.lists(one, max_size=2, unique_by=lambda keyword: keyword.name.id).map(tuple)


def settings() -> st.SearchStrategy[ast.Setting]:
    """A setting of `data`, `train` or `with`."""
    return st.deferred(lambda: st.builds(ast.Setting, keys(), expressions(), span=st.just(HERE)))


def docs() -> st.SearchStrategy[str | None]:
    """What `##` lines may say."""
    line = st.text(st.sampled_from("ab #λ"), max_size=5).map(lambda text: f"{text}.")
    return st.none() | st.lists(line | st.just(""), min_size=1, max_size=3).map("\n".join)


def _declarations() -> list[st.SearchStrategy[ast.AnyStatement]]:
    exprs, common = expressions(), {"span": st.just(HERE), "doc": docs()}
    types = _types()
    inits = st.none() | _draws() | st.builds(ast.Fill, exprs, span=st.just(HERE))
    several = st.lists(settings(), max_size=2).map(tuple)
    targets = st.lists(names(), min_size=1, max_size=3).map(tuple)
    return [
        st.builds(ast.Const, names(), exprs, **common),
        st.builds(ast.Param, names(), types, inits, several, **common),
        st.builds(ast.State, names(), types, inits, **common),
        st.builds(ast.Update, names(), exprs, **common),
        st.builds(ast.Assign, targets, exprs, **common),
        st.builds(
            ast.Share,
            names(),
            names(),
            st.lists(exprs, max_size=2).map(tuple),
            keywords(exprs),
            **common,
        ),
    ]


def _types() -> st.SearchStrategy[ast.Type | None]:
    sizes = st.lists(expressions(), max_size=3).map(tuple)
    typed = st.builds(ast.Type, names(), st.none() | sizes, span=st.just(HERE))
    return st.none() | typed | st.builds(ast.Type, st.none(), sizes, span=st.just(HERE))


def _draws() -> st.SearchStrategy[ast.Draw]:
    args = st.lists(expressions(), max_size=2).map(tuple)
    return st.builds(ast.Draw, names(), args, keywords(expressions()), span=st.just(HERE))


def _formals() -> st.SearchStrategy[tuple[ast.Formal, ...]]:
    one = st.builds(ast.Formal, names(), st.none() | expressions(), span=st.just(HERE))
    return st.lists(one, max_size=3).map(tuple)


def _repeats(inner: st.SearchStrategy[ast.AnyStatement]) -> st.SearchStrategy[ast.Repeat]:
    collects = st.builds(ast.Collect, names(), expressions(), span=st.just(HERE), doc=docs())
    body = st.lists(inner | collects, max_size=3).map(tuple)
    bounds = expressions()
    return st.builds(ast.Repeat, names(), bounds, bounds, body, span=st.just(HERE), doc=docs())


def statements() -> st.SearchStrategy[ast.AnyStatement]:
    """Any statement that may stand at the top of a file."""
    return st.deferred(_statements)


def _statements() -> st.SearchStrategy[ast.AnyStatement]:
    exprs, common = expressions(), {"span": st.just(HERE), "doc": docs()}
    inner = st.one_of(_declarations())
    nested = inner | _repeats(inner)
    returns = st.builds(ast.Return, st.lists(exprs, min_size=1, max_size=2).map(tuple), **common)
    rules = st.one_of(
        st.builds(ast.State, names(), _types(), st.none(), **common),
        st.builds(ast.Update, names(), exprs, **common),
    )
    several = st.lists(settings(), max_size=3).map(tuple)
    return st.one_of(
        *_declarations(),
        _repeats(nested),
        st.builds(ast.Dim, st.lists(names(), min_size=1, max_size=2).map(tuple), **common),
        st.builds(ast.Input, names(), _types(), **common),
        st.builds(ast.Loss, names(), exprs, **common),
        st.builds(ast.Metric, names(), exprs, **common),
        st.builds(ast.Output, names(), exprs, **common),
        st.builds(ast.Import, strings(), st.lists(names(), min_size=1).map(tuple), **common),
        st.builds(
            ast.Block,
            names(),
            _formals(),
            st.lists(nested | returns, max_size=3).map(tuple),
            **common,
        ),
        st.builds(
            ast.Optimizer, names(), _formals(), st.lists(rules, max_size=3).map(tuple), **common
        ),
        st.builds(ast.Data, several, **common),
        st.builds(ast.Train, several, **common),
    )


def programs() -> st.SearchStrategy[ast.Program]:
    """Whole files."""
    several = st.lists(statements(), max_size=4).map(tuple)
    return st.builds(ast.Program, several, docs(), source=st.just(Source("")))

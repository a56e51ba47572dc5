"""Syntax errors of headers (`block`, `repeat`, …), of imports and of settings."""

from __future__ import annotations

from graphdsl.language.clash import KEYWORD_TYPES, Clash
from graphdsl.language.clipping import clip
from graphdsl.language.diagnostics import Diagnostic, Label

_LIBRARIES = frozenset(
    ("numpy", "torch", "jax", "tensorflow", "keras", "scipy", "math", "random", "pandas", "os")
)
TYPE_WORDS = (
    *("real", "float", "double", "int", "tensor", "array", "f32", "f64", "i32", "i64", "bool"),
    *("vector", "row_vector", "matrix", "simplex", "cov_matrix", "corr_matrix"),
)
"""Words that other languages begin a declaration with."""


def keyword_as_name(clash: Clash) -> Diagnostic:
    """A keyword where a name should stand."""
    word = clash.tokens[clash.index].text
    message = f"'{word}' is a keyword and cannot be a name"
    return clash.fault("E0116", message, f"choose another, such as '{word}_'")


def explain_header(clash: Clash) -> Diagnostic | None:
    """What is wrong with a header, an import or a `return`."""
    head = clash.head
    if head.type == "IMPORT":
        help = "write 'from \"layers.gdl\" import Name'"
        return clash.fault("E0123", "an import begins with its file", _import_help(clash, help))
    if clash.type == "EQUAL" and clash.index == 1:
        return Diagnostic(
            "E0116",
            f"'{head.text}' is a keyword and cannot be a name",
            (Label(head.span),),
            (f"choose another, such as '{head.text}_'",),
        )
    if clash.type == "COLON" and clash.index == len(clash.tokens) - 1:
        return clash.fault("E0112", f"the body of '{head.text}' stands in braces", "write '{ … }'")
    match head.type:
        case "FROM" if clash.index == 1:
            help = _import_help(clash, 'write from "layers.gdl" import …')
            return clash.fault("E0114", "a file's name stands in quotes", help)
        case "FROM" if clash.index == 2:
            return clash.fault(
                "E0115", "'import' is missing", 'write from "layers.gdl" import Name'
            )
        case "FROM" if clash.type == "LPAR":
            return clash.fault(
                "E0114", "the names of an import stand bare", "leave out the parentheses"
            )
        case "FROM" if clash.found and clash.found.text == "as":
            return clash.fault("E0114", "what is imported keeps its name", "leave out 'as'")
        case "FROM" if not clash.type:
            return clash.fault("E0115", "the names to import are missing")
        case "FROM" if clash.type == "STAR":
            return clash.fault("E0114", "names are imported one by one", "list those you need")
        case "REPEAT":
            return _repeat(clash)
        case "BLOCK" | "OPTIMIZER":
            return _signature(clash)
        case "RETURN" if clash.index == 1 and not clash.type:
            return clash.fault("E0115", "'return' needs a value", "write 'return y'")
    return None


def _import_help(clash: Clash, otherwise: str) -> str:
    """What to do about an import: a library of Python needs none."""
    if clash.type_at(1) == "NAME" and clash.tokens[1].text in _LIBRARIES:
        return "leave it out: the language's own functions need no import"
    return otherwise


def _repeat(clash: Clash) -> Diagnostic | None:
    help = "write 'repeat l in 1..10 {'"
    if clash.index == 1 and clash.type in KEYWORD_TYPES:
        return keyword_as_name(clash)
    if clash.index <= 2:
        return clash.fault("E0114", "'repeat' needs a name for the turn's number", help)
    if clash.type == "DOTS":
        return clash.fault("E0114", "a range has two points", help)
    if "DOTDOT" in clash.expected and clash.type in ("", "COLON", "COMMA", "LBRACE"):
        return clash.fault("E0114", "'repeat' runs over a range 'first..last'", help)
    return None


def _signature(clash: Clash) -> Diagnostic | None:
    head = clash.head
    if clash.index == 1:
        if clash.type in KEYWORD_TYPES:
            return keyword_as_name(clash)
        return clash.fault(
            "E0121", f"'{head.text}' needs a name", f"write '{head.text} name(x) {{'"
        )
    if clash.index == 2:
        name = clip(clash.tokens[1].text)
        return clash.fault(
            "E0114", f"'(' is missing after '{name}'", f"write '{head.text} {name}(x) {{'"
        )
    if clash.type == "COLON":
        help = "types and shapes are found from the call's arguments"
        return clash.fault("E0114", "a formal parameter has no type", help)
    if clash.type in KEYWORD_TYPES and clash.before_type in ("LPAR", "COMMA"):
        return keyword_as_name(clash)
    return None


# --- settings ---------------------------------------------------------------------------------


def explain_setting(clash: Clash) -> Diagnostic | None:
    """What is wrong with a line of `data` or `train`."""
    word = clip(clash.head.text)
    if clash.head.text in TYPE_WORDS and clash.type in ("NAME", "LSQB", "COMPARE"):
        help = "inputs are declared at the top of the file: 'input x: [N, 3]'"
        return Diagnostic(
            "E0123", f"'{word}' begins no setting", (Label(clash.head.span),), (help,)
        )
    if clash.index == 0:
        return clash.fault("E0114", "a setting begins with its key", "write 'key = value'")
    if clash.index == 1:
        if clash.type == "COLON":
            return clash.fault("E0114", "a setting is written with '='", f"write '{word} = …'")
        if not clash.type:
            return clash.fault("E0115", f"'{word}' is given no value", f"write '{word} = …'")
        return clash.fault("E0114", f"'=' is missing after '{word}'", f"write '{word} = …'")
    if clash.type == "COMMA" and clash.opener() is None:
        return clash.fault(
            "E0114", "settings are not separated by commas", "give each its own line"
        )
    return None

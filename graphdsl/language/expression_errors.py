"""Syntax errors inside an expression: operators and operands that are missing or too many."""

from __future__ import annotations

from graphdsl.language.brackets import BINARY
from graphdsl.language.clash import KEYWORD_TYPES, OPERAND_STARTS, Clash
from graphdsl.language.clipping import clip
from graphdsl.language.diagnostics import Diagnostic, Label

_DECLARED = {
    "PARAM": "param W: [3, 4] ~ he_normal()",
    "INPUT": "input x: [N, 3]",
    "CONST": "const k = 3",
    "STATE": "state m: [3] = 0",
    "OUTPUT": "output p = softmax(z)",
    "LOSS": "loss J = mean((y - z)^2)",
    "METRIC": "metric error = mean(abs(y - z))",
}
_WORDS = {
    "lambda": "functions are named: define a block and pass its name",
    "for": "there are no comprehensions; loops are written 'repeat l in 1..10 { … }'",
    "is": "to compare, write '=='",
    "then": "a choice is written 'a if condition else b'",
    "where": "'where' is called: where(condition, a, b)",
    "mod": "a remainder is called: mod(a, b)",
    "div": "a quotient is written a / b",
    "xor": "write '!='",
    "per": "give the batch axis in the shape: '[N, 64]'",
}


def explain_expression(clash: Clash) -> Diagnostic | None:
    """What is wrong with the expression at the fault, if that is where it lies."""
    if clash.type == "" and "ELSE" in clash.expected:
        return clash.fault("E0115", "'if' needs its 'else'", "write 'a if condition else b'")
    if clash.before_type == "DOT" and clash.type in ("STAR", "SLASH", "CIRCUMFLEX"):
        return _dotted_sign(clash)
    if clash.before_type == "DOT" and clash.type not in KEYWORD_TYPES:
        return clash.fault("E0115", "a name is missing after '.'")
    if clash.type in KEYWORD_TYPES and (found := _keyword(clash)):
        return found
    if "COLON" in clash.expected and clash.type in ("COMMA", "RBRACE") and clash.in_map:
        return _entry(clash)
    if clash.wants_operator:
        return _after_operand(clash)
    if clash.wants_operand:
        return _for_operand(clash)
    return None


def _keyword(clash: Clash) -> Diagnostic | None:
    word = clash.tokens[clash.index].text
    if clash.type in ("AND", "OR", "NOT", "TRUE", "FALSE", "IF", "ELSE", "IN"):
        if clash.type == "ELSE":
            return clash.fault("E0114", "this 'else' has no 'if'", "write 'a if condition else b'")
        if (clash.type == "IN" and clash.wants_operator) or _is_not_in(clash):
            return clash.fault(
                "E0114", "there is no test for membership", "compare with '==' and 'or'"
            )
        return None
    if not clash.wants_operand and "NAME" not in clash.expected:
        return None
    message = f"'{word}' is a keyword and cannot be a name"
    if clash.type == "DIM" and clash.type_at(clash.index + 1) == "EQUAL":
        return clash.fault("E0116", message, "the argument is called 'axis'")
    if clash.type in _DECLARED and clash.type_at(clash.index + 1) == "LPAR":
        help = f"a line that declares begins with it: '{_DECLARED[clash.type]}'"
        return clash.fault("E0116", message, help)
    if clash.start == "setting":
        return clash.fault("E0116", message, f'a column of that name is written column("{word}")')
    return clash.fault("E0116", message, f"choose another, such as '{word}_'")


def _is_not_in(clash: Clash) -> bool:
    return clash.type == "NOT" and clash.type_at(clash.index + 1) == "IN"


# --- where an operator, a comma or the end was expected ----------------------------------------


def _after_operand(clash: Clash) -> Diagnostic | None:
    for word in (clash.before, clash.found):
        if word is not None and word.type == "NAME" and word.text in _WORDS:
            message = f"'{word.text}' is no word of this language"
            return Diagnostic("E0123", message, (Label(word.span),), (_WORDS[word.text],))
    match clash.type:
        case "COMPARE":
            return _chained(clash)
        case "EQUAL":
            return _equal(clash)
        case "COMMA":
            return _comma(clash)
        case "DOTDOT":
            help = "a slice is written x[1:5]; a range stands in 'repeat l in 1..5'"
            return clash.fault("E0114", "a range cannot stand here", help)
        case "COLON":
            return clash.fault("E0114", "':' cannot stand here", *_colon_help(clash))
        case "LBRACE":
            return _brace(clash)
        case "AT":
            return _decorator(clash)
    if clash.type == "STRING" and clash.before is not None and _is_prefix(clash):
        help = "write the text itself in double quotes: there are no f-strings and no raw ones"
        return clash.fault("E0108", f"'{clash.before.text}' means nothing before a string", help)
    if clash.type in OPERAND_STARTS or clash.type in KEYWORD_TYPES:
        return _juxtaposed(clash)
    return None


def _entry(clash: Clash) -> Diagnostic:
    """An entry of a map without its value: a set of Python, mostly."""
    help = "a list is written [1, 2]; an entry of a map is key: value"
    return clash.fault("E0115", "this entry of a map has no value", help)


_BRACED = {
    **dict.fromkeys(("Parameter", "ParameterTensor"), "declare it: param W: [3, 4] ~ he_normal()"),
    "Input": "declare it: input x: [N, 3]",
    "Constant": "a constant tensor is a list: [[1, 2], [3, 4]]",
    **dict.fromkeys(
        ("DenseLayer", "LinearLayer"), "a layer is called: h = Dense(x, 64, act = relu)"
    ),
}
"""What stands before braces in BrainScript."""


def _brace(clash: Clash) -> Diagnostic:
    before = clash.before.text if clash.before else ""
    if before.endswith("_") or clash.before_type == "CIRCUMFLEX":
        return clash.fault("E0114", "'{' cannot stand here", "an index in a name is written x_1")
    help = _BRACED.get(before, "only headers have a body; arguments stand in parentheses: f(x)")
    return clash.fault("E0114", "'{' cannot stand here", help)


def _decorator(clash: Clash) -> Diagnostic | None:
    """An `@` that begins a line, where no product can go on."""
    found = clash.tokens[clash.index].span
    if found.source.text[: found.start].rpartition("\n")[2].strip():
        return None
    help = "leave it out: a whole file is compiled"
    return clash.fault("E0123", "there are no decorators", help)


def _is_prefix(clash: Clash) -> bool:
    """Whether a name touches the string after it, as in an f-string."""
    before, found = clash.before, clash.found
    touches = before is not None and found is not None and before.span.end == found.span.start
    return touches and clash.before_type == "NAME"


def _dotted_sign(clash: Clash) -> Diagnostic:
    """`.*` and its like: what other languages do element by element."""
    assert clash.before is not None
    assert clash.found is not None, "a sign stands here"
    sign = clash.found.text
    span = clash.before.span.to(clash.found.span)
    help = f"write '{sign}': it works element by element; a matrix product is written '@'"
    return Diagnostic("E0109", f"'.{sign}' is not an operator", (Label(span),), (help,))


def _colon_help(clash: Clash) -> tuple[str, ...]:
    opener = clash.opener()
    if opener is None:
        return ()
    if clash.tokens[opener].type == "LSQB":
        return ("a slice is written start:stop or start:stop:step",)
    return ("an argument is given by name with '=': f(x, units = 3)",)


def _chained(clash: Clash) -> Diagnostic | None:
    start = clash.opener() or 0
    before = clash.tokens[start : clash.index]
    first = next((one for one in reversed(before) if one.type == "COMPARE"), None)
    if first is None:
        return None
    labels = (Label(clash.span), Label(first.span, "the first one", primary=False))
    help = (
        "join two with 'and': a < b and b < c",
        "compare truth values, one in parentheses: (a > b) == c",
    )
    signs = {first.text, clash.tokens[clash.index].text}
    fitting = help[1:] if signs & {"==", "!="} and len(signs) > 1 else help[:1]
    return Diagnostic("E0119", "comparisons cannot be chained", labels, fitting)


def _equal(clash: Clash) -> Diagnostic:
    if clash.opener() is None:
        help = "to compare, write '=='; to bind two names, write two statements"
        return clash.fault("E0114", "a second '=' in one statement", help)
    if clash.in_map:
        return clash.fault(
            "E0114",
            "'=' cannot stand in a map",
            "an entry is written key: value; a body follows a header, such as 'block f(x) {'",
        )
    help = "to compare, write '=='; an argument is given by a bare name: f(x, units = 3)"
    return clash.fault("E0114", "'=' cannot stand here", help)


def _comma(clash: Clash) -> Diagnostic | None:
    opener = clash.opener()
    if opener is not None and clash.tokens[opener].type != "LPAR":
        return None
    if opener is None:
        help = "a tensor is written [1, 2]; nodes are joined with stack(a, b) or concat(a, b)"
        return clash.fault("E0114", "a statement has one value", help)
    help = "a list is written [a, b]; nodes are joined with stack(a, b)"
    return clash.fault("E0114", "parentheses hold one expression", help)


def _juxtaposed(clash: Clash) -> Diagnostic:
    assert clash.before is not None, "an operand stands before"
    found = clip(clash.tokens[clash.index].text)
    before = clip(clash.before.text)
    comma = " or a comma" if clash.opener() is not None else ""
    message = f"an operator{comma} is missing between '{before}' and '{found}'"
    if clash.opener() is None and any(one.type == "WITH" for one in clash.tokens[: clash.index]):
        advice = "settings are separated by commas: with lr = 0.1, frozen = true"
        return clash.fault("E0114", f"a comma is missing before '{found}'", advice)
    product = not comma and clash.before.type != "STRING" and clash.type != "STRING"
    called = clash.before_type == "NAME" and clash.type == "NAME" and before != found
    how = f"a product is written with '*' or '@', a call {before}({found})"
    help = (how if called else "a product is written with '*' or '@'",) if product else ()
    return clash.fault("E0114", message, *help)


# --- where an operand was expected ------------------------------------------------------------


def _for_operand(clash: Clash) -> Diagnostic | None:
    before = clip(clash.before.text) if clash.before else ""
    match clash.type:
        case "":
            return clash.fault("E0115", f"an expression is missing after '{before}'")
        case "PLUS" if "MINUS" in clash.expected:
            return clash.fault("E0114", "there is no sign '+' before a value", "leave it out")
        case "STAR":
            return clash.fault("E0114", "'*' needs an expression before it")
        case "COLON":
            return clash.fault("E0114", "':' cannot stand here", "slices stand in an index: x[1:3]")
        case "DOTS":
            return clash.fault("E0114", "'...' stands in an index only: x[..., 0]")
        case "LBRACE":
            return None
        case "IF":
            return clash.fault(
                "E0114", "'if' stands between values", "write 'a if condition else b'"
            )
        case "NOT":
            return clash.fault("E0114", "'not' needs parentheses here", "write (not x)")
    found = clip(clash.tokens[clash.index].text)
    if clash.type == "RSQB" and clash.before_type == "LSQB":
        return clash.fault("E0115", "an index is missing between '[' and ']'", "x[:] is all of x")
    if clash.type == "RPAR" and clash.before_type == "LPAR":
        return clash.fault("E0115", "these parentheses are empty")
    if clash.type in BINARY:
        return clash.fault("E0115", f"an expression is missing between '{before}' and '{found}'")
    if clash.before_type == "COMMA" or clash.before_type in BINARY or clash.type == "COMMA":
        return clash.fault("E0115", f"an expression is missing between '{before}' and '{found}'")
    return None

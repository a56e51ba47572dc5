"""Syntax errors inside an expression: operators and operands that are missing or too many."""

from __future__ import annotations

from graphdsl.language.brackets import BINARY
from graphdsl.language.clash import KEYWORD_TYPES, OPERAND_STARTS, Clash, clip
from graphdsl.language.diagnostics import Diagnostic, Label

_WORDS = {
    "lambda": "functions are named: define a block and pass its name",
    "for": "there are no comprehensions; loops are written 'repeat l in 1..10 { … }'",
    "is": "to compare, write '=='",
    "then": "a choice is written 'a if condition else b'",
    "where": "'where' is called: where(condition, a, b)",
    "mod": "there is no remainder operator",
    "xor": "write '!='",
    "per": "give the batch axis in the shape: '[N, 64]'",
}


def explain_expression(clash: Clash) -> Diagnostic | None:
    """What is wrong with the expression at the fault, if that is where it lies."""
    if clash.type == "" and "ELSE" in clash.expected:
        return clash.fault("E0115", "'if' needs its 'else'", "write 'a if condition else b'")
    if clash.before_type == "DOT" and clash.type not in KEYWORD_TYPES:
        return clash.fault("E0115", "a name is missing after '.'")
    if clash.type in KEYWORD_TYPES and (found := _keyword(clash)):
        return found
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
        if clash.type == "IN" and clash.wants_operator:
            return clash.fault(
                "E0114", "there is no test for membership", "compare with '==' and 'or'"
            )
        return None
    if not clash.wants_operand and "NAME" not in clash.expected:
        return None
    message = f"'{word}' is a keyword and cannot be a name"
    if clash.start == "setting":
        return clash.fault("E0116", message, f'a column of that name is written column("{word}")')
    return clash.fault("E0116", message, f"choose another, such as '{word}_'")


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
            return clash.fault("E0114", "'{' cannot stand here", "only headers have a body")
    if clash.type in OPERAND_STARTS or clash.type in KEYWORD_TYPES:
        return _juxtaposed(clash)
    return None


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
    help = "join two with 'and': a < b and b < c"
    return Diagnostic("E0119", "comparisons cannot be chained", labels, (help,))


def _equal(clash: Clash) -> Diagnostic:
    if clash.opener() is None:
        help = "to compare, write '=='; to bind two names, write two statements"
        return clash.fault("E0114", "a second '=' in one statement", help)
    if (opener := clash.opener()) is not None and clash.tokens[opener].type == "LBRACE":
        return clash.fault("E0114", "'=' cannot stand in a map", "an entry is written key: value")
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
    product = not comma and clash.before.type != "STRING" and clash.type != "STRING"
    help = ("a product is written with '*' or '@'",) if product else ()
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

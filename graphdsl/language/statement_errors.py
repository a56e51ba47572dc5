"""Syntax errors in the shape of a statement: its first words, its names, its types."""

from __future__ import annotations

from graphdsl.language.brackets import STARTERS
from graphdsl.language.clash import KEYWORD_TYPES, Clash
from graphdsl.language.clipping import clip
from graphdsl.language.diagnostics import Diagnostic, Label
from graphdsl.language.header_errors import (
    TYPE_WORDS,
    explain_header,
    explain_setting,
    keyword_as_name,
)
from graphdsl.language.near import nearest

_FOREIGN = {
    **dict.fromkeys(
        ("def", "fn", "func", "function", "class", "macro", "lambda"),
        "a function is written 'block name(x) { … }', its result after 'return'",
    ),
    **dict.fromkeys(("for", "while", "foreach"), "a loop is written 'repeat l in 1..10 { … }'"),
    **dict.fromkeys(
        ("let", "var", "val", "auto", "set"), "a value is bound without a word before it: 'x = …'"
    ),
    **dict.fromkeys(TYPE_WORDS, "the role comes first and the type last: 'input x: f64[N, 3]'"),
    **dict.fromkeys(
        ("parameters", "parameter", "weights", "weight", "variable"),
        "each trained tensor is declared on a line: 'param W: [3, 4] ~ normal(0, 0.1)'",
    ),
    **dict.fromkeys(
        ("include", "use", "using", "require"), "write 'from \"file.gdl\" import name'"
    ),
    **dict.fromkeys(
        ("elif", "elseif", "switch", "case", "then"),
        "there are no branches: a choice between values is written 'a if condition else b'",
    ),
    "print": "nothing is printed from a file: 'output y = …' is what 'run' shows",
    **dict.fromkeys(
        ("assert", "del", "pass", "try", "except", "raise", "yield", "global", "async", "await"),
        "a file declares a graph; it runs nothing",
    ),
    **dict.fromkeys(("end", "done", "fi", "endif", "endfor"), "a body ends with '}'"),
    **dict.fromkeys(("begin", "do"), "a body begins with '{' at the end of its header"),
    **dict.fromkeys(
        ("model", "BrainScriptNetworkBuilder", "NDLNetworkBuilder"),
        "the whole file is the model: its lines stand alone, without braces",
    ),
    "functions": "each function is a block: 'block name(x) { … }', its result after 'return'",
    **dict.fromkeys(("transformed", "generated"), "what is computed is bound to a name: 'h = …'"),
    "SGD": "settings of training stand in 'train { … }'",
    **dict.fromkeys(("reader", "Reader"), "the data's file stands in 'data { source = … }'"),
    "placeholder": "write 'input x: [N, 3]'",
    "minimize": "write 'loss J = …'",
    "minimise": "write 'loss J = …'",
}
_EXAMPLES = {
    "LOSS": "loss J = …",
    "METRIC": "metric accuracy = …",
    "OUTPUT": "output p = …",
    "UPDATE": "update m = …",
    "CONST": "const k = …",
    "COLLECT": "collect O = …",
    "SHARE": "share cell = Block(…)",
    "PARAM": "param W: [3, 4] ~ normal(0, 0.1)",
    "STATE": "state m: [3] = 0",
    "INPUT": "input x: [N, 3]",
    "DIM": "dim N",
}
_VALUED = frozenset(["CONST", "UPDATE", "LOSS", "METRIC", "OUTPUT", "COLLECT", "SHARE"])
_TYPED = frozenset(["INPUT", "PARAM", "STATE"])


def explain_statement(clash: Clash) -> Diagnostic | None:
    """What is wrong with the statement's shape, if that is where the fault lies."""
    if clash.start == "setting":
        return explain_setting(clash)
    if clash.head.type == "NAME":
        return _unled(clash)
    if clash.head.type not in STARTERS:
        return _other_head(clash)
    if clash.head.type in _EXAMPLES:
        return _declaration(clash)
    return explain_header(clash)


# --- a statement that begins with a name ------------------------------------------------------


def _unled(clash: Clash) -> Diagnostic | None:
    first, second = clash.head, clash.type_at(1)
    if _is_foreign(clash):
        return _foreign(clash)
    if any(token.type == "EQUAL" for token in clash.tokens[1 : clash.index]):
        return None
    word = clip(first.text)
    if second in KEYWORD_TYPES | {"NAME", "STRING", "LBRACE", "NUMBER"}:
        if second == "NAME" and clash.type_at(2) == "EQUAL" and not _nearest(first.text):
            name = clash.tokens[1].text
            joined = f"write '{clip(f'{first.text}_{name}')} = …'"
            return clash.fault("E0117", "a name is one word", joined, f"or '{clip(name)} = …'")
        near = _nearest(first.text)
        helps = (
            (f"did you mean '{near}'?",)
            if near
            else ("a statement is 'name = …' or a declaration",)
        )
        return _at_head(clash, "E0117", f"'{word}' begins no statement", *helps)
    match second:
        case "COLON":
            help = (
                f"declare it by its role: 'input {word}: …', 'param {word}: …' or 'state {word}: …'"
            )
            return clash.fault("E0117", f"'{word}' has a type but no role", help)
        case "TILDE":
            both = (
                f"write 'param {word} ~ …' or 'state {word} ~ …'",
                "what is observed adds to the loss: 'loss J = mean((y - mu)^2)'",
            )
            return clash.fault("E0117", f"'{word}' is drawn but has no role", *both)
        case "COMPARE":
            return _compared(clash)
    return _nameless(clash)


_BODIED = frozenset(("SGD", "reader", "Reader", "BrainScriptNetworkBuilder", "NDLNetworkBuilder"))


def _is_foreign(clash: Clash) -> bool:
    """Whether the statement is one of another language: its first word, and what follows it."""
    word, second = clash.head.text, clash.type_at(1)
    if word not in _FOREIGN:
        return False
    if second == "EQUAL":  # `SGD = {`, and no binding that goes wrong further on
        return word in _BODIED and clash.type_at(2) in ("LBRACE", "LSQB")
    if second == "COMPARE":
        return word in TYPE_WORDS
    if second == "LPAR":
        bodied = clash.tokens[-1].type == "COLON" or clash.has("LBRACE") or clash.has("IN")
        return bodied or word in ("print", "assert", "for", "while", "foreach")
    return second in ("NAME", "STRING", "LBRACE", "LSQB", "NUMBER", "")


def _nearest(word: str) -> str | None:
    """The keyword that `word` is near to."""
    return nearest(word, (name.lower() for name in STARTERS))


def _foreign(clash: Clash) -> Diagnostic:
    word = clash.head.text
    return _at_head(clash, "E0123", f"'{word}' is no word of this language", _FOREIGN[word])


def _at_head(clash: Clash, code: str, message: str, *help: str) -> Diagnostic:
    return Diagnostic(code, message, (Label(clash.head.span),), help)


def _compared(clash: Clash) -> Diagnostic | None:
    sign, after = clash.tokens[1], clash.tokens[2:3]
    word = clip(clash.head.text)
    if sign.text == "<" and after and after[0].text == "-" and after[0].span.start == sign.span.end:
        arrow = Label(sign.span.to(after[0].span))
        return Diagnostic("E0109", "a name is bound with '='", (arrow,), (f"write '{word} = …'",))
    if sign.text == "==":
        return Diagnostic("E0109", "'==' compares", (Label(sign.span),), (f"write '{word} = …'",))
    return _nameless(clash)


def _nameless(clash: Clash) -> Diagnostic | None:
    """A bare expression, or one on the left of `=`."""
    whole = clash.head.span.to(clash.tokens[-1].span)
    equal = next((one for one in clash.tokens if one.type == "EQUAL"), None)
    if clash.type_at(1) == "COMMA" and equal is None:
        return clash.fault("E0115", "these names are given no value", "write 'h, c = …'")
    if clash.type_at(1) == "COMMA":
        return None
    if clash.type_at(1) == "" or equal is None:
        help = "a value is bound to a name, 'y = …', or ends a block: 'return …'"
        return Diagnostic("E0121", "this value has no name", (Label(whole),), (help,))
    if clash.type_at(1) == "LSQB":
        help = "a value is never changed; make a new one with 'where', 'stack' or 'concat'"
    elif clash.type_at(1) == "DOT":
        help = "what a block owns is bound in the block"
    else:
        help = "a function is written 'block name(x) { return … }'"
    left = clash.head.span.to(clash.tokens[clash.tokens.index(equal) - 1].span)
    return Diagnostic("E0121", "only names can stand before '='", (Label(left),), (help,))


# --- a statement that begins with a keyword ---------------------------------------------------


def _other_head(clash: Clash) -> Diagnostic | None:
    """A first token that begins no statement."""
    if clash.index:
        return None
    match clash.head.type:
        case "IF":
            help = "a choice between values is written 'y = a if condition else b'"
            return clash.fault("E0123", "there is no 'if' statement", help)
        case "ELSE":
            help = "a choice between values is written 'y = a if condition else b'"
            return clash.fault("E0114", "a line cannot begin with 'else'", help)
        case "WITH":
            help = "it belongs at the end of its 'param' line"
            return clash.fault("E0114", "a line cannot begin with 'with'", help)
        case "AT":
            help = "leave it out: a whole file is compiled"
            return clash.fault("E0123", "there are no decorators", help)
        case "LPAR" | "LSQB" | "NUMBER" | "STRING" | "MINUS" | "NOT" | "TRUE" | "FALSE":
            return _nameless(clash)
    return None


def _declaration(clash: Clash) -> Diagnostic | None:
    head, type = clash.head, clash.type
    example = f"write '{_EXAMPLES[head.type]}'"
    if clash.index == 1:
        if type in KEYWORD_TYPES:
            return keyword_as_name(clash)
        return clash.fault("E0121", f"'{head.text}' needs a name", example)
    if head.type == "SHARE" and clash.index > 2 and clash.opener() is None:
        return clash.fault("E0114", "'share' names one call of a block", example)
    if "WITH" in (clash.before_type, clash.type_at(clash.index - 2)):
        return clash.fault("E0115", "'with' needs settings", "write 'with lr = 0.1'")
    if clash.before_type == "COLON" and clash.index == 3:
        return clash.fault(
            "E0115", "a type is missing after ':'", "write f64[N, 3], or leave ':' out"
        )
    name = clip(clash.tokens[1].text)
    if clash.index > 2:
        return None
    if not type and head.type in _VALUED:
        handed = f"'{head.text} {name}_out = {name}' hands out what is called {name}"
        helps = (example, handed) if head.type == "OUTPUT" else (example,)
        return clash.fault("E0115", f"'{name}' is given no value", *helps)
    if head.type in _TYPED and type in ("LSQB", "NAME"):
        help = f"write '{head.text} {name}: …'"
        return clash.fault("E0124", f"':' is missing between '{name}' and its type", help)
    match head.type, type:
        case _, "COMMA" if head.type != "DIM":
            message = f"'{head.text}' declares one name"
            return clash.fault("E0114", message, "give each its own line")
        case "DIM", "EQUAL":
            help = f"a size that is known is a constant: 'const {name} = …'"
            return clash.fault("E0114", f"a dim has no value: '{name}' is bound by the data", help)
        case "INPUT", "EQUAL" | "TILDE":
            help = f"write 'const {name} = …', 'param {name} = …' or '{name} = …'"
            return clash.fault("E0114", "an input has no value: it is fed with data", help)
        case _, "COLON" | "LSQB" if head.type in _VALUED:
            help = "its type follows from its value"
            return clash.fault("E0114", f"'{head.text}' takes no type", help)
        case _, "TILDE" if head.type in _VALUED:
            return clash.fault("E0114", "only 'param' and 'state' are drawn", f"write '{name} = …'")
    return None

"""Signs that are none of the language, and what is written in their place: tables of text."""

from __future__ import annotations

LOOKALIKES = {
    "×": ("STAR", "*"),
    "·": ("STAR", "*"),
    "⋅": ("STAR", "*"),
    "∗": ("STAR", "*"),
    "÷": ("SLASH", "/"),
    "−": ("MINUS", "-"),
    "–": ("MINUS", "-"),
    "—": ("MINUS", "-"),
    "≤": ("COMPARE", "<="),
    "≥": ("COMPARE", ">="),
    "≠": ("COMPARE", "!="),
    "∧": ("AND", "and"),
    "∨": ("OR", "or"),
    "¬": ("NOT", "not"),
    "∼": ("TILDE", "~"),
    "…": ("DOTS", "..."),
    "←": ("EQUAL", "="),
}
"""Signs that look like one of the language: the token they stand for, and its text."""

HINTS = {
    "%": "a comment begins with '#'",
    "$": "names stand bare: x, not $x",
    "\\": "a line goes on inside '( )', or where it ends with an operator",
    "?": "a choice at compile time is written 'a if condition else b', one element by element "
    "where(condition, a, b)",
    "`": "names stand bare",
    "&": "write 'and'",
    "|": "write 'or'",
    "ᵀ": "a transpose is written x.T",
    "√": "a root is written sqrt(x)",
    "∑": "a sum is written sum(x)",
    "Σ": "a sum is written sum(x)",
    "∏": "a product is written prod(x)",
    "∂": "a gradient is written grad(y, x)",
    "∇": "a gradient is written grad(y, x)",
    "∞": "write inf",
    "∘": "an elementwise product is written '*'",
    "⊙": "an elementwise product is written '*'",
    "“": 'a string stands in plain double quotes: "…"',
    "”": 'a string stands in plain double quotes: "…"',
    "„": 'a string stands in plain double quotes: "…"',
    "‘": 'a string stands in plain double quotes: "…"',
    "’": 'a string stands in plain double quotes: "…"',
}
"""What to write instead of other signs."""

COMMANDS = {
    **dict.fromkeys(("frac", "dfrac", "tfrac"), "a quotient is written a / b"),
    **dict.fromkeys(("cdot", "times", "odot", "circ"), "a product is written a * b"),
    "sqrt": "a root is written sqrt(x)",
    "sum": "a sum is written sum(x)",
    "prod": "a product is written prod(x)",
    **dict.fromkeys(("partial", "nabla"), "a gradient is written grad(y, x)"),
    "infty": "write inf",
    **dict.fromkeys(("top", "intercal"), "a transpose is written x.T"),
    **dict.fromkeys(("log", "ln"), "the natural logarithm is written ln(x)"),
    **dict.fromkeys(("leq", "le"), "write '<='"),
    **dict.fromkeys(("geq", "ge"), "write '>='"),
    **dict.fromkeys(("neq", "ne"), "write '!='"),
    **dict.fromkeys(("sim", "leftarrow", "gets"), "write '~' or '='"),
    **dict.fromkeys(("left", "right", "big", "Big"), "write the bracket alone"),
    **dict.fromkeys(
        ("mathbf", "mathrm", "boldsymbol", "text", "hat", "bar", "tilde"),
        "names stand bare, in one kind of letters: x_hat",
    ),
}
"""What to write instead of a command of LaTeX."""

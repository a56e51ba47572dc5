"""W01xx: warnings, what is allowed and rarely meant."""

from __future__ import annotations

from graphdsl.language.codes.entry import Code

WARNINGS = {
    "W0101": Code(
        "nothing reads an input",
        "Data would be fed that no result depends on.",
        "Use the input, or delete it.",
        bad="input x\ninput z\noutput y = x",
        good="input x\noutput y = x",
    ),
    "W0102": Code(
        "nothing uses a parameter",
        "It would be stored and never change anything.",
        "Use the parameter, or delete it.",
        bad="param w = 1\nparam b = 0\nloss J = w^2",
        good="param w = 1\nparam b = 0\nloss J = (w - 1)^2 + b^2",
    ),
    "W0103": Code(
        "the loss does not depend on a parameter",
        "Its gradient is 0, so training leaves it as it begins.",
        "Make it part of the loss, or keep it out of training: `with frozen = true`.",
        bad="param w = 1\nparam b = 0\nloss J = w^2\noutput y = b",
        good="param w = 1\nparam b = 0 with frozen = true\nloss J = w^2\noutput y = b",
    ),
    "W0106": Code(
        "a name hides another",
        "A file may use the name of an op or of the prelude for something else, and then cannot "
        "reach what it hides.",
        "Choose another name, if the other was not meant to be hidden.",
        bad="input x\nexp = 2 * x\noutput y = exp",
        good="input x\nx2 = 2 * x\noutput y = x2",
    ),
    "W0107": Code(
        "`l2` sums over nothing",
        "No trained parameter of rank 2 or more that is declared above has such a name, so the "
        "term is 0.",
        'Write a pattern that matches: `"*"` takes all of them, `"*.W"` those called W.',
        bad='param w: [3] = 1\nloss J = sum(w^2) + l2("w")',
        good='param w: [3, 1] = 1\nloss J = sum(w)^2 + l2("w")',
    ),
    "W0108": Code(
        "a column meets a row",
        "`[N, 1]` with `[N]` broadcasts to `[N, N]`, every row against every other, which is "
        "rarely meant.",
        "`x[:, 0]` makes a vector of a column, `reshape(x, [-1, 1])` the reverse.",
        bad="dim N\ninput x: [N, 1]\ninput y: [N]\noutput d = x - y",
        good="dim N\ninput x: [N, 1]\ninput y: [N]\noutput d = x[:, 0] - y",
    ),
}

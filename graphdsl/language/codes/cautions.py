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
    "W0104": Code(
        "nothing uses a name",
        "A constant, a size, a node or a shared block is declared that no other line reads.",
        "Use it, make it an output, or delete it.",
        bad="input x\nh = 2 * x\noutput y = x",
        good="input x\nh = 2 * x\noutput y = h",
    ),
    "W0105": Code(
        "a softmax is fed to `cross_entropy`",
        "`cross_entropy` takes logits and applies the softmax itself; a second one flattens every "
        "gradient.",
        "Hand it the logits.",
        bad="dim N\ninput x: [N, 3]\ninput y: i64[N]\nz = softmax(x)\n"
        "loss J = mean(cross_entropy(z, y))",
        good="dim N\ninput x: [N, 3]\ninput y: i64[N]\nloss J = mean(cross_entropy(x, y))",
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
    "W0109": Code(
        "floats are compared for equality",
        "Rounding keeps floats that should be equal from being so.",
        "Compare with a tolerance.",
        bad="input a\ninput b\noutput y = a == b",
        good="input a\ninput b\noutput y = abs(a - b) < 1e-6",
    ),
    "W0110": Code(
        "a loss grows with the batch",
        "The gradient of a sum over the rows grows with their number, so that a learning rate "
        "fits one batch size alone.",
        "Take the mean.",
        bad="dim N\ninput x: [N]\nparam w = 1\nloss J = sum((w * x)^2)",
        good="dim N\ninput x: [N]\nparam w = 1\nloss J = mean((w * x)^2)",
    ),
    "W0111": Code(
        "a derivative with respect to what does not matter",
        "The first operand does not depend on the second, so the derivative is 0.",
        "Differentiate with respect to a name that the first was computed from.",
        bad="input x\ninput z\noutput y = z + grad(x^2, z)",
        good="input x\ninput z\noutput y = z + grad(x^2 * z, z)",
    ),
    "W0112": Code(
        "a rate below 0",
        "An optimizer goes down by its rate times the gradient: by a rate below 0 it climbs the "
        "loss, and by a decay below 0 weights grow.",
        "Leave the sign away, unless a parameter is meant to climb what the others descend.",
        bad="param w = 1\nloss J = w^2\ntrain {\n  optimizer = sgd(lr = -0.1)\n}",
        good="param w = 1\nloss J = w^2\ntrain {\n  optimizer = sgd(lr = 0.1)\n}",
    ),
    "W0113": Code(
        "weights that are not finite",
        "A run that diverged leaves nan or infinities in its parameters, and so does a damaged "
        "file: all that is computed from them is nan as well.",
        "Take the weights from before: an earlier checkpoint, or a run that did not diverge.",
    ),
}

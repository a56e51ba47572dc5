"""E07xx: gradients."""

from __future__ import annotations

from graphdsl.language.codes.entry import Code

GRADIENTS = {
    "E0701": Code(
        "the gradient of what is no scalar",
        "A gradient has the shape of its second operand, which holds for a scalar alone.",
        "Take the gradient of a sum or a mean.",
        bad="input x: [3]\noutput g = grad(x^2, x)",
        good="input x: [3]\noutput g = grad(sum(x^2), x)",
    ),
    "E0702": Code(
        "the gradient of what is no float",
        "Integers and truth values have no numbers between them, so nothing has a slope.",
        "Take the gradient with respect to a float.",
        bad="input k: i64\ninput x\noutput g = grad(k * x, k)",
        good="input k: i64\ninput x\noutput g = grad(k * x, x)",
    ),
    "E0703": Code(
        "the gradient with respect to what is no name on the way",
        "The second operand names a node that the first was computed from. `x[0]` makes a new "
        "node, which nothing was computed from.",
        "Bind the expression to a name and compute with that name.",
        bad="input x: [3]\noutput g = grad(sum(x^2), x[0])",
        good="input x: [3]\noutput g = grad(sum(x^2), x)[0]",
    ),
    "E0704": Code(
        "a matrix of derivatives of unknown or great size",
        "`jacobian` and `hessian` make one sweep for each element, so their number is known and "
        "small.",
        "Use constant sizes; `jvp` and `hvp` give products with a direction in one sweep.",
        bad="dim N\ninput x: [N]\ny = x^2\noutput D = jacobian(y, x)",
        good="input x: [3]\ny = x^2\noutput D = jacobian(y, x)",
    ),
}

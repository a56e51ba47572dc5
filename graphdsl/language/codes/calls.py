"""E04xx: blocks and calls."""

from __future__ import annotations

from graphdsl.language.codes.entry import Code

_TWO = "block two(x) {\n  return x, 2 * x\n}\ninput a\n"
_TWICE = "block twice(x) {\n  return 2 * x\n}\ninput a\n"

CALLS = {
    "E0401": Code(
        "too many arguments",
        "A call gives each argument of the declaration one value.",
        "Leave out what is too much; the message shows the declaration.",
        bad=f"{_TWICE}output y = twice(a, 3)",
        good=f"{_TWICE}output y = twice(a)",
    ),
    "E0402": Code(
        "an argument is missing",
        "An argument without a default has to be given.",
        "Add it, in its place or by keyword.",
        bad="input x: [5, 3]\noutput y = Dense(x)",
        good="input x: [5, 3]\noutput y = Dense(x, units = 4)",
    ),
    "E0403": Code(
        "no such argument",
        "Keywords are the names that the declaration gives its arguments.",
        "Take the near name that is suggested.",
        bad="input x: [5, 3]\noutput y = sum(x, axes = 0)",
        good="input x: [5, 3]\noutput y = sum(x, axis = 0)",
    ),
    "E0404": Code(
        "a block calls itself",
        "Calls are opened at compile time, so a block that calls itself would never end.",
        "Write the turns with `repeat`.",
        bad="block f(x) {\n  return f(x)\n}\ninput a\noutput y = f(a)",
        good="input a\nh = a\nrepeat i in 1..3 {\n  h = 2 * h\n}\noutput y = h",
    ),
    "E0405": Code(
        "the number of results differs",
        "A block of several results binds as many names, and every other expression binds one.",
        "Let as many names stand on the left as there are results: `h, c = …`.",
        bad=f"{_TWO}output y = two(a)",
        good=f"{_TWO}b, c = two(a)\noutput y = b + c",
    ),
    "E0406": Code(
        "something that cannot be called",
        "Ops, blocks and the functions of the language are called; an optimizer is named in the "
        "`train` block.",
        "An index stands in brackets, `x[0]`; a product needs its sign, `k * (…)`.",
        bad="input x: [3]\noutput y = x(0)",
        good="input x: [3]\noutput y = x[0]",
    ),
    "E0407": Code(
        "a function stands where a value should",
        "A function can be an argument of a block; computed with, it has to be called.",
        "Call it: `relu(x)`.",
        bad="input x\noutput y = relu + x",
        good="input x\noutput y = relu(x) + x",
    ),
    "E0408": Code(
        "the number of operands differs",
        "Operands of an op stand in their places; what else it takes is given by keyword.",
        "Follow the call that the help shows.",
        bad="input x: [5, 3]\noutput y = max(x, 0)",
        good="input x: [5, 3]\noutput y = max(x, axis = 0)",
    ),
    "E0409": Code(
        "an argument of the wrong kind",
        "What is given by keyword is known at compile time: an axis, a list of sizes, a type.",
        "Give a constant of the kind that the message names.",
        bad="input x: [5, 3]\noutput y = sum(x, axis = 0.5)",
        good="input x: [5, 3]\noutput y = sum(x, axis = 0)",
    ),
    "E0410": Code(
        "a model expands too far",
        "Loops and calls are opened before anything runs, and what they come to is counted first.",
        "Look at the bounds of the loops.",
        bad="input x\nh = x\nrepeat i in 1..1000000000 {\n  h = 2 * h\n}\noutput y = h",
        good="input x\nh = x\nrepeat i in 1..100 {\n  h = 2 * h\n}\noutput y = h",
    ),
    "E0411": Code(
        "the body of an optimizer does not fit",
        "An optimizer holds states, ops and updates, and updates p.",
        "End it with `update p = p - …`.",
    ),
    "E0412": Code(
        "`share` of what is no block",
        "Only a block has parameters that can be shared.",
        "Name a block: `share cell = Dense(units = 64)`.",
        bad="input x\nshare f = exp()\noutput y = f(x)",
        good="input x: [5, 3]\nshare f = Dense(units = 3)\noutput y = f(f(x))",
    ),
    "E0413": Code(
        "calls of a shared block need different parameters",
        "A shared block has one set of parameters for all its calls, so its sizes are the same.",
        "Share two blocks, or bring the operands to one size.",
        bad="input x: [5, 3]\nshare f = Dense(units = 4)\noutput y = f(f(x))",
        good="input x: [5, 3]\nshare f = Dense(units = 3)\noutput y = f(f(x))",
    ),
    "E0414": Code(
        "a block returns nothing",
        "A call has a value, and what it is stands after `return`, the last line of the block.",
        "End the body with `return …`.",
        bad="block f(x) {\n  y = 2 * x\n}\ninput a\noutput b = f(a)",
        good="block f(x) {\n  y = 2 * x\n  return y\n}\ninput a\noutput b = f(a)",
    ),
    "E0415": Code(
        "an argument is given twice",
        "An argument is given in its place or by its name, and not in both ways.",
        "Leave one of the two out.",
        bad=f"{_TWICE}output y = twice(a, x = a)",
        good=f"{_TWICE}output y = twice(x = a)",
    ),
}

"""E01xx: text and syntax."""

from __future__ import annotations

from graphdsl.language.codes.entry import Code

SYNTAX = {
    "E0101": Code(
        "the model file cannot be read",
        "There is no such file, it is a folder, or the system does not let it be read.",
        "Check the path; the nearest name beside it is suggested.",
    ),
    "E0102": Code(
        "the model file is not UTF-8 text",
        "Model files are UTF-8 text, so that names may use the letters of any language.",
        "Save the file as UTF-8; a data file belongs into `data { source = … }`.",
    ),
    "E0103": Code(
        "the model file is too large",
        "A model file is text for people to read; what is larger is refused unread.",
        "Write repeated parts as `repeat` or as blocks; keep data in data files.",
    ),
    "E0104": Code(
        "a character cannot be read here",
        "Outside strings and comments only names, numbers and the signs of the language stand.",
        "Write the plain sign that the help names: `*` for `×`, `x^2` for `x²`.",
        bad="input x\noutput y = x²",
        good="input x\noutput y = x^2",
    ),
    "E0105": Code(
        "a character may not stand in a model file",
        "Control characters, and those that turn the direction of text, can hide what a file says.",
        "Delete the character; the message gives its place and number.",
    ),
    "E0106": Code(
        "a number is badly written",
        "A number has a digit on both sides of its point, because `1..50` is a range.",
        "Write `1.0`, `0.5`, `1e-3` or `1_000`; a product needs its sign: `2 * x`.",
        bad="input x\noutput y = .5 * x",
        good="input x\noutput y = 0.5 * x",
    ),
    "E0107": Code(
        "a number is too large or too small",
        "Integers have 64 bits; floats are IEEE doubles before they are cast.",
        "Write a smaller number, a float such as `1e30`, or `inf`.",
        bad="input x\noutput y = 99999999999999999999 * x",
        good="input x\noutput y = 1e20 * x",
    ),
    "E0108": Code(
        "a string is badly written",
        "Strings stand in double quotes on one line; they are paths and attributes.",
        'Write `"digits.npz"`.',
    ),
    "E0109": Code(
        "a sign is not an operator of this language",
        "The operators are `+ - * / @ ^`, the comparisons, `and`, `or` and `not`.",
        "Write what the help names: `^` for `**`, `and` for `&&`, `=` for `:=`.",
        bad="input x\noutput y = x ** 2",
        good="input x\noutput y = x^2",
    ),
    "E0110": Code(
        "a bracket is never closed",
        "Inside `( )` and `[ ]` a newline does not end a statement, so each must be closed.",
        "Close the bracket that is underlined.",
        bad="input x\noutput y = exp(x",
        good="input x\noutput y = exp(x)",
    ),
    "E0111": Code(
        "a bracket closes nothing",
        "Every closing bracket belongs to an opening one of its kind.",
        "Delete it, or open the bracket it should close.",
        bad="input x\noutput y = exp(x))",
        good="input x\noutput y = exp(x)",
    ),
    "E0112": Code(
        "a body's braces are misplaced",
        "`{` ends the line of its header and `}` is followed by a new line.",
        "Write `block f(x) {`, the body, and `}` on lines of their own.",
        bad="block f(x)\n{\n  return x\n}\ninput a\noutput y = f(a)",
        good="block f(x) {\n  return x\n}\ninput a\noutput y = f(a)",
    ),
    "E0113": Code(
        "nested too deep",
        "Expressions are nested 200 deep at most, bodies 16: deeper ones nobody can read.",
        "Give inner parts names of their own.",
    ),
    "E0114": Code(
        "something cannot stand here",
        "The statement makes sense up to the place that is underlined, and not beyond.",
        "Follow the help; the language reference shows the form of every statement.",
    ),
    "E0115": Code(
        "something is missing",
        "The statement ends, or goes on, before it is complete.",
        "Write what the message says is missing.",
        bad="input x\noutput y = x *",
        good="input x\noutput y = x * 2",
    ),
    "E0116": Code(
        "a keyword stands where a name should",
        "Keywords are reserved as whole words, except as keys in `data` and `train`.",
        'Choose another name; a column of that name is `column("input")`.',
        bad="input loss",
        good="input error\noutput y = error",
    ),
    "E0117": Code(
        "a statement begins with no known word",
        "A statement is `name = …` or begins with a keyword that gives its role.",
        "Write the keyword that is suggested, or give the declaration its role.",
        bad="inptu x\noutput y = 1",
        good="input x\noutput y = x",
    ),
    "E0118": Code(
        "a statement stands in the wrong place",
        "Inputs, losses, outputs and the settings belong to the whole file; `return` to a block.",
        "Move the statement to where it belongs.",
        bad="input x\nblock f(x) {\n  loss J = x\n  return x\n}\noutput y = f(x)",
        good="input x\nblock f(x) {\n  return x\n}\noutput y = f(x)",
    ),
    "E0119": Code(
        "comparisons are chained",
        "`a < b < c` would compare a truth value with `c`; here it is no expression at all.",
        "Write `a < b and b < c`.",
        bad="input x\noutput y = 0 < x < 1",
        good="input x\noutput y = 0 < x and x < 1",
    ),
    "E0120": Code(
        "arguments are out of order",
        "Arguments without a keyword come first; each keyword is given once.",
        "Move the keywords to the end, and keep one of each.",
        bad="input x: [3]\noutput y = sum(axis = 0, x)",
        good="input x: [3]\noutput y = sum(x, axis = 0)",
    ),
    "E0121": Code(
        "a value or a declaration has no name",
        "Every name is one node of the graph, and every node that is written has a name.",
        "Write `y = …` or `loss J = …`.",
        bad="input x\nexp(x)",
        good="input x\noutput y = exp(x)",
    ),
    "E0122": Code(
        "a draw is not called",
        "What follows `~` is a distribution with its arguments, always in parentheses.",
        "Write `~ he_normal()`.",
        bad="param W: [3] ~ normal\noutput y = W",
        good="param W: [3] ~ normal()\noutput y = W",
    ),
    "E0123": Code(
        "a word of another language",
        "A file declares a graph: it has no statements that run, no types in front, no lambdas.",
        "Write what the help names.",
        bad="input x\ndef f(x):",
        good="input x\nblock f(x) {\n  return 2 * x\n}\noutput y = f(x)",
    ),
    "E0124": Code(
        "the colon before a type is missing",
        "A declaration is `name: type`; without the colon `x [3]` might be an index.",
        "Write `param W: [3, 4]`.",
        bad="input x [3]\noutput y = x",
        good="input x: [3]\noutput y = x",
    ),
    "E0125": Code(
        "more errors follow",
        "A file with very many errors is hardly a model file; the first 200 are shown.",
        "Mend those that are shown, and check again.",
    ),
}

"""E03xx: names and declarations."""

from __future__ import annotations

from graphdsl.language.codes.entry import Code

NAMES = {
    "E0301": Code(
        "a name that nothing binds",
        "A name is an op, a declaration of the prelude, an import, or bound above in this file. A "
        "block sees its file's constants, dims and blocks, and never its nodes.",
        "Take the near name that is suggested; hand a node to a block as an argument.",
        bad="input x\noutput y = sgimoid(x)",
        good="input x\noutput y = sigmoid(x)",
    ),
    "E0302": Code(
        "a name is bound twice",
        "Every name stands for one thing, so it is bound once; only inside `repeat` is a node of "
        "the outside bound again, and the number of the turn is no such node.",
        "Give the second value another name.",
        bad="input x\nh = exp(x)\nh = ln(h)\noutput y = h",
        good="input x\nh = exp(x)\ng = ln(h)\noutput y = g",
    ),
    "E0303": Code(
        "a name is used before it is bound",
        "Statements are read from the top down, and a name cannot stand in its own definition.",
        "Move the declaration up. What goes from step to step is a `state` with its `update`.",
        bad="input x\ny = x + h\nh = 2 * x\noutput z = y",
        good="input x\nh = 2 * x\ny = x + h\noutput z = y",
    ),
    "E0304": Code(
        "a constant has no value",
        "A `const` is a number, a truth value or a list, known before data comes; integers have "
        "64 bits.",
        "Leave `const` out to bind a node; write `10.0^20` for a float.",
        bad="const k = 10^20\ninput x\noutput y = k * x",
        good="const k = 10.0^20\ninput x\noutput y = k * x",
    ),
    "E0305": Code(
        "an override names no constant",
        "`--set` and keywords of `load` override the `const` declarations of the file.",
        "Take the near name that is suggested, or declare it: `const hidden = 128`.",
    ),
    "E0306": Code(
        "an unknown element type",
        "The element types are `f32 f64 i32 i64 bool`, and `float`, the model's own.",
        "Write one of these.",
        bad="input x: float32[3]\noutput y = x",
        good="input x: f32[3]\noutput y = x",
    ),
    "E0307": Code(
        "a size is no whole number",
        "Sizes are whole numbers of at least 0, for every value of the symbols in them: `/` must "
        "divide exactly.",
        "Name the smaller size and multiply.",
        bad="dim N\ninput x: [N/2]\noutput y = sum(x)",
        good="dim M\ninput x: [2*M]\noutput y = sum(x)",
    ),
    "E0308": Code(
        "an initial value is missing or does not fit",
        "What is stored needs a first value: drawn with `~`, or given with `=` and computed from "
        "constants. The type that is declared has to hold it.",
        "Write `~ normal(0, 0.1)` or `= 0`; for a value of another type, that type, or "
        "`cast(…, i64)` where the change is meant.",
        bad="param W: [3]\noutput y = W",
        good="param W: [3] ~ normal(0, 0.1)\noutput y = W",
    ),
    "E0309": Code(
        "an update of what is no state, or a second one",
        "`update` writes a state at the end of a training step, once.",
        "Declare a `state`; put the two updates into one expression.",
        bad="input x\nm = 0.9 * x\nupdate m = x\noutput y = m",
        good="input x\nstate m = 0\nupdate m = 0.9 * m + x\noutput y = m",
    ),
    "E0310": Code(
        "a parameter or a state of symbolic size",
        "What is stored has its place before data comes, so its sizes are constants.",
        "Use a `const` for the size.",
        bad="dim N\nparam b: [N] = 0\noutput y = b",
        good="const n = 3\nparam b: [n] = 0\noutput y = b",
    ),
    "E0311": Code(
        "a loss is no scalar float",
        "Training makes one number smaller. Losses of the library give one value per row, so that "
        "they can be weighted.",
        "Average over the batch with `mean(…)`.",
        bad="dim N\ninput x: [N]\nparam w = 1\nloss J = (w * x)^2",
        good="dim N\ninput x: [N]\nparam w = 1\nloss J = mean((w * x)^2)",
    ),
    "E0312": Code(
        "a second loss",
        "A gradient is that of one number.",
        "Add the two, with weights, or make one of them a `metric`.",
        bad="param w = 1\nloss J = w^2\nloss K = w^4",
        good="param w = 1\nloss J = w^2 + 0.1 * w^4",
    ),
    "E0313": Code(
        "a `with` clause does not fit",
        "`with` multiplies arguments of the optimizer by numbers; `frozen` is true or false.",
        "Name an argument that the optimizer has, and give a constant.",
        bad="param w = 1 with lr = true\nloss J = w^2",
        good="param w = 1 with lr = 0.1\nloss J = w^2",
    ),
    "E0315": Code(
        "a file declares nothing",
        "A model has inputs or parameters, and something computed from them.",
        "Begin with `input x` and `output y = x^2`.",
        good="input x\noutput y = x^2",
    ),
    "E0316": Code(
        "no such parameter",
        "After a point stands `T`, the transpose, or the path of a parameter: `h.W` belongs to the "
        "block call bound to h.",
        "Take the near name that is suggested.",
        bad="input x: [5, 3]\nh = Dense(x, 4)\noutput y = sum(h) + sum(h.w)",
        good="input x: [5, 3]\nh = Dense(x, 4)\noutput y = sum(h) + sum(h.W)",
    ),
    "E0317": Code(
        "a condition that is no constant",
        "`if` chooses between two graphs, before data comes.",
        "Choose element by element with `where`.",
        bad="input x\noutput y = x if x > 0 else 0",
        good="input x\noutput y = where(x > 0, x, 0)",
    ),
    "E0318": Code(
        "a map stands where a value should",
        "Values are numbers and tensors. What differs from parameter to parameter is written at "
        "each of them, after `with`.",
        "Write a list in `[ ]`, or bind the values to names of their own.",
        bad='input x\noutput y = x + {"a": 1}',
        good="input x\noutput y = x + 1",
    ),
    "E0319": Code(
        "something that is no value",
        "Types and strings are named where they are wanted, and cannot be computed with.",
        "Write a number or a node.",
        bad='input x\noutput y = "2" * x',
        good="input x\noutput y = 2 * x",
    ),
    "E0320": Code(
        "a list of computed values",
        "`[ ]` holds constants, so that its shape is plain.",
        "Join computed values with `stack` or `concat`.",
        bad="input x\noutput y = [x, 2 * x]",
        good="input x\noutput y = stack(x, 2 * x)",
    ),
    "E0321": Code(
        "the rows of a list differ in length",
        "A list stands for a tensor, so its rows are equally long.",
        "Fill the short rows.",
        bad="output y = sum([[1, 2], [3]])",
        good="output y = sum([[1, 2], [3, 0]])",
    ),
    "E0322": Code(
        "`return` is not the end of a block",
        "A block returns once, in its last statement.",
        "Move `return` to the end.",
        bad="block f(x) {\n  return x\n  y = x\n}\ninput a\noutput b = f(a)",
        good="block f(x) {\n  y = x\n  return y\n}\ninput a\noutput b = f(a)",
    ),
    "E0324": Code(
        "a trained parameter is not a float",
        "A gradient needs numbers between the numbers.",
        "Leave the type out, or keep it from training: `with frozen = true`.",
        bad="param k: i64 = 3\noutput y = k",
        good="param k: i64 = 3 with frozen = true\noutput y = k",
    ),
    "E0325": Code(
        "a variable is too large",
        "No machine holds a tensor of more than 2^40 elements; it is likely a slip.",
        "Look at the sizes in the message.",
        bad="param W: [10000000, 10000000] = 0\noutput y = W",
    ),
    "E0326": Code(
        "there is nothing to train",
        "Training needs a loss, a parameter and an optimizer, or states with updates of their own.",
        "Declare what the message names, or leave the `train` block out.",
        bad="input x\noutput y = x\ntrain {\n  optimizer = sgd()\n}",
        good="param w = 1\nloss J = w^2\ntrain {\n  optimizer = sgd()\n}",
    ),
    "E0327": Code(
        "`collect` without turns",
        "`collect` stacks what the turns of its `repeat` give, and a loop whose last number is "
        "smaller than its first has no turn.",
        "Look at the bounds of the loop, and at the constants in them.",
        bad="input x\nrepeat i in 1..0 {\n  collect y = i * x\n}\noutput z = sum(y)",
        good="input x\nrepeat i in 1..3 {\n  collect y = i * x\n}\noutput z = sum(y)",
    ),
    "E0328": Code(
        "a bound of `repeat` is no integer constant",
        "Loops are unrolled before data comes, so their length is known.",
        "Use a `const`.",
        bad="dim N\ninput x: [N]\nh = x\nrepeat i in 1..N {\n  h = 2 * h\n}\noutput y = h",
        good="const n = 3\ninput x\nh = x\nrepeat i in 1..n {\n  h = 2 * h\n}\noutput y = h",
    ),
    "E0329": Code(
        "two loops name their parameters alike",
        "A turn's parameters are called after the first name the loop carries: `o[1].W`.",
        "Let the second loop carry another name.",
    ),
    "E0330": Code(
        "a carried name changes its shape or type",
        "What one turn hands to the next is one place in memory.",
        "Give the changed value a name of its own, or begin with a value of its type.",
        bad="input x\nh = x\nrepeat i in 1..3 {\n  h = stack(h, h)\n}\noutput y = h",
        good="input x\nh = x\nrepeat i in 1..3 {\n  h = h + h\n}\noutput y = h",
    ),
    "E0331": Code(
        "an import names what is not there",
        "An import brings the blocks, optimizers and constants that a file declares.",
        "Take the near name that is suggested.",
    ),
    "E0332": Code(
        "imports go round in a circle",
        "A file that imports itself, through others perhaps, has no beginning.",
        "Move what both need into a third file.",
    ),
    "E0333": Code(
        "a text imports from nowhere",
        "Imports are found beside the model's file, and a text in memory has none.",
        "Load the model from a file.",
    ),
    "E0334": Code(
        "an import leaves the model's folder",
        "A model of someone else's reads nothing but what it came with.",
        "Copy the file beside the model.",
    ),
    "E0335": Code(
        "an imported file does not exist",
        "Imports are found beside the model's file.",
        "Take the near name that is suggested.",
    ),
    "E0336": Code(
        "what is stored depends on the mode",
        "Parameters and states are stored once, for training and for evaluation: both modes own "
        "the same ones, of the same types and with the same settings.",
        "Choose between values: `y = a if training else b`.",
        bad="input x: [4]\nconst k = 4 if training else 3\nparam W: [k] = 1\n"
        "output y = sum(x) * sum(W)",
        good="input x: [4]\nconst k = 4 if training else 3\nparam W: [4] = 1\n"
        "output y = k * sum(x * W)",
    ),
    "E0337": Code(
        "imports are nested too deep",
        "A file imports from a file that imports from another, and so on, further than anybody "
        "follows.",
        "Import from the file that declares the names.",
    ),
    "E0338": Code(
        "a second `data` or `train` block",
        "A file says once where its data comes from and how it is trained.",
        "Write the settings of both into the first one.",
        bad="param w = 1\nloss J = w^2\ntrain {\n  optimizer = sgd()\n}\ntrain {\n  epochs = 3\n}",
        good="param w = 1\nloss J = w^2\ntrain {\n  optimizer = sgd()\n  epochs = 3\n}",
    ),
    "E0339": Code(
        "two arguments of a declaration have one name",
        "A call gives arguments by their names, so those of a block or an optimizer differ.",
        "Give one of them another name.",
        bad="block f(x, x) {\n  return x\n}\ninput a\noutput y = f(a, a)",
        good="block f(x, z) {\n  return x + z\n}\ninput a\noutput y = f(a, a)",
    ),
    "E0340": Code(
        "two calls would own a parameter of one name",
        "What a block owns is called after its call, and a call inside another expression after "
        "its block: two such names can be the same.",
        "Bind the inner call to a name in a line before.",
        bad="block D(x) {\n  param W: [4, 4] = 0\n  return x @ W\n}\n"
        "block Deep(x) {\n  D = D(x)\n  return D\n}\ninput x: [2, 4]\noutput h = Deep(D(x))",
        good="block D(x) {\n  param W: [4, 4] = 0\n  return x @ W\n}\n"
        "block Deep(x) {\n  D = D(x)\n  return D\n}\ninput x: [2, 4]\n"
        "g = D(x)\noutput h = Deep(g)",
    ),
}

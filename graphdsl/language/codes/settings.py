"""E05xx: the `data` and `train` blocks."""

from __future__ import annotations

from graphdsl.language.codes.entry import Code

_LINE = "dim N\ninput x: [N]\nparam w = 1\nloss J = mean((w - x)^2)\n"

SETTINGS = {
    "E0501": Code(
        "an unknown setting",
        "Every key is checked, so that a slip is no silent default.",
        "Take the near name that is suggested.",
        bad=f"{_LINE}train {{\n  optimiser = adam()\n}}",
        good=f"{_LINE}train {{\n  optimizer = adam()\n}}",
    ),
    "E0502": Code(
        "a setting of the wrong kind",
        "Each setting takes one kind of value; the reference lists them.",
        "Write a value of the kind that the message names.",
        bad=f"{_LINE}train {{\n  optimizer = adam()\n  epochs = 1.5\n}}",
        good=f"{_LINE}train {{\n  optimizer = adam()\n  epochs = 15\n}}",
    ),
    "E0503": Code(
        "`data` names no source",
        "Columns come from a file or a folder beside the model.",
        'Write `source = "data.npz"`, or name the parts: `train = "train.csv"`.',
        bad=f"{_LINE}data {{\n  x = a\n}}",
        good=f'{_LINE}data {{\n  source = "data.csv"\n  x = a\n}}',
    ),
    "E0504": Code(
        "`data` leaves an input out",
        "Every input gets its values from somewhere.",
        "Bind it to an expression over columns.",
        bad=f'{_LINE}data {{\n  source = "data.csv"\n}}',
        good=f'{_LINE}data {{\n  source = "data.csv"\n  x = a\n}}',
    ),
    "E0505": Code(
        "`optimizer` names no optimizer",
        "The rule of the update is a declaration of the prelude, of the file or imported.",
        "Write a call of one: `optimizer = adam(lr = 1e-3)`.",
        bad=f'{_LINE}train {{\n  optimizer = "adam"\n}}',
        good=f"{_LINE}train {{\n  optimizer = adam(lr = 1e-3)\n}}",
    ),
    "E0506": Code(
        "`stop` does not fit",
        "Training is stopped by `early` and `plateau`, which watch a loss or a metric, and by "
        "`after`, which counts epochs, steps or seconds; `and` and `or` join them.",
        "Write `stop = early(J, patience = 10) or after(seconds = 600)`.",
        bad=f"{_LINE}train {{\n  optimizer = adam()\n  stop = early(w)\n}}",
        good=f"{_LINE}train {{\n  optimizer = adam()\n  stop = early(J)\n}}",
    ),
    "E0507": Code(
        "no such column",
        "Names on the right of the `data` block, and that of `stratify`, are columns of the "
        "source; a part that has a file of its own has the same ones.",
        'Take the near name that is suggested; a name with spaces is `column("mean radius")`.',
    ),
    "E0508": Code(
        "a path leaves the model's folder",
        "A model of someone else's reads nothing but what it came with.",
        "Put the data beside the model, or name other data when you run it: `--data PATH`.",
    ),
    "E0509": Code(
        "a part of the data comes from two places",
        "A part is drawn by `split`, named by the column of `split_by`, or stands in a file of its "
        "own.",
        "Leave one of the two out.",
    ),
    "E0510": Code(
        "an expression over columns does not fit",
        "Text is no number, and `column`, `category` and `standardize` take one argument.",
        "`category(c)` turns text into whole numbers, one for each value.",
    ),
    "E0511": Code(
        "a column gives no value per row",
        "The first axis of a column counts the rows.",
        "Keep it whole: `table[:, :3]` takes columns, not rows.",
    ),
    "E0512": Code(
        "a setting is given twice",
        "Of two values neither would be the one that counts.",
        "Leave one of the two lines out.",
        bad=f"{_LINE}train {{\n  optimizer = adam()\n  epochs = 5\n  epochs = 9\n}}",
        good=f"{_LINE}train {{\n  optimizer = adam()\n  epochs = 9\n}}",
    ),
    "E0513": Code(
        "a setting of the step without an optimizer",
        "Clipping, accumulating, averaging and factors change the update that an optimizer makes.",
        "Name an optimizer, or leave the setting out.",
        bad=f"{_LINE}train {{\n  clip_norm = 1\n}}",
        good=f"{_LINE}train {{\n  optimizer = adam()\n  clip_norm = 1\n}}",
    ),
    "E0514": Code(
        "a pattern matches no parameter",
        "A pattern without a parameter does nothing, and is likely a slip. Names are qualified: "
        "the `W` of `h = Dense(x, 8)` is `h.W`; `*` is any text, `?` any letter.",
        "Take the near name that is suggested, or one of those that are listed.",
        bad=f'{_LINE}train {{\n  optimizer = adam()\n  scale_lr = {{"*.W": 0.1}}\n}}',
        good=f'{_LINE}train {{\n  optimizer = adam()\n  scale_lr = {{"w": 0.1}}\n}}',
    ),
}

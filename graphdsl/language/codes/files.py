"""E06xx: data files and fed arrays."""

from __future__ import annotations

from graphdsl.language.codes.entry import Code

FILES = {
    "E0601": Code(
        "an array is fed that no input takes",
        "Arrays are fed by the names of the inputs.",
        "Take the near name that is suggested.",
    ),
    "E0602": Code(
        "an input is not fed",
        "What is asked for depends on it.",
        "Feed an array of the type that the help shows.",
    ),
    "E0603": Code(
        "the rows of an array differ in length",
        "A tensor has rows of one length.",
        "Pad the short rows, or feed them one by one.",
    ),
    "E0604": Code(
        "an array has another shape than its input",
        "The number of axes and every size that is a number are part of the declaration.",
        "Reshape the array, or change the declaration.",
    ),
    "E0605": Code(
        "one symbolic size, two values",
        "A symbol stands for one number in all inputs that are fed together.",
        "Feed arrays of one length, or declare two dims.",
    ),
    "E0606": Code(
        "an array's elements do not fit its input",
        "Integers may be fed to floats, floats to integers where every value is whole, and f64 to "
        "f32; text, objects, and values that would change are refused.",
        "Convert the array, or change the declared type.",
    ),
    "E0607": Code(
        "an index is out of range",
        "An index that comes from data is checked when it is used.",
        "Look at the value and the line in the message; labels are counted from 0.",
    ),
    "E0608": Code(
        "an unknown kind of data file",
        "The ending of a file says how it is read.",
        "Store the data in one of the formats that the help names.",
    ),
    "E0609": Code(
        "a data file cannot be opened",
        "There is no such file, it is a folder, or the system does not let it be read.",
        "Check the path; the nearest name beside it is suggested.",
    ),
    "E0610": Code(
        "a data file is damaged",
        "It is not what its ending says, or ends too early.",
        "Write it anew.",
    ),
    "E0611": Code(
        "a CSV file cannot be read",
        "A CSV file has a line of names, then as many cells in every line.",
        "Mend the line in the message.",
    ),
    "E0612": Code(
        "a value is missing",
        "One nan among the inputs makes every result nan.",
        "Fill the cell, leave the row out, or use other columns.",
    ),
    "E0613": Code(
        "data larger than the machine's memory",
        "It would be read whole, and there is less memory than that, or less of it is free.",
        "Use fewer rows or columns, or a folder of `.npy` files, which are mapped and not read.",
    ),
    "E0614": Code(
        "a column's elements cannot be used",
        "Python objects, and integers beyond 64 bits, are no numbers of the language.",
        "Store numbers or text.",
    ),
    "E0615": Code(
        "the columns do not fit together",
        "Every row has a value in each column, and a column has rows of one shape in all parts.",
        "Compare the shapes in the message.",
    ),
    "E0616": Code(
        "a part has no rows",
        "Every part that is named needs a row at least.",
        "Choose other fractions, or give the data more rows.",
    ),
    "E0617": Code(
        "a class has too few rows to be split",
        "A stratified split gives each part rows of every class.",
        "Stratify by a column of classes, each with rows enough, or leave `stratify` out.",
    ),
    "E0618": Code(
        "a batch is no mapping of arrays",
        "A stream gives one mapping of arrays by input for each step.",
        'Yield `{"x": …, "y": …}`.',
    ),
    "E0619": Code(
        "a value met while running has no result",
        "A singular matrix has no inverse, and one that is not positive definite no Cholesky "
        "factor.",
        "Look at the node in the message; a small multiple of `eye(n)` often mends a matrix.",
    ),
    "E0620": Code(
        "a weights file cannot be read",
        "Weights are safetensors files, as `model.save` and a run's folder have them; those that "
        "graphdsl wrote hold a digest, by which a changed bit is found.",
        "Name such a file, or the run's folder; take a copy of a damaged one.",
    ),
    "E0621": Code(
        "weights do not fit the model",
        "Every parameter and state is found by its name, with its shape and type.",
        "Load the model with the constants it was trained with.",
    ),
    "E0622": Code(
        "a category that the training part has not got",
        "`category` numbers the values of the training part; what is met later has to be among "
        "them.",
        "Leave such rows out, or see that the training part has some of each: `stratify`.",
    ),
    "E0623": Code(
        "a row's part has no such name",
        "The column that `split_by` names holds `train`, `valid` or `test` in every row.",
        "Mend the row in the message, or split by fractions.",
    ),
    "E0624": Code(
        "batches that come only once",
        "An iterator is used up after one epoch.",
        "Pass `epochs=1`, a list, or an object whose `__iter__` begins anew.",
    ),
    "E0625": Code(
        "a batch larger than the data",
        "A step would never get as many rows as were asked for.",
        "Write `batch = all`, or a number that the training part has.",
    ),
    "E0626": Code(
        "a checkpoint cannot be used",
        "It is damaged, or was written by another run, model or version: nothing of it is taken.",
        "Remove it: the run goes on from the one before it. Of another version, the run's others "
        "are no better: `--warm-start` begins a new run with the weights that fit.",
    ),
    "E0627": Code(
        "numbers and text in one column",
        "A cell that is no number makes a column text, and `table` would leave it out without a "
        "word, so that other columns took its place.",
        "Mend the cell in the message, or say that the column is text: `category(name)`.",
    ),
}

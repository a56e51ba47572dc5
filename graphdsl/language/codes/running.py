"""E08xx: running, from Python or the command line, and the files that are written."""

from __future__ import annotations

from graphdsl.language.codes.entry import Code

RUNNING = {
    "E0801": Code(
        "a model says no way to train it",
        "A step needs a loss and an optimizer, or updates of the file's own.",
        "Add what the help names.",
    ),
    "E0802": Code(
        "an array larger than the machine's memory",
        "Sizes are known once data is fed; what would not fit is refused before it is made.",
        "Look at the line in the message, and at the sizes that were bound.",
    ),
    "E0803": Code(
        "no such node",
        "Nodes are asked for by the names of the file: `h`, `h.W`, `o[3].W`.",
        "Take the near name that is suggested.",
    ),
    "E0804": Code(
        "a size that nothing binds",
        "A symbolic size gets its value from an input that has it as a size of its own.",
        "Feed such an input.",
    ),
    "E0805": Code(
        "training diverged",
        "The loss is inf or nan, and no step leads back from there.",
        "Try a smaller learning rate and inputs of unit scale; look at ln, / and exp.",
    ),
    "E0806": Code(
        "nothing to compute",
        "`run` gives every result that depends on fed inputs alone, and here that is none.",
        "Feed the inputs that the help names, or declare an output.",
    ),
    "E0807": Code(
        "a call of the Python interface does not fit",
        "What is asked for does not exist, or has no gradient.",
        "Follow the help.",
    ),
    "E0808": Code(
        "no such setting to override",
        "Keywords of `trainer` and `fit` are the settings of `data` and `train`; the optimizer is "
        "compiled with the model.",
        "Take the near name that is suggested.",
    ),
    "E0809": Code(
        "an override of the wrong kind",
        "An override takes the kind of value that the file would.",
        "Give a value of the kind that the message names.",
    ),
    "E0810": Code(
        "there is no data to train on",
        "Data comes from the `data` block or from the call.",
        "Pass a path, arrays by input, or an iterable of batches.",
    ),
    "E0811": Code(
        "early stopping without a valid part",
        "`early` watches rows that are not trained on.",
        "Give the data block a split, or pass `stop=None`.",
    ),
    "E0812": Code(
        "a file cannot be written",
        "The system does not let it be written, or the disk is full.",
        "Name a folder that you may write to.",
    ),
    "E0813": Code(
        "the folder of a run is not empty",
        "A run never overwrites another.",
        "Name a folder that is new or empty.",
    ),
    "E0815": Code(
        "a size comes to nothing that a tensor can have",
        "With the sizes that were fed, a size of the file is negative or divides by zero.",
        "Feed more rows, or look at the line in the message.",
    ),
    "E0816": Code(
        "another trainer has taken over",
        "A model has one set of optimizer states; the newest trainer owns it.",
        "Step with the newest trainer, or load the model twice.",
    ),
    "E0817": Code(
        "a batch is empty",
        "A mean over no rows is no number, and a step with it would make every parameter one.",
        "Feed one row or more.",
    ),
    "E0820": Code(
        "a fed file cannot be read",
        "`x=@x.npy` feeds an array from a `.npy` file of numbers.",
        "Check the path and the format.",
    ),
    "E0821": Code(
        "no such size",
        "`show` takes values for the symbolic sizes of the model.",
        "Take the near name that is suggested.",
    ),
    "E0822": Code(
        "an unknown kind of picture",
        "The ending of the path says the format.",
        "End it in `.svg`, `.png`, `.pdf` or `.dot`.",
    ),
    "E0823": Code(
        "there is no folder to write into",
        "Folders are not made on the way, lest a slip scatter files.",
        "Make it first: `mkdir -p FOLDER`.",
    ),
    "E0824": Code(
        "there is no Graphviz to draw with",
        "Pictures are laid out by Graphviz.",
        "Install the extra `render`, or the program `dot`; the drawing's text was written beside.",
    ),
    "E0825": Code(
        "Graphviz could not draw",
        "It failed, or took too long, on this drawing.",
        "Use the drawing's text with another tool, or make the model smaller.",
    ),
    "E0826": Code(
        "too many nodes to draw",
        "A picture of so many boxes nobody can read.",
        "Make the model smaller for the drawing: `--set NAME=VALUE`.",
    ),
    "E0827": Code(
        "no such part of the data",
        "The parts are those of the `data` block.",
        "Name one of those that the help lists.",
    ),
    "E0828": Code(
        "outputs do not fit the file's format",
        "A `.npy` file holds one array, a `.csv` file a line a row, a `.npz` file anything.",
        "Write a `.npz` file.",
    ),
    "E0829": Code(
        "a model without outputs predicts nothing",
        "`predict` hands out what the file declares as `output`.",
        "Declare it: `output p = softmax(z)`.",
    ),
}

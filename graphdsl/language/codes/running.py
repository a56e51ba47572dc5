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
        "Sizes are known once data is fed; what would not fit is refused before it is made. So is "
        "what is more than other processes leave of the machine's memory, or of a container's.",
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
        "The loss or a gradient is inf or nan, and no step leads back from there. The step is done "
        "again to find the node that it began at; the last good weights are kept.",
        "Do what the help says; `--debug-nan` looks at every node of every step.",
    ),
    "E0806": Code(
        "nothing to compute",
        "`run` gives every result that depends on fed inputs alone, and here that is none.",
        "Feed the inputs that the help names, or declare an output.",
    ),
    "E0807": Code(
        "no such gradient",
        "What has a gradient is one float number, and what it is taken with respect to are floats.",
        "Name a loss or another scalar with `of`, and floats with `wrt`.",
    ),
    "E0808": Code(
        "no such setting to override",
        "What is overridden are settings of `data` and `train`. The optimizer and what binds the "
        "inputs are compiled with the model: `--with KEY=VALUE` and `load(…, settings={…})` take "
        "them, `trainer` and `fit` come too late for them.",
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
        "Write a `data` block, or pass a path, arrays by input, or an iterable of batches.",
    ),
    "E0811": Code(
        "a criterion of `stop` without a valid part",
        "`early`, and `plateau` unless it says otherwise, watch rows that are not trained on.",
        "Give the data block a split, or leave `stop` out: `--with stop=`, or `stop=None`.",
    ),
    "E0812": Code(
        "a file cannot be written",
        "The system says why: the disk is full, the folder is another's, the path is no path.",
        "Do what the help says, which goes by that reason.",
    ),
    "E0813": Code(
        "the folder of a run is not empty",
        "A run never overwrites another.",
        "Name a folder that is new or empty.",
    ),
    "E0815": Code(
        "a size comes to nothing that a tensor can have",
        "With the sizes that were fed, a size of the file is negative or divides by zero. A slice "
        "has the length that its type says: `x[1:]` of N rows has N - 1, so N is 1 or more.",
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
    "E0818": Code(
        "a step does not fit the memory it may take",
        "`memory` limits what a step computes in. What is too much is computed again where it is "
        "read, but never what is random or handed out, and one kernel's operands and result have "
        "to be there at once.",
        "Allow the number in the help, or take smaller batches.",
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
        "Let it fold, draw a part of it, `--only NAME --depth 10`, or make the model smaller for "
        "the drawing: `--set NAME=VALUE`.",
    ),
    "E0827": Code(
        "no such part of the data",
        "The parts are those of the `data` block.",
        "Name one of those that the help lists.",
    ),
    "E0828": Code(
        "outputs do not fit the file's format",
        "A `.npy` file holds one array, a `.csv` or `.parquet` file a line a row, a `.npz` file "
        "anything.",
        "Write a `.npz` file.",
    ),
    "E0829": Code(
        "a model without outputs predicts nothing",
        "`predict` hands out what the file declares as `output`.",
        "Declare it: `output p = softmax(z)`.",
    ),
    "E0830": Code(
        "no such option of a model",
        "`dtype` is the model's float, f32 or f64, `engine` is what runs it, `settings` is a "
        "mapping, and `training` is True or False.",
        "Take one of those that the message names.",
    ),
    "E0831": Code(
        "`stop` watches what is no loss or metric",
        "Early stopping follows a number that the file reports: a `loss` or a `metric`.",
        "Take the near name that is suggested, or declare it: `metric error = …`.",
    ),
    "E0832": Code(
        "arrays are divided by what is not among them",
        "`stratify` and `split_by` name columns; arrays have inputs, of which one has the name of "
        "the classes or is bound to their column, and none says a row's part.",
        "Pass `stratify=None` or `split_by=None`, or the input that is named.",
    ),
    "E0833": Code(
        "data of no known kind",
        "Data is a path, arrays by input, or an iterable of batches.",
        'Pass one of these: `model.fit({"x": X})`.',
    ),
    "E0834": Code(
        "a run does not go on with another model",
        "Its optimizer's states belong to the model as it was; the difference is shown.",
        "Go on with that model, or begin a new run with the weights that fit: `--warm-start`.",
    ),
    "E0835": Code(
        "a run does not go on with other data or settings",
        "It would come to something else than if it had never stopped. Only `--epochs` may grow.",
        "Leave the option out, put the data back, or begin a new run: `--warm-start`.",
    ),
    "E0836": Code(
        "there is no run to go on with",
        "The folder of a run holds its settings and its model as they were.",
        "Name such a folder: `runs/MODEL-N`, or the one that `--out` named. Of a model's files "
        "that are no longer as they were, remove those that were changed: `--resume` writes them "
        "anew.",
    ),
    "E0837": Code(
        "a run is under way",
        "Two processes that train in one folder would overwrite each other's checkpoints.",
        "Wait for it to end, or begin another run.",
    ),
    "E0838": Code(
        "a run cannot be verified",
        "A replay is compared with what a run that has ended has left.",
        "Go on with the run: `--resume` takes it to its end, and writes anew what it had left.",
    ),
    "E0840": Code(
        "an engine that is not installed",
        "`--engine numba` compiles programs with numba, which does not come along by itself.",
        "`pip install 'graphdsl-lang[fast]'`, or leave the engine out.",
    ),
    "E0845": Code(
        "one value of all rows, and rows in batches",
        "Outputs are computed batch by batch, and what has no axis of rows would be one of each "
        "batch.",
        "Take all rows at once, `--batch all`; `graphdsl evaluate` gives means over the rows.",
    ),
    "E0846": Code(
        "classes without names",
        "The names are the values of the one column that the data block numbers by `category`.",
        "Leave `--labels` out, or follow the help.",
    ),
    "E0847": Code(
        "no input or output for an estimator",
        "An estimator finds by their shapes which inputs X and y feed, and which output predicts.",
        "Name it, `x_input`, `y_input` or `output`, or give the model one of the shape that is "
        "said.",
    ),
    "E0848": Code(
        "a setting of `data` without effect",
        "What divides rows, or names their file, says nothing of data that is given otherwise.",
        "Leave it out, or give the data as the help says.",
    ),
    "E0850": Code(
        "a drawing cannot be asked for like this",
        "A drawing has the options of `graphdsl render`; a depth is counted from the node that "
        "`only` names, and the direction is TB or LR.",
        "Follow the help.",
    ),
    "E0851": Code(
        "nothing of that name can be folded",
        "What is folded are calls, by the name they are bound to or by their block, and loops, by "
        "the name they carry.",
        "Take one of those that the help names.",
    ),
    "E0855": Code(
        "no network to draw",
        "A drawing of a network has layers: products with weights, functions of each unit, sums "
        "and concatenations of layers, convolutions and the like, and calls of blocks. This node "
        "is none, and stands in no call.",
        "Put what belongs together into a block, which is drawn as one box; or draw the graph.",
    ),
    "E0870": Code(
        "a value that is not finite",
        "`--debug-nan` looks at every node, and `stats` at the loss and the gradients: this node "
        "is the first that is nan or infinite though its operands are finite.",
        "Look at the operands' ranges; the help says what keeps the op within bounds.",
    ),
    "E0871": Code(
        "a package for pictures or event files is not installed",
        "Pictures of a run are drawn by matplotlib, event files are written by tensorboard; "
        "neither comes along by itself.",
        "Install what the help names.",
    ),
    "E0872": Code(
        "there is nothing to draw",
        "A curve needs an output with a value per row and one input to vary; a path needs a "
        "parameter of two numbers, and points that are finite.",
        "Name them as the help says.",
    ),
    "E0880": Code(
        "an export that cannot be made",
        "A model is exported to what the help names, as a file that Python can import.",
        "Follow the help.",
    ),
    "E0881": Code(
        "sizes that an export is for are not given",
        "An exported program is straight-line NumPy for sizes that are numbers.",
        "Give each: `graphdsl export m.gdl -o step.py N=64`; several times for several sizes.",
    ),
    "E0882": Code(
        "there is nothing to export",
        "Exports have the outputs that the file declares, and the training step.",
        "Declare an `output`, or a loss and an optimizer.",
    ),
    "E0883": Code(
        "a profile of no steps",
        "The time of a step is the mean of those that are measured.",
        "Ask for one step or more.",
    ),
}

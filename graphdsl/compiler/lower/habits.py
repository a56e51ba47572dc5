"""Habits of other languages: a name that a reader of Python, PyTorch, Stan, R or BrainScript would
write comes in, what is written here instead goes out.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from graphdsl.language.diagnostics import did_you_mean

_ELSEWHERE: dict[str, tuple[str, ...]] = {
    "Dense": ("Linear", "DenseLayer", "fc", "LinearLayer"),
    "GRUCell": ("GRU",),
    "LSTMCell": ("LSTM",),
    "abs": ("absolute", "fabs"),
    "absolute_error": ("l1_loss", "L1Loss", "mae"),
    "acos": ("arccos",),
    "acosh": ("arccosh",),
    "arange": ("linspace",),
    "asin": ("arcsin",),
    "asinh": ("arcsinh",),
    "atan": ("arctan",),
    "atan2": ("arctan2",),
    "atanh": ("arctanh",),
    "binary_cross_entropy": ("BCELoss", "bce"),
    "cast": ("astype",),
    "ceil": ("ceiling",),
    "clip": ("clamp",),
    "concat": ("cat", "concatenate", "Splice", "vstack", "hstack"),
    "expand": ("unsqueeze", "expand_dims", "newaxis"),
    "eye": ("identity_matrix",),
    "grad": ("gradient",),
    "lgamma": ("gammaln",),
    "log_softmax": ("LogSoftmax",),
    "logdet": ("det_log", "slogdet"),
    "max": ("ReduceMax", "reduce_max", "amax"),
    "mean": ("ReduceMean", "reduce_mean", "average"),
    "min": ("ReduceMin", "amin"),
    "mod": ("fmod", "remainder"),
    "mse": ("mse_loss", "MSELoss"),
    "normal": ("randn",),
    "normal_cdf": ("ndtr", "Phi"),
    "relu": ("ReLU", "RectifiedLinear"),
    "reshape": ("view",),
    "sgd": ("gd", "SGD", "GradientDescent", "gradient_descent"),
    "sigmoid": ("logistic", "expit", "inv_logit"),
    "sign": ("sgn",),
    "silu": ("swish",),
    "softmax": ("Softmax",),
    "stop_gradient": ("detach", "no_grad"),
    "sum": ("ReduceSum", "reduce_sum"),
    "transpose": ("permute", "moveaxis"),
    "uniform": ("rand",),
    "where": ("ifelse", "cond", "select"),
}
"""What each function is called by others."""

_EQUIVALENTS = {other: own for own, others in _ELSEWHERE.items() for other in others}

_NAMES: dict[str, str] = {
    **dict.fromkeys(
        (
            "CrossEntropyWithSoftmax",
            "CrossEntropyLoss",
            "NLLLoss",
            "nll_loss",
            "sparse_categorical_crossentropy",
            "categorical_crossentropy",
        ),
        "it is called cross_entropy(z, y), of logits and labels",
    ),
    "log": "the natural logarithm is called 'ln'",
    "Log": "the natural logarithm is called 'ln'",
    **dict.fromkeys(("True", "False", "TRUE", "FALSE"), "the truth values are 'true' and 'false'"),
    **dict.fromkeys(
        ("None", "null", "NULL", "nil", "nullptr"), "there is no 'None': leave the argument out"
    ),
    **dict.fromkeys(("nan", "NaN", "NAN"), "there is no name for nan: inf - inf makes one"),
    **dict.fromkeys(("Inf", "infinity", "Infinity"), "infinity is called 'inf'"),
    "range": "a loop is written 'repeat i in 1..n { … }'",
    "len": "the size of an axis is size(x, 0)",
    "shape": "the size of an axis is size(x, 0)",
    "pow": "a power is written x^2",
    **dict.fromkeys(
        ("flatten", "Flatten", "ravel"), "rows of numbers are reshape(x, [size(x, 0), -1])"
    ),
    "print": "nothing is printed from a file: 'output y = …' is what 'run' shows",
    **dict.fromkeys(
        ("tensor", "array", "Tensor", "asarray", "list", "tuple", "Constant"),
        "a constant tensor is a list: [[1, 2], [3, 4]]",
    ),
    **dict.fromkeys(("int", "long", "int64"), "cast(x, i64) makes integers, cutting off fractions"),
    "double": "cast(x, f64) makes floats of 64 bits",
    "float32": "cast(x, f32) makes floats of 32 bits",
    "float64": "cast(x, f64) makes floats of 64 bits",
    **dict.fromkeys(
        ("str", "format"), "there are no strings to compute with: they are paths and attributes"
    ),
    "Input": "an input is declared: input x: [N, 64]",
    "placeholder": "an input is declared: input x: [N, 64]",
    **dict.fromkeys(
        ("Parameter", "ParameterTensor", "Variable", "get_variable", "LearnableParameter"),
        "a parameter is declared: param W: [64, 10] ~ he_normal()",
    ),
    "Times": "a matrix product is written x @ W",
    "TransposeTimes": "a matrix product is written x.T @ W",
    "Plus": "a sum is written a + b",
    "Minus": "a difference is written a - b",
    "ElementTimes": "a product element by element is written a * b",
    "ElementDivide": "a quotient element by element is written a / b",
    "ErrorPrediction": "the rate of errors is mean(argmax(z) != y)",
    "ClassificationError": "the rate of errors is mean(argmax(z) != y)",
    "SquareError": "the squared error is sum((a - b)^2)",
    "Dropout2d": "a layer that drops is Dropout(x, rate = 0.5)",
    "Sequential": "layers follow line by line: h = Dense(x, 64), then z = Dense(h, 10)",
    "zip": "there are no iterators: ops work on whole tensors",
    "enumerate": "there are no iterators: 'repeat i in 1..n { … }' counts",
    "map": "there are no iterators: ops work on whole tensors",
    "self": "what a block owns is declared in it and named there bare: W",
    "jit": "a whole file is compiled: leave '@jit' out",
    "vmap": "ops work on whole batches: leave 'vmap' out",
}
"""Names that stand for something that is written in another way here."""

_MODULES = frozenset(
    (
        *("np", "numpy", "jnp", "jax", "lax", "jsp", "torch", "nn", "F", "tf", "keras", "K"),
        *("math", "scipy", "sp", "special", "layers"),
    )
)
"""Names that others keep their functions in."""

_METHODS: dict[str, str] = {
    **dict.fromkeys(("shape", "size", "length", "numel"), "the size of an axis is size({x}, 0)"),
    **dict.fromkeys(("ndim", "rank", "dim"), "the rank of a node is the number of its sizes"),
    **dict.fromkeys(("t", "mT", "H"), "a transpose is written {x}.T"),
    **dict.fromkeys(("dtype", "type"), "'check' shows the type of every name"),
    **dict.fromkeys(("item", "numpy", "tolist", "data"), "a node is a value: leave it out"),
    **dict.fromkeys(("cuda", "cpu", "to", "clone", "copy", "contiguous"), "leave it out"),
    "grad": "a gradient is written grad(J, {x})",
    "backward": "gradients follow from the loss; one of your own is written grad(J, W)",
    "float": "a change of type is written cast({x}, float)",
    "double": "a change of type is written cast({x}, f64)",
    **dict.fromkeys(("long", "int"), "a change of type is written cast({x}, i64)"),
    "pow": "a power is written {x}^2",
}
"""What others write after the point, and what is written here."""

_ARGUMENTS: dict[str, str] = {
    **dict.fromkeys(("dim", "dims", "axes", "axis", "reduction_indices"), "axis"),
    **dict.fromkeys(("keepdim", "keep_dims", "keepdims"), "keepdims"),
    **dict.fromkeys(("out_features", "output_dim", "hidden_size", "num_units", "n_units"), "units"),
    **dict.fromkeys(("activation", "nonlinearity"), "act"),
    **dict.fromkeys(("learning_rate", "step_size", "eta"), "lr"),
    **dict.fromkeys(("p", "prob", "drop_rate"), "rate"),
    **dict.fromkeys(("num_classes", "classes", "depth"), "n"),
    **dict.fromkeys(("type", "to"), "dtype"),
    **dict.fromkeys(("kernel_size", "kernel", "filter_size", "kernel_width"), "width"),
    **dict.fromkeys(("out_channels", "filters", "n_filters", "features"), "channels"),
    **dict.fromkeys(("mu", "loc"), "mean"),
    **dict.fromkeys(("sigma", "stddev", "sd", "scale"), "std"),
    **dict.fromkeys(("a", "minval", "min", "lower"), "low"),
    **dict.fromkeys(("b", "maxval", "max", "upper"), "high"),
}
"""What others call an argument."""


_DRAWS: dict[str, str] = {
    **dict.fromkeys(("gauss", "gaussian", "Gaussian", "Normal", "randn", "normal_"), "normal"),
    **dict.fromkeys(("Uniform", "rand", "uniform_", "random"), "uniform"),
    **dict.fromkeys(("xavier", "xavier_uniform", "xavier_uniform_", "glorot"), "glorot_uniform"),
    **dict.fromkeys(("xavier_normal", "xavier_normal_"), "glorot_normal"),
    **dict.fromkeys(("kaiming", "kaiming_normal", "kaiming_normal_", "he"), "he_normal"),
    **dict.fromkeys(("kaiming_uniform", "kaiming_uniform_"), "he_uniform"),
    **dict.fromkeys(("lecun", "variance_scaling"), "lecun_normal"),
}
"""What others call the draws of initial values."""

_TYPES: dict[str, str] = {
    **dict.fromkeys(("float32", "single"), "it is called 'f32' here"),
    **dict.fromkeys(("float64", "double"), "it is called 'f64' here"),
    "int32": "it is called 'i32' here",
    **dict.fromkeys(("int", "int64", "long"), "it is called 'i64' here"),
    "boolean": "it is called 'bool' here",
    **dict.fromkeys(
        ("string", "str", "text", "char"),
        "text becomes whole numbers, i64, by category(c) in 'data'",
    ),
    **dict.fromkeys(("f16", "float16", "half", "bf16", "bfloat16"), "the smallest float is f32"),
    **dict.fromkeys(("u8", "uint8", "i8", "int8", "i16", "int16"), "the smallest integer is i32"),
}
"""What serves for other languages' element types."""

ONE_WAY = ("an argument is given in its place or by its name, not in both ways",)
"""What to do about an argument that is given twice."""


def of_name(name: str) -> tuple[str, ...]:
    """What to write instead of a name, if it is one of another language."""
    if name in _EQUIVALENTS:
        return (f"it is called '{_EQUIVALENTS[name]}'",)
    return (_NAMES[name],) if name in _NAMES else ()


def of_module(name: str) -> bool:
    """Whether a name stands for a library's functions elsewhere."""
    return name in _MODULES


def of_method(name: str, base: str) -> tuple[str, ...]:
    """What to write instead of `base.name`, if it is a habit."""
    return (_METHODS[name].format(x=base),) if name in _METHODS else ()


def draw_help(name: str, known: Collection[str]) -> Sequence[str]:
    """What was meant by a draw that is none of those known."""
    if name in _DRAWS:
        return [f"it is called '{_DRAWS[name]}'"]
    return did_you_mean(name, known) or [f"there are {', '.join(known)}"]


def type_help(name: str, known: Collection[str]) -> Sequence[str]:
    """What was meant by an element type that is none of those known."""
    if name in _TYPES:
        return [_TYPES[name]]
    return did_you_mean(name, known) or [f"the types are {', '.join(known)}"]


def argument_help(name: str, known: Collection[str], what: str = "its arguments") -> Sequence[str]:
    """What was meant by an argument that is none of those known: `what` says which these are."""
    meant = _ARGUMENTS.get(name)
    if meant in known:
        return [f"it is called '{meant}'"]
    return did_you_mean(name, known) or [f"{what}: {', '.join(known) or 'none'}"]


def equivalent(name: str) -> str:
    """What a function is called here."""
    return _EQUIVALENTS.get(name, name)

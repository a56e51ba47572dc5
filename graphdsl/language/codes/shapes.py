"""E02xx: shapes and element types that do not fit."""

from __future__ import annotations

from graphdsl.language.codes.entry import Code

SHAPES = {
    "E0201": Code(
        "shapes do not fit each other",
        "Elementwise ops broadcast as in NumPy: from the right, sizes are equal or one of them "
        "is 1. A symbolic size equals itself alone and never counts as 1.",
        "Compare the two shapes in the message, axis by axis from the right; transpose, reshape or "
        "take the `@` that was meant.",
        bad="input a: [3]\ninput b: [4]\noutput y = a + b",
        good="input a: [3]\ninput b: [4]\noutput y = reshape(a, [3, 1]) + b",
    ),
    "E0202": Code(
        "the number of axes does not fit",
        "`@`, `.T` and the ops that work along an axis need an operand that has such axes.",
        "`reshape` and `expand` give a tensor more axes; `*` multiplies with a scalar.",
        bad="input x: [3]\noutput y = x.T",
        good="input x: [3]\noutput y = reshape(x, [-1, 1])",
    ),
    "E0203": Code(
        "element types do not fit each other",
        "Numbers take the type of what they meet and i32 becomes i64, but an f32 never becomes an "
        "f64, or an f64 an f32, unless the file says so: the precision of a result is then known. "
        "An integer type holds whole numbers of its own range, and nothing else.",
        "Declare both alike, write `cast(x, f64)` where the change is meant, or take a type that "
        "holds the number.",
        bad="input x: f32[3]\ninput y: f64[3]\noutput z = x + y",
        good="input x: f32[3]\ninput y: f64[3]\noutput z = cast(x, f64) + y",
    ),
    "E0204": Code(
        "the inner sizes of a matrix product differ",
        "In `a @ b` the last size of `a` is the last but one of `b`, or the only one of a vector.",
        "Mend the size of the weight, transpose one of the two with `.T`, or turn the product "
        "round: rows of a batch stand on the left, `x @ W`.",
        bad="input x: [5, 3]\nparam W: [4, 3] ~ he_normal()\noutput y = x @ W",
        good="input x: [5, 3]\nparam W: [3, 4] ~ he_normal()\noutput y = x @ W",
    ),
    "E0205": Code(
        "there is no such axis",
        "Axes are counted from 0, or from the end with -1; each may be named once.",
        "Name an axis that the operand has.",
        bad="input x: [5, 3]\noutput y = sum(x, axis = 2)",
        good="input x: [5, 3]\noutput y = sum(x, axis = 1)",
    ),
    "E0206": Code(
        "the elements do not fit the new shape",
        "A new shape holds as many elements as the old one; one of its sizes may be -1 and is "
        "worked out from the others. No size is negative.",
        "Compare the numbers of elements in the message.",
        bad="input x: [5, 3]\noutput y = reshape(x, [4, -1])",
        good="input x: [5, 3]\noutput y = reshape(x, [3, -1])",
    ),
    "E0207": Code(
        "an index or a slice does not fit",
        "Indices are checked where sizes are known; the length of a slice has to be known for "
        "every value of a symbol.",
        "Count from 0; count both bounds of a slice from the same end.",
        bad="input x: [5, 3]\noutput y = x[5]",
        good="input x: [5, 3]\noutput y = x[4]",
    ),
    "E0208": Code(
        "tensors cannot be joined",
        "`stack` joins tensors of one shape along a new axis, `concat` along an axis they have: "
        "all other sizes agree.",
        "Name the axis along which they differ, or reshape one of them.",
        bad="input a: [2, 3]\ninput b: [4, 3]\noutput y = concat(a, b, axis = 1)",
        good="input a: [2, 3]\ninput b: [4, 3]\noutput y = concat(a, b, axis = 0)",
    ),
    "E0209": Code(
        "elements of another kind are needed",
        "Indices are integers, conditions are truth values; neither is guessed from floats.",
        "`cast(x, i64)` makes indices of whole numbers, a comparison makes truth values.",
        bad="input x: [3]\noutput y = where(x, 1, 0)",
        good="input x: [3]\noutput y = where(x > 0, 1, 0)",
    ),
    "E0210": Code(
        "an einsum's equation does not fit",
        "An equation has a letter for each axis of each operand; a letter stands for one size, and "
        "those after `->` occur before it.",
        'Write it like `"ij,jk->ik"`.',
        bad='input a: [2, 3]\ninput b: [3, 4]\noutput y = einsum(a, b, equation = "ij,jk->il")',
        good='input a: [2, 3]\ninput b: [3, 4]\noutput y = einsum(a, b, equation = "ij,jk->ik")',
    ),
    "E0211": Code(
        "the largest or smallest of no elements",
        "An empty axis has no largest element, and no place where it stands.",
        "Make sure that the axis has elements.",
    ),
    "E0212": Code(
        "two tensors as indices at once",
        "NumPy's rule for several index tensors surprises; one at a time is plain.",
        "Index in two steps, or use `take_along`.",
        bad="input x: [5, 3]\ninput i: i64[2]\noutput y = x[i, i]",
        good="input x: [5, 3]\ninput i: i64[2]\noutput y = x[i][:, i]",
    ),
    "E0213": Code(
        "a matrix is not square",
        "Only a square matrix has a trace, a determinant or an inverse.",
        "Look at the last two sizes of the operand.",
        bad="input a: [2, 3]\noutput y = trace(a)",
        good="input a: [3, 3]\noutput y = trace(a)",
    ),
    "E0215": Code(
        "an update does not fit its state",
        "A state keeps its shape and type for as long as the model lives, and no value is changed "
        "for that by more than rounding.",
        "Declare the state with the shape and the type that are written into it, reduce the value, "
        "or write `cast(…, i64)` where the change is meant.",
        bad="input x: [3]\nstate m: [2] = 0\nupdate m = x\noutput y = sum(x)",
        good="input x: [3]\nstate m: [3] = 0\nupdate m = x\noutput y = sum(x)",
    ),
    "E0216": Code(
        "an argument of an op is out of its range",
        "A stride or a dilation is at least 1, padding at least 0, a probability from 0 to 1; "
        "windows fit into what they slide over, and groups divide channels.",
        "The message says what is allowed and what was found.",
        bad="input x: [5]\noutput y = x * dropout_mask(x, rate = 1.5)",
        good="input x: [5]\noutput y = x * dropout_mask(x, rate = 0.5)",
    ),
    "E0217": Code(
        "a matrix of constants is singular",
        "`inv` and `solve` need a matrix whose rows are independent, and every value of this one "
        "is known.",
        "Correct the constants; a singular matrix that is fed or computed is found when it is met.",
        bad="output y = inv([[1, 2], [2, 4]])",
        good="output y = inv([[1, 2], [2, 5]])",
    ),
}

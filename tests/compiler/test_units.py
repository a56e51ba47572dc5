"""Units of optimizer states: fewer kernels, never more, and the same parameters."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.unit_steps import PARAMS, check, kernels, own, stepped, units

PRELUDE = {
    "adam()": (12, 10, {"m": {0.1}, "v": {0.001}}),
    "adam(beta1 = 0)": (11, 10, {"v": {0.001}}),
    "adam(lr = cosine(1e-3))": (12, 10, {"m": {0.1}, "v": {0.001}}),
    "adamw()": (14, 12, {"m": {0.1}, "v": {0.001}}),
    "nadam()": (21, 20, {"v": {0.001}}),
    "rmsprop()": (9, 8, {"v": {0.01}}),
    "rmsprop(momentum = 0.9)": (11, 10, {"v": {0.01}, "m": {10}}),
    "rmsprop(centered = true)": (14, 13, {"v": {0.01}, "a": {0.01}}),
    "momentum()": (5, 4, {"m": {0.1}}),
    "adadelta()": (15, 13, {"v": {0.1}, "u": {0.1}}),
    "lion()": (9, 7, {"m": {0.01}}),
    "sgd()": (2, 2, {}),
    "sgd(momentum = 0.9)": (4, 4, {}),
    "nesterov()": (6, 6, {}),
    "adagrad()": (7, 7, {}),
    "adagrad(start = 0.1)": (7, 7, {}),
}


@pytest.mark.parametrize("optimizer", PRELUDE)
def test_what_the_optimizers_of_the_prelude_take(optimizer: str) -> None:
    before, after = check(stepped(optimizer))
    assert (kernels(before), kernels(after), units(after)) == PRELUDE[optimizer]


CHOSEN = [
    ("no factor is left", ["update m = 0.9 * m + 0.1 * g", "update p = p - lr * m"], {"m": {0.1}}),
    ("a quotient", ["update m = 0.9 * m + g / 8", "update p = p - lr * m"], {"m": {0.125}}),
    ("a difference", ["update m = 0.9 * m - 0.1 * g", "update p = p + lr * m"], {"m": {0.1}}),
    ("the old state is read", ["update p = p - lr * m", "update m = m / 2 + 2 * g"], {"m": {2}}),
    (
        "a factor of the step's own beside it",
        ["update m = (1 - 1 / (t + 1)) * m + 0.1 * g", "update p = p - lr * m"],
        {"m": {0.1}},
    ),
    (
        "the largest so far",  # AMSGrad (Reddi, Kale & Kumar, 2018)
        [
            "state most = 0",
            "update m = 0.9 * m + 0.1 * g",
            "update v = 0.999 * v + 0.001 * g^2",
            "update most = maximum(most, v)",
            "update p = p - lr * m / (sqrt(most) + 1e-8)",
        ],
        {"m": {0.1}, "v": {0.001}, "most": {0.001}},
    ),
    (
        "epsilon under the root",
        ["update v = 0.99 * v + 0.01 * g^2", "update p = p - lr * g / sqrt(v + 1e-8)"],
        {"v": {0.01}},
    ),
    (
        "a root of its own",
        ["update v = 0.99 * v + 0.01 * g^2", "update p = p - lr * g / (v^0.25 + 1e-8)"],
        {"v": {0.01}},
    ),
    (
        "absolute values",  # Adamax keeps a maximum; this keeps their mean
        ["update v = 0.5 * v + 0.25 * abs(g)", "update p = p - lr * g / abs(-v)"],
        {"v": {0.25}},
    ),
    (
        "the state comes last",
        ["update m = 0.1 * g + 0.9 * m", "update p = p - lr * m"],
        {"m": {0.1}},
    ),
    (
        "factors whose product is 1",
        ["update m = 0.0625 * m + 16 * v", "update v = g", "update p = p - 0.0625 * m"],
        {"m": {16}},
    ),
    (
        "a sum of factors that may be 0",
        ["update m = 0.9 * m + 0.1 * g", "update p = p - lr * ((t - 2) * m + (t - 3) * g)"],
        {"m": {0.1}},
    ),
    (
        "roots of what may be below 0",
        [
            "update m = 0.9 * m + 0.1 * g",
            "update p = p - lr * (m * sqrt(t - 2)) * (g * sqrt(t - 2))",
        ],
        {"m": {0.1}},
    ),
    (
        "a number that may be infinite",
        ["update m = 0.9 * m + 0.1 * g", "update p = p - lr * (m * (1 / (t - 2))) * (g * (t - 2))"],
        {"m": {0.1}},
    ),
    (
        "a product of numbers that overflows on the way",
        [
            "h = 1e200 * t * (1e-300 * t) * (1e200 * t)",
            "update m = 0.9 * m + 0.1 * g",
            "update p = p - lr * m - lr * (sign(m) + h) / h",
        ],
        {"m": {0.1}},
    ),
    (
        "a rule that runs once a parameter",
        ["update m = 0.9 * m + 0.1 * g", "update p = p - lr / (1 + sum(g^2)) * (m * lr)"],
        {"m": {0.1}},
    ),
]


@pytest.mark.parametrize(("lines", "chosen"), [c[1:] for c in CHOSEN], ids=[c[0] for c in CHOSEN])
def test_units_that_are_chosen(lines: list[str], chosen: dict[str, set[float]]) -> None:
    _, after = check(own(*lines))
    assert units(after) == chosen


LEFT = {
    "it does not begin at 0": [
        "state s = 0.5",
        "update s = s / 2 + 2 * g",
        "update p = p - lr * s",
    ],
    "the step is in its factor": ["update m = 0.9 * m + lr / t * g", "update p = p - lr * m"],
    "a number of the step's is its factor": [
        "update m = 0.9 * m + minimum(t, 9) * g",
        "update p = p - lr * m",
    ],
    "a quotient that may be infinite": [
        "update m = 0.9 * m + 0.1 * g",
        "update p = p - (m / (t - 2)) * ((t - 2) * g)",
    ],
    "its factor is negative": ["update m = 0.9 * m + g * -0.1", "update p = p - lr * m"],
    "its factor is 0": ["update m = 0.9 * m + 0 * g", "update p = p - lr * m"],
    "its factor is tiny": ["update m = 0.9 * m + 1e-12 * g", "update p = p - lr * m"],
    "its factor is huge": ["update m = 0.9 * m + 1e12 * g", "update p = p - lr * m"],
    "no factor takes it up": ["update m = 0.9 * m + 0.1 * g", "update p = p - tanh(m)"],
    "it is changed by itself alone": ["update m = 0.1 * m", "update p = p - lr * g - m"],
    "a power of its factor underflows": [
        "update m = 0.5 * m + 1e-8 * (1e8 + g^2)",
        "update p = p - lr * m^45",
    ],
    "a power of its factor overflows": [
        "update m = 0.5 * m + 1e-8 * (1e8 + g^2)",
        "update p = p - lr * m^-45",
    ],
    "a power of the step's own factor underflows": [
        "update m = 0.5 * m + (1e8 + g^2)",
        "update p = p - lr * ((1e-8 + 1e-8 * 0.9^t) * m)^45",
    ],
    "a factor of one element": [
        "state k: i64 = 0",
        "update k = k + 2",
        "update p = p - lr * g / k",
    ],
    "the product is read elsewhere": [
        "h = 0.1 * g",
        "update m = 0.9 * m + h",
        "update p = p - lr * m * tanh(h)",
    ],
}


@pytest.mark.parametrize("lines", LEFT.values(), ids=LEFT)
def test_states_that_are_left_as_they_are(lines: list[str]) -> None:
    before, after = check(own(*lines))
    assert after is before


POSITIVE = ("minimum(t, 9)", "(minimum(t, 9) - 2)")
PAID = {
    "g / (f * m)": POSITIVE,
    "g / sqrt(f * m)": POSITIVE,
    "g * sqrt(f * m)": POSITIVE,
    "g * sign(f * m)": POSITIVE,
    "abs(f * m)": POSITIVE,
    "(f * g) * (f * m)": ("1e-2", "1e-8"),
}


@pytest.mark.parametrize("formula", PAID)
def test_factors_that_are_paid_before_they_meet_an_op(formula: str) -> None:
    """What may be 0 or below stays within roots and quotients, and products within bounds."""
    taken = []
    for factor in PAID[formula]:
        step = formula.replace("f", factor)
        compilation = own("update m = 0.5 * m + 0.25 * g^2", f"update p = p - lr * {step}")
        taken.append(kernels(check(compilation)[1]))
    assert taken[0] < taken[1]


def test_each_group_of_parameters_has_its_own_unit() -> None:
    params = PARAMS.replace("= 0.5", "= 0.5 with decay = 0.5")
    rule = """
    optimizer mine(lr = 0.1, decay = 0.5) {
      state m = 0
      update m = 0.5 * m + decay * g
      update p = p - lr * m
    }
    """
    _, after = check(stepped("mine()", rule, params=params))
    assert units(after) == {"m": {0.5, 0.25}}
    _, after = check(stepped("mine()", rule, params=params.replace("decay = 0.5", "decay = 2")))
    assert units(after) == {"m": {0.5}}  # and the other's factor is 1
    _, after = check(stepped("mine()", rule, params=params.replace("decay = 0.5", "decay = 0")))
    assert units(after) == {"m": {0.5}}


@pytest.mark.parametrize("setting", ["clip_value = 0.1", "clip_norm = 0.1", "average = 0.5"])
def test_what_stands_around_the_rule_stays(setting: str) -> None:
    """The average of the weights is read by name: it is stored as it is."""
    _, after = check(stepped("adam()", settings=setting))
    assert units(after) == {"m": {0.1}, "v": {0.001}}


def test_gathered_gradients_are_stored_as_they_are() -> None:
    """One program adds to them and another takes them, each rewritten on its own."""
    for stage in ("gather", "apply"):
        compilation = stepped("adam()")
        purpose = compilation.step_purpose()
        slots = compilation.compiled(replace(purpose, stage=stage)).slots
        assert not any(slot.units for slot in slots if slot.name.startswith("train."))
        assert any(slot.units for slot in slots) is (stage == "apply")


# --- any rule: powers of 4, and the step to 2, move without rounding, so that bits are equal ------

NUMBER = st.sampled_from(["0.0625", "0.25", "4", "16", "(-4)", "(t - 2)"])


def formulas(*names: str) -> st.SearchStrategy[str]:
    """Formulas over these and numbers whose roots are exact."""

    def grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        return st.one_of(
            st.builds("({} {} {})".format, inner, st.sampled_from("+-*/"), inner),
            st.builds("({} * {})".format, NUMBER, inner),
            st.builds("({} / {})".format, inner, NUMBER),
            st.builds("({} + {})".format, inner, NUMBER),
            st.builds("({} - {})".format, NUMBER, inner),
            st.builds(
                "{}({})".format, st.sampled_from(["sqrt", "abs", "sign", "-", "tanh"]), inner
            ),
            st.builds("{}({}, {})".format, st.sampled_from(["maximum", "minimum"]), inner, inner),
            st.builds("{}({}, {})".format, st.sampled_from(["maximum", "minimum"]), inner, NUMBER),
        )

    return st.recursive(st.sampled_from(["g", "p", *names]), grown, max_leaves=8)


ANY = formulas("m", "v", "h")


def changes(name: str) -> st.SearchStrategy[str]:
    """Updates of a state, mostly of the form that lets a unit be chosen."""
    fitting = st.builds(f"update {name} = {{}} * {name} + {{}} * {{}}".format, NUMBER, NUMBER, ANY)
    return st.one_of(fitting, fitting, st.builds(f"update {name} = {{}}".format, ANY))


@given(changes("m"), changes("v"), formulas(), ANY, NUMBER)
@settings(max_examples=150, deadline=None)
def test_any_rule_gives_the_same_bits(m: str, v: str, h: str, step: str, rate: str) -> None:
    lines = [f"h = {h}", m, v, f"update p = p - {rate} * {step}"]
    with np.errstate(all="ignore"):
        check(own(*lines), 0)

"""What each declaration means: constants, inputs, states, results, and their names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import graphdsl
from graphdsl.cli import main
from rules.asking import codes, errors, params, run, step, types
from rules.citations import rule

ALL = "Declarations"
CONST = "Declarations › const"
INPUT = "Declarations › input"
RESULTS = "Declarations › loss, metric, output"
SGD = "train {\n  optimizer = sgd(lr = 0.1)\n}\n"


@pytest.mark.parametrize(
    ("text", "feeds", "expected"),
    [
        pytest.param(
            "const k = 128\ninput x\noutput y = k * x\n",
            {"x": 2},
            256,
            marks=rule(ALL, "`const k = 128` | a number"),
        ),
        pytest.param(
            "dim N, T\ninput x: [N, T]\noutput y = N + 10 * T + 0 * sum(x)\n",
            {"x": np.zeros((2, 3))},
            32,
            marks=rule(ALL, "`dim N, T` | symbolic sizes, known when data comes"),
        ),
        pytest.param(
            "dim N\ninput x: [N, 3]\noutput y = sum(x)\n",
            {"x": [[1, 2, 3]]},
            6,
            marks=rule(ALL, "`input x: [N, 3]` | a tensor that is fed"),
        ),
        pytest.param(
            "input x\ninput W\nh = relu(x * W)\noutput y = h + h\n",
            {"x": 2, "W": 3},
            12,
            marks=rule(ALL, "`h = relu(x @ W)` | a node"),
        ),
    ],
)
def test_what_is_declared(text: str, feeds: dict, expected: float) -> None:
    assert run(text, **feeds)["y"] == expected


@rule(ALL, "a tensor that is trained")
@rule(ALL, "the scalar that is trained on")
def test_a_loss_trains_parameters() -> None:
    model = step(f"param w = 3\nloss J = w^2\n{SGD}")
    assert model.params["w"] == pytest.approx(3 - 0.1 * 6)


@rule(ALL, "a tensor that is kept from step to step and not trained")
@rule(ALL, "what a state becomes at the end of a training step")
def test_states_are_kept() -> None:
    text = f"param w = 1\nstate m: [3] = 1\nupdate m = 0.5 * m + 2\nloss J = w^2 * sum(m)\n{SGD}"
    model = graphdsl.loads(text)
    assert list(model.params) == ["w"]
    trainer = model.trainer()
    trainer.step()
    trainer.step()
    assert model.states["m"].tolist() == [3.25] * 3


@rule(ALL, "a result that is measured and not trained on")
@rule(ALL, "a result that is handed out")
@rule(RESULTS, "Metrics and outputs are evaluated and not trained on;")
def test_metrics_and_outputs_change_no_training() -> None:
    text = "param w = 1\nparam b = 1 with frozen = false\nloss J = w^2\n"
    plain = step(text + SGD)
    measured = step(f"{text}metric e = (w * b)^2\noutput p = w * b\n{SGD}")
    assert plain.params["w"] == measured.params["w"]
    assert measured.params["b"] == 1
    assert measured.run().keys() == {"J", "e", "p"}


@rule(ALL, "Each name is bound once.")
@pytest.mark.parametrize("again", ["h = 1", "input h", "param h = 1", "const h = 1", "dim h"])
def test_a_name_is_bound_once(again: str) -> None:
    assert "E0302" in errors(f"input x\nh = x\n{again}\noutput y = h\n")


@rule(ALL, "of the prelude and of the ops are one namespace, looked up in this order")
@pytest.mark.parametrize(
    ("own", "use"),
    [
        ("block Dense(x) {\n  return 2 * x\n}", "Dense(x)"),  # of the prelude
        ("block exp(x) {\n  return 2 * x\n}", "exp(x)"),  # an op
        ("exp = 2 * x", "exp"),
    ],
)
def test_a_file_may_hide_what_is_not_its_own(own: str, use: str) -> None:
    text = f"input x\n{own}\noutput y = {use}\n"
    assert codes(text) == ["W0106"]
    assert run(text, x=3)["y"] == 6


@rule(ALL, "of the prelude and of the ops are one namespace")
def test_what_is_hidden_is_out_of_reach() -> None:
    assert "E0406" in errors("input x\nexp = 2 * x\noutput y = exp(x)\n")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("input x\ninput z\noutput y = x\n", "W0101"),
        ("param w = 1\nparam b = 0\nloss J = w^2\n", "W0102"),
        ("param w = 1\nparam b = 0\nloss J = w^2\noutput y = b\n", "W0103"),
        ("input x\nh = x\noutput y = x\n", "W0104"),
        ("const k = 1\ninput x\noutput y = x\n", "W0104"),
    ],
)
@rule(ALL, "What is declared and never used is a warning")
def test_what_is_unused_is_told(text: str, code: str) -> None:
    assert codes(text) == [code]


# --- const --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("128", 128),
        ("2 * 3 + 1", 7),
        ("7 / 2", 3.5),
        ("2^10", 1024),
        ("sqrt(16)", 4),
        ("maximum(3, 5)", 5),
        ("floor(7 / 2)", 3),
        ("3 if 2 > 1 else 4", 3),
    ],
)
@rule(CONST, "A constant is computed from numbers, lists and other constants")
@rule(CONST, "Elementwise functions of numbers are constants too.")
def test_constants(written: str, value: float) -> None:
    assert run(f"const k = {written}\ninput x\noutput y = k * x\n", x=1)["y"] == value


@rule(CONST, "in double precision, and takes its type where it is used;")
def test_constants_are_doubles() -> None:
    text = "const tiny = (1 + 1e-12) - 1\ninput x: f32\noutput y = x * (1e12 * tiny)\n"
    value = graphdsl.loads(text).run(x=1)["y"]
    assert value.dtype == np.float32
    assert value == pytest.approx(1, rel=1e-3)


@rule(CONST, "inside a block it may be computed from sizes too.")
def test_constants_of_sizes() -> None:
    block = "block half(x) {\n  const n = size(x, -1) / 2\n  return x[:n]\n}\n"
    assert run(f"{block}input x: [4]\noutput y = half(x)\n", x=[1, 2, 3, 4])["y"] == [1, 2]


@rule(CONST, "`--set hidden=256` on the command line and keywords of `graphdsl.load` override")
def test_constants_are_overridden(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "const k = 3\nconst j = 2 * k\nconst flag = false\noutput y = ones([2]) * j + 1.0 * k\n"
    path = tmp_path / "m.gdl"
    path.write_text(text)
    assert graphdsl.loads(text, k=5).run()["y"].tolist() == [15, 15]
    assert graphdsl.load(path, k=0.5).run()["y"].tolist() == [1.5, 1.5]
    assert main(["run", str(path), "--set", "k=5", "--json"]) == 0
    assert capsys.readouterr().out == '{"y": [15.0, 15.0]}\n'
    with pytest.raises(graphdsl.ModelError, match="E0305"):
        graphdsl.loads(text, kk=5)


# --- input --------------------------------------------------------------------------------------


@rule(INPUT, "`input x` is a scalar, `input x: [N, 3]` a tensor of the model's float")
def test_types_of_inputs() -> None:
    text = "dim N\ninput a\ninput b: [N, 3]\ninput c: i64[N]\ninput d: bool\noutput y = 1\n"
    found = {name: str(type) for name, type in graphdsl.loads(text).inputs.items()}
    assert found == {"a": "f32", "b": "f32[N, 3]", "c": "i64[N]", "d": "bool"}


@pytest.mark.parametrize(
    ("type", "fed"),
    [
        ("f32", np.arange(3)),
        ("f32", np.array([0.1, 0.2, 0.3])),
        ("f64", np.float32([1, 2, 3])),
        ("i64", np.array([1.0, 2.0, 3.0])),
        ("i32", np.arange(3)),
        ("i64", [True, False, True]),
    ],
)
@rule(INPUT, "integers to floats, f64 to f32, and floats to integers where every value is whole.")
def test_feeds_are_converted(type: str, fed: object) -> None:
    value = graphdsl.loads(f"input x: {type}[3]\noutput y = x + x\n").run(x=fed)["y"]
    assert value == pytest.approx(2 * np.asarray(fed, float))
    assert str(value.dtype) == {"f": "float", "i": "int"}[type[0]] + type[1:]


@pytest.mark.parametrize(
    ("type", "fed"), [("i64", [0.5]), ("i64", [np.inf]), ("i32", [2**31]), ("bool", [1])]
)
@rule(INPUT, "What is fed is converted as long as no value changes by more than rounding")
def test_feeds_that_would_change_are_refused(type: str, fed: list[float]) -> None:
    with pytest.raises(graphdsl.DataError, match="E0606"):
        graphdsl.loads(f"input x: {type}[1]\noutput y = x\n").run(x=fed)


# --- loss, metric, output -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("param w: [3] = 1\nloss J = w^2\n", "E0311"),
        ("input k: i64\nloss J = k\n", "E0311"),
        ("param w = 1\nloss J = w^2\nloss K = w\n", "E0312"),
    ],
)
@rule(RESULTS, "A loss is a scalar float, and a file has one at most.")
def test_a_loss_is_one_scalar_float(text: str, code: str) -> None:
    assert errors(text) == [code]


@rule(RESULTS, "outputs are what `predict` hands out.")
def test_predict_hands_out_outputs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "m.gdl"
    path.write_text("input x\noutput y = 2 * x\nmetric e = x\n")
    assert main(["predict", str(path), "x=2", "--json"]) == 0
    assert capsys.readouterr().out == '{"y": 4.0}\n'


@pytest.mark.parametrize("call", ["cross_entropy(z, y)", "mse(z, z)", "huber(z, 0 * z)"])
@rule(RESULTS, "The losses of the library have one value per row")
def test_losses_have_a_value_per_row(call: str) -> None:
    head = "dim N\ninput z: [N, 10]\ninput y: i64[N]\n"
    assert types(f"{head}output e = {call}\n") == {"e": "f32[N]"}
    assert errors(f"{head}loss J = {call}\n") == ["E0311"]


@rule(ALL, "a tensor that is trained")
def test_parameters_are_named_as_declared() -> None:
    assert params("param W: [3] = 1\nparam b = 0\nloss J = sum(W) + b\n") == ["W", "b"]

"""Profiles: every node is timed, nothing else changes, and the rates are those of the formulas."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path
from threading import Thread
from types import SimpleNamespace

import numpy as np
import pytest

import graphdsl
from graphdsl.cli import main
from graphdsl.driver import Purpose, compile_source
from graphdsl.engines import timed
from graphdsl.engines.rates import product_rate, reading_cost
from graphdsl.engines.readings import START
from graphdsl.engines.work import work
from graphdsl.graph.types import DType
from graphdsl.language.diagnostics import UsageError
from graphdsl.language.source import Source
from graphdsl.views.profile import Cost, Profile
from graphdsl.views.profiling import profiling

EXAMPLES = Path(__file__).parents[2] / "examples"
SMALL = """
dim N
input x: [N, 8]
input y: i64[N]
h = relu(Dense(x, 6))
z = Dropout(Dense(h, 3), 0.2)
loss J = mean(cross_entropy(z, y))
output p = softmax(z)
train { optimizer = adam(lr = 1e-2) }
"""


def fed(rows: int = 5) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {"x": rng.normal(size=(rows, 8)).astype("f4"), "y": rng.integers(0, 3, rows)}


@pytest.fixture
def ticking(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock on which a second passes between any two readings."""
    seconds = count()
    clock = SimpleNamespace(perf_counter=lambda: float(next(seconds)))
    monkeypatch.setattr(timed, "time", clock)


@pytest.mark.usefixtures("ticking")
def test_every_statement_is_timed_once() -> None:
    model = graphdsl.loads(SMALL)
    profile = model.profile(fed(), steps=3, warm_up=2)
    compiled = model.compilation.compiled(model.compilation.step_purpose())
    steps = [step for step in compiled.plan({"N": 5}).steps if step.lines]
    assert profile.steps == 3
    assert profile.seconds == len(steps) + 1  # one before the first node
    assert sum(cost.seconds for cost in profile.nodes) + profile.elsewhere == profile.seconds
    for table in (profile.nodes, profile.lines, profile.sweeps):
        total = sum(cost.share for cost in table) + profile.elsewhere / profile.seconds
        assert total == pytest.approx(1)
    assert {cost.what for cost in profile.sweeps} == {"forward", "reverse", "update"}
    places = [cost.what.partition("  ") for cost in profile.lines]
    assert ("<text>:5", "h = relu(Dense(x, 6))") in [(place, text) for place, _, text in places]


def test_long_programs_are_timed_in_all_their_functions(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = graphdsl.loads(SMALL).profile(fed(), steps=1)
    monkeypatch.setattr("graphdsl.engines.numpy.LINES_PER_FUNCTION", 5)
    split = graphdsl.loads(SMALL).profile(fed(), steps=1)
    assert {cost.what for cost in split.nodes} == {cost.what for cost in whole.nodes}
    assert all(cost.seconds > 0 for cost in split.nodes)


def test_a_profile_changes_nothing() -> None:
    plain, watched = graphdsl.loads(SMALL), graphdsl.loads(SMALL)
    trainers = [model.trainer() for model in (plain, watched)]
    for turn in range(6):
        if turn == 3:
            watched.profile(fed(7), steps=4)
        losses = [trainer.step(fed()) for trainer in trainers]
        assert losses[0] == losses[1]
    for name, array in plain.params.items():
        assert array.tobytes() == watched.params[name].tobytes()


def test_a_profile_waits_for_the_steps_of_another_thread() -> None:
    model = graphdsl.loads(SMALL)
    trainer = model.trainer()
    trainer.step(fed())
    asked = Thread(target=lambda: model.profile(fed(), steps=1, warm_up=0))
    with model.session.lock:
        asked.start()
        asked.join(0.2)
        trainer.step(fed())
        stepped = {name: array.copy() for name, array in model.params.items()}
    asked.join()
    for name, array in stepped.items():
        assert array.tobytes() == model.params[name].tobytes()


def test_a_profile_before_training_leaves_no_optimizer_state() -> None:
    model = graphdsl.loads(SMALL)
    before = set(model.session.memory.arrays)
    model.profile(fed(), steps=1)
    assert set(model.session.memory.arrays) == before


def test_the_steps_of_a_trainer_are_timed_and_then_no_more() -> None:
    plain, watched = graphdsl.loads(SMALL), graphdsl.loads(SMALL)
    bare, trainer = plain.trainer(), watched.trainer()
    with profiling(watched.session, steps=4, warm_up=2) as profiler:
        for turn in range(9):
            rows = 5 if turn % 3 else 4  # two programs
            assert trainer.step(fed(rows)) == bare.step(fed(rows))
            program = watched.session.executable(trainer.purpose, {"N": 5}).program
            assert (timed.TOOK in program.source) == (turn < 5)
    profile = profiler.profile()
    assert profile is not None
    assert profile.steps == 4
    assert sum(program.calls for program in profiler.recorder.programs) == 4
    assert len(profiler.recorder.programs) == 2


def test_evaluation_is_not_timed_while_training_is() -> None:
    model = graphdsl.loads(SMALL)
    with profiling(model.session) as profiler:
        model.run(fed())
    assert profiler.recorder.programs == []
    assert profiler.profile() is None


def test_gathered_batches_are_timed() -> None:
    model = graphdsl.loads(SMALL.replace("train {", "train {\n accumulate = 2\n"))
    trainer = model.trainer()
    with profiling(model.session, steps=6, warm_up=0) as profiler:
        for _ in range(8):
            trainer.step(fed())
    profile = profiler.profile()
    assert profile is not None
    assert {cost.what for cost in profile.sweeps} == {"forward", "reverse", "update"}


def test_what_is_computed_is_profiled_where_nothing_trains() -> None:
    model = graphdsl.loads("input x: [4, 3]\nparam W: [3, 2] ~ normal()\noutput y = tanh(x @ W)\n")
    profile = model.profile(x=np.ones((4, 3)), steps=2)
    assert [cost.what for cost in profile.sweeps] == ["forward"]
    partial = graphdsl.loads(SMALL).profile(x=fed()["x"], steps=2)
    assert [cost.what for cost in partial.sweeps] == ["forward"]
    with pytest.raises(UsageError, match="E0806"):
        graphdsl.loads(SMALL).profile(y=fed()["y"])


@pytest.mark.parametrize(
    ("text", "flops", "elements"),
    [
        ("input a: [N, 3]\ninput b: [3, 5]\noutput y = a @ b", 2 * 7 * 3 * 5, 21 + 15 + 35),
        ("input a: [2, N, 3]\ninput b: [3]\noutput y = a @ b", 2 * 2 * 7 * 3, 42 + 3 + 14),
        (
            'input a: [N, 3]\ninput b: [3, 5]\noutput y = einsum("ij,jk->ki", a, b)',
            2 * 7 * 3 * 5,
            21 + 15 + 35,
        ),
        ("input a: [N, 3]\noutput y = a + 1", 0, 2 * 21),
    ],
)
def test_the_work_of_a_node(text: str, flops: int, elements: int) -> None:
    graph = compile_source(Source(f"dim N\n{text}\n")).graph()
    node = graph.nodes[graph.names["y"]]
    assert work(graph, node, {"N": 7}) == (flops, 4 * elements)


@pytest.mark.parametrize(
    "text",
    [
        "input a: [N, 4, 6, 6]\ninput b: [8, 2, 3, 3]\noutput y = conv2d(a, b, groups = 2)",
        "input a: [N, 8, 4, 4]\ninput b: [8, 2, 3, 3]\n"
        "output y = conv2d_to_input(a, b, sizes = [6, 6], groups = 2)",
        "input a: [N, 4, 6, 6]\ninput b: [N, 8, 4, 4]\n"
        "output y = conv2d_to_kernel(a, b, sizes = [3, 3], groups = 2)",
    ],
)
def test_a_convolution_works_as_one_product(text: str) -> None:
    graph = compile_source(Source(f"dim N\n{text}\n")).compiled(Purpose(("y",))).graph
    each = [work(graph, node, {"N": 7})[0] for node in graph.nodes]
    assert [flops for flops in each if flops] == [2 * (7 * 8 * 4 * 4) * (2 * 3 * 3)]


def test_the_clock_takes_less_than_a_twentieth_of_a_millisecond_step() -> None:
    model = graphdsl.load(EXAMPLES / "digits.gdl", hidden=400)
    rng = np.random.default_rng(0)
    batch = {"x": rng.normal(size=(512, 64)), "y": rng.integers(0, 10, 512)}
    profile = model.profile(batch, steps=5)
    assert profile.seconds > 1e-3
    assert 0 < profile.clock < 0.05 * profile.seconds


def test_measures_of_the_machine() -> None:
    assert product_rate(DType.f32, 0.001) > 1e7
    assert 0 < reading_cost() < 1e-4


def test_the_product_is_waited_for_on_a_busy_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that has the core comes after several that do not."""
    clock = [0.0]
    took = iter([1.0] * 5 + [0.001] + [1.0] * 100)

    def multiply(*_: object) -> None:
        clock[0] += next(took)

    monkeypatch.setattr("graphdsl.engines.rates.time.perf_counter", lambda: clock[0])
    monkeypatch.setattr("graphdsl.engines.rates.np.dot", multiply)
    assert product_rate(DType.f32) == pytest.approx(2 * 512**3 / 0.001)


def test_the_table_says_where_the_time_goes() -> None:
    profile = graphdsl.loads(SMALL).profile(fed(), steps=2)
    text = str(profile)
    assert "s a step, the mean of 2" in text
    assert "h = relu(Dense(x, 6))" in text
    assert "outside the nodes" in text
    plain = json.loads(json.dumps(profile.to_plain()))
    assert plain["nodes"][0]["seconds"] == max(cost["seconds"] for cost in plain["nodes"])
    assert any(cost["flop_rate"] for cost in plain["nodes"])
    assert isinstance(profile, Profile)


@pytest.mark.parametrize(
    ("seconds", "nbytes", "units", "row"),
    [
        (0.25, 3_000_000, "ms       MB", "200.000    3.000"),
        (0.001, 999_000, "ms       kB", "  0.800  999.000"),
        (9e-4, 10_000_000, "µs       MB", "720.000   10.000"),
        (2e-6, 8, "µs       kB", "  1.600    0.008"),
    ],
)
def test_a_table_has_units_that_fit_its_step(
    seconds: float, nbytes: int, units: str, row: str
) -> None:
    cost = Cost("forward", 0.8 * seconds, 0.8, nbytes, 0, 0.0)
    profile = Profile(9, seconds, 0.2 * seconds, 0.0, 1e9, (cost,), (), ())
    told = str(profile).splitlines()
    assert f"{units}  GFLOP/s" in told[3]
    assert f"80.0%   {row}" in told[4]


def test_no_node_is_before_the_first() -> None:
    assert START < 0


def test_a_run_with_a_profile_has_the_same_bits(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, weights = str(EXAMPLES / "digits_dropout.gdl"), []
    for more in ([], ["--profile", "7"]):
        out = tmp_path / f"run{len(more)}"
        assert main(["run", file, "--epochs", "2", "--out", str(out), *more]) == 0
        weights.append((out / "weights.safetensors").read_bytes())
        assert (out / "profile.json").exists() == bool(more)
    assert weights[0] == weights[1]
    assert json.loads((tmp_path / "run2" / "profile.json").read_text("utf-8"))["steps"] == 7
    assert "s a step, the mean of 7" in capsys.readouterr().err


def test_what_is_looked_into_is_numpy_s_from_the_first_step_to_the_last(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("graphdsl.session.pays", lambda graph, steps: True)
    file = str(EXAMPLES / "digits.gdl")
    for number, look in enumerate((["--profile", "3"], ["--debug-nan"])):
        words, out = ["run", file, "--epochs", "1", "--quiet", *look], str(tmp_path / f"{number}")
        assert main([*words, "--out", out]) == 0
        assert json.loads((Path(out) / "settings.json").read_text("utf-8"))["engine"] == "numpy"
        assert main(["verify", out]) == 0
        assert main([*words, "--engine", "numba", "--out", str(tmp_path / "none")]) == 2
        assert f"{look[0]} looks between NumPy's statements" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_a_run_too_short_for_a_profile_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, out = str(EXAMPLES / "digits.gdl"), str(tmp_path / "run")
    words = ["run", file, "--epochs", "2", "--batch", "all", "--out", out, "--profile"]
    assert main(words) == 0
    assert "no profile: the run ended before its sixth step" in capsys.readouterr().err
    bare = tmp_path / "bare.gdl"
    bare.write_text("input x\noutput y = x\n", encoding="utf-8")
    assert main(["run", str(bare), "x=1", "--profile"]) == 2
    assert "--profile is for files with a train block" in capsys.readouterr().err
    assert main(["run", file, "--profile", "--debug-nan", "--out", str(tmp_path / "none")]) == 2
    assert "take one of the two" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()

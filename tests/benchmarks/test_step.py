"""The command, with contenders in processes of their own."""

import json
import os
from pathlib import Path

import pytest

import processes
from contenders import BY_HAND
from kernels import describe_kernels
from processes import AbsentError, WrongResultError, measure_first, measure_memory, start_timer
from step import main, shuffled
from workloads import WORKLOADS

# Workers that go wrong: one answers as a wrong contender does, the other ends at once.
LIAR = """import json
print(json.dumps({"wrong": "micro: losses are off"}), flush=True)
"""


def test_a_worker_times_its_steps() -> None:
    with start_timer(BY_HAND, "micro") as timer:
        assert 0.5 < timer(50) < 1e6


def replace_worker(monkeypatch: pytest.MonkeyPatch, folder: Path, text: str) -> None:
    path = folder / "worker.py"
    path.write_text(text, "utf-8")
    monkeypatch.setattr(processes, "WORKER", path)


def test_a_wrong_contender_is_refused(monkeypatch, tmp_path: Path) -> None:
    replace_worker(monkeypatch, tmp_path, LIAR)
    with (
        pytest.raises(WrongResultError, match="jax: micro: losses are off"),
        start_timer("jax", "micro"),
    ):
        raise AssertionError("it should not have started")


def test_a_contender_that_ends_is_absent(monkeypatch, tmp_path: Path) -> None:
    replace_worker(monkeypatch, tmp_path, "")
    with pytest.raises(AbsentError, match="jax ended"), start_timer("jax", "micro"):
        raise AssertionError("it should not have started")


def test_a_wrong_contender_is_left_out_and_fails_the_run(monkeypatch, tmp_path, capsys) -> None:
    replace_worker(monkeypatch, tmp_path, LIAR)
    path = tmp_path / "out.json"
    options = ["--workload", "micro", "--rounds", "1", "--no-peers", "--json", str(path)]
    assert main(options) == 1
    assert "graphdsl numpy: micro: losses are off" in capsys.readouterr().out
    assert json.loads(path.read_text("utf-8"))["workloads"]["micro"]["contenders"] == {}


def test_no_contender_follows_the_same_one_in_every_round() -> None:
    rounds = [shuffled("abcdefgh", turn) for turn in range(5)]
    assert rounds == [shuffled("abcdefgh", turn) for turn in range(5)]
    for name in "abcdefgh":
        assert len({order[order.index(name) - 1] for order in rounds}) > 2
    assert all(sorted(order) == list("abcdefgh") for order in rounds)


def test_a_first_step_takes_longer_than_its_imports() -> None:
    first = measure_first("graphdsl numpy", "micro")
    assert 0.01 < first["import_seconds"] < first["seconds"] < 600


TELLER = """import json, os
names = ("TORCHINDUCTOR_CACHE_DIR", "GRAPHDSL_CACHE")
print(json.dumps({name: os.listdir(os.environ[name]) for name in names}), flush=True)
"""


def test_nothing_compiled_is_left_for_a_first_step(monkeypatch, tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "module.so").touch()
    for name in processes.CACHES:
        monkeypatch.setenv(name, str(tmp_path / "kept"))
    replace_worker(monkeypatch, tmp_path, TELLER)
    assert measure_first("graphdsl numba", "micro") == {name: [] for name in processes.CACHES}


@pytest.mark.skipif(
    not os.access("/proc/self/clear_refs", os.W_OK), reason="the system does not tell"
)
def test_memory_holds_at_least_the_state() -> None:
    memory = measure_memory(BY_HAND, "wide")
    assert memory is not None
    assert memory["state"] == WORKLOADS["wide"]().state_bytes
    assert memory["state"] < memory["growth"] < 4 * memory["state"]


def test_the_command_writes_what_it_prints(tmp_path: Path, capsys) -> None:
    path = tmp_path / "out.json"
    options = ["--workload", "micro", "--rounds", "2", "--no-peers", "--json", str(path)]
    assert main(options) == 0
    data = json.loads(path.read_text("utf-8"))
    assert data["rounds"] == 2
    contenders = data["workloads"]["micro"]["contenders"]
    assert next(iter(contenders)) == "graphdsl numpy"
    assert all(len(found["rounds_us"]) == 2 for found in contenders.values())
    printed = capsys.readouterr().out
    assert printed.startswith(f"{describe_kernels()}\n\n")
    assert all(f"  {name} " in printed for name in contenders)

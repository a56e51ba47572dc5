"""Ratios, misses, the table, the file and the picture."""

import json
from pathlib import Path

import pytest

from kernels import record_kernels
from picture import draw_picture, draw_workload
from report import format_table, write_json
from results import PAGES, Result, describe

FIRST = {"seconds": 0.5, "import_seconds": 0.25}
MIB = 1 << 20
KEPT = Path(__file__).parents[2] / "benchmarks" / "results"


def make_result(**changes: object) -> Result:
    """A run in which every target is met."""
    rounds = {
        "graphdsl numpy": [10.0, 12.0, 11.0],
        "by hand": [10.0, 12.0, 11.0],
        "products alone": [5.0, 6.0, 5.5],
        "torch": [100.0, 120.0, 110.0],
        "jax": [40.0, 24.0, 44.0],
    }
    slow = {"seconds": 2.0, "import_seconds": 1.0}
    first = {"graphdsl numpy": FIRST, "torch": slow, "jax": slow}
    memory = {
        "graphdsl numpy": {"growth": 3 * MIB, "first": 4 * MIB, "state": MIB},
        "torch": {"growth": 3 * MIB, "first": 4 * MIB, "state": MIB},
    }
    arguments = {"workload": "digits", "rounds": rounds, "first": first, "memory": memory}
    return Result(**(arguments | changes))  # type: ignore[arg-type]


def test_a_ratio_is_the_median_of_the_rounds_ratios() -> None:
    result = make_result()
    assert result.fastest_peer == "jax"
    # 10/40, 12/24, 11/44: the medians' own ratio would be 11/40
    assert result.ratio("graphdsl numpy", "jax") == 0.25
    assert result.list_misses() == []


def test_a_target_in_microseconds_is_of_the_fastest_peer() -> None:
    result = make_result()
    assert result.target("graphdsl numpy") == pytest.approx(0.9 * 40)
    assert result.target("graphdsl numba") == pytest.approx(0.5 * 40)
    assert result.target("jax") is result.target("by hand") is None
    alone = {"graphdsl numpy": [10.0]}
    assert make_result(rounds=alone).target("graphdsl numpy") is None


def test_slow_steps_are_missed_targets() -> None:
    rounds = make_result().rounds
    slow = make_result(rounds=rounds | {"graphdsl numpy": [40.0, 24.0, 44.0]})
    assert slow.list_misses() == [
        "digits: graphdsl numpy / jax is 1.00, at most 0.9",
        "digits: graphdsl numpy / by hand is 4.00, at most 1.05",
    ]
    poor = make_result(rounds=rounds | {"products alone": [1.0, 1.0, 1.0]})
    assert poor.list_misses() == ["digits: by hand / products alone is 11.00, at most 2.64"]


def test_a_later_engine_has_targets_of_its_own() -> None:
    rounds = make_result().rounds | {"graphdsl numba": [22.0, 22.0, 22.0]}
    misses = make_result(rounds=rounds).list_misses()
    assert misses == ["digits: graphdsl numba / jax is 0.55, at most 0.5"]


def test_more_memory_than_torch_is_a_miss() -> None:
    memory = make_result().memory
    more = {"growth": 3 * MIB + PAGES + 1, "first": 4 * MIB, "state": MIB}
    (miss,) = make_result(memory=memory | {"graphdsl numpy": more}).list_misses()
    assert miss == f"digits: graphdsl numpy takes {2 * MIB + PAGES + 1:,} bytes, torch {2 * MIB:,}"


def test_a_slow_first_step_is_a_miss() -> None:
    first = make_result().first
    late = {"seconds": 1.5, "import_seconds": 1.0}
    (miss,) = make_result(first=first | {"graphdsl numpy": late}).list_misses()
    assert miss == "digits: the first step takes 1.50 s, the target 1.00 s"
    quick = {"seconds": 0.25, "import_seconds": 0.1}
    (miss,) = make_result(first=first | {"jax": quick}).list_misses()
    assert miss == "digits: the first step takes 0.50 s, jax 0.25 s"


def test_without_peers_there_is_less_to_miss() -> None:
    alone = Result("micro", {"graphdsl numpy": [10.0], "by hand": [8.0], "products alone": [4.0]})
    assert alone.fastest_peer is None
    assert alone.list_misses() == ["micro: graphdsl numpy / by hand is 1.25, at most 1.05"]
    assert describe(alone)["contenders"]["by hand"]["to_products"] == 2.0
    assert "to_fastest_peer" not in describe(alone)["contenders"]["by hand"]


def test_the_table_has_a_line_for_each_contender() -> None:
    result = make_result(faults=["torch.compile ended without an answer"])
    header, *lines = format_table(result).splitlines()
    assert header.startswith("digits ")
    assert lines[0].split() == [
        "graphdsl",
        "numpy",
        "11.0",
        "1.00",
        "2.00",
        "0.25",
        "0.50",
        "0.25",
        "2,048",
    ]
    assert lines[2].split() == ["products", "alone", "5.5", "0.50", "1.00", "0.12", "-", "-", "-"]
    assert lines[-1].strip() == "torch.compile ended without an answer"


def test_the_file_holds_every_round(tmp_path: Path) -> None:
    path = tmp_path / "results" / "latest.json"
    write_json([make_result()], 3, path)
    data = json.loads(path.read_text("utf-8"))
    found = data["workloads"]["digits"]
    assert found["fastest_peer"] == "jax"
    assert found["contenders"]["jax"]["rounds_us"] == [40.0, 24.0, 44.0]
    assert found["contenders"]["graphdsl numpy"]["bytes_beyond_state"] == 2 * MIB
    assert data["machine"]["libraries"]["numpy"]
    assert data["machine"]["blas"] == record_kernels()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_picture_names_every_contender(tmp_path: Path) -> None:
    path = tmp_path / "results" / "latest.svg"
    pytest.importorskip("matplotlib")
    assert draw_picture([make_result(), make_result()], path, "by old kernels")
    drawn = path.read_text("utf-8")
    assert drawn.startswith("<?xml")
    # text is drawn as outlines, and named beside them
    for label in ("graphdsl numpy", "by hand", "jax", "digits, µs a step; red: target"):
        assert f"<!-- {label} -->" in drawn
    assert "<!-- by old kernels -->" in drawn


def test_a_target_beyond_all_bars_is_in_the_picture() -> None:
    pytest.importorskip("matplotlib")
    from matplotlib.figure import Figure

    axes = Figure().subplots()
    rounds = {"graphdsl numpy": [10.0], "jax": [20.0]}
    draw_workload(axes, make_result(workload="wide", rounds=rounds))
    ((start, end),) = (segment for lines in axes.collections for segment in lines.get_segments())
    assert start[0] == end[0] == pytest.approx(1.2 * 20)
    assert end[0] < axes.get_xlim()[1]


def test_without_matplotlib_there_is_no_picture(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert not draw_picture([make_result()], tmp_path / "latest.svg")
    assert not (tmp_path / "latest.svg").exists()


def test_the_readme_has_the_figures_that_are_checked_in() -> None:
    workloads = json.loads((KEPT / "two-cores.json").read_text("utf-8"))["workloads"]
    readme = (KEPT.parents[1] / "README.md").read_text("utf-8")
    (head,) = (line for line in readme.splitlines() if line.startswith("| µs a step |"))
    assert [cell.strip() for cell in head.split("|")[2:-1]] == [*workloads]
    for name in ("graphdsl numpy", "graphdsl numba", "torch", "torch.compile", "jax"):
        (line,) = (line for line in readme.splitlines() if line.startswith(f"| {name} |"))
        shown = [float(cell.replace(",", "")) for cell in line.split("|")[2:-1]]
        medians = [w["contenders"][name]["median_us"] for w in workloads.values()]
        assert shown == pytest.approx(medians, rel=0.05)

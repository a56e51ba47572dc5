"""What profiling costs: the command on its smallest workload, and what it makes of times."""

import json
from statistics import median

import pytest

import overhead
from overhead import main, open_model, run_workload, verify_same
from pairs import Comparison, Pair, report

LIMITED = Comparison("ms a step", ("profiled", "plain"), median, target=1.05, least=1e-3)


def test_both_steps_take_turns() -> None:
    pair = run_workload("micro", 3)
    assert len(pair.first) == len(pair.second) == 3
    assert all(1e-7 < seconds < 1 for seconds in (*pair.first, *pair.second))


def test_only_one_of_them_reads_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []

    def keep(name: str) -> object:
        opened.append(open_model(name))
        return opened[-1]

    sources: list[list[bool]] = []

    def look(step: object, count: int) -> float:
        kept = [model.session._programs.values() for model, _ in opened]
        sources.append(
            [any("took[" in e.program.source for p in k for e in p.values()) for k in kept]
        )
        return 1.0

    monkeypatch.setattr(overhead, "open_model", keep)
    monkeypatch.setattr(overhead, "time_step", look)
    run_workload("micro", 1)
    assert sources == [[True, False]] * 2
    assert {model.session.workers for model, _ in opened} == {1}


def test_other_losses_are_refused() -> None:
    verify_same("micro", 0.5, 0.5)
    with pytest.raises(ValueError, match=r"micro: the loss of a profiled step is 0.5, of a plain"):
        verify_same("micro", 0.5, 0.25)


def test_the_command_prints_every_round(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--workload", "micro", "--rounds", "2", "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert found["workload"] == "micro"
    assert len(found["profiled_seconds"]) == len(found["plain_seconds"]) == 2
    assert found["target"] is None  # its step takes less than a millisecond


@pytest.mark.parametrize(
    ("profiled", "plain", "missed"),
    [(2.2e-3, 2e-3, True), (2.08e-3, 2e-3, False), (4e-4, 2e-4, False)],
)
def test_a_missed_bound_is_said(
    profiled: float, plain: float, missed: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    pair = Pair("wide", [profiled, profiled, 1.0], [plain, plain, 1.0])
    assert report([pair], LIMITED, as_json=False) == missed
    printed = capsys.readouterr()
    assert printed.out.split() == [
        *("ms", "a", "step", "profiled", "plain", "ratio", "wide"),
        *(f"{1e3 * profiled:.3f}", f"{1e3 * plain:.3f}", f"{profiled / plain:.3f}"),
    ]
    assert printed.err == (f"wide: {profiled / plain:.3f}, at most 1.05\n" if missed else "")

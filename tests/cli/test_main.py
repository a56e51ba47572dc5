"""The command itself: help, exit codes, whose fault it is, pipes and colours."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import graphdsl
from graphdsl.cli import COMMANDS, check, faults, notices

TREE = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "graphdsl"]


def run(*words: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # type: ignore[call-overload, no-any-return]
        [*COMMAND, *words], capture_output=True, text=True, cwd=TREE, check=False, **options
    )


def test_help_lists_every_command_and_no_other(call) -> None:
    done = call("--help")
    assert done.code == 0
    listed = re.findall(r"^    (\w+) +\S", done.out, re.MULTILINE)
    assert listed == list(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(call, command: str) -> None:
    done = call(command, "--help")
    assert done.code == 0
    assert f"usage: graphdsl {command}" in done.out


def test_help_and_options_import_nothing_heavy() -> None:
    script = (
        "import sys\n"
        "from graphdsl.cli import COMMANDS, main\n"
        "for words in (['--help'], *([name, '--help'] for name in COMMANDS)):\n"
        "    assert main(words) == 0\n"
        "print([m for m in ('numpy', 'lark', 'networkx', 'rich', 'graphviz') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=TREE, check=True
    )
    assert done.stdout.endswith("[]\n")


def test_version(call) -> None:
    assert call("--version").out == f"graphdsl {graphdsl.__version__}\n"


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("chekc", "m.gdl"),
        ("check",),
        ("check", "m.gdl", "--dtype", "f16"),
        ("check", "m.gdl", "--set", "hidden"),
        ("check", "m.gdl", "--set", "hidden=wide"),
        ("check", "m.gdl", "--set", "hidden=99999999999999999999"),
        ("check", "m.gdl", "--set", "hidden=[1, 2"),
        ("check", "m.gdl", "--set", "hidden=" + "[" * 100_000),
        ("run", "m.gdl", "x"),
        ("run", "m.gdl", "x=1", "x=2"),
        ("run", "m.gdl", "x=two"),
        ("run", "m.gdl", "--epochs", "-1"),
        ("run", "m.gdl", "--batch", "0"),
        ("run", "m.gdl", "--batch", "9" * 5000),
        ("render", "m.gdl"),
        ("show", "m.gdl", "--stage", "nothing"),
        ("show", "m.gdl", "N=many"),
    ],
    ids=lambda words: " ".join(words)[:40],
)
def test_a_command_line_that_makes_no_sense_is_2(call, model, words: tuple[str, ...]) -> None:
    model("input x\noutput y = x^2")
    done = call(*words)
    assert done.code == 2
    assert done.out == ""
    assert "error:" in done.err


@pytest.mark.parametrize("command", ["run", "predict", "gradcheck", "trace", "stats", "show"])
def test_of_a_missing_file_and_missing_values_the_file_alone_is_required(
    call, command: str
) -> None:
    assert call(command).err.rstrip().endswith("the following arguments are required: FILE")


def test_a_fault_of_ours_says_so_and_how_to_report_it(
    call, model, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> int:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(check, "run", fail)
    done = call("check", model("input x"))
    assert done.code == 1
    assert "ZeroDivisionError: a bug" in done.err
    assert "report" in done.err
    assert f"{faults.TRACEBACK}=1" in done.err
    assert graphdsl.__version__ in done.err


def test_the_traceback_of_our_fault_is_there_for_who_asks(
    capsys: pytest.CaptureFixture[str], model, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> int:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(check, "run", fail)
    monkeypatch.setenv(faults.TRACEBACK, "1")
    assert faults.guarded("check", None) == 1  # type: ignore[arg-type]
    assert "Traceback" in capsys.readouterr().err


def test_ctrl_c_is_130(call, model, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(check, "run", interrupt)
    done = call("check", model("input x"))
    assert done.code == 130


def test_too_little_memory_is_said(call, model, monkeypatch: pytest.MonkeyPatch) -> None:
    def starve(_: object) -> int:
        raise MemoryError

    monkeypatch.setattr(check, "run", starve)
    done = call("check", model("input x"))
    assert (done.code, done.out) == (1, "")
    assert "memory" in done.err


def test_a_reader_who_leaves_is_no_fault() -> None:
    process = subprocess.Popen(
        [*COMMAND, "show", "examples/digits.gdl", "--stage", "source"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=TREE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    said = process.stderr.read().decode()
    process.stderr.close()
    process.wait()
    assert "Traceback" not in said
    assert "BrokenPipe" not in said


class Terminal:
    """A stream that says it is one."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("environment", "colored"),
    [
        ({"TERM": "xterm"}, True),
        ({"TERM": "dumb"}, False),
        ({"TERM": "xterm", "NO_COLOR": "1"}, False),
        ({"TERM": "xterm", "NO_COLOR": ""}, True),
    ],
)
def test_colour_on_terminals_alone(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], colored: bool
) -> None:
    for name in ("TERM", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert notices.use_color(Terminal()) is colored
    assert notices.use_color(object()) is False


def test_python_m_runs_the_same() -> None:
    done = run("check", "examples/lecture/l1.gdl")
    assert (done.returncode, done.stderr) == (0, "")
    assert "no errors" in done.stdout


def test_a_narrow_encoding_does_not_stop_the_output(tmp_path: Path) -> None:
    path = tmp_path / "m.gdl"
    path.write_text("input θ\noutput y = θ^2", encoding="utf-8")
    done = run("check", str(path), env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0
    assert "\\u03b8" in done.stdout


def test_closed_and_full_streams_end_without_a_traceback(examples) -> None:
    words = f"{sys.executable} -m graphdsl check {examples / 'digits.gdl'}"
    for redirection, code in ((">&-", 0), ("> /dev/full", 1), ("2>&- >&-", 0)):
        done = subprocess.run(
            f"{words} {redirection}", shell=True, cwd=TREE, capture_output=True, text=True
        )
        assert (done.returncode, "Traceback" in done.stderr) == (code, False), redirection


def test_progress_that_nobody_reads_stops_no_training(examples, tmp_path) -> None:
    done = subprocess.run(
        f"{sys.executable} -m graphdsl run {examples / 'digits.gdl'} --epochs 2"
        f" --out {tmp_path / 'r'} 2> /dev/full",
        shell=True,
        cwd=TREE,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0
    assert (tmp_path / "r" / "weights.safetensors").exists()


def test_a_request_to_end_saves_what_was_reached(model, examples, tmp_path) -> None:
    path = model(
        "dim N\ninput x: [N]\nparam w = 1\nloss J = mean((w * x - 1)^2)\n"
        'data {\n  source = "d.csv"\n  x = a\n}\n'
        "train {\n  optimizer = sgd(lr = 1e-9)\n  epochs = 100000000\n}\n"
    )
    (path.parent / "d.csv").write_text("a\n1\n2\n3\n")
    out = tmp_path / "r"
    words = [*COMMAND, "run", str(path), "--out", str(out), "--engine", "numpy"]
    process = subprocess.Popen(words, cwd=TREE, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    while not process.stderr.readline().startswith("epoch"):
        pass  # until training is under way
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert (out / "weights.safetensors").exists()

"""The README's examples are true: its Python runs, and its models are the files it names."""

import doctest
import re
import shlex
from pathlib import Path

import pytest

from graphdsl.cli import COMMANDS, _command_parser, main

TREE = Path(__file__).parents[1]
README = (TREE / "README.md").read_text(encoding="utf-8")


def test_python_examples_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(TREE)
    examples = doctest.DocTestParser().get_doctest(README, {}, "README.md", "README.md", 0)
    assert examples.examples
    report: list[str] = []
    doctest.DocTestRunner(optionflags=doctest.FAIL_FAST).run(examples, out=report.append)
    assert not report, "".join(report)


@pytest.mark.parametrize(
    "name", [f"examples/{name}.gdl" for name in ("digits", "lecture/l1", "lecture/l13")]
)
def test_models_are_the_files(name: str) -> None:
    models = re.findall(r"^```gdl\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)
    assert (TREE / name).read_text(encoding="utf-8") in models


CONSOLE = re.findall(r"^\$ graphdsl (.+)$", README, flags=re.MULTILINE)
TABLE = re.findall(r"^\| `graphdsl (.+?)` \|", README, flags=re.MULTILINE)


@pytest.mark.parametrize("line", [*CONSOLE, *TABLE])
def test_commands_are_understood(line: str) -> None:
    command, *words = shlex.split(line)
    parsed = _command_parser(command).parse_intermixed_args(words)
    if line in CONSOLE:
        assert (TREE / parsed.file).exists()


def test_every_command_stands_in_the_table() -> None:
    assert {line.split()[0] for line in TABLE} == COMMANDS.keys()


def test_the_budget_of_memory_has_values_computed_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    (line,) = (line for line in CONSOLE if "--max-memory" in line)
    parsed = _command_parser("run").parse_intermixed_args(shlex.split(line)[1:])
    (budget,) = parsed.settings
    steps = []
    for limit in ([], ["--with", f"memory={budget.text}"]):
        assert main(["show", str(TREE / parsed.file), "--stage", "schedule", "N=64", *limit]) == 0
        steps.append(int(capsys.readouterr().out.split()[0]))
    assert steps[0] < steps[1]

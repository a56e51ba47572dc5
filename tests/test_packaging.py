"""A wheel carries everything that the package reads, and works away from the tree."""

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

TREE = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from the tree."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, TREE)
    (path,) = folder.glob("graphdsl_lang-*.whl")
    return path


def run(*command: str | Path, cwd: Path | None = None) -> str:
    """The standard output of a command; its whole output if it fails."""
    # Neither the tree nor a run under `python -m` may lend the command a module.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def list_sources(folder: str) -> set[str]:
    """The files below a folder of the tree, by their paths in it."""
    paths = (TREE / folder).rglob("*")
    return {
        path.relative_to(TREE).as_posix()
        for path in paths
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc"
    }


def test_wheel_holds_the_package_grammar_and_examples(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
    assert list_sources("graphdsl") <= held
    assert {f"graphdsl/{name}" for name in list_sources("grammar")} <= held
    assert {f"graphdsl/{name}" for name in list_sources("examples")} <= held
    assert {
        "graphdsl/py.typed",
        "graphdsl/grammar/gdl.lark",
        "graphdsl/examples/digits.npz",
    } <= held
    assert [name for name in held if name.startswith("graphdsl/prelude/")]
    assert not [name for name in held if name.startswith(("tests", "benchmarks", "scripts"))]


def test_wheel_names_every_licence(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (path,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        metadata = archive.read(path).decode()
        held = archive.namelist()
    assert "License-Expression: MIT AND Bitstream-Vera\n" in metadata
    for name in ("LICENSE", "graphdsl/views/fonts/LICENSE.txt"):
        assert f"License-File: {name}\n" in metadata
        assert any(one.endswith(f".dist-info/licenses/{name}") for one in held)


def test_sdist_holds_what_a_wheel_needs(tmp_path: Path) -> None:
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", tmp_path, TREE)
    assert {path.suffix for path in tmp_path.iterdir()} == {".gz", ".whl"}


@pytest.mark.nightly
def test_installed_wheel_runs_in_another_folder(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=False)
    python = tmp_path / "venv" / "bin" / "python"
    run(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", wheel)
    find = "import graphdsl, pathlib; print(pathlib.Path(graphdsl.__file__).parent)"
    package = Path(run(python, "-c", find, cwd=tmp_path).strip())
    assert package.is_relative_to(tmp_path)
    command = tmp_path / "venv" / "bin" / "graphdsl"
    for example in sorted((package / "examples").rglob("*.gdl")):
        run(command, "check", example, cwd=tmp_path)
    digits = package / "examples" / "digits.gdl"
    assert "accuracy" in run(command, "run", digits, "--out", tmp_path / "out", cwd=tmp_path)

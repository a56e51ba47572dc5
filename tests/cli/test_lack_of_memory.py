"""Memory that does not suffice: told with code and remedy, whatever asked for it."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

LIMIT = 900 * 2**20
"""Bytes of addresses that a process may have."""

MODEL = """dim N
input x: [N, 8]
param W: [8, 3] ~ normal(0, 0.1)
loss J = mean((x @ W)^2)
data {
  source = "d.npz"
  x = x / 16
}
"""


@pytest.mark.parametrize("as_json", [False, True])
def test_a_command_that_runs_out_of_memory(
    call, model, monkeypatch: pytest.MonkeyPatch, as_json: bool
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise MemoryError

    path = model("input x\noutput y = x\n")
    monkeypatch.setattr("graphdsl.model.Model.run", fail)
    done = call("run", path, "x=1", *(["--json"] if as_json else []))
    assert done.code == 1
    if as_json:
        told = json.loads(done.err)
        assert (told["event"], told["code"]) == ("error", "E0802")
        assert told["help"]
    else:
        assert "error[E0802]: this machine's memory does not suffice for 'graphdsl run'" in done.err
        assert "help: compute fewer rows at once" in done.err


LARGE = """dim N
input x: [N, 8]
param W: [8, 400000] ~ normal(0, 0.1)
output y = sum(x @ W, axis = -1)
loss J = mean((x @ W)^2)
train {
  optimizer = adam(lr = 0.01)
  batch = 4
}
data {
  source = "d.npz"
  x = x
}
"""
PARAM = 4 * 8 * 400_000
SHORT = """
import resource, runpy, sys
import numpy, graphdsl.cli, graphdsl.model, graphdsl.training.loop
pages = int(open("/proc/self/statm").read().split()[0])
limit = pages * resource.getpagesize() + int(sys.argv.pop(1))
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
runpy.run_module("graphdsl", run_name="__main__")
"""


@pytest.mark.parametrize("params", [1, 5, 9])
@pytest.mark.parametrize(
    "command", ["run m.gdl --out new -q", "gradcheck m.gdl", "stats m.gdl", "trace m.gdl"]
)
def test_no_command_ends_in_anything_but_an_error_of_its_own(
    model, tmp_path: Path, command: str, params: int
) -> None:
    """OpenBLAS ends the process where it finds no memory: it must not come to that."""
    model(LARGE)
    np.savez(tmp_path / "d.npz", x=np.ones((16, 8), np.float32))
    done = subprocess.run(
        [sys.executable, "-c", SHORT, str(params * PARAM), *command.split()],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=tmp_path,
        env={"OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert done.returncode == 1, done.stderr
    assert "error[E0802]: " in done.stderr
    assert "Traceback" not in done.stderr
    assert "OpenBLAS" not in done.stderr
    assert not (tmp_path / "new").exists()


def test_an_archive_larger_than_the_process_may_be(model, tmp_path: Path) -> None:
    path = model(MODEL)
    with (
        zipfile.ZipFile(tmp_path / "d.npz", "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("x.npy", "w", force_zip64=True) as member,
    ):
        header = np.lib.format.header_data_from_array_1_0(np.zeros((1, 8)))
        np.lib.format.write_array_header_1_0(member, {**header, "shape": (2**24, 8)})
        for _ in range(2**10):
            member.write(bytes(2**20))
    assert (tmp_path / "d.npz").stat().st_size < 2**21
    limited = f"""
import resource, runpy
resource.setrlimit(resource.RLIMIT_AS, ({LIMIT}, {LIMIT}))
runpy.run_module("graphdsl", run_name="__main__")
"""
    done = subprocess.run(
        [sys.executable, "-c", limited, "evaluate", str(path)],
        capture_output=True,
        text=True,
        timeout=120,
        env={"OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert done.returncode == 1, done.stderr
    assert "error[E0613]" in done.stderr
    assert f"({8 * 8 * 2**24:,} bytes) is more than memory can hold" in done.stderr
    assert "m.gdl:7:7" in done.stderr
    assert "mapped, not read" in done.stderr

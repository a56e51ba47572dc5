"""2 GB of rows train in little memory, each row once an epoch."""

from __future__ import annotations

import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

ROWS, WIDTH = 680_000, 784
LIMIT = 500 * 10**6

MODEL = """dim N
input x: [N, 784]
input y: i64[N]
z = Dense(x, 10)
loss J = mean(cross_entropy(z, y))
data {
  source = "data"
  x = standardize(images / 16)
  y = labels
  split = [0.9, 0.1]
}
train {
  optimizer = sgd(lr = 0.01)
  batch = 512
  epochs = 1
}
"""

TRAIN = """
import sys, threading, graphdsl

def anonymous():
    with open("/proc/self/status") as status:
        line = next(line for line in status if line.startswith("RssAnon"))
    return 1024 * int(line.split()[1])

most, done = 0, threading.Event()

def watch():
    global most
    while not done.wait(0.01):
        most = max(most, anonymous())

watcher = threading.Thread(target=watch)
watcher.start()
try:
    history = graphdsl.load(sys.argv[1]).fit()
finally:
    done.set()
    watcher.join()
print(most, history.column("step")[0], history.final["valid"]["J"])
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A model beside 2.1 GB of f32 rows, which are deleted afterwards."""
    if shutil.disk_usage(tmp_path).free < 4 * 2**30:
        pytest.skip("2 GB of rows need 4 GiB of free disk")
    data = tmp_path / "data"
    data.mkdir()
    images = np.lib.format.open_memmap(data / "images.npy", "w+", np.float32, (ROWS, WIDTH))
    rng = np.random.default_rng(0)
    for start in range(0, ROWS, 20_000):
        images[start : start + 20_000] = rng.random((20_000, WIDTH), np.float32)
    images.flush()
    np.save(data / "labels.npy", rng.integers(0, 10, ROWS))
    (tmp_path / "m.gdl").write_text(MODEL)
    yield tmp_path
    shutil.rmtree(data)


@pytest.mark.nightly
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc to read RssAnon from")
def test_two_gigabytes_train_in_little_memory(folder: Path) -> None:
    assert (folder / "data" / "images.npy").stat().st_size > 2e9
    command = [sys.executable, "-c", textwrap.dedent(TRAIN), str(folder / "m.gdl")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1800, check=False)
    assert done.returncode == 0, done.stderr
    most, steps, loss = done.stdout.split()
    assert int(steps) == -(-ROWS * 9 // 10 // 512)
    assert float(loss) == pytest.approx(np.log(10), abs=0.2)
    assert int(most) < LIMIT, f"{int(most) / 1e6:.0f} MB of anonymous memory"
    print(f"{int(most) / 1e6:.0f} MB of anonymous memory at most")

"""Files spoilt at random, each read by a command in a process of its own with little memory.

`python hostile_files.py FORMAT,… SEED COUNT FOLDER` prints a line for each file that was not met as
it should be: with exit 0, or with exit 1 and an error that names the file and says what to do.
"""

from __future__ import annotations

import gzip
import os
import random
import resource
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import graphdsl
from graphdsl.cli import main

MEMORY, SECONDS = 2 * 2**30, 10

MODEL = """dim N
input x: [N, 4]
input y: i64[N]
param W: [4, 3] ~ normal(0, 0.1)
param b: [3] = 0
loss J = mean(cross_entropy(x @ W + b, y))
output p = softmax(x @ W + b)
data {{
  source = "{source}"
  x = {x}
  y = {y}
}}
"""


@dataclass(frozen=True, slots=True)
class Format:
    """How whole data is written into a folder, which file of it is spoilt, and what the data block
    says; weights are spoilt where `source` is empty."""

    write: Callable[[Path], None]
    spoilt: str
    source: str
    x: str
    y: str


def _rows() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(40, 4)), rng.integers(0, 3, 40)


def _write_npz(folder: Path) -> None:
    x, y = _rows()
    np.savez_compressed(folder / "d.npz", a=x, b=y, c=np.array(["u", "vv"]))


def _write_npy(folder: Path) -> None:
    x, y = _rows()
    (folder / "d").mkdir()
    np.save(folder / "d" / "a.npy", x)
    np.save(folder / "d" / "b.npy", y)


def _write_csv(folder: Path) -> None:
    x, y = _rows()
    lines = ["a,b,c,d,kind"]
    lines += [f"{','.join(f'{v:.4f}' for v in row)},k{k}" for row, k in zip(x, y, strict=True)]
    (folder / "d.csv").write_text("\n".join([*lines, '1,2,3,4,"k1"']) + "\n")


def _write_parquet(folder: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    x, y = _rows()
    columns = {"a": list(x), "b": y, "c": [f"k{k}" for k in y]}
    pyarrow.parquet.write_table(pyarrow.table(columns), folder / "d.parquet", row_group_size=16)


def _idx(array: np.ndarray, code: int, dtype: str) -> bytes:
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return bytes([0, 0, code, array.ndim]) + sizes + array.astype(dtype).tobytes()


def _write_idx(folder: Path) -> None:
    x, y = _rows()
    (folder / "d-a.idx").write_bytes(_idx(x, 0x0E, ">f8"))
    (folder / "d-b.idx").write_bytes(_idx(y, 0x08, ">u1"))


def _write_packed_idx(folder: Path) -> None:
    x, y = _rows()
    (folder / "d-a.idx.gz").write_bytes(gzip.compress(_idx(x, 0x0E, ">f8")))
    (folder / "d-b.idx.gz").write_bytes(gzip.compress(_idx(y, 0x08, ">u1")))


def _write_weights(folder: Path) -> None:
    _write_csv(folder)
    text = MODEL.format(source="d.csv", x="table", y="category(kind)")
    graphdsl.loads(text).save(folder / "w.safetensors")


FORMATS = {
    "npz": Format(_write_npz, "d.npz", "d.npz", "a", "b"),
    "npy": Format(_write_npy, "d/a.npy", "d", "a", "b"),
    "csv": Format(_write_csv, "d.csv", "d.csv", "table", "category(kind)"),
    "parquet": Format(_write_parquet, "d.parquet", "d.parquet", "a", "b + 0 * category(c)"),
    "idx": Format(_write_idx, "d-a.idx", "d-a.idx", "a", "b"),
    "gz": Format(_write_packed_idx, "d-a.idx.gz", "d-a.idx.gz", "a", "b"),
    "weights": Format(_write_weights, "w.safetensors", "d.csv", "table", "category(kind)"),
}

HEADS = (b"PK\x03\x04", b"\x93NUMPY\x01\x00", b"PAR1", b"\x1f\x8b\x08\x00", b"\0\0\x08\x03")
"""How files of the formats begin."""


def spoil(data: bytes, rng: random.Random) -> bytes:
    """The bytes with a change or a few, of a kind drawn at random."""
    spoilt = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 5))):
        at = rng.randrange(len(spoilt) + 1)
        match rng.randrange(7):
            case 0:
                spoilt[at : at + 1] = bytes([rng.randrange(256)])
            case 1:
                for place in range(at, min(at + 1, len(spoilt))):
                    spoilt[place] ^= 1 << rng.randrange(8)
            case 2:
                del spoilt[at:]
            case 3:
                head = rng.choice(HEADS)
                spoilt[: len(head)] = head
            case 4:
                del spoilt[at : at + rng.randrange(1, 40)]
            case 5:
                spoilt[at:at] = rng.randbytes(rng.randrange(1, 40))
            case 6:
                spoilt[at : at + 4] = rng.choice(
                    (b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", bytes(4))
                )
    return bytes(spoilt)


def attack(name: str, seed: int, count: int, folder: Path) -> Iterator[str]:
    """What was wrong with the way each of the spoilt files was met."""
    form = FORMATS[name]
    form.write(folder)
    path = folder / form.spoilt
    (folder / "m.gdl").write_text(MODEL.format(source=form.source, x=form.x, y=form.y))
    words = ["evaluate", str(folder / "m.gdl")]
    words += ["--weights", str(path)] if name == "weights" else []
    whole = path.read_bytes()
    # every child would have to read the grammar and the prelude, and to import, by itself
    graphdsl.load(folder / "m.gdl").run(x=np.zeros((2, 4)), y=np.zeros(2, int))
    if found := _complaint(words, path, folder):
        yield f"{name} as it was written: {found}"
    for number in range(count):
        path.write_bytes(spoil(whole, random.Random(f"{name} {seed} {number}")))
        if found := _complaint(words, path, folder):
            yield f"{name} {seed} {number}: {found}"


def _complaint(words: list[str], path: Path, folder: Path) -> str:
    """What is wrong with the way a command ended; empty if nothing is."""
    said = folder / "said"
    pid = os.fork()
    if not pid:
        _run(words, said)
    _, status = os.waitpid(pid, 0)
    code, text = os.waitstatus_to_exitcode(status), said.read_text("utf-8", "replace")
    if code not in (0, 1) or "Traceback" in text or "fault of its own" in text:
        return f"exit {code}\n{text}"
    wanted = () if code == 0 else ("error[E", _named(path, folder), "help:")
    lacking = [one for one in wanted if one not in text]
    return f"without {', '.join(lacking)}\n{text}" if lacking else ""


def _named(path: Path, folder: Path) -> str:
    """What a message has to name: the file, or the folder of columns that it is in."""
    return path.relative_to(folder).parts[0]


def _run(words: list[str], said: Path) -> None:
    """The child: ends with the exit code of the command."""
    handle = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(handle, stream)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    signal.alarm(SECONDS)
    code = 99
    try:
        code = main(words)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


if __name__ == "__main__":
    for name in sys.argv[1].split(","):
        place = Path(sys.argv[4]) / name
        place.mkdir()
        for line in attack(name, int(sys.argv[2]), int(sys.argv[3]), place):
            print(line)

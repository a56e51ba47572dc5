"""Whatever is wrong with a file, its data or what is fed: said with its place, exit code 1."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

DATA = """
dim N
input x: [N, 2]
input y: i64[N]
param w: [2] = 0
loss J = mean((x @ w - y)^2)
data {{
  source = "{source}"
  {x}
  y = label
}}
train {{
  optimizer = sgd(lr = 0.01)
  {setting}
}}
"""
TABLE = "a,b,label\n1,2,0\n3,4,1\n5,6,0\n"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("input x\noutput y = x +\n", "2:15"),
        ("input x\noutput y = (x * 2\n", "2:12"),
        ("input x: [2, 3]\ninput z: [2]\noutput y = x @ z\n", "3:12"),
        ("dim N\ninput x: [N, 3]\nparam W: [4, 2] ~ he_normal()\noutput y = x @ W\n", "4:12"),
        ("input x\noutput y = sinn(x)\n", "2:12"),
        ("input x\noutput y = z\n", "2:12"),
        ("input x: [k]\noutput y = x\n", "1:11"),
        ("input x: f16[3]\noutput y = x\n", "1:10"),
        ("input x\noutput y = x + 99999999999999999999999999\n", "2:16"),
        ("input x\noutput y = " + "(" * 10_000 + "x" + ")" * 10_000 + "\n", "2:212"),
        ("input x\noutput y = " + "-" * 20_000 + "x\n", "2:212"),
        ("input x\noutput y = " + "2^" * 20_000 + "x\n", "2:"),
        ("input x\n\x00", "m.gdl"),
        ("input x: [99999999999, 99999999999, 99999999999]\noutput y = sum(x)\nx = 2\n", "3:1"),
    ],
    ids=lambda value: value[-30:].strip() if "\n" in value else value,
)
@pytest.mark.parametrize("command", ["check", "run", "show", "render"])
def test_a_bad_model(call, model, command: str, text: str, place: str) -> None:
    path = model(text)
    options = ["-o", "m.svg"] if command == "render" else []
    done = call(command, path, *options)
    assert (done.code, done.out) == (1, "")
    assert "error[E" in done.err
    assert place in done.err
    assert "fault of its own" not in done.err
    assert [each.name for each in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(
    "command", ["check", "fmt", "run", "show", "render", "evaluate", "predict"]
)
@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("none.gdl", None, "there is no file 'none.gdl'"),
        ("binary.gdl", b"\x7fELF\x00\x01\x02", "not text"),
        ("latin.gdl", b"input x # \xe9", "not UTF-8"),
        ("utf16.gdl", "input x".encode("utf-16"), "UTF-16"),
        (".", None, "is a folder"),
    ],
)
def test_no_model_at_all(
    call, tmp_path: Path, command: str, name: str, content: bytes | None, said: str
) -> None:
    if content is not None:
        Path(name).write_bytes(content)
    options = ["-o", "m.svg"] if command == "render" else []
    done = call(command, name, *options)
    assert (done.code, done.out) == (1, "")
    assert said in done.err


@pytest.mark.parametrize("command", ["check", "run", "evaluate"])
@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n", "\ufeff"])
def test_an_empty_file(call, model, command: str, text: str) -> None:
    done = call(command, model(text))
    assert done.code == 1
    assert "m.gdl declares nothing" in done.err


@pytest.mark.parametrize(
    ("x", "setting", "table", "said"),
    [
        ("x = table[:, :2]", "", "a,b,label\n1,2,0\n3,nan,1\n5,6,0\n", "t.csv:3"),
        ("x = table[:, :2]", "", "a,b,label\n1,2,0\n3,,1\n", "t.csv:3"),
        ("x = table[:, :2]", "", "a,b,label\n1,2,0\n3,4\n", "t.csv:3"),
        ("x = table[:, :2]", "", "a,b,label\n1,2,0.5\n3,4,1\n", "declared i64"),
        ("x = table[:, :2]", "", "", "t.csv"),
        ("x = table[:, :2]", "", "a,b,label\n", "t.csv"),
        ("x = stack(a, c, axis = 1)", "", TABLE, "m.gdl:9:16"),
        ("x = a", "", TABLE, "m.gdl:9"),
        ("x = table[:, :1]", "", TABLE, "m.gdl:9"),
        ("z = a", "", TABLE, "m.gdl:9:3"),
        ("x = table[:, :2]", "batch = 0", TABLE, "m.gdl:14:11"),
        ("x = table[:, :2]", "epochs = 2.5", TABLE, "m.gdl:14:12"),
        ("x = table[:, :2]", "bacth = 3", TABLE, "m.gdl:14:3"),
        ("x = table[:, :2]", "stop = early(JJ)", TABLE, "m.gdl:14:16"),
    ],
)
def test_bad_data_and_settings(call, model, x: str, setting: str, table: str, said: str) -> None:
    Path("t.csv").write_text(table, encoding="utf-8")
    done = call("run", model(DATA.format(source="t.csv", x=x, setting=setting)))
    assert (done.code, done.out) == (1, "")
    assert said in done.err
    assert "fault of its own" not in done.err
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("none.csv", "none.csv"),
        ("../t.csv", "m.gdl:8:3"),
        ("/etc/passwd", "m.gdl:8:3"),
        ("m.gdl", "m.gdl"),
        ("broken.npz", "broken.npz"),
        ("pickled.npz", "pickled.npz"),
    ],
)
def test_bad_sources(call, model, source: str, said: str) -> None:
    Path("broken.npz").write_bytes(b"PK\x03\x04 and no more")
    np.savez("pickled.npz", label=np.array([{}, {}]), x=np.zeros((2, 2)))
    done = call("run", model(DATA.format(source=source, x="x = x", setting="")))
    assert (done.code, done.out) == (1, "")
    assert said in done.err
    assert "fault of its own" not in done.err


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (("x=[[1, 2]]", "y=[0, 1]"), "N is 2 here and 1 in 'x'"),
        (("x=[[1, 2]]", "y=[0.5]"), "declared i64 and was fed 0.5"),
        (("x=[1, 2]", "y=[0]"), "declared f32[N, 2]"),
        (("x=[[1, 2, 3]]", "y=[0]"), "declared f32[N, 2]"),
        (('x=[["a", "b"]]', "y=[0]"), "strings"),
        (("y=[0]",), "x"),
        (("x=[[1, 2]]", "y=[0]", "z=1"), "no input 'z'"),
    ],
)
def test_bad_feeds(call, model, values: tuple[str, ...], said: str) -> None:
    text = "dim N\ninput x: [N, 2]\ninput y: i64[N]\noutput z = sum(x, axis = 1) * y\n"
    done = call("run", model(text), *values)
    assert (done.code, done.out) == (1, "")
    assert said in done.err


def test_a_setting_in_the_place_of_a_value(call, examples) -> None:
    done = call("run", examples / "digits.gdl", "optimizer=sgd(lr = 1)")
    assert done.code == 2
    assert "--with 'optimizer=sgd(lr = 1)'" in done.err

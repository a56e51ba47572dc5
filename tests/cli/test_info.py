"""`info`: what another program needs in order to feed a model."""

from __future__ import annotations

import json


def test_it_tells_inputs_sizes_constants_and_counts(call, examples) -> None:
    done = call("info", "--json", examples / "digits.gdl", "--set", "hidden=32")
    told = json.loads(done.out)
    x, y = told["inputs"]
    assert (x["name"], x["dtype"], x["shape"]) == ("x", "f32", ["N", 64])
    assert (y["name"], y["dtype"], y["shape"]) == ("y", "i64", ["N"])
    assert (told["sizes"], told["constants"]["hidden"], told["float"]) == (["N"], 32, "f32")
    assert told["trained_elements"] == 64 * 32 + 32 + 32 * 10 + 10
    assert told["operations"] == sum(told["operations_by_name"].values())
    assert told["trains"]


def test_without_json_it_is_the_table_of_check(call, examples) -> None:
    path = examples / "lecture" / "l1.gdl"
    assert call("info", path).out == call("check", path).out


def test_marks_that_nobody_sees_are_shown(call, tmp_path) -> None:
    path = tmp_path / "a\u202e.gdl"
    path.write_text("## \u061c of all\n\n## \u200f of x\ninput x\noutput y = x\n", "utf-8")
    first, whole, x, *_ = call("info", path).out.splitlines()
    assert first == f"{tmp_path}/a\\u202e.gdl: no errors"
    assert whole == "  \\u061c of all"
    assert x.endswith("  \\u200f of x")


def test_a_fault_is_an_error(call, model) -> None:
    done = call("info", model("output y = x\n"))
    assert (done.code, done.out) == (1, "")

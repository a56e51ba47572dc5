"""`repeat` and `collect`: turns written out, names carried, bounds counted first."""

import numpy as np
import pytest

import graphdsl

HEAD = "dim N\ninput x: [N, 3]\n"


def errors(text: str) -> list[str]:
    """The codes of the errors a text has."""
    with pytest.raises(graphdsl.ModelError) as caught:
        graphdsl.loads(text)
    return [diagnostic.code for diagnostic in caught.value.diagnostics]


def test_a_turn_owns_parameters_named_after_the_carried_name() -> None:
    model = graphdsl.loads(
        HEAD
        + "o = x\nrepeat l in 1..2 {\n  param W: [3, 3] ~ normal()\n  o = o @ W\n}\noutput y = o"
    )
    assert list(model.params) == ["o[1].W", "o[2].W"]
    x = np.ones((2, 3), np.float32)
    expected = x @ model.params["o[1].W"] @ model.params["o[2].W"]
    np.testing.assert_allclose(model.run(x=x)["y"], expected, rtol=1e-6)


def test_bounds_are_both_included_and_may_be_constants() -> None:
    text = "const n = 3\ninput x\ns = x\nrepeat i in 0..n {\n  s = s + i\n}\noutput y = s"
    assert graphdsl.loads(text).run(x=1)["y"] == 1 + 0 + 1 + 2 + 3
    assert graphdsl.loads(text, n=1).run(x=1)["y"] == 2


def test_a_loop_of_no_turns_leaves_its_names_alone() -> None:
    text = "input x\ns = x\nrepeat i in 2..1 {\n  s = s + 1\n}\noutput y = s"
    assert graphdsl.loads(text).run(x=5)["y"] == 5


def test_several_names_are_carried_at_once() -> None:
    loop = "repeat i in 1..3 {\n  a = a + b\n  b = 2 * b\n}\n"
    text = f"input x\na = x\nb = x\n{loop}output p = a\noutput q = b"
    found = graphdsl.loads(text).run(x=1)
    assert (found["p"], found["q"]) == (1 + 1 + 2 + 4, 8)


def test_nested_loops_name_their_parameters_by_both_turns() -> None:
    model = graphdsl.loads(
        HEAD
        + "o = x\nrepeat i in 1..2 {\n  u = o\n  repeat j in 1..2 {\n    param W: [3, 3] = 0\n"
        + "    u = u + o @ W\n  }\n  o = u\n}\noutput y = o"
    )
    assert list(model.params) == [f"o[{i}].u[{j}].W" for i in (1, 2) for j in (1, 2)]


def test_a_block_call_on_a_carried_name_takes_the_turns_name() -> None:
    model = graphdsl.loads(
        HEAD + "o = x\nrepeat i in 1..2 {\n  o = Dense(o, 3)\n}\n"
        "q = o\nrepeat i in 1..1 {\n  q = q + Dense(q, 3)\n}\noutput y = q"
    )
    assert list(model.params) == [
        *("o[1].W", "o[1].b", "o[2].W", "o[2].b"),
        *("q[1].Dense.W", "q[1].Dense.b"),
    ]


def test_collect_stacks_every_turn_on_a_new_first_axis() -> None:
    text = "input x: [2]\ns = x\nrepeat i in 1..4 {\n  s = 2 * s\n  collect S = s\n}\noutput y = S"
    found = graphdsl.loads(text).run(x=[1, 10])["y"]
    np.testing.assert_array_equal(found, [[2, 20], [4, 40], [8, 80], [16, 160]])


def test_after_the_loop_an_index_is_an_index() -> None:
    text = HEAD + "o = x\nrepeat i in 1..2 {\n  o = o + 1\n}\noutput y = o[0]"
    np.testing.assert_array_equal(graphdsl.loads(text).run(x=np.zeros((2, 3)))["y"], [2, 2, 2])


def test_names_of_a_turn_are_local_to_it() -> None:
    assert errors("input x\no = x\nrepeat i in 1..2 {\n  t1 = o\n  o = t1\n}\noutput y = t1") == [
        "E0301"
    ]


def test_a_name_is_bound_once_in_a_turn() -> None:
    text = "input x\no = x\nrepeat i in 1..2 {\n  o = o + 1\n  o = o + 2\n}\noutput y = o"
    assert errors(text) == ["E0302"]


@pytest.mark.parametrize("change", ["stack(o, o)", "o > 0", "sum(o)"])
def test_a_carried_name_keeps_its_shape_and_type(change: str) -> None:
    text = f"input x: [3]\no = x\nrepeat i in 1..2 {{\n  o = {change}\n}}\noutput y = o"
    assert errors(text) == ["E0330"]


def test_a_number_is_carried_into_a_scalar() -> None:
    text = "input x\ns = 0\nrepeat i in 1..4 {\n  s = s + x\n}\noutput y = s"
    assert graphdsl.loads(text).run(x=2)["y"] == 8


def test_two_loops_may_not_carry_one_name() -> None:
    loop = "repeat i in 1..2 {\n  o = o + 1\n}\n"
    assert errors(f"input x\no = x\n{loop}{loop}output y = o") == ["E0329"]


@pytest.mark.parametrize(
    "bounds", ["1..1000000000", "1..999999999999", "-5000000000..0", "1..200001"]
)
def test_bombs_are_refused_by_their_count(bounds: str) -> None:
    text = f"input x\no = x\nrepeat i in {bounds} {{\n  o = o + 1\n}}\noutput y = o"
    assert errors(text) == ["E0410"]


def test_nested_bombs_are_refused_by_their_count() -> None:
    text = (
        "input x\no = x\nrepeat i in 1..1000 {\n  repeat j in 1..1000 {\n    o = o + 1\n  }\n}\n"
        "output y = o"
    )
    assert errors(text) == ["E0410"]


def test_a_fault_in_a_turn_is_told_once_with_its_trail() -> None:
    text = "input x: [3]\no = x\nrepeat i in 1..5 {\n  o = o @ o @ o\n}\noutput y = o"
    with pytest.raises(graphdsl.ModelError) as caught:
        graphdsl.loads(text)
    (diagnostic,) = caught.value.diagnostics
    assert "turn 1" in diagnostic.trail[0].text


def test_nothing_is_collected_without_a_turn() -> None:
    text = "input x\no = x\nrepeat i in 2..1 {\n  o = o + 1\n  collect S = o\n}\noutput y = S"
    assert errors(text) == ["E0327"]


def test_bounds_have_to_be_integers() -> None:
    assert errors("input x\no = x\nrepeat i in 1..2.5 {\n  o = o + 1\n}\noutput y = o") == ["E0328"]


def test_gradients_run_through_turns() -> None:
    text = "input x\no = x\nrepeat i in 1..10 {\n  o = 2 * o\n}\noutput y = o"
    _, grads = graphdsl.loads(text).value_and_grad(of="y", wrt=("x",), x=1.0)
    assert grads["x"] == 1024

"""The memory map: a rectangle a buffer, where and as long as the plan says."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from graphdsl.compiler.schedule import Schedule
from graphdsl.driver import Purpose, compile_source
from graphdsl.engines import divided
from graphdsl.engines.loaded import stretches
from graphdsl.language.source import Source
from graphdsl.views import memory_map
from graphdsl.views.memory_map import HEIGHT, LEFT, TOP, WIDTH, draw_plan
from graphdsl.views.stages import schedule_text

SVG = "{http://www.w3.org/2000/svg}"
TEXT = """
input x: [1000]
param w: [1000] = 1
a = exp(x * w)
θ = sin(x)
loss J = sum(a * θ)
train {
  optimizer = sgd(lr = 0.1)
}
"""


def schedule_of(text: str) -> Schedule:
    compilation = compile_source(Source(text, "<text>"))
    trained = compilation.lowered(training=True).train is not None
    names = tuple(r.name for r in compilation.graph().results)
    purpose = compilation.step_purpose() if trained else Purpose(names)
    return compilation.compiled(purpose).plan({})


def drawn(schedule: Schedule, title: str = "m.gdl") -> ElementTree.Element:
    return ElementTree.fromstring(draw_plan(schedule, title))


def boxes(root: ElementTree.Element) -> dict[str, dict[str, float]]:
    """The rectangle of each buffer: its edges in pixels."""
    found = {}
    for group in root.iter(f"{SVG}g"):
        title, rect = group.find(f"{SVG}title"), group.find(f"{SVG}rect")
        assert title is not None
        assert rect is not None
        name = (title.text or "").partition(":")[0]
        found[name] = {key: float(rect.attrib[key]) for key in ("x", "y", "width", "height")}
    return found


def test_every_buffer_is_a_rectangle_at_its_place() -> None:
    schedule = schedule_of(TEXT)
    found = boxes(drawn(schedule))
    assert found.keys() == schedule.slots.keys()
    for name, slot in schedule.slots.items():
        box, step = found[name], WIDTH / len(schedule.steps)
        foot = TOP + HEIGHT * (1 - slot.offset / schedule.arena_bytes)
        high = HEIGHT * slot.type.nbytes / schedule.arena_bytes
        assert box["x"] == pytest.approx(LEFT + slot.start * step, abs=0.01)
        assert box["width"] == pytest.approx((slot.end + 1 - slot.start) * step, abs=0.01)
        assert box["y"] + box["height"] == pytest.approx(foot, abs=0.02)
        assert box["height"] == pytest.approx(high, abs=0.01)


def test_sweeps_have_colours() -> None:
    schedule = schedule_of(TEXT)
    text = draw_plan(schedule, "m.gdl")
    sweeps = {schedule.steps[slot.start].sweep for slot in schedule.slots.values()}
    assert len(sweeps) > 1
    for sweep in sweeps:
        fill, _ = memory_map.COLORS[sweep]
        assert text.count(f'fill="{fill}"') >= 2  # one is the legend's


def test_the_legend_tells_scratch_where_there_is_some() -> None:
    for op, said in (("softplus", 1), ("exp", 0)):
        schedule = schedule_of(f"input x: [9]\noutput y = {op}(x) * 2\n")
        assert any("_" in name for name in schedule.slots) == bool(said)
        assert draw_plan(schedule, "m.gdl").count("scratch of a kernel") == said


def test_the_peak_is_where_most_bytes_live() -> None:
    schedule = schedule_of(TEXT)
    step, most = schedule.peak()
    live = [0] * len(schedule.steps)
    for slot in schedule.slots.values():
        for number in range(slot.start, slot.end + 1):
            live[number] += -(-slot.type.nbytes // 64) * 64
    assert most == max(live) == live[step]
    assert live.index(most) == step
    assert f"peak: {most:,} bytes live at step {step}" in draw_plan(schedule, "m.gdl")


def test_text_is_no_markup() -> None:
    root = drawn(schedule_of(TEXT), '<script>"&\x07')
    assert root.find(f"{SVG}script") is None
    assert next(t.text for t in root.iter(f"{SVG}text")) == '<script>"&\\x07'


def test_nothing_to_draw_is_drawn() -> None:
    schedule = schedule_of("input x: [3]\noutput y = x\n")
    assert not schedule.slots
    assert not boxes(drawn(schedule))


def test_of_too_many_buffers_the_largest_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    schedule = schedule_of(TEXT)
    monkeypatch.setattr(memory_map, "MOST", 2)
    text = draw_plan(schedule, "m.gdl")
    assert len(boxes(ElementTree.fromstring(text))) == 2
    assert f"the 2 largest of {len(schedule.slots)} buffers are drawn" in text


SHARED = """
dim N
input x: [N, 4]
param w: [4, 30] ~ normal(0, 0.1)
loss J = mean(square(tanh(x @ w)))
train {
  optimizer = adam()
}
"""


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> Schedule:
    """A step of three workers, whose parts have 33, 33 and 34 rows."""
    monkeypatch.setattr(divided, "_count_workers", lambda graph, sizes, cores: cores)
    compilation = compile_source(Source(SHARED, "<text>"))
    return compilation.compiled(compilation.step_purpose()).plan_blocks({"N": 100}, 3)


def test_workers_stand_side_by_side_in_front(shared: Schedule) -> None:
    found = boxes(drawn(shared))
    steps = max(len(worker.steps) for worker in shared.workers)
    step = WIDTH / (steps + len(shared.steps) - 1)
    meeting = LEFT + steps * step
    places = stretches(shared.workers)
    for number, (worker, place) in enumerate(zip(shared.workers, places, strict=False)):
        assert worker.slots
        for name, slot in worker.slots.items():
            box = found.pop(f"worker {number}'s {name}")
            foot = TOP + HEIGHT * (1 - (place + slot.offset) / shared.arena_bytes)
            assert box["x"] == pytest.approx(LEFT + slot.start * step, abs=0.01)
            assert box["x"] + box["width"] < meeting + 0.02
            assert box["y"] + box["height"] == pytest.approx(foot, abs=0.02)
    assert found.keys() == shared.slots.keys()
    for name, slot in shared.slots.items():
        assert found[name]["x"] == pytest.approx(meeting + (slot.start - 1) * step, abs=0.01)


def test_the_peak_counts_what_all_workers_hold(shared: Schedule) -> None:
    rooms = [worker.peak() for worker in shared.workers]
    assert len({step for step, _ in rooms}) == 1
    text = draw_plan(shared, "m.gdl")
    assert f"peak: {sum(most for _, most in rooms):,} bytes live at step {rooms[0][0]}" in text
    assert f"{len(shared.workers[0].steps)} of them by 3 workers at once" in text
    assert "the workers meet" in text
    told = schedule_text(shared).splitlines()[2]
    most, step = sum(most for _, most in rooms), rooms[0][0]
    assert told == f"at most {most:,} bytes live at once, at step {step} of the workers"
    assert "workers" not in draw_plan(schedule_of(TEXT), "m.gdl")

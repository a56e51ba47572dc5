"""The functions that whoever imports an exported file calls, as text.

They stand behind the tables of programs and the arrays that `export` writes before them.
"""

from __future__ import annotations

from collections.abc import Mapping

PREDICT = '''\
def predict(feeds: Mapping[str, Any] | None = None, /, **named: Any) -> dict[str, Array]:
    """The outputs by name; inputs are keywords, or one mapping."""
    with TURN:
        program, arrays = choose(PREDICT, INPUTS, FLAT, {**(feeds or {}), **named})
        return program(arrays, 0, 0, 0)
'''

TRAIN = '''\
def train_step(feeds: Mapping[str, Any] | None = None, /, **named: Any) -> float:
    """One step of the optimizer on a batch; the loss before it, nan where there is none."""
    with TURN:
        program, arrays = choose(TRAIN, INPUTS, FLAT, {**(feeds or {}), **named})
        values = program(arrays, clock["t"] + 1, clock["epoch"], clock["total_steps"])
        clock["t"] += 1
        return float(next(iter(values.values()), nan))
'''

_GATHER = '''\
def train_step(feeds: Mapping[str, Any] | None = None, /, **named: Any) -> float:
    """A batch, COUNT of which make one step of the optimizer; the batch's loss."""
    with TURN:
        program, arrays = choose(TRAIN, INPUTS, FLAT, {**(feeds or {}), **named})
        batch = int(BATCHES) + 1
        values = program(arrays, batch, clock["epoch"], clock["total_steps"])
        if PASSES >= COUNT:
            flush()
        return float(next(iter(values.values())))


def flush() -> None:
    """Step with the batches since the last step, if there are any; call it at an epoch's end."""
    with TURN:
        if PASSES:
            UPDATE({}, clock["t"] + 1, clock["epoch"], clock["total_steps"])
            clock["t"] += 1
'''

TAKE_AVERAGE = '''\
def take_average() -> None:
    """Leave the parameters at their averages; there has to be a step before."""
    with TURN:
'''


def gathering(count: int, counters: Mapping[str, str]) -> str:
    """The functions of a step that takes `count` batches; `counters` are the flat arrays that
    count batches (BATCHES) and those since the last step (PASSES)."""
    text = _GATHER.replace("COUNT", str(count))
    for word, name in counters.items():
        text = text.replace(word, f'FLAT["{name}"][0]')
    return text

"""The settings of runs as rows: what two runs have differently is found here."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphdsl.language import ast
from graphdsl.views.report.reading import ReportedRun

NONE = "–"
"""Stands for what a run does not have."""
GROUPS = ("Run", "Training", "Data", "Constants", "Versions")

OWN_ROWS = ("seed", "recipe", "stop")
"""Settings of a training that stand elsewhere: among those of the run, or in the file's words."""

Facts = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SettingRow:
    """A setting and its value in each run."""

    name: str
    values: tuple[str, ...]
    overridden: tuple[bool, ...]
    """Whether the command line gave it in place of the file."""

    @property
    def differs(self) -> bool:
        """Whether the runs have it differently."""
        return len(set(self.values)) > 1


def tell_settings(runs: Sequence[ReportedRun]) -> dict[str, list[SettingRow]]:
    """The rows by group, in the first run's order."""
    told = [_facts(run) for run in runs]
    given = [_given(run) for run in runs]
    rows: dict[str, list[SettingRow]] = {}
    for group in GROUPS:
        names = dict.fromkeys(name for facts in told for name in facts[group])
        rows[group] = [
            SettingRow(
                name,
                tuple(facts[group].get(name, NONE) for facts in told),
                tuple(name.partition(".")[0] in one.get(group, ()) for one in given),
            )
            for name in names
        ]
    return {group: found for group, found in rows.items() if found}


def _given(run: ReportedRun) -> dict[str, set[str]]:
    """The names by group that the command line gave in the file's place."""
    recorded = run.recorded
    named = [name.partition(".") for name in recorded.settings]
    source = {"source"} if recorded.given.source is not None else set()
    return {
        "Training": {key for block, _, key in named if block == "train"} | {*recorded.given.train},
        "Data": {key for block, _, key in named if block == "data"} | source,
        "Constants": {*recorded.overrides},
    }


def _facts(run: ReportedRun) -> dict[str, Facts]:
    recorded, settings = run.recorded, run.settings
    own = {
        "model": recorded.model,
        "folder of the model": recorded.folder,
        "seed": str(recorded.seed),
        "float": recorded.dtype,
        "engine": recorded.engine,
        "workers": str(recorded.workers),
        "began with": "the seed's weights" if recorded.given.start is None else "given weights",
        "model's hash": recorded.model_hash,
        "data's hash": recorded.data_hash,
    }
    own |= {
        f"went on at step {one.get('step', '?')}": f"to {one.get('epochs', '?')} epochs"
        for one in recorded.extended
        if isinstance(one, dict)
    }
    used = {name: value for name, value in recorded.train.items() if name not in OWN_ROWS}
    rows = _mapping(settings.get("rows"))
    data = dict(_written(run, ast.Data))
    if recorded.given.source is not None:
        data["source"] = recorded.given.source
    return {
        "Run": own,
        "Training": {**dict(_written(run, ast.Train)), **dict(_flat(used))},
        "Data": {**data, **{f"rows of {part}": _text(count) for part, count in rows.items()}},
        "Constants": dict(_flat(_mapping(settings.get("constants")))),
        "Versions": dict(_flat(recorded.versions)),
    }


def _written(run: ReportedRun, kind: type[ast.Data] | type[ast.Train]) -> Iterator[tuple[str, str]]:
    """The settings of a block as the model's text has them."""
    if run.compilation is None:
        return
    for statement in run.compilation.program.statements:
        if isinstance(statement, kind):
            for setting in statement.settings:
                text = setting.span.text.partition("=")[2].strip()
                yield setting.key.id, " ".join(text.split())


def _flat(values: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    """Nested maps as dotted names; what is not set is left out."""
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{name}.")
        elif value is not None and not (name == "batch_is_default" and not value):
            yield (
                f"{before}{name}".replace("batch_is_default", "batch is the default"),
                _text(value),
            )


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case str():
            return value
        case int():
            return f"{value:,}" if abs(value) >= 10_000 else str(value)
    return json.dumps(value, ensure_ascii=False, default=str)

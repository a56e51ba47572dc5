"""What the folder of a run knows of its data: enough to bind new rows without the old ones."""

from __future__ import annotations

import json
from pathlib import Path

from graphdsl.engines.feeds import refusal
from graphdsl.training.learned import Learned
from graphdsl.training.recorded import SETTINGS


def learned_in(folder: Path) -> Learned | None:
    """What the data block of a run learned from its training part; None if nothing says so.

    Raises `DataError` if the settings of the run cannot be read.
    """
    path = folder / SETTINGS
    if not path.is_file():
        return None
    try:
        said = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as problem:
        message = f"the settings of the run, '{path}', cannot be read: {problem}"
        raise refusal("E0610", message, "name its weights file, or train again") from None
    learned = said.get("learned") if isinstance(said, dict) else None
    return Learned.from_plain(learned) if learned is not None else None

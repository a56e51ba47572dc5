"""Write the lecture's data: the two crescents of the tutorial, and points at random."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from doc_programs import moons

LECTURE = Path(__file__).parents[1] / "examples" / "lecture"

if __name__ == "__main__":
    (LECTURE / "crescents.csv").write_text(moons(), encoding="utf-8", newline="\n")
    # what fifty layers are fed: 16 rows of 8 numbers, drawn from N(0, 1)
    points = np.random.Generator(np.random.Philox(0)).normal(size=(16, 8))
    np.save(LECTURE / "points.npy", points.astype(np.float32))

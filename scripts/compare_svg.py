"""Whether two pictures show the same: the texts of two `.svg` files come in, a bool goes out.

Nothing here asks where things stand on the page, which versions of Graphviz and of matplotlib
decide differently.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]

SVG = "{http://www.w3.org/2000/svg}"
COLOR = re.compile(r"#[0-9a-f]{6}")
CLOSE = 0.01
"""How far curves may lie apart, as a part of the panel's sides."""
SAMPLES = 64


def same_drawing(first: str, second: str) -> bool:
    """Whether two of Graphviz's pictures have the same colours and the same parts, with the same
    words in each."""
    return _outline(first) == _outline(second)


def same_plot(first: str, second: str) -> bool:
    """Whether two of matplotlib's pictures have the same words and panels, with the same ticks and
    curves in them."""
    panels = [[list(_curves(panel)) for panel in _panels(svg)] for svg in (first, second)]
    return (
        _said(first) == _said(second)
        and len(panels[0]) == len(panels[1])
        and all(_same_curves(*pair) for pair in zip(*panels, strict=True))
    )


# --- drawings ------------------------------------------------------------------------------------


def _outline(svg: str) -> tuple[dict[str, list[str]], set[str]]:
    root = ElementTree.fromstring(svg)
    parts = {each.get("id", ""): _words(each) for each in root.iter(f"{SVG}g")}
    looks = (each.get(key, "") for each in root.iter() for key in ("fill", "stroke"))
    return parts, {look for look in looks if COLOR.fullmatch(look)}


def _words(part: Element) -> list[str]:
    return [word for text in part.iter(f"{SVG}text") for word in (text.text or "").split()]


# --- plots ---------------------------------------------------------------------------------------


def _said(svg: str) -> Counter[str]:
    """The texts, whose letters are outlines: a comment above each has what they spell."""
    return Counter(re.findall(r"<!-- (.*?) -->", svg))


def _panels(svg: str) -> Iterator[Element]:
    groups = ElementTree.fromstring(svg).iter(f"{SVG}g")
    return (each for each in groups if each.get("id", "").startswith("axes_"))


def _curves(panel: Element) -> Iterator[tuple[set[str], Points]]:
    """The colours of each tick, grid line and curve, and its points as parts of the panel's
    sides."""
    corners = _points(panel.find(f"{SVG}g/{SVG}path"))
    low, size = corners.min(axis=0), np.ptp(corners, axis=0)
    for line in panel.iter(f"{SVG}g"):
        if not line.get("id", "").startswith("line2d_"):
            continue
        colors = {color for each in line.iter() for color in COLOR.findall(each.get("style", ""))}
        drawn = [path for path in line.findall(f"{SVG}path") if path.get("clip-path")]
        marked = [[float(use.get(key, 0)) for key in "xy"] for use in line.iter(f"{SVG}use")]
        found = [*map(_points, drawn), np.array(marked).reshape(-1, 2)]
        yield colors, (np.concatenate(found) - low) / size


def _points(path: Element | None) -> Points:
    assert path is not None
    numbers = re.findall(r"-?\d[\d.]*(?:e-?\d+)?", path.get("d", ""))
    return np.array(numbers, dtype=float).reshape(-1, 2)


def _same_curves(
    first: list[tuple[set[str], Points]], second: list[tuple[set[str], Points]]
) -> bool:
    return len(first) == len(second) and all(
        colors == other_colors and _are_close(points, others)
        for (colors, points), (other_colors, others) in zip(first, second, strict=True)
    )


def _are_close(first: Points, second: Points) -> bool:
    """Whether two curves run along each other, however many points each is drawn by."""
    if not len(first) or not len(second):
        return len(first) == len(second)
    return bool(np.abs(_sampled(first) - _sampled(second)).max() < CLOSE)


def _sampled(points: Points) -> Points:
    """Points at even distances along a curve."""
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    at = np.linspace(0, along[-1], SAMPLES)
    return np.stack([np.interp(at, along, points[:, axis]) for axis in (0, 1)], axis=1)

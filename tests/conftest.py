"""Options that all tests share."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--update-golden` rewrites the golden files; read the difference before you keep it."""
    parser.addoption("--update-golden", action="store_true", help="rewrite the golden files")

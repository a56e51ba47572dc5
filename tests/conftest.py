"""Options that all tests share."""

from __future__ import annotations

import os
import signal

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--update-golden` rewrites the golden files; read the difference before you keep it."""
    parser.addoption("--update-golden", action="store_true", help="rewrite the golden files")
    parser.addoption(
        "--engine",
        choices=("auto", "numba"),
        default="auto",
        help="what runs the models that ask for no engine; auto, the default, is mostly NumPy",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Make the mark of `tests/rules` known, and keep what is compiled out of the user's folders."""
    config.addinivalue_line("markers", "rule(section, words): what docs/language.md says of it")
    # a shell's background job has Ctrl-C ignored, and one of nohup the end of its terminal: they
    # would hand that on to what the tests start
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
    # no test takes the power away, so that nothing has to have reached the disk
    os.fsync = lambda handle: None
    assert config.cache is not None
    os.environ.setdefault("GRAPHDSL_CACHE", str(config.cache.mkdir("numba")))
    if config.getoption("--engine") == "numba":
        from forced_engine import compile_every_program

        compile_every_program(setattr)

"""Chromium without a window, for tests: commands go in over a pipe, replies and events come out.

The protocol is the DevTools protocol (JSON messages, each ended by a zero byte), spoken over the
file descriptors 3 and 4 of the browser, so that no port is opened and no library needed.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
LIMIT_S = 60.0
"""How long a reply may take on a machine that is busy with other tests."""

FLAGS = (
    "--headless=new",
    "--remote-debugging-pipe",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--mute-audio",
    "--force-color-profile=srgb",
)


class BrowserError(AssertionError):
    """The browser refused a command, went away, or the page threw."""


def find_chromium() -> str | None:
    """The browser's program, if this machine has one."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


class Chromium:
    """A running browser."""

    def __init__(self, program: str, profile: Path) -> None:
        read_commands, self._write = os.pipe()
        self._read, write_replies = os.pipe()
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []  # root has none to enter
        # dash redirects single digits only: each pipe's end is moved to its place by number
        moved = f"exec 3<&{read_commands} 4>&{write_replies}"
        words = [program, *FLAGS, *sandbox, f"--user-data-dir={profile}", "about:blank"]
        self._process = subprocess.Popen(
            ["bash", "-c", f'{moved}; exec "$@"', "bash", *words],
            pass_fds=(read_commands, write_replies),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(read_commands)
        os.close(write_replies)
        self._buffer = b""
        self._last = 0
        self._events: deque[dict[str, Any]] = deque()

    def close(self) -> None:
        """End the browser, politely at first."""
        try:
            self.call("Browser.close", limit_s=10)
            self._process.wait(10)
        except (BrowserError, OSError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        os.close(self._write)
        os.close(self._read)

    def call(
        self,
        method: str,
        params: Mapping[str, Any] | None = None,
        session: str | None = None,
        limit_s: float = LIMIT_S,
    ) -> dict[str, Any]:
        """The reply to a command; raises `BrowserError`."""
        self._last += 1
        message = {"id": self._last, "method": method, "params": params or {}}
        if session:
            message["sessionId"] = session
        self._send(json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + limit_s
        while True:
            reply = self._receive(deadline, method)
            if reply.get("id") == self._last:
                if "error" in reply:
                    raise BrowserError(f"{method}: {reply['error']['message']}")
                return dict(reply["result"])
            self._events.append(reply)

    def take_events(self, session: str) -> list[dict[str, Any]]:
        """What a session has reported since it was last asked, in order."""
        taken = [event for event in self._events if event.get("sessionId") == session]
        self._events = deque(event for event in self._events if event.get("sessionId") != session)
        return taken

    def _send(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._write, data) :]

    def _receive(self, deadline: float, waiting_for: str) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            left = deadline - time.monotonic()
            ready, _, _ = select.select([self._read], [], [], max(left, 0))
            if not ready:
                raise BrowserError(f"{waiting_for}: no reply")
            chunk = os.read(self._read, 1 << 20)
            if not chunk:
                raise BrowserError(f"{waiting_for}: the browser has gone")
            self._buffer += chunk
        message, _, self._buffer = self._buffer.partition(b"\0")
        return dict(json.loads(message))

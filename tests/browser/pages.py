"""One page in Chromium, for tests: a file comes in; what it shows, says and asks for goes out."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from browser.devtools import BrowserError, Chromium

WAIT_S = 20.0
"""How long something may take to come true."""

TWO_FRAMES = (
    "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(0))))"
)
"""Comes true when what the page drew as it loaded, and again when it had its size, is painted."""

KEYS = {
    "ArrowLeft": 37,
    "ArrowUp": 38,
    "ArrowRight": 39,
    "ArrowDown": 40,
    "Home": 36,
    "End": 35,
    "Enter": 13,
    "Escape": 27,
    "Tab": 9,
    " ": 32,
}
"""The keys that send no letter, by their virtual codes."""


class Page:
    """A tab, watched from before it loads anything."""

    def __init__(self, browser: Chromium, *, bypass_csp: bool = False) -> None:
        self.browser = browser
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self._target = browser.call("Target.createTarget", {"url": "about:blank"})["targetId"]
        attach = {"targetId": self._target, "flatten": True}
        self._session = browser.call("Target.attachToTarget", attach)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.call("Page.setBypassCSP", {"enabled": bypass_csp})

    def call(self, method: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The reply to a command of this tab; what it reports meanwhile is kept."""
        reply = self.browser.call(method, params, self._session)
        for event in self.browser.take_events(self._session):
            self._note(event["method"], event["params"])
        return reply

    def close(self) -> None:
        """Close the tab."""
        self.browser.call("Target.closeTarget", {"targetId": self._target})

    def show(self, width: int, height: int, scheme: str = "light", touch: bool = False) -> None:
        """Give the tab a size and a colour scheme; animations are off."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": touch}
        self.call("Emulation.setDeviceMetricsOverride", size)
        features = [
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]
        self.call("Emulation.setEmulatedMedia", {"features": features})

    def open(self, path: Path) -> None:
        """Load a file and wait until it stands and is painted."""
        self.call("Page.navigate", {"url": path.as_uri()})
        self.wait("document.readyState === 'complete' && location.protocol === 'file:'")
        self.evaluate(TWO_FRAMES)

    def evaluate(self, expression: str) -> Any:
        """The value of an expression of JavaScript, promises awaited; raises what it throws."""
        asked = {"expression": expression, "awaitPromise": True, "returnByValue": True}
        reply = self.call("Runtime.evaluate", asked)
        if "exceptionDetails" in reply:
            details = reply["exceptionDetails"]
            said = details.get("exception", {}).get("description") or details["text"]
            raise BrowserError(f"{expression[:200]}: {said}")
        return reply["result"].get("value")

    def wait(self, condition: str) -> None:
        """Wait until an expression is true."""
        deadline = time.monotonic() + WAIT_S
        while not self.evaluate(condition):
            if time.monotonic() > deadline:
                raise BrowserError(f"never came true: {condition}")
            time.sleep(0.01)

    def text(self, selector: str) -> str:
        """The text of the first element that a selector finds."""
        found = self.evaluate(f"document.querySelector({json.dumps(selector)})?.textContent")
        if found is None:
            raise BrowserError(f"nothing is {selector}")
        return str(found)

    def press(self, key: str, *, shift: bool = False) -> None:
        """Press and release a key."""
        code = KEYS.get(key, ord(key[0].upper()))
        written = {"text": key} if len(key) == 1 else {"text": "\r"} if key == "Enter" else {}
        event = {
            "key": key,
            "windowsVirtualKeyCode": code,
            "modifiers": 8 if shift else 0,
            **written,
        }
        self.call("Input.dispatchKeyEvent", {"type": "keyDown", **event})
        self.call("Input.dispatchKeyEvent", {"type": "keyUp", **event})

    def type(self, text: str) -> None:
        """Put a text in where the focus is."""
        self.call("Input.insertText", {"text": text})

    def click(self, x: float, y: float, count: int = 1) -> None:
        """Click at a place of the window."""
        for number in range(1, count + 1):
            event = {"x": x, "y": y, "button": "left", "clickCount": number}
            self.call("Input.dispatchMouseEvent", {"type": "mousePressed", **event})
            self.call("Input.dispatchMouseEvent", {"type": "mouseReleased", **event})

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Move the pointer with its button held."""
        held = {"button": "left", "buttons": 1, "clickCount": 1}
        for kind, (x, y) in (("mousePressed", start), ("mouseMoved", end), ("mouseReleased", end)):
            self.call("Input.dispatchMouseEvent", {"type": kind, "x": x, "y": y, **held})

    def touch(self, path: Sequence[Sequence[tuple[float, float]]]) -> None:
        """Put fingers down where a path begins, move them along it, lift them at its end."""
        for number, fingers in enumerate(path):
            points = [{"x": x, "y": y, "id": id} for id, (x, y) in enumerate(fingers)]
            kind = "touchMove" if number else "touchStart"
            self.call("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        self.call("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    def scroll(self, x: float, y: float, by: float) -> None:
        """Turn the wheel at a place."""
        event = {"type": "mouseWheel", "x": x, "y": y, "deltaX": 0, "deltaY": by}
        self.call("Input.dispatchMouseEvent", event)

    def screenshot(self, path: Path) -> None:
        """What the window shows, as a .png file."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot")["data"]))

    def _note(self, method: str, params: dict[str, Any]) -> None:
        """Keep what a page should never do: complain, throw, ask for anything but itself."""
        match method:
            case "Runtime.exceptionThrown":
                details = params["exceptionDetails"]
                thrown = details.get("exception", {}).get("description", details["text"])
                self.complaints.append(str(thrown))
            case "Runtime.consoleAPICalled" if params["type"] in ("error", "warning", "assert"):
                said = " ".join(str(one.get("value", one)) for one in params["args"])
                self.complaints.append(said)
            case "Log.entryAdded" if params["entry"]["level"] in ("error", "warning"):
                self.complaints.append(params["entry"]["text"])
            case "Network.requestWillBeSent":
                self.requests.append(params["request"]["url"])


@contextmanager
def opened(browser: Chromium, path: Path, **look: Any) -> Iterator[Page]:
    """A page in a tab of its own, by default of a laptop's size."""
    page = Page(browser, bypass_csp=look.pop("bypass_csp", False))
    try:
        page.show(**{"width": 1280, "height": 800, **look})
        page.open(path)
        yield page
    finally:
        page.close()

"""What an emitted program raises where values that it meets only while running do not do."""

from __future__ import annotations

from typing import ClassVar


class RunFault(Exception):
    """A fault of a node's operands, found while a program ran; `where` names the node and its
    line, `code` is that of the diagnostic it becomes."""

    code: ClassVar[str] = "E0619"

    def __init__(self, where: str, message: str) -> None:
        super().__init__(f"{where}: {message}")
        self.where = where

"""Machine code that numba keeps on disk, beside the text that it was made of.

A function comes in, where its machine code is kept goes out. What is damaged there, or for other
types than its name says, is made anew; what cannot be written is compiled for the process alone.
"""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from numba.core.caching import FunctionCache, IndexDataCacheFile, NullCache
from numba.core.sigutils import normalize_signature

SEAL = 16
"""The bytes at the beginning of a file that say whether the others are as they were written."""


class _Sealed(IndexDataCacheFile):  # type: ignore[misc]
    """Files of machine code that is loaded only as it was written: damaged code ends the process
    that links or runs it, and no exception tells."""

    def _save_data(self, name: str, data: Any) -> None:
        text = self._dump(data)
        with self._open_for_write(self._data_path(name)) as file:
            file.write(_seal(name, text) + text)

    def _load_data(self, name: str) -> Any:
        found = Path(self._data_path(name)).read_bytes()
        seal, text = found[:SEAL], found[SEAL:]
        if seal != _seal(name, text):
            raise ValueError(f"{name} is damaged")
        return pickle.loads(text)


def _seal(name: str, text: bytes) -> bytes:
    return hashlib.blake2b(text, digest_size=SEAL, key=name.encode()[-64:]).digest()


class _Kept(FunctionCache):  # type: ignore[misc]
    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        self._cache_file = _Sealed(
            self._cache_path, self._impl.filename_base, self._impl.locator.get_source_stamp()
        )

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The machine code for a signature; None where there is none that will do."""
        try:
            found = super().load_overload(sig, target_context)
        except Exception:  # unpickling what is damaged may raise anything
            with suppress(OSError):
                self.flush()
            return None
        # two processes that wrote at once may have taken the same name
        fits = found is not None and found.signature.args == normalize_signature(sig)[0]
        return found if fits else None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Write machine code, unless the disk refuses."""
        with suppress(OSError):
            super().save_overload(sig, data)


def find_kept(function: Callable[..., Any]) -> FunctionCache | NullCache:
    """Where a function's machine code is kept; nowhere if its text is in no file."""
    if not Path(function.__code__.co_filename).exists():
        return NullCache()
    try:
        return _Kept(function)
    except (OSError, RuntimeError):  # numba finds no folder that it can write into
        return NullCache()

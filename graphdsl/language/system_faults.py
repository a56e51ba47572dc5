"""What the system refuses -> what to do about it, by its number of the reason."""

from __future__ import annotations

import errno

_WRITING = {
    errno.ENOSPC: "the disk is full: free some space, or name a folder on another disk",
    errno.EDQUOT: "your share of the disk is full: free some space, or name another disk",
    errno.EFBIG: "this disk holds no file so large: name a folder on another disk",
    **dict.fromkeys((errno.EACCES, errno.EPERM), "name a folder that you may write to"),
    errno.EROFS: "nothing can be written to this disk: name a folder on another",
    errno.EISDIR: "that is a folder: name a file in it",
    errno.EEXIST: "that is a file: name a folder",
    errno.ENOENT: "make its folder first, or name another",
}
_READING = {
    **dict.fromkeys((errno.EACCES, errno.EPERM), "let it be read: chmod u+r, or ask its owner"),
    errno.EISDIR: "that is a folder: name a file in it",
    errno.EIO: "the disk fails: take a copy of the file",
}
_PATHS = {
    errno.ENOTDIR: "a part of this path is a file: only folders hold others",
    errno.ENAMETOOLONG: "shorten the name: systems allow 255 bytes",
    errno.ELOOP: "links on this path lead in a circle: name the place itself",
}


def writing_help(problem: OSError) -> tuple[str, ...]:
    """What to do about a file or folder that cannot be written."""
    return _known({**_PATHS, **_WRITING}, problem) or ("name a folder somewhere else",)


def reading_help(problem: BaseException) -> tuple[str, ...]:
    """What to do about a file that cannot be read; nothing where that is not known."""
    return _known({**_PATHS, **_READING}, problem)


def _known(table: dict[int, str], problem: BaseException) -> tuple[str, ...]:
    help = table.get(getattr(problem, "errno", None) or 0)
    return () if help is None else (help,)

"""Which `##` comments document what: comments come in, docs by line go out, the others stay."""

from __future__ import annotations

from dataclasses import dataclass, field

from graphdsl.language.ast import Comment


@dataclass(slots=True)
class Docs:
    """The runs of `##` lines of a file."""

    program: str | None = None
    runs: dict[int, list[Comment]] = field(default_factory=dict)
    """Each run, by the number of the line below it."""
    used: set[int] = field(default_factory=set)
    """Where the comments begin that became docs."""

    def above(self, line: int) -> str | None:
        """The doc that stands directly above `line`, taken out of the comments."""
        run = self.runs.pop(line, None)
        if run is None:
            return None
        self.used.update(comment.span.start for comment in run)
        return _text(run)


def find_docs(comments: list[Comment]) -> Docs:
    """The runs of consecutive `##` lines among `comments`; one on line 1 documents the file."""
    docs = Docs()
    run: list[Comment] = []
    below = 0
    for comment in comments:
        if not (comment.alone and is_doc(comment.text)):
            continue
        line = comment.span.line
        if line != below or not run:
            run = []
        else:
            docs.runs.pop(line, None)
        run.append(comment)
        below = line + 1
        docs.runs[below] = run
    first = next((run for run in docs.runs.values() if run[0].span.line == 1), None)
    if first is not None:
        docs.program = docs.above(first[-1].span.line + 1)
    return docs


def is_doc(text: str) -> bool:
    """Whether a comment's text begins with exactly two `#`."""
    return text.startswith("##") and not text.startswith("###")


def _text(run: list[Comment]) -> str:
    return "\n".join(comment.text[2:].removeprefix(" ") for comment in run)

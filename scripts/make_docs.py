"""Write the generated parts of `docs/`; `--check` changes nothing and fails if one is stale.

Whole pages are `PAGES`. In hand-written pages a generated part stands between the comments
`<!-- generated: NAME -->` and `<!-- end -->`, with NAME one of `PARTS`.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import doc_ops
import doc_programs
import doc_rules
import doc_tables

DOCS = Path(__file__).parents[1] / "docs"

PAGES: dict[str, Callable[[], str]] = {
    "ops.md": doc_ops.ops_page,
    "prelude.md": doc_tables.prelude_page,
    "errors.md": doc_tables.errors_page,
    "tutorial/moons.csv": doc_programs.moons,
}
PARTS: dict[str, Callable[[], str]] = {
    "keywords": doc_tables.keywords,
    "initializers": doc_tables.initializers,
    "data": doc_tables.data_settings,
    "train": doc_tables.train_settings,
    "commands": doc_tables.commands,
    "stability rules": doc_rules.stability_rules,
    "algebra rules": doc_rules.algebra_rules,
    "stable example": doc_rules.stable_example,
    "message": doc_programs.message,
    "message of sizes": partial(doc_programs.message, doc_programs.TRAVELLED),
    "micro model": doc_programs.micro_model,
    "micro schedule": doc_programs.micro_schedule,
    "micro program": doc_programs.micro_program,
    **{
        f"tutorial {path.stem}": partial(doc_programs.tutorial_file, path.stem)
        for path in sorted(doc_programs.TUTORIAL.glob("*.gdl"))
    },
}
MARKED = re.compile(r"(<!-- generated: ([\w ]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def generated(path: Path) -> str:
    """What a page should hold."""
    page = PAGES.get(path.relative_to(DOCS).as_posix())
    if page is not None:
        return page()
    return MARKED.sub(lambda m: f"{m[1]}{PARTS[m[2]]()}\n{m[3]}", path.read_text("utf-8"))


def stale() -> dict[Path, str]:
    """The pages that differ from what they should hold, and that."""
    paths = {DOCS / name for name in PAGES} | set(DOCS.glob("*.md"))
    texts = {path: generated(path) for path in sorted(paths)}
    return {p: t for p, t in texts.items() if not p.exists() or p.read_text("utf-8") != t}


def main() -> int:
    """Write what is stale, or with `--check` only say it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if stale")
    args = parser.parse_args()
    found = stale()
    for path, text in found.items():
        print(f"{'stale' if args.check else 'written'}: {path.relative_to(DOCS.parent)}")
        if not args.check:
            path.write_text(text, encoding="utf-8", newline="\n")
    return int(bool(found) and args.check)


if __name__ == "__main__":
    sys.exit(main())

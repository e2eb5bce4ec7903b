"""The tables of ``docs/media.md``: the kinds of files, what becomes of each, and what the test of the whole job checks.

Run as a program (``make docs``), it writes them into the page.
"""

from __future__ import annotations

from pathlib import Path

from kinds import GROUPS, Kind

DOCS = Path(__file__).parents[2] / "docs" / "media.md"
BEGIN, END = "<!-- tables: made by `make docs` -->", "<!-- end of the tables -->"


def checked(kind: Kind) -> str:
    """What the test of the whole job looks at, in words."""
    if kind.fails:
        said = f"and \u201c{kind.fails}\u201d" if kind.fails != "." else ""
        return f"status `failed`, one sentence with the file's name {said}".rstrip()
    facts = [f"status `{'incomplete' if kind.incomplete else 'ok'}`", "colour tags, shape"]
    facts += [f"{kind.frames} frame{'s' if kind.frames > 1 else ''}"] if kind.frames > 0 else []
    facts += ["the picture's packets"] if kind.copied else ["times and centre, exact"] if kind.exact else []
    facts += ["{}x{} pixels".format(*kind.size)] if kind.size else ["fills 16:9"]
    facts += [f"every packet of {', '.join(kind.tracks)}"] if kind.tracks else []
    facts += [f"a note with \u201c{kind.notes}\u201d"] if kind.notes else []
    return "; ".join(facts)


def table() -> str:
    """The kinds as Markdown."""
    lines = []
    for title, kinds in GROUPS.items():
        lines += [f"### {title}", "", "| kind | what becomes of it | what the test checks |", "| --- | --- | --- |"]
        lines += [f"| {kind.what} | {kind.becomes} | {checked(kind)} |" for kind in kinds]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def documented(page: str) -> str:
    """The page with its tables made anew."""
    begin, end = page.index(BEGIN) + len(BEGIN), page.index(END)
    return f"{page[:begin]}\n\n{table()}\n{page[end:]}"


if __name__ == "__main__":
    DOCS.write_text(documented(DOCS.read_text()))

"""Searches folders for videos. It follows links but no loops, and lists what it leaves out by kind."""

from __future__ import annotations

import os
import stat
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from remaster.media.disc_images import films
from remaster.report import text

# fmt: off
EXTENSIONS = frozenset((
    ".3gp", ".asf", ".avi", ".divx", ".dv", ".flv", ".m2ts", ".m2v", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg",
    ".mts", ".mxf", ".nut", ".ogm", ".ogv", ".rm", ".rmvb", ".ts", ".vob", ".webm", ".wmv", ".y4m",
))
# fmt: on
HIDDEN, MENU, ALREADY_SEARCHED = "hidden", "menu of a DVD", "link to a folder that is searched already"
ANCESTOR = "link to a folder around the one that is searched"
_HARMLESS = frozenset((MENU, ALREADY_SEARCHED, ANCESTOR))
_SPECIAL = (
    (stat.S_ISFIFO, "named pipe"),
    (stat.S_ISSOCK, "socket"),
    (stat.S_ISBLK, "device"),
    (stat.S_ISCHR, "device"),
)


@dataclass
class LeftOut:
    """Inputs that were left out: ``plain`` files, counted by extension, and all others by kind and name."""

    plain: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    named: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    @property
    def lost(self) -> bool:
        """Whether there may be videos among what was left out."""
        return not _HARMLESS.issuperset(self.named)

    def file(self, name: str) -> None:
        """Count a file that is no video by its name, or is hidden."""
        hidden = Path(name).name.startswith(".")
        self.plain[HIDDEN if hidden else Path(name).suffix.lower() or "no extension"] += 1

    def lines(self) -> list[str]:
        """One short line for the files, and one for each other kind."""
        files = [f"{count:,} {kind}" for kind, count in sorted(self.plain.items(), key=lambda item: (-item[1], item))]
        lines = [f"files that are no videos by their names: {', '.join(files)}"] if files else []
        for kind, names in self.named.items():
            lines.append(f"{kind} ({len(names):,}): {text.listed(names)}")
        return lines


def search(root: Path, skip: Path, left_out: LeftOut) -> list[Path]:
    """The videos below a folder, sorted by path, each under the path that led to it; hidden ones are left out.

    A folder is searched once: links to one that was searched already, or that holds ``root``, are left out, as is the
    folder ``skip``. Dead links and what is no file are left out by name.
    """
    seen, skipped = {_identity(root)}, skip.resolve()
    above = {_identity(folder) for folder in root.resolve().parents}
    found: list[Path] = []
    folders, links = [root], list[Path]()
    while folders or links:
        folder = folders.pop() if folders else links.pop(0)
        if folder != root:
            there = _identity(folder)
            if there in seen or there in above:
                if folder.is_symlink():  # else a link into it has already led to its files
                    left_out.named[ALREADY_SEARCHED if there in seen else ANCESTOR].append(_link(folder, root))
                continue
            seen.add(there)
        if folder.resolve().is_relative_to(skipped):
            continue
        for path in _entries(folder, root, left_out):
            if not _is_folder(path):
                found.append(path)
            else:
                (links if path.is_symlink() else folders).append(path)
    return sorted(path for path in found if not path.resolve().is_relative_to(skipped))


def special(path: Path) -> str:
    """The kind of an entry that is neither a file nor a folder."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return "dead link" if path.is_symlink() else "unreadable name"
    return next((kind for check, kind in _SPECIAL if check(mode)), "thing that is no file")


def _entries(folder: Path, root: Path, left_out: LeftOut) -> Iterator[Path]:
    """The folders and videos in a folder."""
    try:
        paths = sorted(folder.iterdir())
    except OSError:
        left_out.named["folder that cannot be read"].append(_below(folder, root))
        return
    for path in paths:
        if path.name.startswith("."):
            left_out.file(path.name)
        elif _is_folder(path) or (_is_file(path) and _is_video(path)):
            yield path
        elif _is_file(path) or path.suffix.lower() not in ("", *EXTENSIONS):
            left_out.file(path.name)
        else:
            left_out.named[special(path)].append(_link(path, root) if path.is_symlink() else _below(path, root))


def _is_video(path: Path) -> bool:
    return path.suffix.lower() in EXTENSIONS or bool(films(str(path)))


def _is_folder(path: Path) -> bool:
    return os.path.isdir(path)  # noqa: PTH112 (where a folder may be listed and not entered, the other one raises)


def _is_file(path: Path) -> bool:
    return os.path.isfile(path)  # noqa: PTH113


def _identity(folder: Path) -> tuple[int, int]:
    there = folder.stat()
    return there.st_dev, there.st_ino


def _below(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path != root else str(path)


def _link(path: Path, root: Path) -> str:
    return f"{_below(path, root)} -> {path.readlink()}"

"""From ``dataset.path`` to videos: which files, what they are called, and what their outputs are called."""

from __future__ import annotations

import glob
import hashlib
import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from remaster.errors import UserError
from remaster.remote import is_remote, joined, locate, status
from remaster.storage import folder

# fmt: off
EXTENSIONS = frozenset((
    ".3gp", ".asf", ".avi", ".divx", ".dv", ".flv", ".m2ts", ".m2v", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg",
    ".mts", ".mxf", ".nut", ".ogm", ".ogv", ".rm", ".rmvb", ".ts", ".vob", ".webm", ".wmv", ".y4m",
))
# fmt: on


NAME_BYTES = 255  # of one file name, in every common file system


@dataclass(frozen=True)
class VideoFile:
    """One input. ``name`` is its path relative to the dataset; ``video_id`` names its scenes and metadata files."""

    path: str
    name: str
    video_id: str


def find_videos(path: str, output: str) -> list[VideoFile]:
    """All videos of a file, a folder (searched through, hidden files left out) or a glob, sorted by name.

    ``path`` may be an address on an object store, there without globs. A file that is named outright, or by a glob's
    own extension, is taken whatever its extension is. Files inside the ``output`` folder are never inputs. Raises
    ``UserError`` where there is nothing.
    """
    if is_remote(path):
        return _remote_videos(path, output)
    root, outputs = Path(path), Path(output)
    if root.is_file():
        return _named(root.parent, [root])
    if root.is_dir():
        files = [f for f in root.rglob("*") if f.is_file() and f.suffix.lower() in EXTENSIONS]
        files = [f for f in files if not any(part.startswith(".") for part in f.relative_to(root).parts)]
        files = _outside(files, outputs)
        if not files:
            raise UserError(
                f"dataset.path={path} has no video in it; known extensions are {' '.join(sorted(EXTENSIONS))}"
            )
        return _named(root, files)
    if glob.has_magic(path):
        base = _fixed_folder(root)
        found = [Path(f) for f in glob.glob(path, recursive=True)]  # noqa: PTH207 (absolute patterns too)
        named = Path(path).suffix not in ("", ".*")
        files = _outside([f for f in found if f.is_file() and (named or f.suffix.lower() in EXTENSIONS)], outputs)
        if not files:
            raise UserError(f"dataset.path={path} matches no video")
        return _named(base, files)
    raise UserError(f"dataset.path={path} does not exist (looked in {Path.cwd()})")


def dataset_name(path: str) -> str:
    """What a dataset is called: its folder, its file without extension, or the folder that its glob starts in."""
    root = Path(unquote(urlsplit(path).path) or urlsplit(path).netloc) if is_remote(path) else Path(path)
    if root.is_file() or (is_remote(path) and root.suffix.lower() in EXTENSIONS):
        return root.stem
    if is_remote(path):
        return root.name or urlsplit(path).netloc
    folder = _fixed_folder(root) if glob.has_magic(path) else root
    return folder.resolve().name or "dataset"


def absolute(path: str) -> str:
    """A path from the root on; an address as it is."""
    return path.rstrip("/") if is_remote(path) else str(Path(path).absolute())


def video_id(name: str) -> str:
    """A file-system-safe id of a video: its readable name, cut short, and a hash of the exact one."""
    readable = re.sub(r"[^A-Za-z0-9._-]+", "_", name).strip("._")[:60] or "video"
    return f"{readable}-{hashlib.sha256(name.encode('utf-8', 'surrogateescape')).hexdigest()[:8]}"


def scene_id(video: str, start_frame: int) -> str:
    """The id of the scene of ``video`` (its id) that begins at ``start_frame``; ids sort as the scenes do."""
    return f"{video}-{start_frame:07d}"


def output_names(names: Sequence[str], suffixes: Sequence[str]) -> list[str]:
    """Each video's output name: its own with the new extension, which is added to the old where two would collide.

    A video that has the new extension already keeps its name.
    """
    wanted = [_fitting(name, suffix, "") for name, suffix in zip(names, suffixes, strict=True)]
    count = Counter(wanted)
    taken = {w for w, n in zip(wanted, names, strict=True) if w == n}
    result = []
    for name, suffix, want in zip(names, suffixes, wanted, strict=True):
        chosen = want if count[want] == 1 or want == name else _fitting(name, suffix, Path(name).suffix)
        while chosen != name and chosen in taken:
            chosen += suffix
        taken.add(chosen)
        result.append(chosen)
    return result


def _fitting(name: str, suffix: str, kept: str) -> str:
    """``name`` with its extension replaced by ``kept`` and ``suffix``; one too long for a file system is cut short.

    What is cut keeps a hash of the whole, so that two names stay two.
    """
    path = Path(name).with_suffix("")
    end = f"{kept}{suffix}"
    if len(os.fsencode(f"{path.name}{end}")) > NAME_BYTES:
        mark = f"-{hashlib.sha256(os.fsencode(name)).hexdigest()[:8]}"
        room = NAME_BYTES - len(os.fsencode(f"{mark}{end}"))
        path = path.with_name(path.name.encode()[:room].decode("utf-8", "ignore") + mark)
    return f"{path}{end}"


def _remote_videos(uri: str, output: str) -> list[VideoFile]:
    """The videos at an address: the object itself, or all below it as a prefix."""
    try:
        if status(uri) is not None:
            name = unquote(urlsplit(uri).path).rpartition("/")[2]
            return [VideoFile(uri, name, video_id(name))]
        names = folder(uri).names("", recursive=True)
    except OSError as error:
        raise UserError(f"dataset.path={uri} cannot be listed: {str(error).splitlines()[0]}") from error
    outputs = f"{locate(output)[1]}/" if is_remote(output) else None
    found = []
    for name in names:
        hidden = any(part.startswith(".") for part in name.split("/"))
        inside = outputs is not None and f"{locate(uri)[1]}/{name}".startswith(outputs)
        if Path(name).suffix.lower() in EXTENSIONS and not hidden and not inside:
            # Keys may have empty parts, which would make an absolute path; ".." is hidden already.
            plain = "/".join(part or "%2F" for part in name.split("/"))
            found.append(VideoFile(joined(uri, name), plain, video_id(name)))
    if not found:
        raise UserError(f"dataset.path={uri} has no video in it")
    return found


def _named(base: Path, files: Sequence[Path]) -> list[VideoFile]:
    """Files under the names that they have below ``base``; a file that two patterns lead to is one video."""
    # "..", which a pattern may have anywhere, is taken out of names: they become paths below the output folder.
    plain = {os.path.abspath(file): file for file in sorted(files)}  # noqa: PTH100 (resolve would follow links)
    root = os.path.abspath(base)  # noqa: PTH100
    if any(not Path(path).is_relative_to(root) for path in plain):
        root = os.path.commonpath([os.path.dirname(path) for path in plain])  # noqa: PTH120
    names = [(file, _readable(Path(path).relative_to(root).as_posix())) for path, file in plain.items()]
    return [VideoFile(str(file.absolute()), name, video_id(name)) for file, name in names]


def _readable(name: str) -> str:
    """The name with bytes that are no UTF-8 written out (``\\xff``): tables and pages hold text."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _outside(files: Sequence[Path], folder: Path) -> list[Path]:
    inside = folder.resolve()
    return [f for f in files if not f.resolve().is_relative_to(inside)]


def _fixed_folder(pattern: Path) -> Path:
    """The longest leading folder of a glob that has no magic in it."""
    parts: list[str] = []
    for part in pattern.parts[:-1]:
        if glob.has_magic(part):
            break
        parts.append(part)
    return Path(*parts) if parts else Path()

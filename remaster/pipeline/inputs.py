"""Finds the videos of a dataset's paths, and names them and their outputs."""

from __future__ import annotations

import glob
import hashlib
import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

from remaster.config import DatasetConfig
from remaster.errors import UserError
from remaster.media.disc_images import DISC_FOLDER, films
from remaster.media.discs import is_menu, parts, title_part
from remaster.pipeline.search import EXTENSIONS, MENU, LeftOut, search, special
from remaster.remote import is_remote, joined, locate, status
from remaster.storage import folder

NAME_BYTES = 255  # bytes of a file name in every common file system


@dataclass(frozen=True)
class VideoFile:
    """One input. ``name`` is its path relative to the dataset; ``video_id`` names its scenes and metadata files."""

    path: str
    name: str
    video_id: str


@dataclass(frozen=True)
class Dataset:
    """The videos of all inputs, sorted by name, and one line for each kind of file that was left out.

    ``lost``: whether there may be videos among the latter, such as dead links.
    """

    videos: tuple[VideoFile, ...]
    left_out: tuple[str, ...] = ()
    lost: bool = False


@dataclass(frozen=True)
class _Found:
    """A file, its name within its input, and the ``whole`` name that is unique among all inputs."""

    path: str
    name: str
    whole: str


def find_dataset(paths: Sequence[str], output: str) -> Dataset:
    """Find all videos of files, folders (recursively), globs and addresses on an object store (without globs).

    Each is named relative to its input; where two names would be equal, all are named by their whole paths below the
    common folder. A file that is named explicitly, or by a glob with an extension, is taken with any extension. The
    files of a DVD title are one video, named after the title; menus are left out. The image of a DVD counts as a folder
    of titles, named without its extension. Files inside the ``output`` folder are never inputs. Raises ``UserError``
    where an input has no video.
    """
    left_out = LeftOut()
    found: dict[str, _Found] = {}
    for path in paths:
        several = len(paths) > 1
        there = _opened(_inputs(path, output, several, left_out))
        found |= {file.path: file for file in there if file.path not in found}
    files = list(found.values())
    names = [file.name for file in files]
    if len(set(names)) < len(names):
        shared = os.path.commonpath([os.path.dirname(file.whole) for file in files])  # noqa: PTH120
        files = [replace(file, name=os.path.relpath(file.whole, shared)) for file in files]
    files = _without_menus(_joined_titles(files), left_out)
    videos = [VideoFile(file.path, _readable(file.name), video_id(_readable(file.name))) for file in files]
    return Dataset(
        tuple(sorted(videos, key=lambda video: video.name.split("/"))), tuple(left_out.lines()), left_out.lost
    )


def find_donors(paths: Sequence[str], output: str) -> Dataset:
    """The videos that only lend backgrounds: as ``find_dataset`` finds them, named ``donor:...``."""
    found = find_dataset(paths, output) if paths else Dataset(())
    names = [f"donor:{video.name}" for video in found.videos]
    videos = [VideoFile(v.path, name, video_id(name)) for v, name in zip(found.videos, names, strict=True)]
    return replace(found, videos=tuple(videos))


def inputs_of(config: DatasetConfig) -> tuple[str, ...]:
    """The paths of a dataset; raises ``UserError`` where there is none."""
    if not config.inputs:
        raise UserError("no dataset; pass files, folders or globs, or +dataset=series for the sample")
    return config.inputs


def find_videos(path: str, output: str) -> list[VideoFile]:
    """The videos of one input, named as by ``find_dataset``."""
    return list(find_dataset([path], output).videos)


def dataset_name(paths: Sequence[str] | str) -> str:
    """The name of a dataset: of its folder, its file without extension, or the folder in which its glob starts.

    Several inputs have the name of their common folder, a DVD that of the folder around ``VIDEO_TS``.
    """
    paths = [paths] if isinstance(paths, str) else paths
    if len(paths) > 1:
        return _shared_folder(paths)
    (path,) = paths
    root = Path(unquote(urlsplit(path).path) or urlsplit(path).netloc) if is_remote(path) else expanded(path)
    if root.is_file() or (is_remote(path) and root.suffix.lower() in EXTENSIONS):
        return root.stem
    if is_remote(path):
        return root.name or urlsplit(path).netloc
    return _folder_name(_fixed_folder(root) if glob.has_magic(path) and not root.exists() else root)


def absolute(path: str) -> str:
    """The absolute path; an address is returned as it is."""
    return path.rstrip("/") if is_remote(path) else str(expanded(path).absolute())


def expanded(path: str) -> Path:
    """A path, with ``~/`` at its start replaced by the home folder, unless a folder ``~`` exists."""
    plain = Path(path)
    return plain.expanduser() if plain.parts[:1] == ("~",) and not Path("~").exists() else plain


def _shared_folder(paths: Sequence[str]) -> str:
    if any(is_remote(path) for path in paths):
        return "dataset"
    folders = [
        _fixed_folder(p) if glob.has_magic(str(p)) and not p.exists() else p.parent for p in map(expanded, paths)
    ]
    return _folder_name(Path(os.path.commonpath([folder.absolute() for folder in folders])))


def _folder_name(folder: Path) -> str:
    whole = folder.resolve()
    return (whole.parent if whole.name.upper() == DISC_FOLDER else whole).name or "dataset"


def video_id(name: str) -> str:
    """A file-system-safe id of a video: its readable name, shortened, and a hash of the exact name."""
    readable = re.sub(r"[^A-Za-z0-9._-]+", "_", name).strip("._")[:60] or "video"
    return f"{readable}-{hashlib.sha256(name.encode('utf-8', 'surrogateescape')).hexdigest()[:8]}"


def scene_id(video: str, start_frame: int) -> str:
    """The id of the scene of ``video`` (its id) that begins at ``start_frame``; ids sort as the scenes do."""
    return f"{video}-{start_frame:07d}"


def output_names(names: Sequence[str], suffixes: Sequence[str]) -> list[str]:
    """Each video's output name: with the new extension, which is appended to the old one where two would collide.

    A video that already has the new extension keeps its name.
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
    """``name`` with its extension replaced by ``kept`` and ``suffix``, shortened if it is too long for a file system.

    A shortened name gets a hash of the whole, so that different names stay different.
    """
    path = Path(name).with_suffix("")
    end = f"{kept}{suffix}"
    if len(os.fsencode(f"{path.name}{end}")) > NAME_BYTES:
        mark = f"-{hashlib.sha256(os.fsencode(name)).hexdigest()[:8]}"
        room = NAME_BYTES - len(os.fsencode(f"{mark}{end}"))
        path = path.with_name(path.name.encode()[:room].decode("utf-8", "ignore") + mark)
    return f"{path}{end}"


def _inputs(path: str, output: str, several: bool, left_out: LeftOut) -> list[_Found]:
    """The files of one input; of ``several`` inputs, a folder's name is part of its files' names."""
    if is_remote(path):
        return _remote_inputs(path, output, several, left_out)
    root, outputs = expanded(path), expanded(output)
    if root.is_file():
        return _named(root.parent, [root])
    if root.is_dir():
        files = search(root, outputs, left_out)
        if not files:
            there = f" ({'; '.join(left_out.lines())})" if left_out.lines() else ""
            raise UserError(f"{path} has no video in it{there}; known extensions are {' '.join(sorted(EXTENSIONS))}")
        return _named(root, files, root.resolve().name if several else "")
    if os.path.lexists(root):
        kind = special(root)
        to = f" to {root.readlink()}, which does not exist" if root.is_symlink() else ""
        hint = "; its bytes can be read only once: save them as a file" if kind == "named pipe" else ""
        raise UserError(f"{path} is no file but a {kind}{to}{hint}")
    if glob.has_magic(path):
        found = [Path(f) for f in glob.glob(str(root), recursive=True)]  # noqa: PTH207 (absolute patterns too)
        named = root.suffix not in ("", ".*")
        files = _outside([f for f in found if f.is_file() and (named or f.suffix.lower() in EXTENSIONS)], outputs)
        if not files:
            raise UserError(f"{path} matches no video")
        return _named(_fixed_folder(root), files)
    raise UserError(f"{path} does not exist (looked in {Path.cwd()})")


def _remote_inputs(uri: str, output: str, several: bool, left_out: LeftOut) -> list[_Found]:
    """The objects at an address: the object itself, or all with it as a prefix."""
    where = f"{urlsplit(uri).netloc}{unquote(urlsplit(uri).path).rstrip('/')}"
    own = where.rpartition("/")[2]
    try:
        if status(uri) is not None:
            return [_Found(uri, own, where)]
        names = folder(uri).names("", recursive=True)
    except OSError as error:
        raise UserError(f"{uri} cannot be listed: {str(error).splitlines()[0]}") from error
    outputs = f"{locate(output)[1]}/" if is_remote(output) else None
    found = []
    for name in names:
        if outputs is not None and f"{locate(uri)[1]}/{name}".startswith(outputs):
            continue
        if any(part.startswith(".") for part in name.split("/")):
            left_out.file(f".{name}")
        elif Path(name).suffix.lower() not in EXTENSIONS:
            left_out.file(name)
        else:
            # Keys may have empty parts, which would make an absolute path; ".." is hidden already.
            plain = "/".join(part or "%2F" for part in name.split("/"))
            found.append(_Found(joined(uri, name), f"{own}/{plain}" if several else plain, f"{where}/{plain}"))
    if not found:
        raise UserError(f"{uri} has no video in it")
    return found


def _named(base: Path, files: Sequence[Path], own: str = "") -> list[_Found]:
    """Name files by their paths below ``base``; a file that two patterns match is one video."""
    # "..", which a pattern may have anywhere, is taken out of names: they become paths below the output folder.
    plain = {os.path.abspath(file): file for file in sorted(files)}  # noqa: PTH100 (resolve would follow links)
    root = os.path.abspath(base)  # noqa: PTH100
    if any(not Path(path).is_relative_to(root) for path in plain):
        root = os.path.commonpath([os.path.dirname(path) for path in plain])  # noqa: PTH120
    names = [(file, path, (own / Path(path).relative_to(root)).as_posix()) for path, file in plain.items()]
    return [_Found(str(file.absolute()), name, path.lstrip("/")) for file, path, name in names]


def _opened(files: Sequence[_Found]) -> list[_Found]:
    """The files, with the titles inside each DVD image in place of the image."""
    opened: list[_Found] = []
    for file in files:
        there = [
            _Found(
                f"{file.path}/{DISC_FOLDER}/{name}",
                *(f"{Path(n).with_suffix('')}/{name}" for n in (file.name, file.whole)),
            )
            for name in sorted(films(file.path))
        ]
        opened += there or [file]
    return opened


def _joined_titles(files: Sequence[_Found]) -> list[_Found]:
    """Join each DVD title's parts to one video, named after the title; parts of a title without its first part stay."""
    paths = {file.path for file in files}
    joined_up, inside = [], set[str]()
    for file in files:
        head, _, last = file.name.rpartition("/")
        found = title_part(last)
        if found is not None and found[1] == 1:
            inside |= paths.intersection(parts(file.path)[1:])
            file = replace(file, name=f"{head}/{found[0]}".lstrip("/"))
        joined_up.append(file)
    return [file for file in joined_up if file.path not in inside]


def _without_menus(files: Sequence[_Found], left_out: LeftOut) -> list[_Found]:
    """The files without DVD menus; a single file stays."""
    menus = [file for file in files if is_menu(file.name.rpartition("/")[2])]
    if len(menus) == len(files):
        return list(files)
    if menus:
        left_out.named[MENU] += [file.name for file in menus]
    return [file for file in files if file not in menus]


def _readable(name: str) -> str:
    """The name with bytes that are no UTF-8 escaped (``\\xff``), since tables and pages hold text."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _outside(files: Sequence[Path], folder: Path) -> list[Path]:
    inside = folder.resolve()
    return [f for f in files if not f.resolve().is_relative_to(inside)]


def _fixed_folder(pattern: Path) -> Path:
    """The longest leading folder of a glob without wildcards."""
    parts: list[str] = []
    for part in pattern.parts[:-1]:
        if glob.has_magic(part):
            break
        parts.append(part)
    return Path(*parts) if parts else Path()

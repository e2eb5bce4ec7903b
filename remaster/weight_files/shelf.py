"""Where weights lie on this machine, and how they get there.

Our own folder is ``$REMASTER_WEIGHTS``, by default ``remaster/weights`` in the user's cache. Engines ask for a file by
``on_shelf``, which never downloads. ``get`` brings one entry of the list, ``examine`` checks one that is here.
"""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from remaster.errors import EngineUnavailable, UserError
from remaster.weight_files import ENTRIES, HUB, Entry, Place
from remaster.weight_files.fetching import (
    BrokenDownload,
    Progress,
    Record,
    WrongFile,
    fetch,
    prove,
    read_record,
    settle,
    write_record,
)

COMMAND = "python -m remaster.jobs.weights"


@dataclass(frozen=True)
class Verdict:
    """Whether what is here is right, and the sentence that says so."""

    good: bool
    says: str


def cache_home() -> Path:
    """The user's folder for caches."""
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()


def shelf() -> Path:
    """Our own folder for weights; it need not exist."""
    chosen = os.environ.get("REMASTER_WEIGHTS")
    return Path(chosen).expanduser() if chosen else cache_home() / "remaster" / "weights"


def entry(name: str) -> Entry:
    """The entry of that name; raises ``UserError``, naming all, where there is none."""
    for one in ENTRIES:
        if one.name == name:
            return one
    raise UserError(f"there are no weights {name}; there are {', '.join(one.name for one in ENTRIES)}")


def target(one: Entry) -> Path:
    """Where the file of an entry belongs, one of the hub's cache excepted."""
    if one.file is None or one.place is Place.hub:
        raise ValueError(f"{one.name} lies in the hub's cache")
    if one.place is Place.torch:
        home = os.environ.get("TORCH_HOME")
        return (Path(home).expanduser() if home else cache_home() / "torch") / "hub" / "checkpoints" / one.file
    return shelf() / one.file


def here(one: Entry) -> Path | None:
    """The file or folder of an entry on this machine; None where it is not here."""
    if one.place is not Place.hub:
        path = target(one)
        return path if path.is_file() else None
    try:
        from huggingface_hub import try_to_load_from_cache
    except ImportError:
        return None
    found = try_to_load_from_cache(one.source, one.file or "model_index.json", revision=one.revision)
    if not isinstance(found, str):
        return None
    if one.file is not None:
        return Path(found)
    folder = Path(found).parent
    return folder if any(any((folder / name).glob("*.safetensors")) for name in ("unet", "transformer")) else None


def on_shelf(name: str, engine: str, setting: str) -> Path:
    """The file of an engine's ``weights``: an entry's name, or a path.

    Raises ``EngineUnavailable``, saying what brings it, where it is not here.
    """
    known = [one for one in ENTRIES if one.name == name and one.place is Place.shelf]
    path = target(known[0]) if known else Path(name).expanduser()
    if path.is_file():
        return path
    if known:
        raise EngineUnavailable(f"{engine}: no weights at {path}; {COMMAND} get {name} brings them{_amount(known[0])}")
    raise EngineUnavailable(f"{engine}: no weights at {path.absolute()}; pass an existing file as {setting}")


def bringing(name: str) -> str:
    """The words of what one command would bring."""
    return f"{COMMAND} get {name} brings them{_amount(entry(name))}"


def _amount(one: Entry) -> str:
    return f" ({one.size / 1e6:.0f} MB, {one.licence})" if one.size else f" ({one.licence})"


def get(one: Entry, given: Path | None, mirror: str | None, tell: Progress) -> Path:
    """Bring an entry here, from its address, a ``mirror`` or a ``given`` local file, and check it.

    Raises ``UserError`` where it cannot be had, saying which file to put where, and where the file is a wrong one.
    """
    if one.place is Place.hub:
        return _from_hub(one, given, mirror)
    path = target(one)
    if given is not None:
        return _from_file(one, given, path)
    url = _url(one, mirror)
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE"):
        raise UserError(f"{one.name} is not fetched, since HF_HUB_OFFLINE is set; {_by_hand(one, path)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _alone(path):
            digest, stated, proof = fetch(url, path, one.size, one.sha256, tell)
    except BrokenDownload as error:
        raise UserError(f"{one.name} cannot be fetched from {url} ({error}); {_by_hand(one, path)}") from error
    except WrongFile as error:
        raise UserError(
            f"what {url} gives is not {one.name}: {error}; nothing was kept; try another mirror=URL, or from=FILE"
        ) from error
    except OSError as error:
        raise UserError(f"{one.name} cannot be written to {path}: {error}") from error
    revision = stated.commit or one.revision
    write_record(path, Record(digest, path.stat().st_size, url, revision, one.licence, proof))
    return path


def examine(one: Entry, path: Path) -> Verdict:
    """Whether an entry's file is the right one: by the list, else by what was recorded when it was fetched."""
    if one.place is Place.hub:
        return Verdict(True, "kept and checked by the hub's own client")
    record = read_record(path)
    try:
        digest, by = prove(path, one.size, one.sha256, record.sha256 if record else None)
    except WrongFile as error:
        return Verdict(False, f"not the right file: {error}; delete it and get it again")
    except OSError as error:
        return Verdict(False, f"cannot be read: {error}")
    known = one.sha256 is not None or record is not None
    by = by if one.sha256 is not None else "the record made when it was fetched"
    return Verdict(True, f"SHA-256 {digest}, right by {by}" if known else f"SHA-256 {digest}, compared with nothing")


def _from_file(one: Entry, given: Path, path: Path) -> Path:
    """Copy a local file to its place, checked before it gets its name."""
    source = given.expanduser()
    if not source.is_file():
        raise UserError(f"there is no file {source.absolute()}; pass from=FILE with the {one.file} of {one.address}")
    part = path.with_name(f"{path.name}.copy")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _alone(path):
            shutil.copyfile(source, part)
            digest, proof = prove(part, one.size, one.sha256)
            settle(part, path)
    except WrongFile as error:
        part.unlink()
        raise UserError(f"{source} is not {one.name}: {error}; nothing was kept") from error
    except OSError as error:
        raise UserError(f"{source} cannot be copied to {path}: {error}") from error
    write_record(path, Record(digest, path.stat().st_size, str(source), one.revision, one.licence, proof))
    return path


def _from_hub(one: Entry, given: Path | None, mirror: str | None) -> Path:
    """Let the hub's own client bring a file or a checkpoint into its cache, where the engine looks."""
    if given is not None:
        raise UserError(f"{one.name} lies in the hub's cache; give the engine your own copy instead: {one.use}=PATH")
    try:
        from huggingface_hub import hf_hub_download, snapshot_download
    except ImportError as error:
        raise UserError(
            f"{one.name} is for engines of the extra models; run: pip install 'remaster[models]'"
        ) from error
    try:
        if one.file is not None:
            return Path(hf_hub_download(one.source, one.file, revision=one.revision, endpoint=mirror))
        return Path(snapshot_download(one.source, revision=one.revision, endpoint=mirror, **checkpoint_files(one)))
    except Exception as error:  # of the client or of its HTTP library
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UserError(
            f"{one.name} cannot be fetched from {mirror or HUB} ({reason}); fill the hub's cache on a machine that has"
            " the network and copy it, or pass mirror=URL of another hub"
        ) from error


def checkpoint_files(one: Entry) -> dict[str, Any]:
    """Which files of a checkpoint are fetched, as ``allow_patterns`` and ``ignore_patterns``: those in its components'
    folders in one precision, not the same network in a single file beside them.
    """
    weights = f"*/*.{one.variant}.safetensors" if one.variant else "*/*.safetensors"
    allowed = ["model_index.json", "*/*.json", "*/*.txt", "*/*.model", weights]
    return {"allow_patterns": allowed, "ignore_patterns": None if one.variant else ["*.fp16*"]}


def _url(one: Entry, mirror: str | None) -> str:
    """The address to read: a mirror is the file's own address, or that of a folder, which ends with a slash."""
    if mirror is None:
        return one.address
    if not re.match(r"https?://[^/\s]+", mirror):
        raise UserError(
            f"mirror={mirror} is no address; pass mirror=https://... of the file, or of its folder with / last"
        )
    return f"{mirror}{one.file}" if mirror.endswith("/") else mirror


def _by_hand(one: Entry, path: Path) -> str:
    return (
        f"where there is a network, fetch {one.address} and copy it to {path}, or pass from=FILE or mirror=URL;"
        " the same command goes on where this one stopped"
    )


def _alone(path: Path) -> FileLock:
    """Two programs that bring the same file wait for each other."""
    return FileLock(f"{path}.lock")

"""Finds and loads the weights of engines: local files and folders, the hub's cache, or the hub.

Only formats that cannot run code are read. ``locate_file``, ``locate_pipeline`` and ``check_url`` check before a run
that weights can be had; they heed the offline switch of the Hugging Face libraries (``HF_HUB_OFFLINE``).
"""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from remaster.errors import EngineUnavailable

HUB_ID = re.compile(r"^[\w.-]+/[\w.-]+$")
SHARD = re.compile(r"-\d+-of-\d+\.")
PICKLES = (".bin", ".ckpt", ".pt", ".pth")
CHECKPOINT = (".safetensors", ".json", ".txt", ".model")
WEIGHED = ("unet", "transformer", "vae", "text_encoder", "text_encoder_2", "text_encoder_3")
"""Components of checkpoints that have weights and are always needed."""
SAFE_LIBRARIES = ("diffusers", "transformers", "stable_diffusion")
HUB_TIMEOUT_SECONDS = 10
NOT_FETCHED = "auto fetches nothing: python -m remaster.jobs.weights list says what brings it"
MAX_DIGEST_BLOCKS, DIGEST_BLOCK_BYTES = 256, 65536
"""Of larger files so many evenly spread blocks are digested, which suffices to tell networks apart."""


@dataclass(frozen=True)
class Located:
    """Available weights; ``path`` is None where they are yet to be downloaded.

    ``version`` identifies their content: ``{"revision": commit}`` on the hub, ``{<setting>: digest}`` for local files.
    ``index`` is what a diffusers checkpoint's model_index.json says.
    """

    path: Path | None
    version: Mapping[str, str]
    index: Mapping[str, Any] = field(default_factory=dict)


def content(*paths: Path) -> str:
    """Digest what files hold (sha256, 24 hex digits), of large ones sampled blocks; folders and dates do not count."""
    found = hashlib.sha256()
    for path in paths:
        size = path.stat().st_size
        found.update(f"{path.name} {size};".encode())
        starts = range(0, size, DIGEST_BLOCK_BYTES)
        if len(starts) > MAX_DIGEST_BLOCKS:
            starts = range(0, size, -(-size // MAX_DIGEST_BLOCKS))
        with path.open("rb") as file:
            for start in starts:
                file.seek(start)
                found.update(file.read(DIGEST_BLOCK_BYTES))
    return found.hexdigest()[:24]


def state_dict(path: Path) -> Mapping[str, Any]:
    """Load the tensors of a ``.safetensors`` or torch file without running code from it.

    Raises ``EngineUnavailable`` for other files, and for files that hold more than tensors.
    """
    import torch
    from safetensors.torch import load_file

    if not path.is_file():
        raise EngineUnavailable(f"no weights at {path.absolute()}; pass an existing file as weights")
    try:
        if path.suffix == ".safetensors":
            return dict(load_file(path))
        found = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except Exception as error:  # readers of invalid files raise anything
        reason = str(error).strip().splitlines()[:1]
        raise EngineUnavailable(f"{path} holds no weights that can be loaded safely: {' '.join(reason)}") from error
    found = found.get("model", found) if isinstance(found, dict) else found
    if not isinstance(found, Mapping) or not all(isinstance(value, torch.Tensor) for value in found.values()):
        raise EngineUnavailable(f"{path} is no state_dict: it holds more than named tensors")
    return found


def torch_hub_file(url: str) -> Path:
    """The path in torch's cache of a file downloaded from ``url``."""
    import torch

    return Path(torch.hub.get_dir()) / "checkpoints" / url.rsplit("/", 1)[1]


def check_url(url: str, engine: str, download: bool = True) -> None:
    """Raise ``EngineUnavailable`` where the file of ``url`` is neither in torch's cache nor can be reached.

    Without ``download`` it must be in the cache.
    """
    from urllib.error import URLError
    from urllib.request import Request, urlopen

    cached = torch_hub_file(url)
    if cached.is_file():
        return
    advice = "put the file there, or pass a local file as weights"
    if not download:
        raise EngineUnavailable(f"{engine}: no weights at {cached}; {NOT_FETCHED}")
    if offline():
        raise EngineUnavailable(f"{engine}: no weights at {cached}, and HF_HUB_OFFLINE is set; {advice}")
    try:
        with urlopen(Request(url, method="HEAD"), timeout=HUB_TIMEOUT_SECONDS):
            pass
    except (URLError, OSError) as error:
        raise EngineUnavailable(
            f"{engine}: no weights at {cached}, and {url} cannot be reached ({error}); {advice}"
        ) from error


def offline() -> bool:
    """True where the hub's offline switch is set."""
    from huggingface_hub import constants

    return bool(constants.HF_HUB_OFFLINE)


def hub_file(name: str, revision: str | None) -> Path:
    """The path of a local file, or of a hub file ``owner/repository/file``, which is downloaded if not cached."""
    from huggingface_hub import hf_hub_download

    if Path(name).expanduser().is_file():
        return Path(name).expanduser()
    owner, repository, file = _hub_parts(name)
    return Path(hf_hub_download(f"{owner}/{repository}", file, revision=revision))


def locate_file(setting: str, name: str, revision: str | None, engine: str, download: bool = True) -> Located:
    """Locate the file that ``hub_file`` would return; ``setting`` is the configuration key that names it.

    Raises ``EngineUnavailable`` where it cannot be had; without ``download``, where it is not here.
    """
    from huggingface_hub import try_to_load_from_cache

    path = Path(name).expanduser()
    if path.is_file():
        return Located(path, {setting: content(path)})
    if path.is_absolute() or name.count("/") < 2 or name.startswith((".", "~")):
        raise EngineUnavailable(
            f"{engine}: no weights at {path.absolute()}; pass a local file, or owner/repository/file"
        )
    owner, repository, file = _hub_parts(name)
    cached = try_to_load_from_cache(f"{owner}/{repository}", file, revision=revision)
    if isinstance(cached, str):
        return Located(Path(cached), {"revision": _commit(Path(cached))})
    _unless_fetched(f"{owner}/{repository}", engine, download)
    listing = hub_listing(f"{owner}/{repository}", revision, engine)
    if file not in listing.files:
        raise EngineUnavailable(f"{engine}: {owner}/{repository} on the hub has no {file}; pass a local file instead")
    return Located(None, {"revision": listing.commit})


@dataclass(frozen=True)
class Listing:
    """The file names of a hub repository at a commit."""

    commit: str
    files: frozenset[str]


def hub_listing(repository: str, revision: str | None, engine: str) -> Listing:
    """List the files of a hub repository; raises ``EngineUnavailable`` where the hub is switched off or unreachable."""
    from huggingface_hub import HfApi, constants

    where = f"{engine}: {repository} is no local path and not in the hub's cache at {constants.HF_HUB_CACHE}"
    advice = "pass a local path, or fill the cache on a machine that has the network"
    if offline():
        raise EngineUnavailable(f"{where}, and HF_HUB_OFFLINE is set; {advice}")
    try:
        info = HfApi().model_info(repository, revision=revision, timeout=HUB_TIMEOUT_SECONDS)
    except Exception as error:  # of the client or of its HTTP library
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise EngineUnavailable(f"{where}, and the hub gives none ({reason}); {advice}") from error
    return Listing(str(info.sha), frozenset(sibling.rfilename for sibling in info.siblings or ()))


def locate_pipeline(
    name: str, revision: str | None, engine: str, extra: tuple[str, ...] = (), download: bool = True
) -> Located:
    """Locate a diffusers checkpoint, a local folder or a hub id, and check that all its weights are safetensors.

    ``extra`` names components that it must have besides the usual ones. Raises ``EngineUnavailable`` where it cannot be
    had (without ``download``, where it is not here), and for pickled weights and checkpoints that contain code.
    """
    path = Path(name).expanduser()
    if path.is_dir():
        index = _checked_folder(path, engine, extra)
        files = sorted(p for p in path.rglob("*") if p.suffix in CHECKPOINT)
        return Located(path, {"checkpoint": content(*files)}, index)
    if path.exists():
        raise EngineUnavailable(f"{engine}: {path} is a single file; pass a diffusers folder (with model_index.json)")
    if not HUB_ID.match(name):
        raise EngineUnavailable(
            f"{engine}: no folder {path.absolute()}; pass a diffusers folder, or a hub id owner/name"
        )
    cached = cached_folder(name, revision)
    if cached is not None and _missing_weights(cached, extra) == []:
        return Located(cached, {"revision": _commit(cached)}, _checked_folder(cached, engine, extra))
    _unless_fetched(name, engine, download)
    listing = hub_listing(name, revision, engine)
    if "model_index.json" not in listing.files:
        raise EngineUnavailable(f"{engine}: {name} on the hub is no diffusers checkpoint (no model_index.json)")
    index = _checked_index(_hub_index(name, listing.commit, engine), f"{engine}: {name} on the hub")
    for component in (*_components(index), *extra):
        if not any(file.startswith(f"{component}/") and file.endswith(".safetensors") for file in listing.files):
            raise EngineUnavailable(
                f"{engine}: {name} on the hub has no safetensors of its {component}; nothing else is read"
            )
    return Located(None, {"revision": listing.commit}, index)


def _hub_index(name: str, commit: str, engine: str) -> Path:
    """The model_index.json of a hub id, fetched: a few hundred bytes that say what the rest is."""
    try:
        return hub_file(f"{name}/model_index.json", commit)
    except Exception as error:  # of the client or of its HTTP library
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise EngineUnavailable(f"{engine}: the hub does not give {name} ({reason}); pass a local folder") from error


def pipeline_index(name: str, revision: str | None) -> Mapping[str, Any]:
    """What the model_index.json of a located checkpoint says."""
    path = Path(name).expanduser()
    index = path / "model_index.json" if path.is_dir() else hub_file(f"{name}/model_index.json", revision)
    found: dict[str, Any] = json.loads(index.read_text())
    return found


def _unless_fetched(repository: str, engine: str, download: bool) -> None:
    """Raise ``EngineUnavailable`` where the hub may not be asked for what is not here."""
    if not download:
        raise EngineUnavailable(f"{engine}: {repository} is not in the hub's cache; {NOT_FETCHED}")


def cached_folder(name: str, revision: str | None) -> Path | None:
    """The folder of a hub id in the local cache; None where it is not cached."""
    from huggingface_hub import try_to_load_from_cache

    index = try_to_load_from_cache(name, "model_index.json", revision=revision)
    return Path(index).parent if isinstance(index, str) else None


def has_variant(name: str, revision: str | None, variant: str, engine: str, component: str) -> bool:
    """Whether a checkpoint has its ``component`` in a ``variant`` such as ``fp16``; may ask the hub."""
    path = Path(name).expanduser()
    folder = path if path.is_dir() else cached_folder(name, revision)
    if folder is not None and any((folder / component).glob("*.safetensors")):
        return any((folder / component).glob(f"*.{variant}*.safetensors"))
    return any(
        re.match(rf"{component}/.*\.{variant}.*\.safetensors$", file)
        for file in hub_listing(name, revision, engine).files
    )


def _checked_index(index: Path, where: str) -> dict[str, Any]:
    """Read a model_index.json; ``EngineUnavailable``, beginning with ``where``, if that fails or it asks for code."""
    try:
        components: dict[str, Any] = json.loads(index.read_text())
    except ValueError as error:
        raise EngineUnavailable(f"{where}: {index} cannot be read: {error}") from error
    for component, entry in components.items():
        library = entry[0] if isinstance(entry, list) else None
        if library is not None and library not in SAFE_LIBRARIES:
            raise EngineUnavailable(f"{where} brings code of its own ({component}: {library}), which is not run")
    return components


def _checked_folder(folder: Path, engine: str, extra: tuple[str, ...]) -> dict[str, Any]:
    """The index of a folder; ``EngineUnavailable`` if it is no checkpoint or has code or pickled weights."""
    index = folder / "model_index.json"
    if not index.is_file():
        raise EngineUnavailable(f"{engine}: {folder} is no diffusers folder (no model_index.json)")
    components = _checked_index(index, f"{engine}: {folder}")
    for component in _missing_weights(folder, extra):
        pickled = sorted(p.name for p in (folder / component).glob("*") if p.suffix in PICKLES)
        what = f"only pickled weights ({pickled[0]}); save it with safe_serialization=True" if pickled else "no weights"
        if any((folder / component).glob("*.safetensors")):
            what = "only some of its files"
        raise EngineUnavailable(f"{engine}: {folder / component} has {what}; only safetensors are read")
    return components


def _components(index: Mapping[str, Any]) -> list[str]:
    """The components that a checkpoint must bring weights for."""
    return [name for name in WEIGHED if isinstance(index.get(name), list) and index[name][0] is not None]


def _missing_weights(folder: Path, extra: tuple[str, ...]) -> list[str]:
    """The components of a checkpoint that lack safetensors; ``extra`` ones are required besides those it lists."""
    index = folder / "model_index.json"
    listed = json.loads(index.read_text()) if index.is_file() else {}
    return [name for name in (*_components(listed), *extra) if not _is_whole(folder / name)]


def _is_whole(component: Path) -> bool:
    """Whether a component has its safetensors: one file, or all those that one of its indices names."""
    indices = [json.loads(path.read_text())["weight_map"] for path in component.glob("*.safetensors.index.json")]
    if any(all((component / file).is_file() for file in set(named.values())) for named in indices):
        return True
    return any(not SHARD.search(path.name) for path in component.glob("*.safetensors"))


def _commit(cached: Path) -> str:
    """The commit of a path in the hub's cache, whose layout is ``snapshots/<commit>/...``."""
    return cached.parts[cached.parts.index("snapshots") + 1]


def _hub_parts(name: str) -> tuple[str, str, str]:
    owner, repository, file = name.split("/", 2)
    return owner, repository, file

"""A run's decisions: reads ``overrides.yaml`` and the pictures that it names, and refuses what cannot hold.

All that is wrong by itself ends the run before it starts. What a new detection has left without a shot is a note of its
video instead (see ``steering.decisions.misfits``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence

import cv2
import numpy as np

from remaster.arrays import Mask, Rgb
from remaster.errors import UserError
from remaster.pipeline import store as files
from remaster.pipeline.store import Store
from remaster.rows import PLAN, VideoRow
from remaster.steering.decisions import Decisions
from remaster.steering.overrides import Override, Overrides, read

PICTURES = ("mask", "unmask", "background")
"""Keys whose values are paths of pictures."""
DOUBT_FRAMES, DOUBT_SHARE = 25, 0.02
"""Frames and share by which a video may be longer than its headers claim, where no plan has counted its frames."""


def read_decisions(store: Store, videos: Collection[str]) -> Decisions:
    """The decisions in the output folder, none without a file; ``videos`` are the dataset's names.

    Raises ``UserError`` for a file that cannot be read, videos that are unknown, and pictures that are not there.
    """
    data = store.files.read(store.overrides)
    if data is None:
        return Decisions()
    where = store.where(store.overrides)
    try:
        overrides = read(data.decode(), where)
    except UnicodeDecodeError:
        raise UserError(f"{where} is no text in UTF-8") from None
    for video, by in overrides.videos.items():
        if video not in videos:
            raise UserError(f"{where}: {by}: no video {video} in this dataset; names are those of the column video")
    digests = {}
    for entry in overrides.entries:
        for key in PICTURES:
            if key in entry.decided:
                digests[entry.decided[key]] = _digest(store, entry, key, where)
    return Decisions(overrides, digests)


def check_decisions(decisions: Decisions, videos: Sequence[VideoRow], store: Store) -> None:
    """Raise ``UserError`` for frames beyond a video's end, and masks of another size than its frames."""
    known = {video.video: video for video in videos}
    where = store.where(store.overrides)
    lengths = {name: _length(known[name], store) for name in decisions.overrides.videos if name in known}
    for name, last, by in _last_frames(decisions.overrides):
        end = lengths.get(name)
        if end is not None and last > end:
            raise UserError(f"{where}: {by} reaches to frame {last}, and {name} has {end} frames")
    for entry in decisions.overrides.entries:
        video = known.get(entry.video or "")
        for key in ("mask", "unmask") if video is not None else ():
            if video is not None and key in entry.decided:
                _check_size(store, video, entry.decided[key], f"{where}: {entry}: {key}")


def read_mask(store: Store, path: str) -> Mask:
    """A painted mask, bool (h, w): True where it is white. Raises ``FileNotFoundError`` or ``ValueError``."""
    return np.asarray(_decoded(store, path, cv2.IMREAD_GRAYSCALE) >= 128)


def read_picture(store: Store, path: str) -> Rgb:
    """A picture, uint8 (h, w, 3). Raises ``FileNotFoundError`` or ``ValueError``."""
    return np.ascontiguousarray(_decoded(store, path, cv2.IMREAD_COLOR)[..., ::-1])


def _decoded(store: Store, path: str, mode: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    data = store.files.read(path)
    if data is None:
        raise FileNotFoundError(f"there is no {store.where(path)}")
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), mode) if data else None
    if picture is None:
        raise ValueError(f"{store.where(path)} is no picture that can be read")
    return np.asarray(picture, np.uint8)


def _digest(store: Store, entry: Override, key: str, where: str) -> str:
    """Of the content of the picture that an entry names; raises ``UserError`` where it cannot be read."""
    path = entry.decided[key]
    try:
        read_mask(store, path)
    except (OSError, ValueError) as error:
        raise UserError(f"{where}: {entry}: {key}: {error}") from error
    return hashlib.sha256(store.files.read(path) or b"").hexdigest()[:24]


def _length(video: VideoRow, store: Store) -> int | None:
    """The number of frames that a video has by its plan, or at most has by its headers; None where neither tells."""
    table = files.read_table(store, store.plan(video.video_id))
    info = video.info
    if table is not None and table.schema.equals(PLAN.schema):
        scenes = PLAN.read(table)
        if scenes and (scenes[0].info.size, scenes[0].info.mtime_ns) == (info.size, info.mtime_ns):
            return max(run.end_frame for scene in scenes for run in scene.runs)
    claimed = info.frames or (None if info.duration is None else round(info.duration * info.fps))
    return None if claimed is None else claimed + max(DOUBT_FRAMES, round(claimed * DOUBT_SHARE))


def _last_frames(overrides: Overrides) -> list[tuple[str, int, str]]:
    """(video, one past the last frame, who names it) of all ranges and cuts."""
    found = [(entry.video or "", entry.frames[1], str(entry)) for entry in overrides.entries if entry.frames]
    for entry in overrides.entries:
        places = [place for place in entry.decided.get("unlink", ()) if "frames" in place]
        found += [(place["video"], place["frames"][1], f"{entry}: unlink") for place in places]
    return [*found, *((cut.video, cut.frame + 1, str(cut)) for cut in overrides.cuts)]


def _check_size(store: Store, video: VideoRow, path: str, where: str) -> None:
    height, width = read_mask(store, path).shape
    if (width, height) != (video.info.width, video.info.height):
        raise UserError(
            f"{where}: {path} is {width}x{height}, and the frames of {video.video} are "
            f"{video.info.width}x{video.info.height}"
        )

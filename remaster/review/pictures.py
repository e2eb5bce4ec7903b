"""Pictures of a shot: a frame before and after, its background with what is known of it, small ones for the strip.

All are encoded here, JPEG where they are photographs and PNG where they lie over one. They come from what the run left:
the encoded segment, the caches of the steps and the report's previews. The source itself is not needed.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Mask, Rgb
from remaster.arrow import RowTable
from remaster.errors import MediaError
from remaster.imaging.geometry import window
from remaster.media.decode import decode
from remaster.media.planes import to_rgb
from remaster.media.probe import probe
from remaster.media.timeline import NO_STAMP, timeline
from remaster.media.types import Rect
from remaster.pipeline import store as files
from remaster.pipeline.store import Store
from remaster.records import Background
from remaster.records import Shot as StitchedShot
from remaster.report.preview import GAP
from remaster.review.model import Shot
from remaster.review.places import inside
from remaster.rows import PLAN, FilledScene, Scene, StitchedScene

MAX_SIDE = 1920
"""Pixels of the longer side that a picture has on the page."""
THUMB_ROWS = 120
JPEG_QUALITY = 90
STITCHED, FILLED = RowTable(StitchedScene), RowTable(FilledScene)
HATCH, DOTS = 14, 8
"""Distances, in pixels, of the lines over generated and of the dots over lent pixels."""
ORANGE, BLUE, GREY = (217, 151, 58), (91, 143, 208), (60, 60, 60)


@dataclass(frozen=True)
class Canvas:
    """The background of a shot, filled, and where its pixels come from; ``sar`` is the shape of its pixels.

    ``holes`` and ``lent`` bool (H, W) are disjoint: generated ones, and those that other scenes saw. ``shown`` bool
    (H, W): covered or filled; the rest is visible in no frame. ``name`` is the number of the picture in its scene.
    """

    image: Rgb
    holes: Mask
    lent: Mask
    shown: Mask
    sar: Fraction
    name: int


def frame_pair(root: Path, shot: Shot, number: int) -> tuple[Rgb, Rgb]:
    """Frame ``number`` of a shot's segment (0 is its first): the original between black bars, and as it is made.

    Both uint8 (h, w, 3) with square pixels. A shot that was only previewed has its stills: that of the third of the
    shot in which the frame lies. Raises ``MediaError`` where there is neither, or it is unreadable.
    """
    if shot.row["segment"] is None and shot.row["stills"]:
        after, place, sar = _still(root, shot, number)
    else:
        after, place, sar = _decoded(root, shot, number)
    before = np.zeros_like(after)
    rows, columns = slice(place.y, place.y + place.height), slice(place.x, place.x + place.width)
    before[rows, columns] = after[rows, columns]
    return _square(before, sar), _square(after, sar)


def _still(root: Path, shot: Shot, number: int) -> tuple[Rgb, Rect, Fraction]:
    """A still of a preview, where the original lies in it, and the shape of its pixels."""
    stills, frames = shot.row["stills"], max(shot.frames[1] - shot.frames[0], 1)
    after = _read(root, stills[min(max(len(stills) * number // frames, 0), len(stills) - 1)])
    height, width = after.shape[:2]
    sides = [(int(shot.row[name]), int(shot.row[f"out_{name}"])) for name in ("width", "height")]
    framing = float(shot.row["framing"] or 0.0)
    (x, w), (y, h) = (
        (round((whole - own) * framing * side / whole), round(own * side / whole))
        for (own, whole), side in zip(sides, (width, height), strict=True)
    )
    return after, Rect(x, y, w, h), Fraction(1)


def _read(root: Path, key: str) -> Rgb:
    """A picture of the run; raises ``MediaError`` where there is none."""
    found = cv2.imdecode(np.fromfile(inside(root, key), np.uint8), cv2.IMREAD_COLOR)
    if found is None:
        raise MediaError(f"{key} is no picture")
    return np.asarray(found[..., ::-1], np.uint8)


def source_frame(root: Path, store: Store, shot: Shot, number: int) -> Rgb:
    """The same frame alone, of the size of the stored source frame, bars black: what a mask is painted on."""
    after, place, _ = _decoded(root, shot, number)
    scene = planned(store, shot)
    if scene is None:
        raise MediaError(f"the plan of {shot.video} is gone from metadata/plan")
    frame = np.zeros((scene.info.height, scene.info.width, 3), np.uint8)
    a = scene.active
    frame[a.y : a.y + a.height, a.x : a.x + a.width] = after[place.y : place.y + a.height, place.x : place.x + a.width]
    return frame


def _decoded(root: Path, shot: Shot, number: int) -> tuple[Rgb, Rect, Fraction]:
    """A frame of the segment, where the original lies in it, and the shape of its pixels."""
    if shot.row["segment"] is None:
        raise MediaError("this shot has no segment: nothing of it was encoded")
    info = probe(str(inside(root, shot.row["segment"])))
    stamps = np.sort(timeline(info).stamps)
    stamps = stamps[stamps != NO_STAMP]
    if not len(stamps):
        raise MediaError(f"{info.path} has no frames")
    frames = list(decode(info, int(stamps[min(max(number, 0), len(stamps) - 1)]), 1))
    if not frames:
        raise MediaError(f"{info.path} cannot be decoded")
    after = to_rgb(frames[0].planes, info.format, info.color, info.height)
    width, height = int(shot.row["width"]), int(shot.row["height"])
    whole = Fraction(int(shot.row["out_width"]), int(shot.row["out_height"])) * info.sar
    placed = window(Rect(0, 0, width, height), info.sar, info.format, whole, float(shot.row["framing"] or 0.0))
    x, y = min(placed.x, info.width - width), min(placed.y, info.height - height)
    return after, Rect(x, y, width, height), info.sar


def thumbnail(root: Path, shot: Shot) -> bytes:
    """The small picture of a shot after its remastering, JPEG; raises ``MediaError`` where the run left none."""
    if shot.row["preview"] is None:
        raise MediaError("this shot has no preview")
    picture = _read(root, shot.row["preview"])
    # The report's preview shows before and after side by side, a still of a run that only previews shows the result.
    after = picture if shot.row["stills"] else picture[:, (picture.shape[1] + GAP) // 2 :]
    width = max(round(after.shape[1] * THUMB_ROWS / after.shape[0]), 1)
    return jpeg(np.asarray(cv2.resize(after, (width, THUMB_ROWS), interpolation=cv2.INTER_AREA), np.uint8))


def planned(store: Store, shot: Shot) -> Scene | None:
    """The scene of a shot as its video's plan has it."""
    table = files.read_table(store, store.plan(shot.video_id))
    if table is None or not table.schema.equals(PLAN.schema):
        return None
    return next((scene for scene in PLAN.read(table) if scene.scene_id == shot.scene_id), None)


@lru_cache(maxsize=4)
def canvas(store: Store, shot: Shot, version: str) -> Canvas | None:
    """The background that a shot's wings come from; None where it has none, or none that was kept.

    A propagated shot has one for each of its key frames: that of its middle is taken. ``version`` is the shot's.
    """
    stitched = _kept(store, shot, "stitch", STITCHED)
    if stitched is None:
        return None
    filled = _kept(store, shot, "outpaint", FILLED)
    middle = _frame_in_scene(stitched.scene, sum(shot.frames) // 2)
    own = next((one for one in stitched.shots if middle is not None and one.start <= middle < one.end), None)
    if own is None or middle is None:
        return None
    number = stitched.shots.index(own)
    made = filled.shots[number] if filled is not None and len(filled.shots) == len(stitched.shots) else own
    plain, picture = _picture(own, middle), _picture(made, middle)
    if plain is None or picture is None or plain.image.shape != picture.image.shape:
        return None
    lent = np.zeros_like(picture.holes) if picture.borrowed is None else picture.borrowed.mask
    image = np.where((picture.holes | lent)[..., None], picture.image, plain.image)
    return Canvas(image, picture.holes, lent, picture.coverage | picture.holes, stitched.scene.info.sar, number)


def _kept(store: Store, shot: Shot, stage: str, kind: RowTable) -> StitchedScene | FilledScene | None:  # type: ignore[type-arg]
    """What a stage left of the shot's scene; None where it left nothing, or another version of the program did."""
    table = files.read_table(store, store.cached(shot.video_id, shot.scene_id, stage))
    if table is None or not table.schema.equals(kind.schema):
        return None
    found: StitchedScene | FilledScene = kind.read(table)[0]
    return found


def _frame_in_scene(scene: Scene, frame: int) -> int | None:
    """The number within its scene of a frame of the video."""
    before = 0
    for run in scene.runs:
        if run.start_frame <= frame < run.end_frame:
            return before + frame - run.start_frame
        before += run.frames
    return None


def _picture(shot: StitchedShot, frame: int) -> Background | None:
    """The picture under a frame's wings; ``frame`` counts from the scene's first."""
    if shot.background is not None or shot.propagation is None:
        return shot.background
    keys = [key for key in shot.propagation.keys if key.picture is not None]
    near = [key for key in keys if key.start <= frame - shot.start < key.end]
    return (near or keys)[0].picture if keys else None


def background_jpeg(found: Canvas) -> bytes:
    """The background as the page shows it; what no frame shows is dark."""
    return jpeg(_square(np.where(found.shown[..., None], found.image, np.uint8(24)), found.sar))


def overlay_png(found: Canvas) -> bytes:
    """What lies over it: oblique lines over generated pixels, dots over those that other scenes saw, crosses elsewhere.

    Patterns as well as colours, for eyes that tell colours apart badly.
    """
    size = _shown_size(found.image.shape[1], found.image.shape[0], found.sar)
    holes, lent, shown = (
        cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
        for mask in (found.holes, found.lent, found.shown)
    )
    y, x = np.indices(holes.shape)
    lines = (x + y) % HATCH < 3
    dots = ((x % DOTS - DOTS // 2) ** 2 + (y % DOTS - DOTS // 2) ** 2) < 5
    crosses = lines | ((x - y) % HATCH < 2)
    overlay = np.zeros((*holes.shape, 4), np.uint8)
    for mask, pattern, color in ((holes, lines, ORANGE), (lent, dots, BLUE), (~shown, crosses, GREY)):
        overlay[mask] = (*color, 70)
        overlay[mask & pattern] = (*color, 230)
    return png(overlay)


def jpeg(rgb: npt.NDArray[np.uint8]) -> bytes:
    """Encode a picture, uint8 (h, w, 3) RGB."""
    encoded, data = cv2.imencode(".jpg", np.ascontiguousarray(rgb[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not encoded:
        raise ValueError(f"no JPEG can be made of a picture of {rgb.shape[1]}x{rgb.shape[0]}")
    return data.tobytes()


def png(picture: npt.NDArray[np.uint8]) -> bytes:
    """Encode a picture without loss: uint8 (h, w), (h, w, 3) RGB or (h, w, 4) RGBA."""
    if picture.ndim == 3:
        picture = np.ascontiguousarray(picture[..., [2, 1, 0, 3][: picture.shape[2]]])
    encoded, data = cv2.imencode(".png", picture)
    if not encoded:
        raise ValueError(f"no PNG can be made of a picture of {picture.shape[1]}x{picture.shape[0]}")
    return data.tobytes()


def _shown_size(width: int, height: int, sar: Fraction) -> tuple[int, int]:
    """(width, height) with square pixels and no side over ``MAX_SIDE``."""
    wide = width * float(sar)
    scale = min(MAX_SIDE / max(wide, height), 1.0)
    return max(round(wide * scale), 1), max(round(height * scale), 1)


def _square(picture: Rgb, sar: Fraction) -> Rgb:
    size = _shown_size(picture.shape[1], picture.shape[0], sar)
    if size == (picture.shape[1], picture.shape[0]):
        return picture
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)

"""The last stage of a preview: draws a few small pictures of every shot, and encodes and delivers nothing.

The wings are drawn by what draws those of the result, at full size, and then made small. Of each shot, three frames and
those of a short loop are drawn; in between, frames are only decoded. What the stages before leave in the cache is what
a run without preview goes on from.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa

from remaster.arrays import Rgb
from remaster.imaging.geometry import Window
from remaster.media.loop import write_loop
from remaster.media.planes import resize_rgb
from remaster.media.types import VideoInfo
from remaster.pipeline import store as files
from remaster.pipeline.assembly import VideoTask, failed_video, video_row, whole_shots
from remaster.pipeline.delivery import Deliverable, Rows, delivering, made, written
from remaster.pipeline.encoding import DrawnPiece, Piece, decided_pieces, drawn_piece, renderer_of, renderers_of
from remaster.pipeline.failures import raise_if_disk_full
from remaster.pipeline.frames import Lookahead, active_planes, scene_frames
from remaster.pipeline.job import Job
from remaster.pipeline.lock import working
from remaster.propagation.tuning import TUNING as PROPAGATION
from remaster.records import Shot
from remaster.report.preview import jpeg_of
from remaster.resample.rendering import SceneRenderers
from remaster.rows import FILLED, Found, Scene

PICTURE_ROWS = 270
"""Lines of a still and of a loop, at most."""
LOOP_SECONDS = 2
"""Of the shot around its middle; a shorter shot is shown whole."""
LOOP_FPS = 12
"""Frames of a loop per second, at most about: cartoons are drawn at this rate or a lower one."""


@dataclass(frozen=True)
class Choice:
    """The frames of a piece that are drawn, counted through the scene.

    ``stills`` are its first, middle and last one; ``loop`` those of the loop, which has ``fps`` of them per second.
    """

    stills: tuple[int, int, int]
    loop: range
    fps: Fraction

    @classmethod
    def of(cls, start: int, end: int, fps: Fraction) -> Choice:
        """Choose among frames ``[start, end)``, at ``fps`` frames per second."""
        step = max(round(fps / LOOP_FPS), 1)
        length = min(max(int(fps * LOOP_SECONDS), 1), end - start)
        middle = start + (end - start) // 2
        first = min(max(middle - length // 2, start), end - length)
        return cls((start, middle, end - 1), range(first, first + length, step), fps / step)

    @property
    def frames(self) -> list[int]:
        """All that are drawn, each once, in the order of time."""
        return sorted({*self.stills, *self.loop})


def preview_stage(table: pa.Table, job: Job) -> pa.Table:
    """In place of step 6: draw every scene of the table and write its rows to ``metadata/preview/scenes``."""
    return delivering(table, FILLED, _preview, job)


def finish_unmade(task: VideoTask) -> dict[str, Any]:
    """Join the rows of a video that is not delivered, and write and return its own row, which names no output."""
    store, video_id = task.job.store, task.row.video_id
    with working(store):
        try:
            shots = whole_shots(task)
            files.compact(store, video_id, list(task.row.planned))
            good = all(shot["status"] not in ("fallback", "failed") for shot in shots)
            row = video_row(task, shots, None) | {
                "status": store.tables.removeprefix("metadata/") if good else "fallback"
            }
        except Exception as error:
            raise_if_disk_full(error)
            row = failed_video(task.row.video, task.row.info, f"{type(error).__name__}: {error}")
        files.write_video(store, video_id, row)
    return row


def draw_scene(scene: Scene, shots: Sequence[Shot], found: Found, job: Job) -> list[DrawnPiece]:
    """Draw the chosen frames of a scene's shots, and write its stills and loops."""
    frames = Lookahead(scene_frames(scene))
    renderers = renderers_of(scene, shots, found, job, frames)
    return [
        _draw_piece(scene, number, piece, found, renderers, frames, job)
        for number, piece in enumerate(decided_pieces(shots, scene))
    ]


def _preview(row: Deliverable, job: Job) -> tuple[Scene, Rows]:
    row, status, drawn = made(row, draw_scene, "preview", "preview", job)
    results = written(row, drawn, status, job)
    _remove_others(row.scene, len(drawn), job)
    return row.scene, results


def _remove_others(scene: Scene, shots: int, job: Job) -> None:
    """Remove pictures of shots that the scene had in an earlier preview."""
    number, store = shots, job.store
    place = scene.video_id, scene.scene_id
    while store.files.size(store.still(*place, number, 0)) is not None:
        for key in (*(store.still(*place, number, part) for part in range(3)), store.loop(*place, number)):
            store.files.remove(key)
        number += 1


def _draw_piece(
    scene: Scene, number: int, piece: Piece, found: Found, renderers: SceneRenderers, frames: Lookahead, job: Job
) -> DrawnPiece:
    store, window = job.store, job.window(scene)
    renderer = renderer_of(scene, piece, renderers, job)
    choice = Choice.of(piece.start, piece.end, scene.info.fps)
    wanted = set(choice.frames)
    holds = np.zeros(scene.frames, bool) if found.frames is None else found.frames.holds
    pictures: dict[int, Rgb] = {}
    last = piece.start - 1
    for at, planes in _walked(scene, piece, frames):
        if at not in wanted:
            continue
        # It repeats the last one that was drawn where all between do.
        hold = bool(holds[last + 1 : at + 1].all())
        composed = renderer.render(at - piece.shot.start, planes, hold) if renderer else planes
        pictures[at] = small_picture(composed, scene.info, window)
        last = at
    place = scene.video_id, scene.scene_id, number
    stills = tuple(store.still(*place, part) for part in range(len(choice.stills)))
    for key, at in zip(stills, choice.stills, strict=True):
        store.files.write(key, jpeg_of(pictures[at]), durable=False)
    loop = store.loop(*place)
    with store.files.view() as folder:
        write_loop(folder / loop, [pictures[at] for at in choice.loop], choice.fps)
        store.files.put(folder / loop, loop)
    job.count(piece.frames)
    drawn = drawn_piece(scene, piece, renderers, renderer, window)
    return replace(drawn, files={"preview": stills[1], "stills": list(stills), "loop": loop})


def _walked(scene: Scene, piece: Piece, frames: Lookahead) -> Iterator[tuple[int, tuple[Any, ...]]]:
    """Each frame's number and the planes of its active picture; frames that nothing needs any more are freed."""
    behind = PROPAGATION.tracing.max_age if piece.shot.propagation is not None else 0
    for at in range(piece.start, piece.end):
        frame = frames[at]
        frames.release(at - behind)
        yield at, active_planes(frame, scene)


def small_picture(planes: Sequence[Any], info: VideoInfo, window: Window) -> Rgb:
    """A frame of the result as it is seen: upright, with square pixels, even sides and at most ``PICTURE_ROWS`` lines.

    Uint8 RGB (h, w, 3).
    """
    width, height = float(window.width * info.sar), float(window.height)
    turned = info.rotation in (90, 270)
    scale = min(PICTURE_ROWS / (width if turned else height), 1.0)
    sides = [max(2 * round(scale * side / 2), 2) for side in (width, height)]
    picture = resize_rgb(tuple(planes), info.format, info.color, sides[0], sides[1], info.height)
    return np.ascontiguousarray(np.rot90(picture, info.rotation // 90))

"""What a person painted: masks of characters for a scene's keyframes, and backgrounds in place of the filled ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from remaster.arrays import Mask
from remaster.errors import UserError
from remaster.pipeline.encoding import Piece, pieces
from remaster.pipeline.job import Job
from remaster.pipeline.override_file import read_mask, read_picture
from remaster.pipeline.scene_cache import stitched_before
from remaster.pipeline.video_plan import stored_plan
from remaster.records import Shot
from remaster.rows import Scene, VideoRow


def with_painted_masks(masks: Mask, scene: Scene, job: Job) -> Mask:
    """The masks bool (k, h, w) of characters on a scene's keyframes, with what is painted added and taken away.

    Raises ``ValueError`` where a picture has not the size of the scene's frames.
    """
    steering = scene.steering
    if steering.mask is not None:
        masks = masks | _on_proxies(steering.mask.path, masks, scene, job)
    if steering.unmask is not None:
        masks = masks & ~_on_proxies(steering.unmask.path, masks, scene, job)
    return masks


def with_painted_backgrounds(scene: Scene, shots: Sequence[Shot], job: Job) -> list[Shot]:
    """The shots of a scene with the backgrounds that a person edited in place of their own.

    Raises ``ValueError`` where such a picture has another size, or where a shot has no background.
    """
    edited = {id(piece.shot): path for piece in pieces(shots, scene.runs) if (path := _decided(scene, piece))}
    return [_with_background(shot, edited[id(shot)], job) if id(shot) in edited else shot for shot in shots]


def check_backgrounds(videos: Sequence[VideoRow], job: Job) -> None:
    """Raise ``UserError`` for an edited background that cannot replace the shot's own, as far as that was kept.

    Where the scene has to be stitched again, the size of its new background is not known yet.
    """
    edited = {entry.video for entry in job.decisions.overrides.entries if "background" in entry.decided}
    for video in (one for one in videos if one.video in edited):
        for scene in (one for one in stored_plan(video, job) if one.steering.backgrounds):
            try:
                with_painted_backgrounds(scene, stitched_before(scene, job), job)
            except ValueError as error:
                raise UserError(
                    f"{job.store.where(job.store.overrides)}: {video.video}: background: {error}"
                ) from error


def write_backgrounds(scene: Scene, shots: Sequence[Shot], job: Job) -> None:
    """Write the filled background of each of a scene's shots as a picture to edit, where the run asks for it."""
    for number, piece in enumerate(pieces(shots, scene.runs)):
        key, background = job.store.background(scene.video_id, scene.scene_id, number), piece.shot.background
        if background is None or not job.config.output.backgrounds:
            job.store.files.remove(key)
            continue
        _, encoded = cv2.imencode(".png", np.ascontiguousarray(background.image[..., ::-1]))
        job.store.files.write(key, encoded.tobytes(), durable=False)


def _decided(scene: Scene, piece: Piece) -> str | None:
    return scene.steering.background(piece.start_frame, piece.start_frame + piece.frames)


def _with_background(shot: Shot, path: str, job: Job) -> Shot:
    own, picture = shot.background, read_picture(job.store, path)
    if own is None:
        raise ValueError(f"{path} replaces a background, and this {shot.method} shot has none")
    if picture.shape != own.image.shape:
        sizes = [f"{image.shape[1]}x{image.shape[0]}" for image in (picture, own.image)]
        raise ValueError(f"{path} is {sizes[0]}, and the background that it replaces is {sizes[1]}")
    return replace(shot, background=replace(own, image=picture, fine=None))


def _on_proxies(path: str, masks: Mask, scene: Scene, job: Job) -> Mask:
    """A painted mask of whole frames as one of the proxies, bool (h, w): set where most of a pixel is."""
    painted, info, active = read_mask(job.store, path).astype(np.uint8) * 255, scene.info, scene.active
    stored = info if info.treatment is None else info.treatment.stored
    size = painted.shape[1], painted.shape[0]
    if size not in ((info.width, info.height), (stored.width, stored.height)):
        raise ValueError(f"{path} is {size[0]}x{size[1]}, and the scene's frames are {stored.width}x{stored.height}")
    whole = cv2.resize(painted, (info.width, info.height), interpolation=cv2.INTER_NEAREST)
    shown = whole[active.y : active.y + active.height, active.x : active.x + active.width]
    small = cv2.resize(shown, (masks.shape[2], masks.shape[1]), interpolation=cv2.INTER_AREA)
    return np.asarray(small >= 128)

"""Pictures that a person paints or edits: masks of characters, and backgrounds in place of the filled ones.

They are checked, written beside ``overrides.yaml`` as PNG, and named in it.
"""

from __future__ import annotations

from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt

from remaster.errors import MediaError, UserError
from remaster.review import pictures
from remaster.review.model import Shot
from remaster.review.places import inside
from remaster.review.review import Review

Painted = Literal["mask", "unmask"]
FOLDERS = {"mask": "masks", "unmask": "masks", "background": "edits"}
MAX_BYTES = 64 * 2**20
"""Of a picture that the page sends."""


def frame_size(review: Review, shot: Shot) -> tuple[int, int]:
    """The (width, height) that a mask of a shot has: the stored source frame's. Raises ``MediaError``."""
    scene = pictures.planned(review.store, shot)
    if scene is None:
        raise MediaError(f"the plan of {shot.video} is gone from metadata/plan")
    return scene.info.width, scene.info.height


def save_mask(review: Review, shot: Shot, kind: Painted, data: bytes) -> str:
    """Keep a painted mask of a shot's scene, white where it holds, and decide that it is used; returns its path.

    A black one takes the decision back. Raises ``UserError`` for anything but a picture of the frame's size, and
    ``MediaError`` where that is unknown.
    """
    picture = _decoded(data)
    size, wanted = (picture.shape[1], picture.shape[0]), frame_size(review, shot)
    if size != wanted:
        raise UserError(f"the mask is {size[0]}x{size[1]}, and the frames are {wanted[0]}x{wanted[1]}")
    white = picture.max(axis=2) >= 128
    return _decide(review, shot, kind, np.where(white, np.uint8(255), np.uint8(0)) if white.any() else None)


def save_background(review: Review, shot: Shot, data: bytes) -> str:
    """Keep an edited background of a shot, and decide that it replaces the filled one; raises as ``save_mask``."""
    picture, canvas = _decoded(data), pictures.canvas(review.store, shot, shot.version)
    if canvas is None:
        raise MediaError("nothing was kept of this shot's background, or it has none")
    if picture.shape != canvas.image.shape:
        sizes = [f"{one.shape[1]}x{one.shape[0]}" for one in (picture, canvas.image)]
        raise UserError(f"the picture is {sizes[0]}, and the background that it replaces is {sizes[1]}")
    return _decide(review, shot, "background", picture)


def present(review: Review, shot: Shot, kind: Painted) -> bytes:
    """The mask of a shot that is decided at present, PNG; raises ``MediaError`` where there is none."""
    path = review.decided.get(shot.key, {}).get(kind)
    if path is None:
        raise MediaError("no mask is painted")
    return inside(review.root, str(path)).read_bytes()


def _decide(review: Review, shot: Shot, kind: str, picture: npt.NDArray[np.uint8] | None) -> str:
    """Write a picture, named by its shot, and decide that it is used; None: decide that none is."""
    key = f"{FOLDERS[kind]}/{shot.scene_id}-{shot.frames[0]}-{kind}.png"
    if picture is not None:
        review.store.files.write(key, pictures.png(picture))
    decided: dict[str, Any] = {kind: key if picture is not None else None}
    review.desk.decide(shot, "shot", **decided)
    return key


def _decoded(data: bytes) -> npt.NDArray[np.uint8]:
    """A picture as uint8 (h, w, 3) RGB; raises ``UserError`` where it is none."""
    try:
        found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    except cv2.error:
        found = None
    if found is None:
        raise UserError("this is no picture; send a PNG")
    return np.ascontiguousarray(found[..., ::-1]).astype(np.uint8)

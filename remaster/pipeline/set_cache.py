"""What a set gives the backgrounds that show it, in the store: lent pixels, and holes filled for all of them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from remaster.arrays import Mask, Rgb
from remaster.pipeline import store as files
from remaster.pipeline.describing import distinct_backgrounds, key_of, place_of, same_background
from remaster.pipeline.job import Job
from remaster.records import Background, Shot
from remaster.rows import LentShot, Scene
from remaster.set_rows import LENT_BACKGROUND, LentBackground


def applied(background: Background, given: LentBackground) -> Background:
    """A background with what its set gives it. ``holes`` are those that no scene saw, also where they are filled."""
    mask, filled = given.borrowed.mask, given.borrowed.mask | given.made
    fine = None if background.fine is None else np.where(filled[..., None], np.int8(0), background.fine)
    return replace(
        background,
        image=np.where(filled[..., None], given.image, background.image),
        coverage=background.coverage | mask,
        holes=background.holes & ~mask,
        figures=background.figures | given.figures,
        fine=fine,
        borrowed=given.borrowed,
    )


def with_lent(scene: Scene, shots: Sequence[Shot], job: Job) -> list[tuple[Shot, LentBackground | None]]:
    """The shots of a scene with what their sets give them, and that itself; raises ``FileNotFoundError``.

    A scene whose fill a person decided otherwise than the set's is filled alone: it takes what others saw only.
    """
    given = {one.shot: _given(scene, one, job) for one in scene.lent}
    first = distinct_backgrounds(shots)
    found: list[tuple[Shot, LentBackground | None]] = []
    new: dict[int, Background] = {}
    for shot in shots:
        own = shot.background
        number = next((n for n, b in first.items() if own is not None and same_background(own, b)), None)
        if own is None or number is None or number not in given:
            found.append((shot, None))
            continue
        new.setdefault(number, applied(own, given[number]))
        found.append((replace(shot, background=new[number]), given[number]))
    return found


def _given(scene: Scene, lent: LentShot, job: Job) -> LentBackground:
    """What a set gives the background of one of its shots."""
    given = read_lent(key_of(scene.scene_id, lent.shot), lent.digest, job)
    if scene.steering.outpainting() == job.decisions.of_set(lent.set_id).outpainting():
        return given
    return replace(given, made=np.zeros_like(given.made), generated_pixels=0, calls=0)


def unfilled(given: Sequence[tuple[Shot, LentBackground | None]]) -> list[Shot]:
    """The shots as an engine is given them: what was filled for a set is known, and no hole."""
    known: dict[str, Background] = {}
    shots = []
    for shot, lent in given:
        own = shot.background
        if own is not None and lent is not None:
            opened = replace(own, holes=own.holes & ~lent.made, coverage=own.coverage | lent.made)
            shot = replace(shot, background=known.setdefault(lent.key, opened))
        shots.append(shot)
    return shots


def with_origins(filled: Shot, shot: Shot) -> Shot:
    """A filled shot, with the masks of ``shot``: pixels that were filled for a set are generated ones."""
    if filled.background is None or shot.background is None:
        return filled
    return replace(filled, background=replace(shot.background, image=filled.background.image))


def read_lent(key: str, content: str, job: Job) -> LentBackground:
    """What a background is given, whose digest is ``content``; raises ``FileNotFoundError`` where it is gone."""
    given = read_any(key, job)
    if content_digest(given) != content:
        raise FileNotFoundError(f"what other scenes lend to {key} has changed; start again")
    return given


def is_there(key: str, content: str, job: Job) -> bool:
    """Whether what a background is given is in the store and has the digest ``content``."""
    try:
        return content_digest(read_any(key, job)) == content
    except FileNotFoundError:
        return False


def read_any(key: str, job: Job) -> LentBackground:
    """What a background is given at present; raises ``FileNotFoundError`` where that cannot be read."""
    table = files.read_table(job.store, job.store.lent(*place_of(key)))
    rows = [] if table is None or not table.schema.equals(LENT_BACKGROUND.schema) else LENT_BACKGROUND.read(table)
    if not rows:
        raise FileNotFoundError(f"what other scenes lend to {key} is gone from {job.store.root}; start again")
    return rows[0]


def write_lent(given: LentBackground, job: Job) -> str:
    """Write down what a background is given; returns its digest."""
    content = content_digest(given)
    files.write_rows(job.store, job.store.lent(*place_of(given.key)), LENT_BACKGROUND, [given], content)
    return content


def content_digest(given: LentBackground) -> str:
    """A digest of the pixels, empty where there are none: what the set is called changes no picture."""
    if not given.borrowed.mask.any() and not given.made.any() and not given.figures.any():
        return ""
    content = hashlib.sha256()
    for plane in (given.borrowed.mask, given.made, given.figures, given.image):
        content.update(np.ascontiguousarray(plane).tobytes())
    return content.hexdigest()[:24]


def only(image: Rgb, mask: Mask) -> Rgb:
    """The image where the mask is, else black."""
    return np.where(mask[..., None], image, np.uint8(0))

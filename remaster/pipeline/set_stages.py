"""The stages of the graph of sets: each set lends among its members' backgrounds, and is filled once.

A stage takes one set at a time. What a background is given is written beside its scene's cache; what leaves the graph
are digests of it, on which the fingerprints of the scenes depend. A set whose members and links are as they were is not
looked at again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import cv2
import numpy as np
import pyarrow as pa

from remaster.arrow import RowTable
from remaster.config import digest
from remaster.outpaint import FillTask, Prompts
from remaster.pipeline import store as files
from remaster.pipeline.describing import place_of, read_descriptor
from remaster.pipeline.engines import Engine
from remaster.pipeline.failures import attempt, raise_if_disk_full
from remaster.pipeline.inpainters import Inpainters
from remaster.pipeline.job import Job
from remaster.pipeline.lock import working
from remaster.pipeline.scene_cache import STITCH, stitch_key
from remaster.pipeline.set_cache import applied, is_there, only, read_any, write_lent
from remaster.records import Background, Borrowed, Shot
from remaster.rows import LentShot
from remaster.set_rows import LENT, SETS, ComposedSet, LentBackground, LentSet, SetTask
from remaster.sets.descriptor import SetDescriptor
from remaster.sets.lending import Donor, lend, refined_donor
from remaster.sets.linking import donor_links
from remaster.sets.proof import Link
from remaster.sets.set_canvas import compose_set, draw_from_set
from remaster.sets.visiting_figures import visiting_figures

STORED_SET = RowTable(LentSet)
PICTURE_BYTES = 256 * 2**20
"""Of backgrounds that a worker holds while it lends within a set; each is read once for every background it lends to
otherwise."""


def lend_stage(table: pa.Table, job: Job) -> pa.Table:
    """Let the members of each set lend to each other, and compose the set's canvas."""
    cv2.setNumThreads(1)
    return LENT.write([_guarded(task, "lend", job, _lend, task) for task in SETS.read(table)])


class FillSetStage:
    """Fills the canvas of each set with the engine that fills scenes."""

    def __init__(self, engine: Engine, job: Job) -> None:
        self.inpainters = Inpainters(engine, job)
        self.job = job

    def __call__(self, table: pa.Table) -> pa.Table:
        """Fill the holes of the table's canvases."""
        cv2.setNumThreads(1)
        rows = LENT.read(table)
        return LENT.write(
            [_guarded(r.task, "fill", self.job, self._fill, r) if isinstance(r, ComposedSet) else r for r in rows]
        )

    def _fill(self, row: ComposedSet, job: Job) -> ComposedSet:
        canvas = row.canvas
        if not canvas.holes.any():
            return row
        decided = job.decisions.of_set(row.task.set_id)
        prompts = Prompts(decided.prompt, decided.negative_prompt)
        task = FillTask(canvas.image, canvas.holes, canvas.known, row.seed, canvas.figures, prompts)
        (filled,) = self.inpainters.of(decided.inpainter).fill([task])
        if filled.image.shape != canvas.image.shape or (filled.image != canvas.image)[~canvas.holes].any():
            raise ValueError("the inpainter changed pixels outside the holes")
        return replace(row, canvas=replace(canvas, image=filled.image), calls=filled.calls)


def share_stage(table: pa.Table, job: Job) -> pa.Table:
    """Give each member of a set its part of the filled canvas, and write down that the set is done."""
    cv2.setNumThreads(1)
    rows = LENT.read(table)
    return LENT.write([_guarded(r.task, "share", job, _share, r) if isinstance(r, ComposedSet) else r for r in rows])


def lent_by_scene(sets: Iterable[LentSet]) -> dict[str, tuple[LentShot, ...]]:
    """The shots that show sets, by their scenes' ids."""
    found: dict[str, list[LentShot]] = {}
    for one in sets:
        for key, content in zip(one.receivers, one.digests, strict=True):
            _, scene_id, shot = place_of(key)
            found.setdefault(scene_id, []).append(LentShot(shot, one.set_id, one.members - 1, content))
    return {scene_id: tuple(sorted(shots, key=lambda s: s.shot)) for scene_id, shots in found.items()}


def _guarded(task: SetTask, stage: str, job: Job, step: Callable[[Any, Job], Any], row: Any) -> Any:
    """What a step makes of a set; where it fails, the set's members are filled alone, and the row says why."""
    video_id, scene_id, _ = place_of(task.found.representative)
    try:
        with working(job.store), attempt(job.store, video_id, f"{scene_id}-set-{stage}"):
            return step(row, job)
    except Exception as error:
        raise_if_disk_full(error)
        what = f"the set {task.set_id} is not lent within ({stage}): {type(error).__name__}: {error}"
        return LentSet(task.set_id, len(task.found.members), errors=(what,))


@dataclass
class _Pictures:
    """A set's backgrounds, read from their scenes' caches; those used last are held."""

    task: SetTask
    job: Job
    held: OrderedDict[str, Background] = field(default_factory=OrderedDict)

    def __call__(self, key: str) -> Background:
        if key not in self.held:
            self.held[key] = self._shot(key)[0]
        self.held.move_to_end(key)
        while len(self.held) > 1 and sum(_nbytes(b) for b in self.held.values()) > PICTURE_BYTES:
            self.held.popitem(last=False)
        return self.held[key]

    def seed(self, key: str) -> int:
        """The seed of the scene that a background is of."""
        return self._shot(key)[1]

    def _shot(self, key: str) -> tuple[Background, int]:
        video_id, scene_id, number = place_of(key)
        stitched = self.task.stitched[self.task.found.members.index(key)]
        rows = files.read_rows(self.job.store, stitch_key(self.job.store, video_id, scene_id), STITCH, stitched)
        shot: Shot | None = rows[0].shots[number] if rows and number < len(rows[0].shots) else None
        if shot is None or shot.background is None:
            raise FileNotFoundError(f"the background of {key} is gone; start again")
        return shot.background, rows[0].scene.seed


def _nbytes(background: Background) -> int:
    return background.image.nbytes + 3 * background.coverage.nbytes


def _lend(task: SetTask, job: Job) -> ComposedSet | LentSet:
    fingerprint = _fingerprint(task, job)
    done = files.read_rows(job.store, job.store.set(task.set_id), STORED_SET, fingerprint)
    if done and all(is_there(key, content, job) for key, content in zip(task.receivers, done[0].digests, strict=True)):
        return done[0]
    pictures = _Pictures(task, job)
    descriptors = {key: read_descriptor(job.store, key) for key in task.found.members}
    for key in task.found.members:
        write_lent(_lent_to(key, task, descriptors, pictures), job)

    def with_lent(key: str) -> Background:
        return applied(pictures(key), read_any(key, job))

    canvas = compose_set(task.found, with_lent)
    decided = job.decisions.of_set(task.set_id).seed
    seed = pictures.seed(task.found.representative) if decided is None else decided
    return ComposedSet(task, fingerprint, canvas, seed)


def _lent_to(key: str, task: SetTask, descriptors: dict[str, SetDescriptor], pictures: _Pictures) -> LentBackground:
    """What the others of a set saw of a member's holes, and which of its own pixels only it shows."""
    own = pictures(key)
    links = [_refined(own, link, pictures) for link in donor_links(key, task.found, descriptors)]
    visiting = visiting_figures(own.image, own.coverage, _donors(links, pictures))
    lent = lend(own.image, own.coverage, own.holes, _donors(links, pictures), own.figures | visiting)
    mask = np.asarray(lent.seen_by > 0, np.bool_)
    borrowed = Borrowed(task.set_id, len(task.found.members) - 1, mask)
    nothing = np.zeros_like(mask)
    # Figures decide how holes are filled, and nothing else.
    figures = visiting if (own.holes & ~mask).any() else nothing
    return LentBackground(key, borrowed, only(lent.image, mask), nothing, figures)


def _refined(own: Background, link: Link, pictures: _Pictures) -> Link:
    """A link with the camera and the light that fit the full pictures."""
    (donor,) = _donors([link], pictures)
    donor = refined_donor(own.image, own.coverage & ~own.figures, donor)
    return replace(link, camera=donor.camera, colour=donor.colour)


def _donors(links: Iterable[Link], pictures: _Pictures) -> Iterator[Donor]:
    """The donors of some links, seen from the borrower; their pictures are read as they are asked for."""
    for link in links:
        other = pictures(link.b)
        yield Donor(other.image, other.coverage & ~other.figures, link.camera, link.colour, link.sides_a)


def _share(row: ComposedSet, job: Job) -> LentSet:
    task, pictures = row.task, _Pictures(row.task, job)
    # What was made once for all is counted once, with the member that gave the canvas.
    counted = task.found.representative if task.found.representative in task.receivers else task.receivers[0]
    digests = []
    for key in task.receivers:
        given = _completed(read_any(key, job), row, pictures)
        if key == counted:
            given = replace(given, generated_pixels=row.generated_pixels, calls=row.calls)
        digests.append(write_lent(given, job))
    done = LentSet(task.set_id, len(task.found.members), task.receivers, tuple(digests))
    files.write_rows(job.store, job.store.set(task.set_id), STORED_SET, [done], row.fingerprint)
    return done


def _completed(given: LentBackground, row: ComposedSet, pictures: _Pictures) -> LentBackground:
    """What a member is given, with its part of the filled canvas."""
    placement = row.canvas.placement(given.key)
    if placement is None:
        return given
    background = applied(pictures(given.key), given)
    drawn = draw_from_set(background, placement, row.canvas, row.canvas.image)
    mask = given.borrowed.mask | drawn.lent
    borrowed = replace(given.borrowed, mask=mask)
    return replace(given, borrowed=borrowed, image=only(drawn.image, mask | drawn.generated), made=drawn.generated)


def _fingerprint(task: SetTask, job: Job) -> str:
    """Of all that what a set's members are given depends on."""
    found, decided = task.found, job.decisions.of_set(task.set_id)
    links = [
        (link.a, link.b, link.camera.tolist(), link.colour.tolist(), link.sides_a, link.sides_b, link.strength)
        for link in found.links
    ]
    cameras = [camera.tolist() for camera in found.cameras]
    return digest(
        job.code["lend"], job.engine_of(decided).identity(), found.members, found.representative, cameras, links,
        task.stitched, task.receivers, *decided.outpainting(),
    )  # fmt: skip

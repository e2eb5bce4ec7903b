"""Finds the frames of one video in a donor that shows the same footage, and proves them.

Links between their backgrounds propose the geometry, which is the same for a whole video; both are read once, small, to
find each piece of a shot in the donor; then pieces are read again with the frames that were found, and proved (see
``remaster.sets.same_footage``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice, pairwise
from typing import Any

import numpy as np

from remaster.arrays import Affine, Gray, Rgb
from remaster.imaging.camera import compose, translation
from remaster.imaging.geometry import Window
from remaster.media.planes import luma8, to_rgb
from remaster.media.types import Frame, Rect
from remaster.pipeline import store as files
from remaster.pipeline.describing import place_of
from remaster.pipeline.encoding import pieces
from remaster.pipeline.frames import VideoFrames, active_planes
from remaster.pipeline.job import Job
from remaster.pipeline.scene_cache import STITCH, stitch_key
from remaster.rows import ExactFrames, Scene, VideoRow
from remaster.sets.same_footage import (
    Agreement,
    FramePair,
    View,
    between_frames,
    compared,
    distinct_geometries,
    for_search,
    matched_colours,
    proposed_offsets,
    refined_geometry,
    sampled,
    shown_share,
    together,
    view_of,
)
from remaster.sets.tuning import TUNING


@dataclass(frozen=True)
class Proposal:
    """Two backgrounds of one set, a target and a donor, by their keys; ``camera`` is that between their canvases."""

    target: str
    donor: str
    camera: Affine


@dataclass(frozen=True)
class SceneExact:
    """The frames of the scene ``scene_id`` that a donor shows, too."""

    scene_id: str
    frames: tuple[ExactFrames, ...]


def search(
    video: VideoRow,
    scenes: Sequence[Scene],
    donor: VideoRow,
    donor_scenes: Sequence[Scene],
    proposals: Sequence[Proposal],
    job: Job,
) -> list[SceneExact]:
    """The frames of ``video`` that ``donor`` shows, too, by scene; reads both twice."""
    return _Search(_Video(video, scenes, job), _Video(donor, donor_scenes, job), job).run(proposals)


@dataclass(frozen=True)
class _Piece:
    """Frames ``[start, end)`` of a scene that follow each other in the video from ``first`` on."""

    scene: Scene
    window: Window
    start: int
    end: int
    first: int

    @property
    def frames(self) -> int:
        return self.end - self.start


@dataclass
class _Video:
    """A video, its scenes, and what most of them look like: ``size`` of the whole picture, and its ``active`` part."""

    row: VideoRow
    scenes: Sequence[Scene]
    job: Job
    size: tuple[int, int] = field(init=False)
    active: Rect = field(init=False)

    def __post_init__(self) -> None:
        looks = Counter[tuple[tuple[int, int], Rect]]()
        for scene in self.scenes:
            looks[self._look(scene)] += scene.frames
        self.size, self.active = max(looks, key=lambda look: looks[look])
        self.frames = VideoFrames(self.scenes)

    def usual(self, scene: Scene) -> bool:
        """Whether a scene looks like most."""
        return self._look(scene) == (self.size, self.active)

    def cameras(self, keys: Collection[str]) -> dict[str, Affine]:
        """The cameras from frames (whole pictures) to the canvases of some backgrounds, by their keys."""
        found = {}
        scenes = {scene.scene_id: scene for scene in self.scenes if self.usual(scene)}
        for key in sorted(keys):
            _, scene_id, number = place_of(key)
            row = self._stitched(scenes[scene_id]) if scene_id in scenes else None
            if row is not None and number < len(row.shots):
                found[key] = compose(row.shots[number].cameras, translation(-self.active.x, -self.active.y))
        return found

    def pieces(self) -> list[_Piece]:
        """All pieces of its shots that have wings, in the order of time."""
        found = []
        for scene in self.scenes:
            row = self._stitched(scene) if self.usual(scene) else None
            if row is None:
                continue
            window = self.job.window(replace(scene, framing=row.scene.framing))
            if window.wings:
                parts = pieces(row.shots, scene.runs)
                found += [_Piece(scene, window, p.start, p.end, p.start_frame) for p in parts]
        return sorted(found, key=lambda piece: piece.first)

    def _stitched(self, scene: Scene) -> Any:
        key = stitch_key(self.job.store, scene.video_id, scene.scene_id)
        rows = files.read_rows(self.job.store, key, STITCH, self.job.fingerprints(scene).stitch)
        return rows[0] if rows else None

    @staticmethod
    def _look(scene: Scene) -> tuple[tuple[int, int], Rect]:
        return (scene.info.width, scene.info.height), scene.active

    def luma(self, first: int, count: int) -> Iterator[Gray | None]:
        """The luma of frames, whole pictures; None for those that look unlike most."""
        for frame, scene in self.frames.read(first, count):
            yield luma8(frame.planes, scene.info.format) if self.usual(scene) else None

    def sampled(
        self, first: int, count: int, camera: Affine, size: tuple[int, int], colours: dict[int, Rgb | None]
    ) -> Iterator[Gray]:
        """The luma of frames as a view shows it, nought where they look unlike most.

        Those whose numbers are in ``colours`` are put there in colour, too.
        """
        inside = compose(translation(-self.active.x, -self.active.y), camera)
        for number, (frame, scene) in enumerate(self.frames.read(first, count), first):
            if not self.usual(scene):
                yield np.zeros((size[1], size[0]), np.uint8)
                continue
            if number in colours:
                colours[number] = sampled(_rgb(frame, scene), inside, size)
            yield sampled(luma8(frame.planes, scene.info.format), camera, size)

    def rgb(self, number: int) -> Rgb | None:
        """The active picture of a frame; None where it looks unlike most."""
        frame, scene = next(self.frames.read(number, 1))
        return _rgb(frame, scene) if self.usual(scene) else None


def _rgb(frame: Frame, scene: Scene) -> Rgb:
    return to_rgb(active_planes(frame, scene), scene.info.format, scene.info.color, scene.info.height)


@dataclass(frozen=True)
class _Match:
    """A piece that agrees with the donor's frames from ``first`` on; some of both, small, in colour."""

    piece: _Piece
    first: int
    agreement: Agreement
    own: Sequence[Rgb]
    theirs: Sequence[Rgb]

    @property
    def offset(self) -> int:
        return self.first - self.piece.first


class _Search:
    """Looks for a video's pieces in a donor."""

    def __init__(self, target: _Video, donor: _Video, job: Job) -> None:
        self.target, self.donor, self.job = target, donor, job

    def run(self, proposals: Sequence[Proposal]) -> list[SceneExact]:
        """The frames of each scene that the donor shows, too."""
        left = self.target.pieces()
        first = [(geometry, view) for geometry in self._geometries(proposals) if (view := self._view(geometry))]
        found: list[tuple[str, ExactFrames]] = []
        if not left or not first:
            return []
        own = self._small(self.target, [replace(view, donor=view.target) for _, view in first[:1]])[0]
        theirs = self._small(self.donor, [view for _, view in first])
        for (geometry, _), there in zip(first, theirs, strict=True):
            proposed = {
                piece.first: proposed_offsets(own[piece.first : piece.first + piece.frames], there) for piece in left
            }
            here = [piece for piece in left if self._shows_wings(piece, geometry)]
            refined = self._refined(geometry, here, proposed)
            view = None if refined is None else self._view(refined)
            if refined is None or view is None:
                continue
            matches = self._matches(view, here, proposed)
            exact = [(match.piece.scene.scene_id, self._exact(match, refined, view)) for match in matches]
            found += [(scene_id, one) for scene_id, one in exact if one is not None]
            done = {match.piece.first for match in matches}
            left = [piece for piece in left if piece.first not in done]
        return _by_scene(found)

    def _view(self, geometry: Affine) -> View | None:
        return view_of(self.target.active, geometry, self.donor.active)

    def _geometries(self, proposals: Sequence[Proposal]) -> list[Affine]:
        """The cameras from whole pictures to the donor's that links propose: in shots that are alike, at like times."""
        cameras = self.target.cameras({p.target for p in proposals}), self.donor.cameras({p.donor for p in proposals})
        proposed = []
        for proposal in proposals:
            if proposal.target in cameras[0] and proposal.donor in cameras[1]:
                own, theirs = cameras[0][proposal.target], cameras[1][proposal.donor]
                for place in (0.0, 0.5, 1.0):
                    one, two = (c[round(place * (len(c) - 1))] for c in (own, theirs))
                    proposed.append((between_frames(one, proposal.camera, two), 1.0))
        return distinct_geometries(proposed, *self.target.size)

    def _small(self, video: _Video, views: Sequence[View]) -> list[Gray]:
        """All frames of a video as they are searched for, under each view; by one reading."""
        found: list[Gray] = []
        for view in views:
            unit = TUNING.same_footage.search_reduction
            found.append(np.zeros((video.frames.count, view.size[1] // unit, view.size[0] // unit), np.uint8))
        for run in sorted((run for scene in video.scenes for run in scene.runs), key=lambda run: run.start_frame):
            for number, luma in enumerate(video.luma(run.start_frame, run.frames), run.start_frame):
                if luma is not None:
                    for pictures, view in zip(found, views, strict=True):
                        pictures[number] = for_search(sampled(luma, view.donor, view.size))
        return found

    def _shows_wings(self, piece: _Piece, geometry: Affine) -> bool:
        """Whether the donor shows nearly all of a piece's wings; a proposed geometry is not exact yet."""
        return self._share(piece, geometry) >= TUNING.same_footage.min_wings - 2 * TUNING.same_footage.same_geometry

    def _share(self, piece: _Piece, geometry: Affine) -> float:
        window, scene = piece.window, piece.scene
        wings = [Rect(w.x - window.x, w.y - window.y, w.width, w.height) for w in window.wings]
        camera = compose(geometry, translation(scene.active.x, scene.active.y))
        gate = next((other.gate for other in self.donor.scenes if self.donor.usual(other)), None)
        return shown_share(wings, camera, self.donor.active, gate)

    def _refined(self, geometry: Affine, left: Sequence[_Piece], proposed: dict[int, list[int]]) -> Affine | None:
        """The geometry refined on frames in the middle of pieces, evenly over the video."""
        some = [piece for piece in left if proposed[piece.first]]
        if not some:
            return None
        chosen = np.unique(np.linspace(0, len(some) - 1, TUNING.same_footage.refined_on).round().astype(int))
        (x, y), (u, v) = ((video.active.x, video.active.y) for video in (self.target, self.donor))
        start = compose(translation(-u, -v), compose(geometry, translation(x, y)))
        pairs = []
        for piece in (some[i] for i in chosen):
            middle = piece.frames // 2
            own = self.target.rgb(piece.first + middle)
            theirs = self.donor.rgb(proposed[piece.first][0] + middle)
            if own is not None and theirs is not None:
                pairs.append(FramePair(own, theirs, start))
        found = refined_geometry(pairs) if pairs else None
        return None if found is None else compose(translation(u, v), compose(found, translation(-x, -y))).round(7)

    def _matches(self, view: View, left: Sequence[_Piece], proposed: dict[int, list[int]]) -> list[_Match]:
        """What is proved: by a piece's own motion, or by an offset that pieces beside it have proved."""
        matches: list[_Match] = []
        waiting: list[_Piece] = []
        last: int | None = None
        for piece in left:
            tries = ([] if last is None else [piece.first + last]) + proposed[piece.first]
            match = next((m for first in dict.fromkeys(tries) if (m := self._match(view, piece, first, True))), None)
            if match is None:
                waiting.append(piece)
            else:
                matches.append(match)
                last = match.offset
        proved = sorted((m.piece.first, m.offset) for m in matches)
        for piece in waiting:
            before = [offset for first, offset in proved if first < piece.first][-1:]
            after = [offset for first, offset in proved if first > piece.first][:1]
            for offset in dict.fromkeys([*before, *after]):
                match = self._match(view, piece, piece.first + offset, False)
                if match is not None:
                    matches.append(match)
                    break
        return matches

    def _match(self, view: View, piece: _Piece, first: int, apart: bool) -> _Match | None:
        """The piece at the donor's frame ``first``, where it agrees; ``apart``: and where its motion says so itself.

        There the donor may be some frames off, where it agrees best.
        """
        match = self._compared(view, piece, first)
        if match is not None and apart and match.agreement.best_shift:
            match = self._compared(view, piece, first + match.agreement.best_shift)
        if match is None or not match.agreement.matches or (apart and not match.agreement.told_apart):
            return None
        return match

    def _compared(self, view: View, piece: _Piece, first: int) -> _Match | None:
        """How a piece agrees with the donor from its frame ``first`` on; None where it does not, as some part shows."""
        if first < 0 or first + piece.frames > self.donor.frames.count:
            return None
        reach, step = TUNING.same_footage.neighbours, TUNING.same_footage.chunk_frames
        begin, end = max(first - reach, 0), min(first + piece.frames + reach, self.donor.frames.count)
        some = np.unique(np.linspace(0, piece.frames - 1, TUNING.same_footage.colour_frames).round().astype(int))
        colours: list[dict[int, Rgb | None]] = [
            dict.fromkeys((start + some).tolist()) for start in (piece.first, first)
        ]
        own = self.target.sampled(piece.first, piece.frames, view.target, view.size, colours[0])
        theirs = self.donor.sampled(begin, end - begin, view.donor, view.size, colours[1])
        held, held_from, parts = list[Gray](), begin, list[Agreement]()
        for start, stop in pairwise([*range(0, piece.frames, step), piece.frames]):
            held += islice(theirs, max(min(first + stop + reach, end) - held_from - len(held), 0))
            drop = max(first + start - reach, begin) - held_from
            held, held_from = held[drop:], held_from + drop
            target = np.stack(list(islice(own, stop - start)))
            part = compared(target, np.stack(held), first + start - held_from, view.known)
            if part is None or part.worst > TUNING.same_footage.max_worst_share:
                return None
            parts.append(part)
        pictures = [[picture for picture in seen.values() if picture is not None] for seen in colours]
        if any(len(seen) < len(some) for seen in pictures):
            return None
        return _Match(piece, first, together(parts), pictures[0], pictures[1])

    def _exact(self, match: _Match, geometry: Affine, view: View) -> ExactFrames | None:
        """What a scene is given of a match; None where the donor does not show its wings."""
        piece = match.piece
        share = self._share(piece, geometry)
        if share < TUNING.same_footage.min_wings:
            return None
        return ExactFrames(
            piece.start,
            piece.end,
            self.donor.row,
            match.first,
            compose(geometry, translation(piece.scene.active.x, piece.scene.active.y)),
            matched_colours(match.own, match.theirs, view.known).round(6),
            round(share, 6),
            round(match.agreement.error, 4),
        )


def _by_scene(found: Iterable[tuple[str, ExactFrames]]) -> list[SceneExact]:
    """What was found, by the scenes' ids."""
    scenes: dict[str, list[ExactFrames]] = {}
    for scene_id, one in found:
        scenes.setdefault(scene_id, []).append(one)
    return [
        SceneExact(scene_id, tuple(sorted(scenes[scene_id], key=lambda one: one.start))) for scene_id in sorted(scenes)
    ]

"""What streams between the stages: one class of row for each boundary, so that a stage's signature says what it does.

A video's rows are ``VideoRow`` (probed) -> ``PlannedVideo`` or ``FailedVideo``. A scene's are

    PlannedScene -> AnalyzedScene -> SegmentedScene -> StitchedScene -> FilledScene -> DeliveredScene

or, instead of a step, ``FailedScene``; ``PassthroughScene`` is one that needs no wings. A stage takes the rows of one
class and hands on all others as they are; the last delivers them all. ``PLANNED`` to ``DELIVERED`` are the tables after
each stage, whose schemas follow from the classes (see ``arrow``): a field is declared here and nowhere else. The rows
of sets are in ``set_rows``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any

import pyarrow as pa

from remaster.arrays import Affine, Float32, Float64, Int64, Mask
from remaster.arrow import MixedTable, RowTable
from remaster.media.types import Entry, Rect, VideoInfo
from remaster.notes import Note
from remaster.records import Analysis, Shot
from remaster.set_rows import DescribedScene
from remaster.steering.decisions import Steering
from remaster.tables import SHOTS, OutpaintColumns, SegmentColumns, StitchColumns

ShotRows = tuple[Annotated[dict[str, Any], pa.struct(list(SHOTS))], ...]
"""Rows of ``metadata/scenes``."""


@dataclass(frozen=True)
class Run:
    """Frames of a video that follow each other: ``pts`` int64 (n + 1,) are the times of its n, then the last's end.

    ``entry`` is where decoding begins that leads to the first of them; None: at the frame itself.
    """

    start_frame: int
    pts: Int64
    entry: Entry | None = None

    @property
    def frames(self) -> int:
        """How many there are."""
        return len(self.pts) - 1

    @property
    def end_frame(self) -> int:
        """The first frame after them."""
        return self.start_frame + self.frames


@dataclass(frozen=True)
class LentShot:
    """A shot whose background shows the set ``set_id`` with ``scenes`` others; ``digest`` of what they lend it.

    The digest is empty where that is nothing.
    """

    shot: int
    set_id: str
    scenes: int
    digest: str


@dataclass(frozen=True)
class Scene:
    """A scene as the plan has it: which frames of which file, what part of them is picture, and how it is delivered.

    ``runs`` are its frames in the order of time: more than one where the video comes back to a camera set-up. The steps
    number them through, across the runs. ``active`` is the picture without bars, ``gate`` (bool, of its size) the
    projector's gate on it. ``noise`` is the video's grain as ``Detection.noise``, ``notes`` are of the whole video, and
    ``copyable`` names the kinds of file that could take the video's packets as they are.

    The rest is set for each run of the program (see ``video_plan``), ``framing`` by ``segment`` where it is chosen
    automatically. ``copied``: the video fills the target, and its packets go over as they are; nothing is encoded.
    ``seconds`` are worker seconds by stage. ``lent`` are those of its shots whose backgrounds show a set that others
    show, too; ``exact`` are frames whose wings another recording of the same footage shows, in the order of time;
    ``steering`` is what a person decided.
    """

    video: str
    video_id: str
    scene_id: str
    info: VideoInfo
    runs: tuple[Run, ...]
    active: Rect
    gate: Mask | None = None
    noise: float = 0.0
    copyable: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)
    framing: float = 0.5
    seed: int = 0
    attempts: int = 1
    fingerprint: str = ""
    copied: bool = False
    lent: tuple[LentShot, ...] = ()
    exact: tuple[ExactFrames, ...] = ()
    steering: Steering = field(default_factory=Steering)

    @property
    def frames(self) -> int:
        """Number of the scene's frames."""
        return sum(run.frames for run in self.runs)

    @property
    def start_frame(self) -> int:
        """The scene's first frame in its video."""
        return self.runs[0].start_frame

    @property
    def ranges(self) -> list[tuple[int, int]]:
        """The frames ``[start, end)`` of its runs."""
        return [(run.start_frame, run.end_frame) for run in self.runs]

    @property
    def fill_seed(self) -> int:
        """The seed of its fill: its own, unless a person decided another."""
        return self.seed if self.steering.seed is None else self.steering.seed


@dataclass(frozen=True)
class FrameFacts:
    """What rendering needs to know of each frame, besides its shot: ``holds`` bool (n,), ``grain`` float32 (n,).

    ``holds``: the frame equals the one before but for noise. ``grain`` is its grain's standard deviation in 8-bit
    levels, as it shows: none on a black card.
    """

    holds: Mask
    grain: Float32


@dataclass(frozen=True)
class Found:
    """What the steps have found of a scene; None: the step has not run, or failed."""

    frames: FrameFacts | None = None
    segment: SegmentColumns | None = None
    stitch: StitchColumns | None = None
    outpaint: OutpaintColumns | None = None

    @property
    def columns(self) -> dict[str, Any]:
        """All columns of ``metadata/scenes`` among them."""
        parts = (self.segment, self.stitch, self.outpaint)
        return {name: value for part in parts if part is not None for name, value in asdict(part).items()}


@dataclass(frozen=True)
class Failure:
    """What went wrong with a scene, and in which stage."""

    stage: str
    error: str


@dataclass(frozen=True)
class VideoRow:
    """A probed video: what goes into the graph. A ``donor`` is looked at for sets, and not delivered."""

    video: str
    video_id: str
    info: VideoInfo
    donor: bool = False


@dataclass(frozen=True)
class ExactFrames:
    """Frames ``[start, end)`` of a scene, which ``donor`` shows, too, and more of each: its frames from ``first`` on.

    ``camera`` (2, 3) takes pixels of the scene's active picture to those of the donor's whole picture, ``colour``
    (3, 4) the donor's colours to the scene's. The donor shows a ``share`` (0-1) of the wings; where both show the
    same, they differ by ``error`` levels (root mean square).
    """

    start: int
    end: int
    donor: VideoRow
    first: int
    camera: Affine
    colour: Float64
    share: float
    error: float

    @property
    def frames(self) -> int:
        """How many there are."""
        return self.end - self.start


@dataclass(frozen=True)
class PlannedVideo:
    """A video whose scenes are known. ``info`` is that of most of its frames, after their treatment.

    ``pts`` int64 (n + 1,) are the times of all its frames, then the last's end; ``planned`` are the ids of its scenes,
    ``results`` the rows of those that were finished before; ``notes`` say what was found, repaired, left alone.
    ``changed`` counts scenes that were finished and look different by what other scenes lend them now.
    """

    video: str
    video_id: str
    info: VideoInfo
    pts: Int64
    planned: tuple[str, ...]
    results: ShotRows
    notes: tuple[Note, ...]
    changed: int = 0

    @property
    def frames(self) -> int:
        """Number of its frames."""
        return len(self.pts) - 1


@dataclass(frozen=True)
class FailedVideo:
    """A video that cannot be read; ``info`` None: not even its headers."""

    video: str
    video_id: str
    info: VideoInfo | None
    error: str


@dataclass(frozen=True)
class PlannedScene:
    """A scene to work on."""

    scene: Scene

    @property
    def found(self) -> Found:
        """Nothing yet."""
        return Found()


@dataclass(frozen=True)
class PassthroughScene:
    """A scene whose picture fills the target: it has no wings, and is encoded or copied as it is."""

    scene: Scene

    @property
    def found(self) -> Found:
        """Nothing: no step looks at it."""
        return Found()


@dataclass(frozen=True)
class AnalyzedScene:
    """After ``analyze``: the scene's ``gate`` is as the scene itself shows it. ``grain`` as in ``FrameFacts``."""

    scene: Scene
    analysis: Analysis
    grain: Float32

    @property
    def found(self) -> Found:
        """What ``analyze`` found."""
        return Found(FrameFacts(self.analysis.holds, self.grain))


@dataclass(frozen=True)
class SegmentedScene:
    """After ``segment``: ``masks`` bool (k, h, w) of characters on the keyframes' proxies; the framing is chosen."""

    scene: Scene
    analysis: Analysis
    grain: Float32
    masks: Mask
    segment: SegmentColumns

    @property
    def found(self) -> Found:
        """What ``analyze`` and ``segment`` found."""
        return Found(FrameFacts(self.analysis.holds, self.grain), self.segment)


@dataclass(frozen=True)
class StitchedScene:
    """After ``stitch``: ``shots`` tile the scene's frames. Proxies and masks are left behind: nothing needs them."""

    scene: Scene
    shots: tuple[Shot, ...]
    frames: FrameFacts
    segment: SegmentColumns
    stitch: StitchColumns

    @property
    def found(self) -> Found:
        """What the steps up to ``stitch`` found."""
        return Found(self.frames, self.segment, self.stitch)

    def filled(self, shots: tuple[Shot, ...], outpaint: OutpaintColumns) -> FilledScene:
        """The scene after ``outpaint``, with the holes of its ``shots`` filled."""
        return FilledScene(self.scene, shots, self.frames, self.segment, self.stitch, outpaint)


@dataclass(frozen=True)
class FilledScene:
    """After ``outpaint``: the holes of the ``shots``' pictures are filled."""

    scene: Scene
    shots: tuple[Shot, ...]
    frames: FrameFacts
    segment: SegmentColumns
    stitch: StitchColumns
    outpaint: OutpaintColumns

    @property
    def found(self) -> Found:
        """What all steps found."""
        return Found(self.frames, self.segment, self.stitch, self.outpaint)


@dataclass(frozen=True)
class FailedScene:
    """A scene of which a step failed: the stages after it hand it on, and the last delivers it without background."""

    scene: Scene
    found: Found
    failure: Failure


@dataclass(frozen=True)
class DeliveredScene:
    """A scene whose rows are written; ``results`` are these rows."""

    video: str
    video_id: str
    scene_id: str
    frames: int
    seconds: Mapping[str, float]
    results: ShotRows


StepRow = PlannedScene | AnalyzedScene | SegmentedScene | StitchedScene | FilledScene
"""A scene that a step works on, or is finished with."""
SceneRow = StepRow | PassthroughScene | FailedScene
"""A scene that is still to be delivered."""

PLAN = RowTable(Scene)
"""The plan of a video, in a file."""
PROBED = RowTable(VideoRow)
_OTHERS = (
    PlannedVideo,
    FailedVideo,
    PassthroughScene,
    FailedScene,
    DescribedScene,
)  # what no stage but the last looks at
_LATER = (StitchedScene, FilledScene)  # what ``analyze`` found in the cache is further than the stages after it
PLANNED = MixedTable((*_OTHERS, PlannedScene))
ANALYZED = MixedTable((*_OTHERS, AnalyzedScene, *_LATER))
SEGMENTED = MixedTable((*_OTHERS, SegmentedScene, *_LATER))
STITCHED = MixedTable((*_OTHERS, *_LATER))
FILLED = MixedTable((*_OTHERS, FilledScene))
DESCRIBED = MixedTable((PlannedVideo, FailedVideo, DescribedScene))
DELIVERED = MixedTable((PlannedVideo, FailedVideo, DeliveredScene))


def failed(row: SceneRow, stage: str, error: BaseException) -> FailedScene:
    """The scene as a step leaves it that raised ``error``; what the steps before it found is kept."""
    return FailedScene(row.scene, row.found, Failure(stage, f"{type(error).__name__}: {error}"))

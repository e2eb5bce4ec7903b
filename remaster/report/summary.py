"""Computes the numbers of a run: where its wings came from, and what generating frame by frame would have cost.

In: the tables of a run (``tables.VIDEOS``, ``tables.SHOTS``) and its wall time. Out: ``Summary``, which the console and
the page show. ``RunFacts`` holds what is known of the run besides.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from remaster.report.wing_use import WING_COLUMNS, WingUse, lent_pixels, wing_counts, wing_pixels, wing_use
from remaster.tables import STAGES

UNMADE = ("preview", "triage")
"""Statuses of videos and shots that are known in full, and not delivered because that was not asked for."""
SET_COLUMNS = ("set_id", "recovered_from_other_scenes")
"""Those that sets are counted from, besides."""


@dataclass(frozen=True)
class EngineChoice:
    """Which engine a step runs on, and why: ``step`` is ``segmenter`` or ``inpainter``."""

    step: str
    name: str
    reason: str


@dataclass(frozen=True)
class RunFacts:
    """The facts that hold for a whole run.

    ``command`` is the command line as one would type it. ``settings`` are the options worth reading (dotted name to
    value), ``versions`` those of the program and its libraries. ``left_out`` says what of the inputs was not taken, a
    line for each kind. ``hardware`` says what the run had: ``8 CPUs, 1 GPU``. ``started`` carries its time zone.
    ``seconds`` is wall time, ``earlier_seconds`` that of the runs before it in the same folder. ``exit_code`` is the
    program's: 0 all delivered, 1 with failures, 130 and 143 interrupted, None while the run goes on. ``preview``: it
    was to deliver nothing.
    """

    command: str
    dataset: str
    source: str
    output: str
    hardware: str
    started: datetime
    seconds: float
    exit_code: int | None
    earlier_seconds: float = 0.0
    engines: tuple[EngineChoice, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    preview: bool = False

    @property
    def state(self) -> str:
        """The exit code in words; ``failed`` for any that is not listed."""
        words = {None: "running", 0: "finished", 1: "finished with failures", 130: "interrupted", 143: "interrupted"}
        return words.get(self.exit_code, "failed")


@dataclass(frozen=True)
class VideoSummary:
    """Numbers of one video, or of all videos together.

    ``status`` is the video's, or ``unfinished`` before it has one. ``frames`` and ``duration`` (seconds) count what was
    delivered, ``methods`` the delivered shots by method. ``calls`` are those to the inpainter; a frame-by-frame method
    needs ``frame_calls``, one for each frame that has wings. ``generated_pixels`` counts the generated background of a
    scene once, however many frames show it.
    """

    video: str
    status: str
    output: str | None
    frames: int
    duration: float
    shots: int
    methods: Mapping[str, int]
    wings: WingUse
    calls: int
    frame_calls: int
    generated_pixels: int

    @property
    def pixel_factor(self) -> float | None:
        """Wing pixels that a frame-by-frame method generates for each pixel generated here; None without any."""
        return self.wings.pixels / self.generated_pixels if self.generated_pixels else None

    @property
    def call_factor(self) -> float | None:
        """Calls that a frame-by-frame method makes for each call made here; None without any."""
        return self.frame_calls / self.calls if self.calls else None


@dataclass(frozen=True)
class SetSummary:
    """A set that several scenes show, and its delivered shots: how many, and of how many videos.

    ``lent`` counts the pixels of their ``wings`` that only other scenes of the set saw, over all frames: a part of
    ``wings.recovered``.
    """

    set_id: str
    shots: int
    videos: int
    wings: WingUse
    lent: int

    @property
    def lent_share(self) -> float | None:
        """The share of ``lent`` in the wing pixels of the set's shots, 0-1; None without wings."""
        return self.lent / self.wings.pixels if self.wings.pixels else None


@dataclass(frozen=True)
class Failure:
    """A video that failed (``shots`` is 0), or shots of it that failed or fell back in one step with one message."""

    video: str
    status: str
    stage: str | None
    message: str
    shots: int
    first_frame: int | None


@dataclass(frozen=True)
class Note:
    """A message that the rows of ``videos`` share; ``loss``: their results lack something of their sources."""

    message: str
    videos: tuple[str, ...]
    loss: bool


@dataclass(frozen=True)
class Summary:
    """A run in numbers.

    ``seconds`` is its wall time, ``earlier`` that of earlier runs whose finished scenes it reused, ``stage_seconds``
    the time of each step summed over all its tasks, which may have run in parallel. ``sets`` are those that return,
    the ones with most shots first.
    """

    videos: tuple[VideoSummary, ...]
    seconds: float
    stage_seconds: Mapping[str, float]
    failures: tuple[Failure, ...]
    earlier: float = 0.0
    notes: tuple[Note, ...] = ()
    sets: tuple[SetSummary, ...] = ()

    @property
    def total(self) -> VideoSummary:
        """All videos together; ``video`` says how many."""
        return VideoSummary(
            video=f"{len(self.videos)} videos" if len(self.videos) != 1 else "1 video",
            status="ok" if all(v.status in ("ok", *UNMADE) for v in self.videos) else "mixed",
            output=None,
            frames=sum(v.frames for v in self.videos),
            duration=sum(v.duration for v in self.videos),
            shots=sum(v.shots for v in self.videos),
            methods=sum((Counter(v.methods) for v in self.videos), Counter()),
            wings=sum((v.wings for v in self.videos), WingUse()),
            calls=sum(v.calls for v in self.videos),
            frame_calls=sum(v.frame_calls for v in self.videos),
            generated_pixels=sum(v.generated_pixels for v in self.videos),
        )

    @property
    def speed(self) -> float | None:
        """Seconds of video made per second of wall time of all runs; above 1 is faster than real time."""
        seconds = self.seconds + self.earlier
        return self.total.duration / seconds if seconds > 0 else None

    @property
    def slowest(self) -> tuple[str, float] | None:
        """The step that took most time, as ``slowest_step`` gives it."""
        return slowest_step(self.stage_seconds)

    @property
    def set_shots(self) -> int:
        """Number of shots that show one of the ``sets``."""
        return sum(one.shots for one in self.sets)

    @property
    def lent_share(self) -> float | None:
        """The share of all wing pixels, 0-1, that only other scenes saw; None without wings.

        Each of these pixels lies in a hole of its own scene's background: a run that links no scenes generates it.
        """
        pixels = self.total.wings.pixels
        return sum(one.lent for one in self.sets) / pixels if pixels else None

    @property
    def incomplete(self) -> int:
        """Number of videos delivered with something left out."""
        return sum(v.status == "incomplete" for v in self.videos)

    @property
    def previewed(self) -> int:
        """Number of videos that are known in full, where nothing was to be delivered."""
        return sum(v.status in UNMADE for v in self.videos)

    @property
    def delivered(self) -> int:
        """Number of videos that have an output."""
        return sum(v.output is not None for v in self.videos)


def slowest_step(seconds: Mapping[str, float]) -> tuple[str, float] | None:
    """The step that took most seconds, and its share (0-1) of the seconds of all steps; None where none was timed."""
    total = sum(seconds.values())
    if not total:
        return None
    step = max(seconds, key=seconds.__getitem__)
    return step, seconds[step] / total


def summarize(videos: pa.Table, shots: pa.Table, seconds: float, earlier: float = 0.0) -> Summary:
    """Sum up the tables of a run (``tables.VIDEOS`` and ``tables.SHOTS``).

    ``seconds`` is the run's wall time, ``earlier`` that of earlier runs in the same folder. Values that each row of a
    scene repeats (calls, generated pixels, seconds of a step) count once a scene. Videos that have shots but no row
    yet, as after an interruption, are ``unfinished``.
    """
    rows = {
        row["video"]: row
        for row in _columns(videos, "video", "status", "output", "error", "duration", "notes", "losses")
    }
    names = [*rows, *sorted(set(pc.unique(shots["video"]).to_pylist()) - set(rows))]
    scenes = _scenes(shots)
    parts = _by_video(names, shots)
    calls, generated = _scene_totals(scenes, "inpaint_calls"), _scene_totals(scenes, "generated_pixels")
    return Summary(
        videos=tuple(
            _video(name, rows.get(name), part, calls.get(name, 0), generated.get(name, 0))
            for name, part in zip(names, parts, strict=True)
        ),
        seconds=seconds,
        earlier=earlier,
        stage_seconds={s: _sum(scenes[f"seconds_{s}_max"]) for s in STAGES}
        | {"assemble": _sum(videos["seconds_assemble"])},
        failures=_failures(rows, shots),
        notes=_notes(rows),
        sets=_sets(shots),
    )


def _video(name: str, row: dict[str, Any] | None, shots: pa.Table, calls: int, generated: int) -> VideoSummary:
    """One video's numbers; its frames are those of its delivered shots."""
    delivered = shots.filter(pc.not_equal(shots["status"], "failed"))
    frames = np.asarray(delivered["end_frame"]) - np.asarray(delivered["start_frame"])
    fps = np.asarray(delivered["fps"])
    frame_seconds = float(np.divide(frames, fps, out=np.zeros(len(frames)), where=fps > 0).sum())
    output = row["output"] if row else None
    known = row["duration"] if row and output is not None else None
    return VideoSummary(
        video=name,
        status=row["status"] if row else "unfinished",
        output=output,
        frames=int(frames.sum()),
        duration=frame_seconds if known is None else known,
        shots=shots.num_rows,
        methods=Counter(delivered["method"].to_pylist()),
        wings=wing_use(delivered),
        calls=calls,
        frame_calls=int(frames[wing_pixels(delivered) > 0].sum()),
        generated_pixels=generated,
    )


def _sets(shots: pa.Table) -> tuple[SetSummary, ...]:
    """The sets that delivered shots show; those with most shots first, then by name."""
    shown = shots.filter(pc.and_(pc.is_valid(shots["set_id"]), pc.not_equal(shots["status"], "failed")))
    table = shown.select(["video", *WING_COLUMNS, *SET_COLUMNS]).sort_by("set_id")
    counts, lent = wing_counts(table), lent_pixels(table)
    names, videos = table["set_id"].to_pylist(), table["video"].to_pylist()
    sets = []
    for name, group in itertools.groupby(range(len(names)), key=names.__getitem__):
        rows = list(group)
        wings = WingUse(*counts[rows].sum(axis=0).tolist())
        sets.append(SetSummary(name, len(rows), len({videos[row] for row in rows}), wings, int(lent[rows].sum())))
    return tuple(sorted(sets, key=lambda one: (-one.shots, one.set_id)))


def _by_video(names: list[str], shots: pa.Table) -> list[pa.Table]:
    """The shots of each video of ``names``, by one sort of the table."""
    video = np.asarray(pc.index_in(shots["video"], pa.array(names, pa.string())))
    order = np.argsort(video, kind="stable")
    table = shots.select(["fps", *WING_COLUMNS]).take(order)
    bounds = np.searchsorted(video[order], np.arange(len(names) + 1))
    return [table.slice(start, end - start) for start, end in itertools.pairwise(bounds.tolist())]


def _scenes(shots: pa.Table) -> pa.Table:
    """One row a scene, with the values that its shots repeat."""
    repeated = ["inpaint_calls", "generated_pixels", *[f"seconds_{stage}" for stage in STAGES]]
    return shots.group_by(["video", "scene_id"]).aggregate([(name, "max") for name in repeated])


def _sum(column: pa.ChunkedArray) -> float:
    """The sum of a column without its nulls."""
    return float(pc.sum(column).as_py() or 0.0)


def _scene_totals(scenes: pa.Table, name: str) -> dict[str, int]:
    """The sum of a repeated value over the scenes of each video."""
    totals = scenes.group_by("video").aggregate([(f"{name}_max", "sum")])
    return {row["video"]: int(row[f"{name}_max_sum"] or 0) for row in totals.to_pylist()}


def _failures(rows: dict[str, dict[str, Any]], shots: pa.Table) -> tuple[Failure, ...]:
    """Failed videos first, then shots that fell back or failed, grouped by step and message."""
    failed = [
        Failure(name, "failed", None, row["error"] or "no reason recorded", 0, None)
        for name, row in rows.items()
        if row["status"] == "failed"
    ]
    bad = shots.filter(pc.invert(pc.is_in(shots["status"], pa.array(["ok", *UNMADE]))))
    bad = bad.sort_by([("video", "ascending"), ("start_frame", "ascending")])
    groups: dict[tuple[str, str, str | None, str], list[int]] = {}
    for row in _columns(bad, "video", "status", "error_stage", "error", "start_frame"):
        key = (row["video"], row["status"], row["error_stage"], row["error"] or "no reason recorded")
        groups.setdefault(key, []).append(row["start_frame"])
    return (*failed, *[Failure(*key, len(frames), frames[0]) for key, frames in groups.items()])


def _notes(rows: Mapping[str, Mapping[str, Any]]) -> tuple[Note, ...]:
    """The notes of all videos, grouped by message; those of losses come first."""
    videos: dict[str, list[str]] = {}
    for name, row in rows.items():
        for message in row["notes"] or ():
            videos.setdefault(message, []).append(name)
    lost = {message for row in rows.values() for message in row["losses"] or ()}
    order = sorted(videos, key=lambda message: message not in lost)
    return tuple(Note(message, tuple(videos[message]), message in lost) for message in order)


def _columns(table: pa.Table, *names: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = table.select(list(names)).to_pylist()
    return rows

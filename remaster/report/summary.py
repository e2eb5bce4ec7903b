"""What a run did, in numbers: how much was recovered, and what generating frame by frame would have cost."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from remaster.report import text
from remaster.report.facts import EngineChoice
from remaster.report.wings import KINDS, WING_COLUMNS, WingUse, wing_pixels, wing_use
from remaster.tables import STAGES

MAX_LISTED = 40  # videos; of more, only those that are not ok are listed
NAMED = 3  # of the videos that a note is about, so many are told
_CELLS = ("video", "status", "frames", "time", "shots", *KINDS, "calls")
_NARROW, _WIDE = 76, 120  # columns of a terminal: below, plain lines; from here on, the whole table


@dataclass(frozen=True)
class VideoSummary:
    """One video, or all of them.

    ``status`` is the video's, or ``unfinished`` where it has none yet. ``frames`` and ``duration`` (seconds) are what
    was made. ``methods`` counts delivered shots. ``calls`` are the generator's, against ``frame_calls``: one for each
    frame that has wings. ``generated_pixels`` counts a scene's generated background once, however many frames show it.
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
        """How many wing pixels a frame-by-frame method generates for each one generated here; None for no pixel."""
        return self.wings.pixels / self.generated_pixels if self.generated_pixels else None

    @property
    def call_factor(self) -> float | None:
        """How many calls a frame-by-frame method makes for each one made here; None for no call."""
        return self.frame_calls / self.calls if self.calls else None


@dataclass(frozen=True)
class Failure:
    """A video that failed (``shots`` 0), or its shots that failed or fell back in one step with one message."""

    video: str
    status: str
    stage: str | None
    message: str
    shots: int
    first_frame: int | None


@dataclass(frozen=True)
class Note:
    """What the rows of some ``videos`` say alike; ``loss``: their results lack something of their sources."""

    message: str
    videos: tuple[str, ...]
    loss: bool


@dataclass(frozen=True)
class Summary:
    """A run in numbers: ``seconds`` of wall time, and the seconds that its steps took together, whatever ran beside.

    ``earlier`` is the wall time of the runs before it, whose finished scenes it took over.
    """

    videos: tuple[VideoSummary, ...]
    seconds: float
    stage_seconds: Mapping[str, float]
    failures: tuple[Failure, ...]
    earlier: float = 0.0
    notes: tuple[Note, ...] = ()

    @property
    def total(self) -> VideoSummary:
        """All videos together; ``video`` says how many."""
        return VideoSummary(
            video=f"{len(self.videos)} videos" if len(self.videos) != 1 else "1 video",
            status="ok" if all(v.status == "ok" for v in self.videos) else "mixed",
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
        """Seconds of video made in a second of all runs' wall time; above 1 is faster than real time."""
        seconds = self.seconds + self.earlier
        return self.total.duration / seconds if seconds > 0 else None

    @property
    def slowest(self) -> tuple[str, float] | None:
        """The step that took most seconds and its share of all steps' seconds; None where none was timed."""
        whole = sum(self.stage_seconds.values())
        if not whole:
            return None
        stage = max(self.stage_seconds, key=self.stage_seconds.__getitem__)
        return stage, self.stage_seconds[stage] / whole

    @property
    def incomplete(self) -> int:
        """How many videos were delivered with something left out."""
        return sum(v.status == "incomplete" for v in self.videos)

    @property
    def delivered(self) -> int:
        """How many videos have an output."""
        return sum(v.output is not None for v in self.videos)


def summarize(videos: pa.Table, shots: pa.Table, seconds: float, earlier: float = 0.0) -> Summary:
    """Sum up the tables of a run (``tables.VIDEOS`` and ``tables.SHOTS``) that took ``seconds`` of wall time.

    ``earlier`` are the seconds of the runs before it in the same folder.

    What the contract repeats on each row of a scene (calls, generated pixels, seconds of a step) counts once a scene.
    Videos that have shots but no row yet, as after an interruption, are ``unfinished``.
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
    )


def render_summary(summary: Summary, console: Console, engines: Sequence[EngineChoice] = ()) -> None:
    """Print the summary: with a table in a terminal, as plain lines elsewhere; notes and every failure are named.

    ``engines`` are repeated with the reason for their choice. Nothing in a name can format or break the output.
    """
    listed = [v for v in summary.videos if len(summary.videos) <= MAX_LISTED or v.status != "ok"]
    if console.is_terminal and not console.is_dumb_terminal and console.width >= _NARROW:
        console.print(_table(summary, listed, console))
    else:
        _lines(console, (_video_line(v) for v in listed))
    if len(listed) < len(summary.videos):
        _lines(console, [f"{text.plural(len(summary.videos) - len(listed), 'more video')}, all ok"])
    _lines(console, _total_lines(summary))
    _lines(console, (f"{choice.step}: {choice.name} ({choice.reason})" for choice in engines))
    _lines(console, (_note_line(note) for note in summary.notes[:MAX_LISTED]))
    if len(summary.notes) > MAX_LISTED:
        more = text.plural(len(summary.notes) - MAX_LISTED, "more note")
        _lines(console, [f"{more}, in the report and in metadata/videos"])
    _lines(console, (_failure_line(f) for f in summary.failures))


def _video(name: str, row: dict[str, Any] | None, shots: pa.Table, calls: int, generated: int) -> VideoSummary:
    """One video's numbers; its frames are those of its delivered shots."""
    delivered = shots.filter(pc.not_equal(shots["status"], "failed"))
    frames = np.asarray(delivered["end_frame"]) - np.asarray(delivered["start_frame"])
    fps = np.asarray(delivered["fps"])
    timed = float(np.divide(frames, fps, out=np.zeros(len(frames)), where=fps > 0).sum())
    output = row["output"] if row else None
    known = row["duration"] if row and output is not None else None
    return VideoSummary(
        video=name,
        status=row["status"] if row else "unfinished",
        output=output,
        frames=int(frames.sum()),
        duration=timed if known is None else known,
        shots=shots.num_rows,
        methods=Counter(delivered["method"].to_pylist()),
        wings=wing_use(delivered),
        calls=calls,
        frame_calls=int(frames[wing_pixels(delivered) > 0].sum()),
        generated_pixels=generated,
    )


def _by_video(names: list[str], shots: pa.Table) -> list[pa.Table]:
    """The shots of each of ``names``, from one sort of the table."""
    video = np.asarray(pc.index_in(shots["video"], pa.array(names, pa.string())))
    order = np.argsort(video, kind="stable")
    table = shots.select(["fps", *WING_COLUMNS]).take(order)
    bounds = np.searchsorted(video[order], np.arange(len(names) + 1))
    return [table.slice(start, end - start) for start, end in itertools.pairwise(bounds.tolist())]


def _scenes(shots: pa.Table) -> pa.Table:
    """One row a scene, with what its rows repeat."""
    repeated = ["inpaint_calls", "generated_pixels", *[f"seconds_{stage}" for stage in STAGES]]
    return shots.group_by(["video", "scene_id"]).aggregate([(name, "max") for name in repeated])


def _sum(column: pa.ChunkedArray) -> float:
    """The sum of what is known."""
    return float(pc.sum(column).as_py() or 0.0)


def _scene_totals(scenes: pa.Table, name: str) -> dict[str, int]:
    """The sum over each video's scenes of what its rows repeat."""
    totals = scenes.group_by("video").aggregate([(f"{name}_max", "sum")])
    return {row["video"]: int(row[f"{name}_max_sum"] or 0) for row in totals.to_pylist()}


def _failures(rows: dict[str, dict[str, Any]], shots: pa.Table) -> tuple[Failure, ...]:
    """Failed videos first, then what fell back or failed inside a video, alike shots together."""
    failed = [
        Failure(name, "failed", None, row["error"] or "no reason recorded", 0, None)
        for name, row in rows.items()
        if row["status"] == "failed"
    ]
    bad = shots.filter(pc.not_equal(shots["status"], "ok"))
    bad = bad.sort_by([("video", "ascending"), ("start_frame", "ascending")])
    groups: dict[tuple[str, str, str | None, str], list[int]] = {}
    for row in _columns(bad, "video", "status", "error_stage", "error", "start_frame"):
        key = (row["video"], row["status"], row["error_stage"], row["error"] or "no reason recorded")
        groups.setdefault(key, []).append(row["start_frame"])
    return (*failed, *[Failure(*key, len(frames), frames[0]) for key, frames in groups.items()])


def _notes(rows: Mapping[str, Mapping[str, Any]]) -> tuple[Note, ...]:
    """What the videos' rows note, those of losses first, alike ones together."""
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


def _lines(console: Console, lines: Iterable[str]) -> None:
    for line in lines:
        console.print(Text(text.printable(line, console.encoding)), soft_wrap=True)


def _methods(video: VideoSummary) -> str:
    return ", ".join(f"{method} {n}" for method, n in sorted(video.methods.items())) or text.DASH


def _wings(wings: WingUse) -> str:
    return ", ".join(f"{share} {kind}" for kind, share in wings.shares().items())


def _table(summary: Summary, listed: list[VideoSummary], console: Console) -> Table:
    """The videos as a table that ends with their total; a narrow terminal gets the columns that it has room for."""
    table = Table(box=SIMPLE_HEAD, show_footer=True, header_style="bold", footer_style="bold", pad_edge=False)
    shown = [c for c in _CELLS if console.width >= _WIDE or c not in ("frames", "shots", "calls")]
    footer = _cells(summary.total, "")
    for name in shown:
        words = name in ("video", "status", "shots")
        foot = text.printable(footer[name], console.encoding)
        table.add_column(name, Text(foot), justify="left" if words else "right", overflow="fold", no_wrap=not words)
    styles = {"ok": "green", "failed": "red"}
    for video in listed:
        cells = {
            name: Text(text.printable(cell, console.encoding)) for name, cell in _cells(video, video.status).items()
        }
        cells["status"].stylize(styles.get(video.status, "yellow"))
        table.add_row(*(cells[name] for name in shown))
    return table


def _cells(video: VideoSummary, status: str) -> dict[str, str]:
    """The texts of one row, by column."""
    made = video.shots > 0
    numbers = [text.count(video.frames if made else None), text.clock(video.duration if made else None)]
    calls = text.count(video.calls if made else None)
    row = (video.video, status, *numbers, _methods(video), *video.wings.shares().values(), calls)
    return dict(zip(_CELLS, row, strict=True))


def _video_line(video: VideoSummary) -> str:
    if not video.shots:
        return f"{video.video}: {video.status}"
    return (
        f"{video.video}: {video.status}, {text.plural(video.frames, 'frame')} ({text.clock(video.duration)}), "
        f"shots: {_methods(video)}, wings: {_wings(video.wings)}, "
        f"{text.plural(video.calls, 'generator call')}"
    )


def _total_lines(summary: Summary) -> Iterator[str]:
    """The run in a few lines: speed, wings, and both costs beside those of generating every frame."""
    total, wings = summary.total, summary.total.wings
    yield (
        f"{summary.delivered} of {text.plural(len(summary.videos), 'video')} delivered{_incomplete(summary)}: "
        f"{text.plural(total.frames, 'frame')} ({text.clock(total.duration)}) in {_took(summary)}, "
        f"{text.ratio(summary.speed)} times real time"
    )
    if wings.pixels:
        yield f"wings: {_wings(wings)}"
        yield f"generator calls: {total.calls:,}, one a frame would be {total.frame_calls:,}{_fewer(total.call_factor)}"
        yield (
            f"generated pixels: {text.amount(total.generated_pixels)}, frame by frame would be "
            f"{text.amount(wings.pixels)}{_fewer(total.pixel_factor)}"
        )
    if (slowest := summary.slowest) is not None:
        yield f"most time in {slowest[0]} ({text.share(slowest[1])} of all steps)"


def _incomplete(summary: Summary) -> str:
    return f" ({summary.incomplete:,} with something left out)" if summary.incomplete else ""


def _took(summary: Summary) -> str:
    """The time of all runs; where there were several, also this one's."""
    together = text.clock(summary.seconds + summary.earlier)
    return f"{together}, {text.clock(summary.seconds)} of it in this run" if summary.earlier else together


def _fewer(factor: float | None) -> str:
    return "" if factor is None else f" ({text.ratio(factor)} times as many)"


def _note_line(note: Note) -> str:
    named = ", ".join(note.videos[:NAMED])
    more = f" and {len(note.videos) - NAMED:,} more" if len(note.videos) > NAMED else ""
    return f"{'incomplete' if note.loss else 'note'}: {named}{more}: {text.first_line(note.message)}"


def _failure_line(failure: Failure) -> str:
    message = text.first_line(failure.message)
    if not failure.shots:
        return f"{failure.status}: {failure.video}: {message}"
    where = f"{text.plural(failure.shots, 'shot')} from frame {failure.first_frame:,}"
    return f"{failure.status}: {failure.video}, {where}, {failure.stage or 'unknown step'}: {message}"

"""Reads a video and divides it into uniform parts, each of which is treated and cut into scenes by itself.

Most videos are uniform. Where size, sample aspect ratio, pixel format, range or matrix change, each run of frames with
equal properties is a ``Reading``. Where film and video alternate, each ``Stretch`` of a reading is deinterlaced in its
own way. Stretches that are deinterlaced or differ from most frames are read a second time, treated, so that all parts
of a video come out alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, groupby, pairwise
from typing import Literal

import numpy as np

from remaster.arrays import Int64, Mask
from remaster.config import Deinterlace
from remaster.detect.interlacing import scan_of, stretches, summed
from remaster.detect.scenes import detect
from remaster.media.decode import decode
from remaster.media.planes import COEFFICIENTS, UNSPECIFIED_MATRICES, coefficients
from remaster.media.source import CYCLE, SourceReader, fitted, same_matrix_and_range, treated
from remaster.media.timestamp_repair import Repairs
from remaster.media.types import Entry, Frame, FrameProperties, Rect, Treatment, VideoInfo
from remaster.pipeline.job import Job
from remaster.records import Detection, Fields, Scan

Deinterlacing = Literal["off", "bwdif", "ivtc"]


@dataclass(frozen=True)
class Part:
    """A uniform part of a video, from ``start_frame`` on; ``info`` is that of its treated frames.

    ``detection`` counts from the part's first frame; ``entries`` are where decoding begins for each of its runs.
    """

    info: VideoInfo
    start_frame: int
    detection: Detection
    entries: tuple[Entry, ...]


@dataclass
class PropertyChanges:
    """The frames within a reading, by number, at which frames' own flags change.

    ``interlaced``: where the interlacing flag changes. ``tints``: where (primaries, transfer) change, with the new
    values; the first frame counts.
    """

    interlaced: list[int] = field(default_factory=list)
    tints: list[tuple[int, tuple[int, int]]] = field(default_factory=list)
    last: FrameProperties | None = None

    def watch(self, frames: Iterator[Frame]) -> Iterator[Frame]:
        """Pass frames on and record the changes."""
        for number, frame in enumerate(frames):
            properties = frame.properties
            if properties is not None:
                tint = properties.color.primaries, properties.color.transfer
                if self.last is not None and self.last.interlaced != properties.interlaced:
                    self.interlaced.append(number)
                if not self.tints or self.tints[-1][1] != tint:
                    self.tints.append((number, tint))
                self.last = properties
            yield frame


@dataclass(frozen=True)
class Reading:
    """Frames with equal properties, as the first reading found them.

    ``info`` is that of frames without deinterlacing: only cropped to what the header displays and, where the
    configuration asks for it, scaled to square pixels; ``stored`` is that of the file.
    """

    stored: VideoInfo
    info: VideoInfo
    reader: SourceReader
    detection: Detection
    changes: PropertyChanges


@dataclass(frozen=True)
class Stretch:
    """Frames ``[start, end)`` of a reading that are deinterlaced in one way; ``scan`` and ``fields`` are the reason."""

    reading: Reading
    start: int
    end: int
    deinterlacing: Deinterlacing
    scan: Scan
    fields: Fields

    @property
    def times(self) -> tuple[int, int]:
        """The times of its first and its last frame."""
        pts = self.reading.detection.pts
        return int(pts[self.start]), int(pts[self.end - 1])


@dataclass(frozen=True)
class Usual:
    """The properties of most of a video's frames, which all parts get: active picture, gate, size of the output."""

    reading: Reading
    active: Rect
    gate: Mask | None
    frame: tuple[int, int]


def read_video(info: VideoInfo, job: Job, repairs: Repairs) -> list[Reading]:
    """Read a video once, run by run of frames with equal properties."""
    base: list[FrameProperties] = []

    def kind(frame: Frame) -> object:
        """A frame's properties; a frame whose format is not supported was converted to the first one's."""
        properties = frame.properties
        if properties is not None and not base:
            base.append(properties)
        return _key(properties or base[0]) if base else None

    readings: list[Reading] = []
    for _, group in groupby(decode(info, repairs=repairs, native=True), key=kind):
        frame = next(group)
        stored = info if not readings or frame.properties is None else _with_properties(info, base[0], frame.properties)
        untreated, changes = treated(stored, "off", True, job.config.square_pixels), PropertyChanges()
        reader = SourceReader(untreated, repairs, changes.watch(chain([frame], group)))  # noqa: B031 (it goes on)
        detection = detect(reader.frames(), untreated, job.config.detect)
        readings.append(Reading(stored, untreated, reader, detection, changes))
    if not readings:
        detect(iter(()), info, job.config.detect)  # raises where there is no frame
    return readings


def stretches_of(reading: Reading, job: Job) -> list[Stretch]:
    """Split a reading where it changes between film and video, unless both get the same treatment."""
    detection, mode, fps = reading.detection, job.config.deinterlace, reading.info.fps
    count = len(detection.pts)
    if mode in (Deinterlace.off, Deinterlace.bwdif):
        scan = scan_of(detection.fields, fps)
        return [Stretch(reading, 0, count, "bwdif" if mode is Deinterlace.bwdif else "off", scan, detection.fields)]
    found = []
    for one in stretches(detection.field_evidence, count, reading.changes.interlaced, detection.cuts[1:]):
        fields = summed(one.evidence)
        scan = scan_of(fields, fps)
        deinterlacing: Deinterlacing = "off"
        if mode is Deinterlace.auto and scan == "interlaced":
            deinterlacing = "bwdif"
        elif mode is Deinterlace.ivtc and scan == "telecined" and one.end - one.start >= CYCLE:
            deinterlacing = "ivtc"
        found.append(Stretch(reading, one.start, one.end, deinterlacing, scan, fields))
    return found


def joined_stretches(found: Sequence[Stretch]) -> list[Stretch]:
    """Join neighbouring stretches with the same properties and treatment."""
    joined: list[Stretch] = []
    for one in found:
        last = joined[-1] if joined else None
        if last is not None and last.reading is one.reading and last.deinterlacing == one.deinterlacing:
            joined[-1] = replace(last, end=one.end, fields=one.fields if one.deinterlacing != "off" else last.fields)
        else:
            joined.append(one)
    return joined


def usual_picture(readings: Sequence[Reading], job: Job) -> Usual:
    """The properties of most frames; the active picture is the union over their stretches."""
    frames: dict[int, int] = {}
    groups = [next(n for n, one in enumerate(readings) if alike(one.stored, reading.stored)) for reading in readings]
    for number, reading in zip(groups, readings, strict=True):
        frames[number] = frames.get(number, 0) + len(reading.detection.pts)
    chosen = max(frames, key=lambda number: frames[number])
    reading = readings[chosen]
    detections = [other.detection for number, other in zip(groups, readings, strict=True) if number == chosen]
    active = _united([detection.active for detection in detections])
    gates = [detection.gate for detection in detections]
    gate = gates[0] if all(d.active == active for d in detections) and all(g is not None for g in gates) else None
    window = job.window_of(reading.info, active)
    return Usual(reading, active, gate, (window.width, window.height))


def whole_part(stretch: Stretch, job: Job) -> Part:
    """The single part of a uniform video."""
    reading = stretch.reading
    if stretch.deinterlacing == "off":
        return _part(reading.info, 0, reading.detection, reading.reader)
    info = treated(reading.stored, stretch.deinterlacing, _top_first(stretch), job.config.square_pixels)
    return _reread(info, 0, job)


def treated_parts(pieces: Sequence[Stretch], usual: Usual, job: Job) -> Iterator[Part]:
    """The parts of a video that is not uniform; those that differ from ``usual`` are read again, treated."""
    begin = 0
    for piece in pieces:
        reading = piece.reading
        if alike(reading.stored, usual.reading.stored) and piece.deinterlacing == "off":
            part = _part(
                reading.info, begin, _sliced(reading.detection, piece.start, piece.end), reading.reader, piece.start
            )
        else:
            part = _reread(_into(piece, usual, job), begin, job)
        if part.info.treatment is None or part.info.treatment.frame is None:
            part = replace(part, detection=replace(part.detection, active=usual.active, gate=usual.gate))
        else:
            whole = Rect(0, 0, part.info.width, part.info.height)
            part = replace(part, detection=replace(part.detection, active=whole, gate=None))
        begin += len(part.detection.pts)
        yield part


def _key(properties: FrameProperties) -> object:
    """The properties that must be equal within a reading: all that decide how samples become a picture."""
    color, matrix = properties.color, properties.color.matrix
    known = properties.format.kind == "yuv" and matrix in (*COEFFICIENTS, *UNSPECIFIED_MATRICES)
    meaning = coefficients(color, properties.height) if known else None
    return properties.width, properties.height, properties.sar, properties.format, color.full_range, meaning


def _with_properties(info: VideoInfo, base: FrameProperties, properties: FrameProperties) -> VideoInfo:
    """``info``, whose first frame has the properties ``base``, for frames with other ``properties``."""
    if _key(properties) == _key(base):
        return info
    color = replace(info.color, matrix=properties.color.matrix, full_range=properties.color.full_range)
    # The header's cropping applies to pictures of the first one's size.
    visible = info.visible if (properties.width, properties.height) == (base.width, base.height) else None
    result = replace(
        info, width=properties.width, height=properties.height, sar=properties.sar, format=properties.format
    )
    return replace(result, color=color, visible=visible)


def same_shape(one: VideoInfo, other: VideoInfo) -> bool:
    """Whether size and sample aspect ratio are the same."""
    return (one.width, one.height, one.sar) == (other.width, other.height, other.sar)


def alike(one: VideoInfo, other: VideoInfo) -> bool:
    """Whether stored frames of both need no conversion into each other."""
    return same_shape(one, other) and one.format == other.format and same_matrix_and_range(one, other)


def _united(rects: Sequence[Rect]) -> Rect:
    x, y = min(rect.x for rect in rects), min(rect.y for rect in rects)
    right, bottom = max(rect.x + rect.width for rect in rects), max(rect.y + rect.height for rect in rects)
    return Rect(x, y, right - x, bottom - y)


def _top_first(stretch: Stretch) -> bool:
    """Whether the stored picture's upper field is the earlier one; a cropped picture may begin with the other field."""
    visible = stretch.reading.stored.visible
    return stretch.fields.top_first ^ bool(visible and visible.y % 2)


def _into(piece: Stretch, usual: Usual, job: Job) -> VideoInfo:
    """The treatment that makes a stretch match the rest of its video."""
    stored, order = replace(piece.reading.stored, span=piece.times), _top_first(piece)
    if not same_shape(stored, usual.reading.stored):
        info = fitted(usual.reading.info, stored, _stored_rect(piece.reading), usual.frame)
        assert info.treatment is not None
        return replace(info, treatment=replace(info.treatment, deinterlace=piece.deinterlacing, top_first=order))
    info = treated(stored, piece.deinterlacing, order, job.config.square_pixels)
    if info.treatment is None:
        info = replace(info, treatment=Treatment("off", order, False, stored))
    return replace(info, format=usual.reading.info.format, color=usual.reading.info.color, span=None)


def _stored_rect(reading: Reading) -> Rect:
    """The active picture of a reading in stored pixels, on the chroma grid."""
    active, stored, info = reading.detection.active, reading.stored, reading.info
    visible = stored.visible or Rect(0, 0, stored.width, stored.height)
    step = 1 << stored.format.log2_chroma_w
    x = -(-active.x * visible.width // info.width // step) * step
    right = (active.x + active.width) * visible.width // info.width
    return Rect(visible.x + x, visible.y + active.y, max(right - x, step), active.height)


def _reread(info: VideoInfo, begin: int, job: Job) -> Part:
    reader = SourceReader(info, Repairs())
    return _part(info, begin, detect(reader.frames(), info, job.config.detect), reader)


def _part(info: VideoInfo, begin: int, detection: Detection, reader: SourceReader, first: int = 0) -> Part:
    return Part(info, begin, detection, tuple(reader.entry(first + cut) for cut in detection.cuts))


def _sliced(detection: Detection, start: int, end: int) -> Detection:
    """A reading's findings for frames ``[start, end)``."""
    count = len(detection.pts)
    runs = [
        (max(first, start) - start, setup)
        for (first, last), setup in zip(pairwise([*detection.cuts, count]), detection.setups, strict=True)
        if first < end and last > start
    ]
    setups = [setup for _, setup in runs]
    numbers = tuple(setups.index(setup) for setup in setups)
    cuts = tuple(cut for cut, _ in runs)
    return replace(detection, pts=detection.pts[start:end], cuts=cuts, setups=numbers)


def last_end(pts: Int64, info: VideoInfo) -> int:
    """Where the last frame ends, with a frame's usual duration."""
    usual = int(np.median(np.diff(pts))) if len(pts) > 1 else round(1 / (info.fps * info.time_base))
    return int(pts[-1]) + max(usual, 1)

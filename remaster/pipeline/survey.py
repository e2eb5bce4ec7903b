"""What a video is, told by one reading of it whole, and by a second of what has to be treated.

Most videos are of one kind from end to end. Where size, shape, pixel format, range or matrix change, or film and video
alternate, each stretch is a part of its own: treated and cut into scenes by itself, so that it comes out as the rest of
the video does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, groupby, pairwise
from typing import Literal

import numpy as np

from remaster.arrays import Mask
from remaster.config import Deinterlace
from remaster.detect.interlacing import scan_of, stretches, summed
from remaster.detect.scenes import detect
from remaster.media.clock import Repairs
from remaster.media.decode import decode
from remaster.media.planes import COEFFICIENTS, UNSPECIFIED_MATRICES, coefficients
from remaster.media.source import CYCLE, SourceReader, fitted, like_colors, like_tints, treated
from remaster.media.types import Entry, Frame, Look, Rect, Treatment, VideoInfo
from remaster.notes import Note
from remaster.pipeline.job import Job
from remaster.records import Detection, Fields, Scan
from remaster.report.text import clock
from remaster.rows import SceneRow

MISSING_SECONDS, MISSING_SHARE = 0.5, 0.03  # by how much the headers' duration may be wrong without a word
RECKONED = frozenset(("mpeg", "mpegts"))
"""Formats whose headers tell no duration: FFmpeg reckons it from the ends of a clock that may jump."""

Deinterlacing = Literal["off", "bwdif", "ivtc"]


@dataclass(frozen=True)
class Part:
    """Frames of a video that are of one kind, from ``start_frame`` on; ``info`` after their treatment.

    ``detection`` counts from the part's first frame; ``entries`` are where decoding begins for each of its runs.
    """

    info: VideoInfo
    start_frame: int
    detection: Detection
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Survey:
    """A whole video: its parts in the order of time. ``repaired``: its times or packets were not all in order."""

    parts: tuple[Part, ...]
    notes: tuple[Note, ...]
    repaired: bool


@dataclass
class _Changes:
    """The numbers of the frames, within their part, at which what they say of themselves changes."""

    interlaced: list[int] = field(default_factory=list)
    tints: list[tuple[int, tuple[int, int]]] = field(default_factory=list)
    last: Look | None = None

    def watch(self, frames: Iterator[Frame]) -> Iterator[Frame]:
        for number, frame in enumerate(frames):
            look = frame.look
            if look is not None:
                tint = look.color.primaries, look.color.transfer
                if self.last is not None and self.last.interlaced != look.interlaced:
                    self.interlaced.append(number)
                if not self.tints or self.tints[-1][1] != tint:
                    self.tints.append((number, tint))
                self.last = look
            yield frame


@dataclass(frozen=True)
class _Read:
    """Frames that look alike, as the first reading found them; ``info`` is that of untreated ones, cropped to what is
    shown and in square pixels where the run asks for that."""

    stored: VideoInfo
    info: VideoInfo
    reader: SourceReader
    detection: Detection
    changes: _Changes


@dataclass(frozen=True)
class _Stretch:
    """Frames ``[start, end)`` of those that look alike, which are deinterlaced in one way, and why."""

    read: _Read
    start: int
    end: int
    asked: Deinterlacing
    scan: Scan
    fields: Fields

    @property
    def times(self) -> tuple[int, int]:
        """The times of its first and its last frame."""
        pts = self.read.detection.pts
        return int(pts[self.start]), int(pts[self.end - 1])


@dataclass(frozen=True)
class _Main:
    """What most of a video's frames are like, and so all parts become: its picture and the size of its frame."""

    read: _Read
    active: Rect
    gate: Mask | None
    frame: tuple[int, int]


def survey(info: VideoInfo, job: Job) -> Survey:
    """Read a video; what is interlaced once more, deinterlaced, and so what differs from the rest."""
    repairs = Repairs()
    reads = _read(info, job, repairs)
    found = [stretch for read in reads for stretch in _stretches(read, job)]
    pieces = _joined(found)
    main = _main(reads, job)
    if len(pieces) == 1:
        parts = [_whole(pieces[0], job)]
        seen = _findings(parts[0].info, parts[0].detection)
    else:
        parts = list(_parts(pieces, main, job))
        seen = _findings(main.read.info, replace(main.read.detection, active=main.active, gate=main.gate))
    captions = any(read.reader.captions for read in reads)
    parts = [replace(part, info=replace(part.info, captions=captions)) for part in parts]
    notes = (*_missing(info, reads), *seen, *_differences(reads, main), *_tints(reads))
    scans = _interlacing(found, job.config.deinterlace, reads)
    return Survey(tuple(parts), (*repairs.notes(), *notes, *scans), bool(repairs.notes()))


def _read(info: VideoInfo, job: Job, repairs: Repairs) -> list[_Read]:
    """Read a video once, stretch by stretch of frames that look alike."""
    base: list[Look] = []

    def kind(frame: Frame) -> object:
        """What a frame looks like; one that cannot be handed out as it is was made to look like the first."""
        look = frame.look
        if look is not None and not base:
            base.append(look)
        return _key(look or base[0]) if base else None

    reads: list[_Read] = []
    for _, alike in groupby(decode(info, repairs=repairs, native=True), key=kind):
        frame = next(alike)
        stored = info if not reads or frame.look is None else _looking(info, base[0], frame.look)
        untreated, changes = treated(stored, "off", True, job.config.square_pixels), _Changes()
        reader = SourceReader(untreated, repairs, changes.watch(chain([frame], alike)))  # noqa: B031 (it goes on)
        detection = detect(reader.frames(), untreated, job.config.detect)
        reads.append(_Read(stored, untreated, reader, detection, changes))
    if not reads:
        detect(iter(()), info, job.config.detect)  # which says that there is no frame
    return reads


def _key(look: Look) -> object:
    """What must be equal within a part: all that says how samples become a picture."""
    color, matrix = look.color, look.color.matrix
    known = look.format.kind == "yuv" and matrix in (*COEFFICIENTS, *UNSPECIFIED_MATRICES)
    meaning = coefficients(color, look.height) if known else None
    return look.width, look.height, look.sar, look.format, color.full_range, meaning


def _looking(info: VideoInfo, base: Look, look: Look) -> VideoInfo:
    """``info``, whose first frame looks like ``base``, for frames that look like ``look``."""
    if _key(look) == _key(base):
        return info
    color = replace(info.color, matrix=look.color.matrix, full_range=look.color.full_range)
    # What the header crops is told of pictures of the first ones' size.
    shown = info.shown if (look.width, look.height) == (base.width, base.height) else None
    result = replace(info, width=look.width, height=look.height, sar=look.sar, format=look.format)
    return replace(result, color=color, shown=shown)


def _same_shape(one: VideoInfo, other: VideoInfo) -> bool:
    return (one.width, one.height, one.sar) == (other.width, other.height, other.sar)


def _alike(one: VideoInfo, other: VideoInfo) -> bool:
    """Whether stored frames of both need no conversion into each other."""
    return _same_shape(one, other) and one.format == other.format and like_colors(one, other)


def _stretches(read: _Read, job: Job) -> list[_Stretch]:
    """Where a part changes between film and video; one stretch where the run asks for the same treatment of both."""
    detection, mode, fps = read.detection, job.config.deinterlace, read.info.fps
    count = len(detection.pts)
    if mode in (Deinterlace.off, Deinterlace.bwdif):
        scan = scan_of(detection.fields, fps)
        return [_Stretch(read, 0, count, "bwdif" if mode is Deinterlace.bwdif else "off", scan, detection.fields)]
    found = []
    for one in stretches(detection.field_evidence, count, read.changes.interlaced, detection.cuts[1:]):
        fields = summed(one.evidence)
        scan = scan_of(fields, fps)
        asked: Deinterlacing = "off"
        if mode is Deinterlace.auto and scan == "interlaced":
            asked = "bwdif"
        elif mode is Deinterlace.ivtc and scan == "telecined" and one.end - one.start >= CYCLE:
            asked = "ivtc"
        found.append(_Stretch(read, one.start, one.end, asked, scan, fields))
    return found


def _joined(found: Sequence[_Stretch]) -> list[_Stretch]:
    """The stretches, neighbours that look and are treated alike as one."""
    joined: list[_Stretch] = []
    for one in found:
        last = joined[-1] if joined else None
        if last is not None and last.read is one.read and last.asked == one.asked:
            joined[-1] = replace(last, end=one.end, fields=one.fields if one.asked != "off" else last.fields)
        else:
            joined.append(one)
    return joined


def _main(reads: Sequence[_Read], job: Job) -> _Main:
    """What most frames are like; their picture is all that any of their stretches shows."""
    frames: dict[int, int] = {}
    alike = [next(n for n, other in enumerate(reads) if _alike(other.stored, read.stored)) for read in reads]
    for number, read in zip(alike, reads, strict=True):
        frames[number] = frames.get(number, 0) + len(read.detection.pts)
    chosen = max(frames, key=lambda number: frames[number])
    read = reads[chosen]
    detections = [other.detection for number, other in zip(alike, reads, strict=True) if number == chosen]
    active = _united([detection.active for detection in detections])
    gates = [detection.gate for detection in detections]
    gate = gates[0] if all(d.active == active for d in detections) and all(g is not None for g in gates) else None
    window = job.window(SceneRow("", "", info=read.info, active=active))
    return _Main(read, active, gate, (window.width, window.height))


def _united(rects: Sequence[Rect]) -> Rect:
    x, y = min(rect.x for rect in rects), min(rect.y for rect in rects)
    right, bottom = max(rect.x + rect.width for rect in rects), max(rect.y + rect.height for rect in rects)
    return Rect(x, y, right - x, bottom - y)


def _whole(stretch: _Stretch, job: Job) -> Part:
    """A video of one kind from end to end."""
    read = stretch.read
    if stretch.asked == "off":
        return _part(read.info, 0, read.detection, read.reader)
    info = treated(read.stored, stretch.asked, _top_first(stretch), job.config.square_pixels)
    return _reread(info, 0, job)


def _top_first(stretch: _Stretch) -> bool:
    """Which field of the stored picture is earlier; one cropped to what is shown may begin with the other."""
    shown = stretch.read.stored.shown
    return stretch.fields.top_first ^ bool(shown and shown.y % 2)


def _parts(pieces: Sequence[_Stretch], main: _Main, job: Job) -> Iterator[Part]:
    begin = 0
    for piece in pieces:
        read = piece.read
        if _alike(read.stored, main.read.stored) and piece.asked == "off":
            part = _part(read.info, begin, _sliced(read.detection, piece.start, piece.end), read.reader, piece.start)
        else:
            part = _reread(_into(piece, main, job), begin, job)
        if part.info.treatment is None or part.info.treatment.frame is None:
            part = replace(part, detection=replace(part.detection, active=main.active, gate=main.gate))
        else:
            whole = Rect(0, 0, part.info.width, part.info.height)
            part = replace(part, detection=replace(part.detection, active=whole, gate=None))
        begin += len(part.detection.pts)
        yield part


def _into(piece: _Stretch, main: _Main, job: Job) -> VideoInfo:
    """The treatment that makes a piece like the rest of its video."""
    stored, order = replace(piece.read.stored, span=piece.times), _top_first(piece)
    if not _same_shape(stored, main.read.stored):
        info = fitted(main.read.info, stored, _stored_rect(piece.read), main.frame)
        assert info.treatment is not None
        return replace(info, treatment=replace(info.treatment, deinterlace=piece.asked, top_first=order))
    info = treated(stored, piece.asked, order, job.config.square_pixels)
    if info.treatment is None:
        info = replace(info, treatment=Treatment("off", order, False, stored))
    return replace(info, format=main.read.info.format, color=main.read.info.color, span=None)


def _stored_rect(read: _Read) -> Rect:
    """The active picture of a reading in stored pixels, on the chroma grid."""
    active, stored, info = read.detection.active, read.stored, read.info
    shown = stored.shown or Rect(0, 0, stored.width, stored.height)
    step = 1 << stored.format.log2_chroma_w
    x = -(-active.x * shown.width // info.width // step) * step
    right = (active.x + active.width) * shown.width // info.width
    return Rect(shown.x + x, shown.y + active.y, max(right - x, step), active.height)


def _reread(info: VideoInfo, begin: int, job: Job) -> Part:
    reader = SourceReader(info, Repairs())
    return _part(info, begin, detect(reader.frames(), info, job.config.detect), reader)


def _part(info: VideoInfo, begin: int, detection: Detection, reader: SourceReader, first: int = 0) -> Part:
    return Part(info, begin, detection, tuple(reader.entry(first + cut) for cut in detection.cuts))


def _sliced(detection: Detection, start: int, end: int) -> Detection:
    """What a reading tells of frames ``[start, end)``."""
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


def _missing(info: VideoInfo, reads: Sequence[_Read]) -> tuple[Note, ...]:
    """What the headers promise and the file does not hold: it was cut off, or they are wrong."""
    if info.container in RECKONED:
        return ()
    pts = np.concatenate([read.detection.pts for read in reads])
    end = float(last_end(pts, info) * info.time_base)
    last = max(end, end - float(int(pts[0]) * info.time_base))
    if info.duration is None or info.duration - last < max(MISSING_SECONDS, MISSING_SHARE * info.duration):
        return ()
    return (Note(f"its headers claim {info.duration:.1f} s, and its pictures end after {last:.1f} s", loss=True),)


def last_end(pts: np.ndarray[tuple[int], np.dtype[np.int64]], info: VideoInfo) -> int:
    """Where the last frame ends: it lasts as long as a frame usually does."""
    usual = int(np.median(np.diff(pts))) if len(pts) > 1 else round(1 / (info.fps * info.time_base))
    return int(pts[-1]) + max(usual, 1)


def _findings(info: VideoInfo, detection: Detection) -> tuple[Note, ...]:
    """What a person should know of the whole video, a sentence each."""
    active, found = detection.active, []
    if (active.width, active.height) != (info.width, info.height):
        found.append(f"black bars: the active picture is {active.width}x{active.height} at ({active.x}, {active.y})")
    if detection.gate is not None:
        found.append(f"projector gate: {detection.gate.mean():.1%} of the picture")
    stored = info if info.treatment is None else info.treatment.stored
    if stored.shown is not None:
        seen = f"{stored.shown.width}x{stored.shown.height} at ({stored.shown.x}, {stored.shown.y})"
        found.append(f"cropped to what the file's header shows: {seen} of {stored.width}x{stored.height}")
    if info.treatment is not None and info.treatment.square:
        found.append(f"scaled to square pixels: {stored.width} wide at {stored.sar} became {info.width}")
    return tuple(map(Note, found))


def _differences(reads: Sequence[_Read], main: _Main) -> Iterator[Note]:
    """What became of the parts that differ from the rest."""
    usual = main.read.stored
    for read in reads:
        stored = read.stored
        if _alike(stored, usual):
            continue
        what = [f"{stored.width}x{stored.height} at {stored.sar}"] if not _same_shape(stored, usual) else []
        what += [stored.format.name] if stored.format != usual.format else []
        if not like_colors(stored, usual):
            what += ["full range" if stored.color.full_range else "limited range"]
            what += [f"matrix {stored.color.matrix} of H.273"] if stored.format.kind == "yuv" else []
        shaped = not _same_shape(stored, usual)
        done = f"scaled in its own shape into {main.frame[0]}x{main.frame[1]}" if shaped else "converted to the rest's"
        yield Note(f"{_when(read, 0, len(read.detection.pts), reads)} the picture is {', '.join(what)}: {done}")


def _tints(reads: Sequence[_Read]) -> Iterator[Note]:
    """Where primaries or transfer change, by which nothing is converted: one set of tags holds for a stream.

    A loss where a player would have shown other colours by the file's own claim.
    """
    usual = next((read.changes.tints[0][1] for read in reads if read.changes.tints), None)
    for read in reads:
        tints = read.changes.tints
        for (start, tint), (end, _) in pairwise([*tints, (len(read.detection.pts), (0, 0))]):
            if tint != usual:
                codes = f"colour primaries {tint[0]} and transfer {tint[1]} of H.273"
                claim = f"{_when(read, start, end, reads)} the file claims {codes}: tagged as the rest, not converted"
                wrong = usual is not None and not like_tints(tint, usual)
                yield Note(f"{claim}, so that its colours look wrong" if wrong else claim, wrong, encoded=True)


def _when(read: _Read, start: int, end: int, reads: Sequence[_Read]) -> str:
    """``from 0:01.6 to 0:03.0``, counted from the video's first frame."""
    pts, base = read.detection.pts, read.info.time_base
    begin = int(reads[0].detection.pts[0])
    until = int(pts[end]) if end < len(pts) else last_end(pts, read.info)
    return f"from {clock(float((int(pts[start]) - begin) * base), 1)} to {clock(float((until - begin) * base), 1)}"


def _interlacing(found: Sequence[_Stretch], mode: Deinterlace, reads: Sequence[_Read]) -> Iterator[Note]:
    """What was found about fields, and what is done about it; with times where it does not hold for all."""
    if mode is Deinterlace.ivtc and all(one.scan == "progressive" for one in found):
        yield Note("deinterlace=ivtc found no 3:2 pulldown: left as it is")
    for one in found:
        share = f"{one.fields.combed:.0%} of {one.fields.frames} moving frames show two fields"
        where = f" {_when(one.read, one.start, one.end, reads)}" if len(found) > 1 else ""
        if mode is Deinterlace.bwdif:
            yield Note(f"{one.scan}{where} ({share}): deinterlaced by bwdif, as asked for")
        elif one.scan == "interlaced":
            done = "deinterlaced by bwdif at the same rate" if one.asked == "bwdif" else "left as it is"
            yield Note(f"interlaced{where} ({share}): {done}")
        elif one.scan == "telecined":
            undone = "undone by ivtc" if one.asked == "ivtc" else "left as it is; deinterlace=ivtc undoes it"
            yield Note(f"telecined{where} by 3:2 pulldown ({share}): {undone}")

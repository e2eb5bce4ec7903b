"""Surveys a video: finds its parts (see ``video_parts``), and notes their properties and treatment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from remaster.config import Deinterlace
from remaster.media.source import same_matrix_and_range, same_primaries_and_transfer
from remaster.media.timestamp_repair import Repairs
from remaster.media.types import VideoInfo
from remaster.notes import Note
from remaster.pipeline.job import Job
from remaster.pipeline.video_parts import (
    Part,
    Reading,
    Stretch,
    Usual,
    alike,
    joined_stretches,
    last_end,
    read_video,
    same_shape,
    stretches_of,
    treated_parts,
    usual_picture,
    whole_part,
)
from remaster.records import Detection
from remaster.report.text import clock

MISSING_SECONDS, MISSING_SHARE = 0.5, 0.03
"""Seconds and share by which the headers' duration may be too long without a note: the larger of both."""
ESTIMATED_DURATION = frozenset(("mpeg", "mpegts"))
"""Formats whose headers have no duration: FFmpeg estimates it from the ends of a clock that may jump."""


@dataclass(frozen=True)
class Survey:
    """A whole video: its parts in the order of time. ``repaired``: its times or packets were not all in order."""

    parts: tuple[Part, ...]
    notes: tuple[Note, ...]
    repaired: bool


def survey(info: VideoInfo, job: Job) -> Survey:
    """Read a video once; read interlaced parts, and those that differ from most frames, a second time, treated."""
    repairs = Repairs()
    readings = read_video(info, job, repairs)
    found = [stretch for reading in readings for stretch in stretches_of(reading, job)]
    pieces = joined_stretches(found)
    usual = usual_picture(readings, job)
    if len(pieces) == 1:
        parts = [whole_part(pieces[0], job)]
        seen = _findings(parts[0].info, parts[0].detection)
    else:
        parts = list(treated_parts(pieces, usual, job))
        seen = _findings(usual.reading.info, replace(usual.reading.detection, active=usual.active, gate=usual.gate))
    captions = any(reading.reader.captions for reading in readings)
    parts = [replace(part, info=replace(part.info, captions=captions)) for part in parts]
    notes = (*_missing(info, readings), *seen, *_differences(readings, usual), *_tints(readings))
    scans = _interlacing(found, job.config.deinterlace, readings)
    return Survey(tuple(parts), (*repairs.notes(), *notes, *scans), bool(repairs.notes()))


def _missing(info: VideoInfo, readings: Sequence[Reading]) -> tuple[Note, ...]:
    """A note where the pictures end before the headers' duration: a truncated file, or wrong headers."""
    if info.container in ESTIMATED_DURATION:
        return ()
    pts = np.concatenate([reading.detection.pts for reading in readings])
    end = float(last_end(pts, info) * info.time_base)
    last = max(end, end - float(int(pts[0]) * info.time_base))
    if info.duration is None or info.duration - last < max(MISSING_SECONDS, MISSING_SHARE * info.duration):
        return ()
    return (Note(f"its headers claim {info.duration:.1f} s, and its pictures end after {last:.1f} s", loss=True),)


def _findings(info: VideoInfo, detection: Detection) -> tuple[Note, ...]:
    """Notes on the whole picture: bars, gate, cropping, scaling."""
    active, found = detection.active, []
    if (active.width, active.height) != (info.width, info.height):
        found.append(f"black bars: the active picture is {active.width}x{active.height} at ({active.x}, {active.y})")
    if detection.gate is not None:
        found.append(f"projector gate: {detection.gate.mean():.1%} of the picture")
    stored = info if info.treatment is None else info.treatment.stored
    if stored.visible is not None:
        seen = f"{stored.visible.width}x{stored.visible.height} at ({stored.visible.x}, {stored.visible.y})"
        found.append(f"cropped to what the file's header shows: {seen} of {stored.width}x{stored.height}")
    if info.treatment is not None and info.treatment.square:
        found.append(f"scaled to square pixels: {stored.width} wide at {stored.sar} became {info.width}")
    return tuple(map(Note, found))


def _differences(readings: Sequence[Reading], usual: Usual) -> Iterator[Note]:
    """Notes on the treatment of parts whose pictures differ from most."""
    main = usual.reading.stored
    for reading in readings:
        stored = reading.stored
        if alike(stored, main):
            continue
        what = [f"{stored.width}x{stored.height} at {stored.sar}"] if not same_shape(stored, main) else []
        what += [stored.format.name] if stored.format != main.format else []
        if not same_matrix_and_range(stored, main):
            what += ["full range" if stored.color.full_range else "limited range"]
            what += [f"matrix {stored.color.matrix} of H.273"] if stored.format.kind == "yuv" else []
        shaped = not same_shape(stored, main)
        done = (
            f"scaled in its own shape into {usual.frame[0]}x{usual.frame[1]}" if shaped else "converted to the rest's"
        )
        yield Note(
            f"{_when(reading, 0, len(reading.detection.pts), readings)} the picture is {', '.join(what)}: {done}"
        )


def _tints(readings: Sequence[Reading]) -> Iterator[Note]:
    """Notes where primaries or transfer change: a stream has one set of tags, and nothing is converted by them.

    It is a loss where a player would have displayed other colours by the file's own tags.
    """
    usual = next((reading.changes.tints[0][1] for reading in readings if reading.changes.tints), None)
    for reading in readings:
        tints = reading.changes.tints
        for (start, tint), (end, _) in pairwise([*tints, (len(reading.detection.pts), (0, 0))]):
            if tint != usual:
                codes = f"colour primaries {tint[0]} and transfer {tint[1]} of H.273"
                when = _when(reading, start, end, readings)
                claim = f"{when} the file claims {codes}: tagged as the rest, not converted"
                wrong = usual is not None and not same_primaries_and_transfer(tint, usual)
                yield Note(f"{claim}, so that its colours look wrong" if wrong else claim, wrong, encoded=True)


def _when(reading: Reading, start: int, end: int, readings: Sequence[Reading]) -> str:
    """``from 0:01.6 to 0:03.0``, counted from the video's first frame."""
    pts, base = reading.detection.pts, reading.info.time_base
    begin = int(readings[0].detection.pts[0])
    until = int(pts[end]) if end < len(pts) else last_end(pts, reading.info)
    return f"from {clock(float((int(pts[start]) - begin) * base), 1)} to {clock(float((until - begin) * base), 1)}"


def _interlacing(found: Sequence[Stretch], mode: Deinterlace, readings: Sequence[Reading]) -> Iterator[Note]:
    """Notes on interlaced and telecined frames and their treatment, with times where not all frames are."""
    if mode is Deinterlace.ivtc and all(one.scan == "progressive" for one in found):
        yield Note("deinterlace=ivtc found no 3:2 pulldown: left as it is")
    for one in found:
        share = f"{one.fields.combed:.0%} of {one.fields.frames} moving frames show two fields"
        where = f" {_when(one.reading, one.start, one.end, readings)}" if len(found) > 1 else ""
        if mode is Deinterlace.bwdif:
            yield Note(f"{one.scan}{where} ({share}): deinterlaced by bwdif, as asked for")
        elif one.scan == "interlaced":
            done = "deinterlaced by bwdif at the same rate" if one.deinterlacing == "bwdif" else "left as it is"
            yield Note(f"interlaced{where} ({share}): {done}")
        elif one.scan == "telecined":
            undone = "undone by ivtc" if one.deinterlacing == "ivtc" else "left as it is; deinterlace=ivtc undoes it"
            yield Note(f"telecined{where} by 3:2 pulldown ({share}): {undone}")

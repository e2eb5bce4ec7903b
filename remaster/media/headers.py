"""What a result says beside its packets: tags, chapters, languages and sizes, some of which no muxer writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Any, cast

import av
from av.container import InputContainer, OutputContainer
from av.stream import Stream
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from remaster.media import matroska, mp4
from remaster.media.carry import Carried, chapters_until, fresh_tags, wave_format
from remaster.media.containers import is_cover
from remaster.media.matroska import Header, HeaderEdits, TrackEdit
from remaster.media.types import VideoInfo
from remaster.notes import Note

_KEYS = "+use_metadata_tags"  # of the MOV muxer: all tags as keys of QuickTime; it then writes no cover art
_PARTIAL = "comment"


@dataclass(frozen=True)
class Told:
    """What a source's header tells that FFmpeg does not: languages as in BCP 47 by stream, Matroska's chapters."""

    languages: Mapping[int, str] = field(default_factory=dict)
    uids: Mapping[int, bytes] = field(default_factory=dict)
    chapters: bytes = b""


@dataclass(frozen=True)
class Rest:
    """What is written into a result's header when its muxer is done, by the number of each track in it.

    ``uids``: the source's own, for what its ``chapters`` say of tracks.
    """

    tracks: Mapping[int, TrackEdit] = field(default_factory=dict)
    languages: Mapping[int, mp4.Language] = field(default_factory=dict)
    uids: Mapping[int, bytes] = field(default_factory=dict)
    chapters: bytes = b""


def told_by(source: InputContainer, path: str) -> Told:
    """Read a source's header; see ``Told``."""
    kinds = source.format.name.split(",")
    tracks = [stream.index for stream in source.streams if stream.type in ("video", "audio", "subtitle")]
    if "matroska" in kinds:
        header: Header = matroska.read_header(path)
        return Told(
            dict(zip(tracks, header.languages, strict=False)),
            dict(zip(tracks, header.uids, strict=False)),
            header.chapters,
        )
    if "mp4" in kinds:
        return Told(dict(enumerate(mp4.read_languages(path))))
    return Told()


def muxer_options(kind: str, source: InputContainer, told: Told) -> dict[str, str]:
    """The muxer's options for all that a result is to say; in Matroska there is room for what ``finish`` may write."""
    options = {"fflags": "+bitexact", "avoid_negative_ts": "disabled"}
    if kind == "matroska":
        formats = [wave_format(stream) for stream in source.streams.audio if stream.codec_context]
        edits = {n: TrackEdit(wave_format=form) for n, form in enumerate(formats)}
        edits |= {len(edits) + n: TrackEdit() for n in range(len(source.streams))}
        return options | {"metadata_header_padding": str(HeaderEdits(edits, told.chapters).room)}
    # Start offsets are kept in units of the movie's time scale, which is 1 ms by default.
    options |= {"movflags": "+faststart", "movie_timescale": "90000"}
    if _lost_tags(kind, source, "") and not _has_covers(source):
        options["movflags"] += _KEYS
    return options


def _has_covers(source: InputContainer) -> bool:
    return any(is_cover(stream) for stream in source.streams)


def _lost_tags(kind: str, source: InputContainer, flags: str) -> tuple[str, ...]:
    """The names of the source's tags that a file of this kind does not keep; found by writing one into memory."""
    tags = fresh_tags(source.metadata)
    if kind == "matroska" or not tags:
        return ()
    file = BytesIO()
    options = {"movflags": flags} if flags else {}
    with av.open(file, "w", kind, container_options=options, metadata_errors="surrogateescape") as trial:
        trial.add_stream("mpeg4", 25, width=16, height=16)
        trial.metadata.update(tags)
        trial.start_encoding()
    file.seek(0)
    with av.open(file, metadata_errors="surrogateescape") as made:
        return tuple(key for key in tags if key not in made.metadata)


def describe(
    info: VideoInfo,
    source: InputContainer,
    target: OutputContainer,
    film: VideoStream,
    carried: Carried,
    told: Told,
    end: Fraction | None,
) -> tuple[tuple[Note, ...], Rest]:
    """Say everything that is said before the first packet; returns notes, and what ``finish`` has to write."""
    video = carried.targets[film.index]
    kind = target.format.name
    video.time_base = info.time_base
    if video.codec_context is not None:
        cast(VideoCodecContext, video.codec_context).sample_aspect_ratio = info.sar
    if info.display and isinstance(video, VideoStream):
        video.set_display_matrix(info.display)
    target.metadata.update(fresh_tags(source.metadata))
    rest = _rest(info, target, film, carried, told)
    whole = kind == "matroska" and end is None and bool(told.chapters)
    lost = () if whole else matroska.beyond_plain_chapters(told.chapters)
    target.set_chapters([] if whole else chapters_until(_chapters(source, told, bool(lost)), end))
    if end is not None:
        tags = [target.metadata.get(_PARTIAL, ""), f"partial: ends after {float(end):.3f} s"]
        target.metadata[_PARTIAL] = "; ".join(tag for tag in tags if tag)
    notes = []
    if lost:
        notes.append(Note(f"of the chapters, {', '.join(lost)} cannot be kept and are left out", loss=True))
    if whole and matroska.plays_other_files(told.chapters):
        notes.append(Note("chapters play parts of other files: of those they name, not of what is made of them"))
    untold = _lost_tags(kind, source, "" if _has_covers(source) else _KEYS)
    if untold:
        notes.append(Note(f"tags that cannot be carried by {kind} are left out: {', '.join(untold)}", loss=True))
    return tuple(notes), rest if whole else replace(rest, chapters=b"")


def _chapters(source: InputContainer, told: Told, plain: bool) -> Sequence[Any]:
    """The source's chapters; ``plain``: of Matroska's, those that other containers can have."""
    if not plain:
        return source.chapters()
    return [
        {"id": number, "start": start, "end": end, "time_base": Fraction(1, 10**9), "metadata": {"title": title}}
        for number, (start, end, title) in enumerate(matroska.plain_chapters(told.chapters), 1)
    ]


def _rest(info: VideoInfo, target: OutputContainer, film: VideoStream, carried: Carried, told: Told) -> Rest:
    streams = [stream for stream in target.streams if stream.type != "attachment"]
    numbers = {stream.index: number for number, stream in enumerate(streams)}
    tracks: dict[int, TrackEdit] = {}
    languages: dict[int, mp4.Language] = {}
    for index, stream in carried.targets.items():
        number, tag = numbers[stream.index], told.languages.get(index, "")
        if target.format.name == "matroska":
            context = cast(VideoCodecContext, stream.codec_context)
            sized = index == film.index and info.sar != 1
            size = matroska.display_size(context.width, context.height, info.sar) if sized else None
            tracks[number] = TrackEdit(size, tag or None, carried.waves.get(index))
        elif language := _language(stream, tag):
            languages[number] = language
            stream.metadata["handler_name"] = mp4.room_for(language, stream.type, stream.metadata.get("handler_name"))
    uids = {numbers[stream.index]: told.uids[index] for index, stream in carried.targets.items() if index in told.uids}
    edited = {number: edit for number, edit in tracks.items() if edit != TrackEdit()}
    return Rest(edited, languages, uids, told.chapters)


def _language(stream: Stream, tag: str) -> mp4.Language | None:
    """What is written of a track's language; None where there is none."""
    code = stream.language or ""
    if code in ("", "und") and not tag:
        return None
    packed = len(code) == 3 and code.isascii() and code.islower()
    return mp4.Language(code if packed else "", tag or ("" if packed else code))


def finish(path: Path, rest: Rest) -> None:
    """Write into a finished file what its muxer does not; raises ``MediaError`` where it is not as muxers write it."""
    if rest.languages:
        mp4.write_languages(path, rest.languages)
    if rest.tracks or rest.chapters:
        new = matroska.read_header(str(path)).uids
        uids = {old: new[number] for number, old in rest.uids.items()}
        chapters = matroska.chapters_for(rest.chapters, uids)
        matroska.write_header(path, HeaderEdits(rest.tracks, chapters))

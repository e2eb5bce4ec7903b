"""Writes a result's tags, chapters, languages and display sizes.

``describe`` sets what FFmpeg's muxer can write, before the first packet. ``finish`` writes the rest into the finished
file's header (see ``matroska`` and ``mp4``), in room that ``muxer_options`` has reserved.
"""

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
from remaster.media.container_support import fresh_tags, wave_format
from remaster.media.containers import is_cover
from remaster.media.matroska import Header, HeaderEdits, TrackEdit
from remaster.media.track_copy import CopiedTracks, chapters_until
from remaster.media.types import VideoInfo
from remaster.notes import Note

_KEYS = "+use_metadata_tags"  # MOV muxer: writes all tags as QuickTime keys, but then no cover art
_PARTIAL = "comment"


@dataclass(frozen=True)
class SourceHeader:
    """What a source's header has that FFmpeg does not return.

    ``languages`` are BCP 47 tags and ``uids`` Matroska's track UIDs, by stream index; ``chapters`` is the content of
    Matroska's Chapters element.
    """

    languages: Mapping[int, str] = field(default_factory=dict)
    uids: Mapping[int, bytes] = field(default_factory=dict)
    chapters: bytes = b""


@dataclass(frozen=True)
class PendingEdits:
    """What ``finish`` writes into a result's header, by the number of each track in it.

    ``uids``: the source's track UIDs, which its ``chapters`` refer to.
    """

    tracks: Mapping[int, TrackEdit] = field(default_factory=dict)
    languages: Mapping[int, mp4.Language] = field(default_factory=dict)
    uids: Mapping[int, bytes] = field(default_factory=dict)
    chapters: bytes = b""


def read_source_header(source: InputContainer, path: str) -> SourceHeader:
    """Read a source's header; empty for other formats than Matroska, MP4 and QuickTime."""
    kinds = source.format.name.split(",")
    tracks = [stream.index for stream in source.streams if stream.type in ("video", "audio", "subtitle")]
    if "matroska" in kinds:
        header: Header = matroska.read_header(path)
        return SourceHeader(
            dict(zip(tracks, header.languages, strict=False)),
            dict(zip(tracks, header.uids, strict=False)),
            header.chapters,
        )
    if "mp4" in kinds:
        return SourceHeader(dict(enumerate(mp4.read_languages(path))))
    return SourceHeader()


def muxer_options(kind: str, source: InputContainer, header: SourceHeader) -> dict[str, str]:
    """FFmpeg's options of the muxer; in Matroska they reserve room for what ``finish`` may write."""
    options = {"fflags": "+bitexact", "avoid_negative_ts": "disabled"}
    if kind == "matroska":
        formats = [wave_format(stream) for stream in source.streams.audio if stream.codec_context]
        edits = {n: TrackEdit(wave_format=form) for n, form in enumerate(formats)}
        edits |= {len(edits) + n: TrackEdit() for n in range(len(source.streams))}
        return options | {"metadata_header_padding": str(HeaderEdits(edits, header.chapters).room)}
    # Start offsets are kept in units of the movie's time scale, which is 1 ms by default.
    options |= {"movflags": "+faststart", "movie_timescale": "90000"}
    if _lost_tags(kind, source, "") and not _has_covers(source):
        options["movflags"] += _KEYS
    return options


def _has_covers(source: InputContainer) -> bool:
    return any(is_cover(stream) for stream in source.streams)


def _lost_tags(kind: str, source: InputContainer, flags: str) -> tuple[str, ...]:
    """The source's tags that a file of this kind does not keep, found by writing one into memory."""
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
    main: VideoStream,
    copied: CopiedTracks,
    header: SourceHeader,
    end: Fraction | None,
) -> tuple[tuple[Note, ...], PendingEdits]:
    """Set the target's tags, chapters, aspect ratio and display matrix, before its first packet.

    ``end`` in seconds cuts chapters off, None: the result is whole. Returns notes, and what ``finish`` has to write.
    """
    video = copied.targets[main.index]
    kind = target.format.name
    video.time_base = info.time_base
    if video.codec_context is not None:
        cast(VideoCodecContext, video.codec_context).sample_aspect_ratio = info.sar
    if info.display and isinstance(video, VideoStream):
        video.set_display_matrix(info.display)
    target.metadata.update(fresh_tags(source.metadata))
    pending = _pending_edits(info, target, main, copied, header)
    verbatim = kind == "matroska" and end is None and bool(header.chapters)
    lost = () if verbatim else matroska.matroska_only_features(header.chapters)
    target.set_chapters([] if verbatim else chapters_until(_chapters(source, header, bool(lost)), end))
    if end is not None:
        tags = [target.metadata.get(_PARTIAL, ""), f"partial: ends after {float(end):.3f} s"]
        target.metadata[_PARTIAL] = "; ".join(tag for tag in tags if tag)
    notes = []
    if lost:
        notes.append(Note(f"of the chapters, {', '.join(lost)} cannot be kept and are left out", loss=True))
    if verbatim and matroska.has_linked_segments(header.chapters):
        notes.append(Note("chapters play parts of other files: of those they name, not of what is made of them"))
    lost_tags = _lost_tags(kind, source, "" if _has_covers(source) else _KEYS)
    if lost_tags:
        notes.append(Note(f"tags that cannot be carried by {kind} are left out: {', '.join(lost_tags)}", loss=True))
    return tuple(notes), pending if verbatim else replace(pending, chapters=b"")


def _chapters(source: InputContainer, header: SourceHeader, plain: bool) -> Sequence[Any]:
    """The source's chapters; ``plain``: those of Matroska's chapters that other containers can have."""
    if not plain:
        return source.chapters()
    return [
        {"id": number, "start": start, "end": end, "time_base": Fraction(1, 10**9), "metadata": {"title": title}}
        for number, (start, end, title) in enumerate(matroska.plain_chapters(header.chapters), 1)
    ]


def _pending_edits(
    info: VideoInfo, target: OutputContainer, main: VideoStream, copied: CopiedTracks, header: SourceHeader
) -> PendingEdits:
    """What ``finish`` has to write; in MP4 and QuickTime also reserves its room in the handlers' names."""
    streams = [stream for stream in target.streams if stream.type != "attachment"]
    numbers = {stream.index: number for number, stream in enumerate(streams)}
    tracks: dict[int, TrackEdit] = {}
    languages: dict[int, mp4.Language] = {}
    for index, stream in copied.targets.items():
        number, tag = numbers[stream.index], header.languages.get(index, "")
        if target.format.name == "matroska":
            context = cast(VideoCodecContext, stream.codec_context)
            sized = index == main.index and info.sar != 1
            size = matroska.display_size(context.width, context.height, info.sar) if sized else None
            tracks[number] = TrackEdit(size, tag or None, copied.waves.get(index))
        elif language := _language(stream, tag):
            languages[number] = language
            stream.metadata["handler_name"] = mp4.room_for(language, stream.type, stream.metadata.get("handler_name"))
    uids = {
        numbers[stream.index]: header.uids[index] for index, stream in copied.targets.items() if index in header.uids
    }
    edited = {number: edit for number, edit in tracks.items() if edit != TrackEdit()}
    return PendingEdits(edited, languages, uids, header.chapters)


def _language(stream: Stream, tag: str) -> mp4.Language | None:
    """A track's language as MP4 stores it; None where it has none."""
    code = stream.language or ""
    if code in ("", "und") and not tag:
        return None
    packed = len(code) == 3 and code.isascii() and code.islower()
    return mp4.Language(code if packed else "", tag or ("" if packed else code))


def finish(path: Path, pending: PendingEdits) -> None:
    """Write pending edits into a finished file; raises ``MediaError`` where its layout is not the muxer's."""
    if pending.languages:
        mp4.write_languages(path, pending.languages)
    if pending.tracks or pending.chapters:
        new = matroska.read_header(str(path)).uids
        uids = {old: new[number] for number, old in pending.uids.items()}
        chapters = matroska.chapters_for(pending.chapters, uids)
        matroska.write_header(path, HeaderEdits(pending.tracks, chapters))

"""Moves positioned subtitles with the picture: rewrites headers and packets of a file's subtitle tracks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from av.packet import Packet
from av.stream import Stream

from remaster.media.containers import open_input
from remaster.media.discontinuities import TimeShifts
from remaster.media.subtitles.ass import ScriptMover, read_script
from remaster.media.subtitles.bitmaps import DvbMover, PgsMover, Size, VobSubMover
from remaster.media.subtitles.places import Places
from remaster.media.track_copy import copied_packets

SCRIPTS = ("ass", "ssa")
PGS, VOBSUB, DVB = "hdmv_pgs_subtitle", "dvd_subtitle", "dvb_subtitle"
PLACED = (*SCRIPTS, PGS, VOBSUB, DVB)
"""Codecs, by FFmpeg's names, whose subtitles have positions."""
UNTIMED_DURATION = Fraction(5)
"""Assumed seconds of a subtitle without an end."""
MAX_DURATION = Fraction(86400)
"""Seconds: a subtitle with a longer duration lasts until the next one (FFmpeg writes the largest number)."""


def followers(stream: Stream) -> bool:
    """Whether a stream's subtitles have positions on the picture."""
    context = stream.codec_context
    return stream.type == "subtitle" and context is not None and context.codec.canonical_name in PLACED


@dataclass
class Follower:
    """Moves one track; ``header`` is its new extradata, None where it has none or keeps it."""

    places: Places
    mover: ScriptMover | PgsMover | VobSubMover | DvbMover
    header: bytes | None = None

    def moved(self, packet: Packet[Any]) -> bytes:
        """The packet's content, moved with the picture."""
        data, place = bytes(packet), self.places.at(*presentation_span(packet))
        if isinstance(self.mover, ScriptMover):
            return _encoded(self.mover.event(_decoded(data), place))
        return self.mover.packet(data, place)


def follow(
    source: str, streams: Mapping[int, Stream], places: Places, frame: Size, shifts: TimeShifts
) -> dict[int, Follower]:
    """The followers of those ``streams`` of the file ``source`` that have positions, by index.

    ``frame`` is the stored picture's size. ``shifts`` make the file's clock continuous, so that subtitles move with the
    shots that they will be displayed on. Scripts are read once in advance, since their headers need a style for each
    place that their events move to.
    """
    found = {index: _follower(stream, places, frame) for index, stream in streams.items() if followers(stream)}
    scripts = {index: one.mover for index, one in found.items() if isinstance(one.mover, ScriptMover)}
    if scripts:
        with open_input(source) as again:
            # With the times that will be written: a repaired time may lie in another shot.
            for packet in copied_packets(again, set(scripts), None, {}, shifts):
                found[packet.stream_index].moved(packet)
    for index, mover in scripts.items():
        found[index].header = _encoded(mover.header())
    return found


def _follower(stream: Stream, places: Places, frame: Size) -> Follower:
    context: Any = stream.codec_context
    name, header, usual = context.codec.canonical_name, bytes(context.extradata or b""), places.usual
    if name in SCRIPTS:
        return Follower(places, ScriptMover(read_script(_decoded(header)), usual))
    if name == PGS:
        return Follower(places, PgsMover(usual))
    if name == DVB:
        return Follower(places, DvbMover(usual))
    vobsub = VobSubMover(header, frame, usual)
    return Follower(places, vobsub, vobsub.header())


def presentation_span(packet: Packet[Any]) -> tuple[Fraction, Fraction]:
    """When the packet's subtitle begins and ends in seconds."""
    base = packet.time_base or Fraction(1)
    start = Fraction(packet.pts if packet.pts is not None else packet.dts or 0) * base
    lasts = (packet.duration or 0) * base
    return start, start + (lasts if 0 < lasts < MAX_DURATION else UNTIMED_DURATION)


def _decoded(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")

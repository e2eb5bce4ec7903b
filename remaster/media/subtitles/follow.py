"""A file's subtitle tracks as they follow the picture: headers and packets rewritten on their way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from av.packet import Packet
from av.stream import Stream

from remaster.media.carry import carried_packets
from remaster.media.containers import open_input
from remaster.media.jumps import Moves
from remaster.media.subtitles.ass import ScriptMover, read_script
from remaster.media.subtitles.bitmaps import DvbMover, PgsMover, Size, VobSubMover
from remaster.media.subtitles.places import Places

SCRIPTS = ("ass", "ssa")
PGS, VOBSUB, DVB = "hdmv_pgs_subtitle", "dvd_subtitle", "dvb_subtitle"
PLACED = (*SCRIPTS, PGS, VOBSUB, DVB)
"""Codecs, by FFmpeg's names, whose subtitles have places."""
UNTIMED = Fraction(5)
"""Seconds for which a subtitle without an end is taken to last."""
ENDLESS = Fraction(86400)
"""Seconds of a subtitle that ends only with the next; FFmpeg writes the greatest number that there is."""


def followers(stream: Stream) -> bool:
    """Whether a stream's subtitles have places on the picture."""
    context = stream.codec_context
    return stream.type == "subtitle" and context is not None and context.codec.canonical_name in PLACED


@dataclass
class Follower:
    """One track: ``header`` is its new extradata, None where it has none or keeps it."""

    places: Places
    mover: ScriptMover | PgsMover | VobSubMover | DvbMover
    header: bytes | None = None

    def moved(self, packet: Packet[Any]) -> bytes:
        """The packet's content where it has come to."""
        data, place = bytes(packet), self.places.at(*shown(packet))
        if isinstance(self.mover, ScriptMover):
            return _encoded(self.mover.event(_decoded(data), place))
        return self.mover.packet(data, place)


def follow(
    source: str, streams: Mapping[int, Stream], places: Places, frame: Size, moves: Moves
) -> dict[int, Follower]:
    """What moves the tracks ``streams`` of the file ``source``, by index; ``frame`` is the stored picture's size.

    ``moves``: how the file's clock is moved where it jumps, so that subtitles are looked for where they will be shown.
    Scripts are read once before, since their headers must have a style for each place that their events come to.
    """
    found = {index: _follower(stream, places, frame) for index, stream in streams.items() if followers(stream)}
    scripts = {index: one.mover for index, one in found.items() if isinstance(one.mover, ScriptMover)}
    if scripts:
        with open_input(source) as again:
            # As they will be written: a repaired time may lead to another place.
            for packet in carried_packets(again, set(scripts), None, {}, moves):
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


def shown(packet: Packet[Any]) -> tuple[Fraction, Fraction]:
    """When the packet's subtitle begins and ends, in seconds."""
    base = packet.time_base or Fraction(1)
    start = Fraction(packet.pts if packet.pts is not None else packet.dts or 0) * base
    lasts = (packet.duration or 0) * base
    return start, start + (lasts if 0 < lasts < ENDLESS else UNTIMED)


def _decoded(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")

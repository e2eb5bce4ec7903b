"""Fills pauses of raw samples with silence: MP4 and QuickTime keep no times for them and would close the pauses."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from av.packet import Packet
from av.stream import Stream

MAX_IGNORED_PAUSE = Fraction(1, 50)
"""Seconds up to which a pause is ignored: Matroska's times are off by half a millisecond per packet anyway."""
_PACKET_SECONDS = 1  # seconds of silence in one packet at most
_LINEAR = re.compile(r"pcm_([suf])(8|16|24|32|64)(le|be)?")
# The silent sample of the formats that are not linear (ITU-T G.711).
_LAWS = {"pcm_alaw": b"\xd5", "pcm_mulaw": b"\xff"}


@dataclass
class Filler:
    """Fills the pauses of one track; ``quiet`` are the bytes of one silent sample in all channels.

    ``fills`` has, for each pause, the number of samples per channel before it and in it. ``start`` is the track's first
    time in seconds, ``written`` the number of samples so far.
    """

    quiet: bytes
    rate: int
    fills: list[tuple[int, int]] = field(default_factory=list)
    start: Fraction | None = None
    written: int = 0

    def filled(self, packets: Iterable[Packet[Any]]) -> Iterator[Packet[Any]]:
        """The packets, which must be in the order of time, with silence in front of those after a pause."""
        for packet in packets:
            if packet.pts is not None:
                yield from self._before(packet, packet.pts * packet.time_base)
            self.written += packet.size // len(self.quiet)
            yield packet

    def _before(self, packet: Packet[Any], time: Fraction) -> Iterator[Packet[Any]]:
        self.start = time if self.start is None else self.start
        pause = time - self.start - Fraction(self.written, self.rate)
        if pause <= MAX_IGNORED_PAUSE:
            return
        missing = round(pause * self.rate)
        self.fills.append((self.written, missing))
        while missing:
            count = min(missing, _PACKET_SECONDS * self.rate)
            piece: Packet[Any] = Packet(self.quiet * count)
            piece.time_base, piece.stream, piece.is_keyframe = packet.time_base, packet.stream, True
            begin = self.start + Fraction(self.written, self.rate)
            piece.pts = piece.dts = round(begin / piece.time_base)
            piece.duration = round(Fraction(count, self.rate) / piece.time_base)
            self.written, missing = self.written + count, missing - count
            yield piece

    @property
    def seconds(self) -> float:
        """Seconds of silence that were inserted."""
        return sum(count for _, count in self.fills) / self.rate


def filler(stream: Stream) -> Filler | None:
    """The filler of a track of raw samples; None for any other track."""
    context: Any = stream.codec_context
    quiet = b"" if context is None or stream.type != "audio" else _quiet(context.name)
    return Filler(quiet * context.channels, context.sample_rate) if quiet else None


def _quiet(codec: str) -> bytes:
    """One silent sample; empty for codecs other than raw samples."""
    linear = _LINEAR.fullmatch(codec)
    if linear is None:
        return _LAWS.get(codec, b"")
    kind, bits, order = linear.groups()
    middle = 1 << (int(bits) - 1) if kind == "u" else 0
    return middle.to_bytes(int(bits) // 8, "big" if order == "be" else "little")

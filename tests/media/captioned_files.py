"""Transport streams with closed captions in their pictures."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
from kind_files import MPEG2
from media_files import write_source


def captioned(path: Path, count: int) -> list[bytes]:
    """An MPEG-2 transport stream with captions of A/53 in its user data; returns those of each frame as shown."""
    plain = path.with_name("plain.m2v")
    write_source(plain, replace(MPEG2, frames=count, options={"g": "6", "bf": "2", "b": "4000000"}))
    triplets = [b"\xfc" + bytes([0x94, 0x20 + number]) + b"\xf9\x00\x00" * (number % 3) for number in range(count)]
    with av.open(str(plain)) as source, av.open(str(path), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        packets = [bytes(packet) for packet in source.demux() if packet.size]
        # The temporal reference tells where in its group a picture is shown; each group begins anew.
        begin, shown = 0, 0
        for number, data in enumerate(packets):
            if b"\0\0\1\xb8" in data:
                begin = number
            at = data.index(b"\0\0\1\0") + 4
            shown = begin + (data[at] << 2 | data[at + 1] >> 6)
            first = data.index(b"\0\0\1\1")
            said = triplets[shown]
            words = b"\0\0\1\xb2GA94\x03" + bytes([0x40 | len(said) // 3, 0xFF]) + said + b"\xff"
            packet = av.Packet(data[:first] + words + data[first:])
            packet.stream, packet.time_base = stream, Fraction(1, 25)
            packet.dts, packet.pts = number, shown + 2
            target.mux(packet)
    return triplets

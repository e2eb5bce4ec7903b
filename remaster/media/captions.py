"""Copies closed captions (EIA-608 and CEA-708) from decoded frames into the packets of the encoded ones.

They are part of the video stream (ATSC A/53 part 4, SCTE 128), and PyAV's encoders do not write them.
"""

from __future__ import annotations

from collections.abc import Mapping

from remaster.errors import MediaError
from remaster.media.decode import decode
from remaster.media.types import VideoInfo
from remaster.notes import Note

CAPTION_CODECS = ("h264", "hevc")
"""Codecs, by FFmpeg's names, into whose packets captions are written."""
MAX_TRIPLETS = 31
"""Caption triplets that one picture's message can hold (5 bits)."""
# user_data_registered_itu_t_t35 of the United States, ATSC, "GA94", cc_data (A/53 part 4, 6.2.3).
_T35 = b"\xb5\x00\x31GA94\x03"
_TYPE = 4
_END = b"\xff"


def captions_of(info: VideoInfo) -> dict[int, bytes]:
    """The caption triplets of all stored frames that have some, by the frame's time; decodes the whole file."""
    stored = info if info.treatment is None else info.treatment.stored
    return {frame.pts: frame.captions for frame in decode(stored) if frame.captions}


def lost_captions(info: VideoInfo, codec: str) -> Note | None:
    """A note where encoding ``info`` by ``codec`` (FFmpeg's name) loses its captions; else None."""
    if not info.captions:
        return None
    if info.treatment is not None and info.treatment.deinterlace == "ivtc":
        return Note("closed captions (EIA-608/708) are lost: with deinterlace=ivtc their frames are no more", loss=True)
    if codec not in CAPTION_CODECS:
        why = f"they are not written into {codec}; h264 and hevc carry them"
        return Note(f"closed captions (EIA-608/708) are lost: {why}", loss=True)
    return None


class CaptionWriter:
    """Inserts captions into packets of length-prefixed NAL units (ISO/IEC 14496-15), as in Matroska and MP4."""

    def __init__(self, codec: str, configuration: bytes, captions: Mapping[int, bytes]) -> None:
        """``configuration`` is the stream's extradata (avcC, hvcC); raises ``MediaError`` where it is neither."""
        self._hevc = codec == "hevc"
        place = 21 if self._hevc else 4
        if codec not in CAPTION_CODECS or len(configuration) <= place or configuration[0] != 1:
            raise MediaError(f"captions cannot be written into {codec}")
        self._size = (configuration[place] & 3) + 1
        self._captions = captions

    def written(self, packet: bytes, pts: int) -> bytes:
        """The packet of the picture at time ``pts``, with its captions where it has some."""
        captions = self._captions.get(pts)
        if not captions:
            return packet
        unit = caption_unit(captions, self._hevc)
        at = self._first_slice(packet)
        return packet[:at] + len(unit).to_bytes(self._size) + unit + packet[at:]

    def _first_slice(self, packet: bytes) -> int:
        """Position of the first coded slice's NAL unit, before which the message is inserted."""
        at = 0
        while at + self._size < len(packet):
            length, header = int.from_bytes(packet[at : at + self._size]), packet[at + self._size]
            if header >> 1 & 0x3F < 32 if self._hevc else 1 <= header & 0x1F <= 5:
                return at
            at += self._size + length
        return at


def caption_unit(captions: bytes, hevc: bool) -> bytes:
    """An SEI NAL unit (H.264 and H.265, annex D) with up to ``MAX_TRIPLETS`` caption triplets."""
    captions = captions[: 3 * MAX_TRIPLETS]
    message = _T35 + bytes([0x40 | len(captions) // 3, 0xFF]) + captions + _END
    body = bytes([_TYPE, len(message)]) + message + b"\x80"  # the message is shorter than 255 bytes
    return (b"\x4e\x01" if hevc else b"\x06") + _escaped(body)


def _escaped(body: bytes) -> bytes:
    """The bytes with emulation prevention, so that no start code occurs inside a unit."""
    out, zeros = bytearray(), 0
    for byte in body:
        if zeros >= 2 and byte <= 3:
            out.append(3)
            zeros = 0
        out.append(byte)
        zeros = zeros + 1 if byte == 0 else 0
    return bytes(out)

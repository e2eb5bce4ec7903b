"""Encodes a few pictures as a short silent film that every browser, player and editor shows: H.264 in MP4."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
from av.codec.context import Flags

from remaster.arrays import Rgb
from remaster.errors import MediaError
from remaster.media.containers import reason
from remaster.media.encode import to_frame
from remaster.media.formats import planar_format
from remaster.media.partfile import PartFile
from remaster.media.planes import from_rgb
from remaster.media.scheduling import restored_scheduling
from remaster.media.types import ColorSpec

_FORMAT = planar_format("yuv420p")
_COLOR = ColorSpec(matrix=6, primaries=6, transfer=6)  # SMPTE 170M: what players assume of small pictures
_OPTIONS = {"preset": "veryfast", "crf": "24"}


def write_loop(path: Path, pictures: Sequence[Rgb], fps: Fraction) -> None:
    """Encode ``pictures``, uint8 (h, w, 3) of one even size, at a constant rate into an MP4 at ``path``, atomically.

    Its index stands first, so that it plays while it loads. Equal pictures give equal bytes. Raises ``ValueError`` for
    no picture or an odd size, and ``MediaError`` where it cannot be written.
    """
    if not pictures or pictures[0].shape[0] % 2 or pictures[0].shape[1] % 2:
        raise ValueError("a loop needs pictures of an even width and height")
    part = PartFile(path)
    try:
        _encode(part.temporary, pictures, fps)
    except av.FFmpegError as failure:
        raise MediaError(f"{path} cannot be encoded: {reason(failure)}") from failure
    else:
        part.commit(durable=False)
    finally:
        part.discard()


def _encode(path: Path, pictures: Sequence[Rgb], fps: Fraction) -> None:
    height, width = pictures[0].shape[:2]
    options = {"movflags": "+faststart"}
    with av.open(str(path), "w", "mp4", options=options, container_options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("libx264", fps, _OPTIONS)
        context = stream.codec_context
        context.width, context.height, context.pix_fmt = width, height, _FORMAT.name
        context.thread_count = 1
        context.flags |= Flags.bitexact
        context.colorspace, context.color_primaries, context.color_trc = (
            _COLOR.matrix,
            _COLOR.primaries,
            _COLOR.transfer,
        )
        context.color_range = 1
        for number, picture in enumerate(pictures):
            frame = to_frame(from_rgb(picture, _FORMAT, _COLOR), _FORMAT, width, height)
            frame.pts, frame.time_base = number, 1 / fps
            if number:
                packets = stream.encode(frame)
            else:  # the first frame opens the encoder
                with restored_scheduling():
                    packets = stream.encode(frame)
            container.mux(packets)
        container.mux(stream.encode(None))

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from media_files import Source, write_segments, write_source

from remaster.media.encoders import Codec, EncoderSettings, lost_hdr
from remaster.media.probe import probe
from remaster.media.types import PixelFormat
from remaster.notes import Note

YUV420P10 = PixelFormat("yuv420p10le", "yuv", 10, 1, 1)
DISPLAY = (13250, 34500, 7500, 3000, 34000, 16000, 15635, 16450, 10000000, 50)
NOTATION = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"
HDR = Source(
    frames=4,
    codec="libx265",
    pixel_format=YUV420P10,
    options={"x265-params": f"log-level=none:hdr10=1:master-display={NOTATION}:max-cll=1000,400"},
)


@pytest.mark.parametrize("codec", [Codec.h264, Codec.hevc, Codec.av1])
def test_mastering_display_and_content_light_go_along(codec: Codec, tmp_path: Path) -> None:
    info = probe(str(write_source(tmp_path / "a.mkv", HDR)))
    assert (info.color.mastering, info.color.light) == (DISPLAY, (1000, 400))
    settings = EncoderSettings(codec, preset="veryfast")
    segments, _ = write_segments(tmp_path, info, (2, 2), settings)
    for segment in segments:
        made = probe(str(segment)).color
        assert made.light == (1000, 400)
        # AV1 keeps coarser fractions.
        assert made.mastering == pytest.approx(DISPLAY, abs=20 if codec is Codec.av1 else 0)
    assert lost_hdr(settings, info.color) == ()


def test_what_is_lost_is_named(tmp_path: Path) -> None:
    color = probe(str(write_source(tmp_path / "a.mkv", HDR))).color
    assert lost_hdr(EncoderSettings(Codec.ffv1), color) == (
        Note("HDR mastering metadata is not carried by ffv1", loss=True),
    )
    dynamic = replace(color, dynamic=("HDR10+",))
    assert lost_hdr(EncoderSettings(Codec.hevc), dynamic) == (Note("HDR10+ metadata is not carried", loss=True),)


def test_plain_video_has_none(tmp_path: Path) -> None:
    color = probe(str(write_source(tmp_path / "a.mkv", Source(frames=2)))).color
    assert (color.mastering, color.light, color.dynamic) == ((), (), ())

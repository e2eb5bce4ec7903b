from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from media_files import YUV420, Source, write_segments, write_source

from remaster.errors import MediaError
from remaster.media.centre import CentreSample, check_centre, psnr, psnr_floor, without_border
from remaster.media.encoders import Codec, EncoderSettings
from remaster.media.probe import probe
from remaster.media.remux import assemble
from remaster.media.types import Rect, VideoInfo

WHOLE = Rect(0, 0, 96, 64)


def made(folder: Path, settings: EncoderSettings) -> tuple[VideoInfo, Path, list[CentreSample]]:
    info = probe(str(write_source(folder / "a.mkv", Source(frames=20))))
    segments, pts = write_segments(folder, info, (4, 16), settings)
    out = folder / "out.mkv"
    assemble(info, segments, pts, out)
    return info, out, [CentreSample(n, None, pts[n : n + 1], WHOLE, 0, 0) for n in (0, 3, 9, 19)]


@pytest.mark.parametrize("codec", [codec for codec in Codec if codec is not Codec.dnxhr])
def test_the_centre_of_what_was_made_passes_and_another_place_or_frame_does_not(codec: Codec, tmp_path: Path) -> None:
    settings = EncoderSettings(codec, preset="veryfast")
    info, out, samples = made(tmp_path, settings)
    floor = psnr_floor(settings)
    check_centre(info, out, samples, None, floor)
    moved = CentreSample(9, None, samples[2].pts, WHOLE, 4, 0)
    with pytest.raises(MediaError, match="centre of frame 9"):
        check_centre(info, out, [samples[0], moved], None, floor)
    late = CentreSample(14, None, samples[2].pts, WHOLE, 0, 0)
    with pytest.raises(MediaError, match="centre of frame 14"):
        check_centre(info, out, [late], None, floor)


def test_one_wrong_sample_is_found_where_nothing_may_be_lost() -> None:
    one = tuple(np.full(shape, 100, np.uint8) for shape in YUV420.plane_shapes(16, 8))
    other = tuple(plane.copy() for plane in one)
    assert psnr(one, other, YUV420, None) == psnr_floor(EncoderSettings(Codec.ffv1)) == float("inf")
    other[1][2, 3] = 101
    assert psnr(one, other, YUV420, None) < 80
    trusted = np.ones((8, 16), bool)
    trusted[4, 7] = False  # one of the four pixels that the chroma sample stands for
    assert psnr(one, other, YUV420, trusted) == float("inf")
    other[0][0, 0] = 101
    assert psnr(one, other, YUV420, trusted) < 80


def test_the_floor_falls_with_the_quality_asked_for() -> None:
    floors = [psnr_floor(EncoderSettings(crf=crf)) for crf in (0, 18, 28, 40, 51)]
    assert floors == [28, 28, 18, 12, 12]
    assert psnr_floor(EncoderSettings(Codec.av1, crf=63)) == 12


def test_what_lies_near_the_border_or_a_gate_is_not_trusted() -> None:
    mask = np.ones((100, 200), bool)
    mask[50, 100] = False
    inner = without_border(mask, 0.02)
    assert not inner[:3].any()
    assert not inner[:, :5].any()
    assert not inner[48:53, 98:103].any()
    assert inner.sum() == 94 * 190 - 25


def test_frames_are_found_by_number_in_any_time_base(tmp_path: Path) -> None:
    source = Source(frames=12, fps=Fraction(24), time_base=Fraction(1, 1000), stamps=[41 * n + 700 for n in range(12)])
    info = probe(str(write_source(tmp_path / "a.mp4", source)))
    segments, pts = write_segments(tmp_path, info, (12,), EncoderSettings(Codec.ffv1))
    assemble(info, segments, pts, tmp_path / "out.mkv")
    check_centre(info, tmp_path / "out.mkv", [CentreSample(7, None, pts[5:8], WHOLE, 0, 0)], None, float("inf"))
    with pytest.raises(MediaError, match="frame 6"):
        check_centre(info, tmp_path / "out.mkv", [CentreSample(6, None, pts[5:8], WHOLE, 0, 0)], None, float("inf"))

"""Alpha channels: one with nothing in it is no transparency, wherever in a video something shows through."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.codec.context import Flags

from remaster.errors import MediaError
from remaster.media.decode import decode
from remaster.media.probe import probe

SIZE = (32, 24)


def written(path: Path, form: str, alphas: list[int]) -> Path:
    """A lossless video of noise, each frame with one value in its alpha channel."""
    chance = np.random.default_rng(1)
    with av.open(str(path), "w") as output:
        stream: Any = output.add_stream("ffv1", Fraction(25))
        stream.width, stream.height, stream.pix_fmt = *SIZE, form
        for number, alpha in enumerate(alphas):
            rgba = chance.integers(0, 256, (SIZE[1], SIZE[0], 4), np.uint8)
            rgba[..., 3] = alpha
            frame = av.VideoFrame.from_ndarray(rgba, "rgba").reformat(format=form)
            frame.pts, frame.time_base = number, Fraction(1, 25)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(
    ("form", "plain"),
    [
        ("bgra", "gbrp"),
        ("yuva420p", "yuv420p"),
        ("yuva444p", "yuv444p"),
        ("gbrap10le", "gbrp10le"),
        ("yuva420p10le", "yuv420p10le"),
    ],
)
def test_an_opaque_alpha_channel_is_none(form: str, plain: str, tmp_path: Path) -> None:
    path = written(tmp_path / "a.mkv", form, [255] * 3)
    info = probe(str(path))
    assert info.format.name == plain
    frames = list(decode(info))
    assert [frame.pts for frame in frames] == [0, 40, 80]
    with av.open(str(path)) as container:
        for frame, shown in zip(frames, container.decode(video=0), strict=True):
            if form == "bgra":
                blue = shown.to_ndarray()[..., 0]
                np.testing.assert_array_equal(frame.planes[1], blue)
            elif form.startswith("yuva420p") and form.endswith("p"):
                luma = np.frombuffer(shown.planes[0], np.uint8).reshape(SIZE[1], -1)[:, : SIZE[0]]
                np.testing.assert_array_equal(frame.planes[0], luma)


def test_fields_are_known_under_an_opaque_alpha_channel(tmp_path: Path) -> None:
    path = tmp_path / "a.mov"
    with av.open(str(path), "w") as output:
        stream: Any = output.add_stream("prores_ks", Fraction(25), {"profile": "4444"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuva444p10le"
        stream.codec_context.flags |= Flags.interlaced_dct
        for number in range(3):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 4), 255, np.uint8), "rgba")
            frame = frame.reformat(format="yuva444p10le")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    looks = [frame.properties for frame in decode(probe(str(path)), native=True)]
    assert [look is not None and look.interlaced for look in looks] == [True] * 3
    assert all(look is not None and "a" not in look.format.name for look in looks)


@pytest.mark.parametrize("form", ["bgra", "yuva420p", "yuva420p10le"])
def test_what_shows_through_is_refused_wherever_it_is(form: str, tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="transparency"):
        probe(str(written(tmp_path / "a.mkv", form, [200, 255])))
    info = probe(str(written(tmp_path / "b.mkv", form, [255, 255, 250])))
    with pytest.raises(MediaError, match=r"b\.mkv has transparency"):
        list(decode(info))

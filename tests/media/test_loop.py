"""Loops: short silent films, H.264 in MP4, of equal bytes for equal pictures."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from clips import pan

from remaster.media.loop import write_loop


def test_a_loop_plays_its_pictures_at_their_rate(tmp_path: Path) -> None:
    pictures = [np.ascontiguousarray(picture) for picture in pan(3, 6)]
    path = tmp_path / "folder" / "a.mp4"
    write_loop(path, pictures, Fraction(24000, 2002))
    with av.open(str(path)) as container:
        (stream,) = container.streams.video
        assert (stream.codec.name, stream.pix_fmt, stream.profile) == ("h264", "yuv420p", "High")
        assert stream.average_rate == Fraction(24000, 2002)
        frames = list(container.decode(stream))
    assert [float(frame.time) for frame in frames] == pytest.approx([i * 2002 / 24000 for i in range(6)], abs=1e-3)
    for frame, picture in zip(frames, pictures, strict=True):
        shown = frame.to_ndarray(format="rgb24").astype(float)
        assert np.sqrt(((shown - picture) ** 2).mean()) < 14, "colours are tagged as they are encoded"
        assert np.abs((shown - picture).mean(axis=(0, 1))).max() < 2
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat"), "it plays while it loads"
    write_loop(tmp_path / "b.mp4", pictures, Fraction(24000, 2002))
    assert (tmp_path / "b.mp4").read_bytes() == data
    assert [file.name for file in path.parent.iterdir()] == ["a.mp4"]


def test_what_no_player_shows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="even"):
        write_loop(tmp_path / "a.mp4", [np.zeros((20, 31, 3), np.uint8)], Fraction(12))
    with pytest.raises(ValueError, match="loop"):
        write_loop(tmp_path / "a.mp4", [], Fraction(12))
    assert not list(tmp_path.iterdir())

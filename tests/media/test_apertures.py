"""What containers and pictures say of how a picture is shown: cropped, mirrored, with captions."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.sidedata.sidedata import Type
from captioned_files import captioned
from faulty_runs import Case
from media_files import NTSC, YUV420, picture, write_segments
from stage_runs import run_stages

from remaster.media.decode import decode
from remaster.media.encode import to_frame
from remaster.media.encoders import Codec, EncoderSettings
from remaster.media.matroska import HeaderEdits, TrackEdit, write_header
from remaster.media.probe import probe
from remaster.media.remux import assemble
from remaster.media.source import source_frames, treated
from remaster.media.types import Entry, Rect

GREEN = (150, 44, 21)
ONE = 65536


def write(path: Path, frames: Sequence[Any], codec: str = "ffv1", matrix: Sequence[int] | None = None) -> None:
    height, width = frames[0][0].shape
    options = {"metadata_header_padding": "1024"} if path.suffix == ".mkv" else {}
    with av.open(str(path), "w", container_options=options) as container:
        stream: Any = container.add_stream(codec, NTSC)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        if matrix:
            stream.set_display_matrix(matrix)
        for number, planes in enumerate(frames):
            frame = to_frame(planes, YUV420, width, height)
            frame.pts, frame.time_base = number, 1 / NTSC
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def pale(number: int) -> tuple[Any, ...]:
    return tuple(np.clip(plane, 100, 160) for plane in picture(number, YUV420, 96, 72))


def with_rubbish(number: int) -> tuple[Any, ...]:
    """A picture of 96x72 with 16 columns of green on either side."""
    return tuple(
        np.pad(plane, ((0, 0), (16 * plane.shape[1] // 96,) * 2), constant_values=level)
        for plane, level in zip(pale(number), GREEN, strict=True)
    )


@pytest.fixture
def cropped(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / "a.mkv"
    write(path, [with_rubbish(number) for number in range(6)])
    write_header(path, HeaderEdits({0: TrackEdit(crop=(15, 0, 16, 0))}))
    return path


def test_what_matroska_crops_is_no_part_of_the_picture(cropped: Path) -> None:
    stored = probe(str(cropped))
    assert (stored.width, stored.height) == (128, 72)
    assert stored.visible == Rect(16, 0, 96, 72), "inwards to the chroma grid"
    info = treated(stored, "off", True, False)
    assert (info.width, info.height, info.treatment and info.treatment.name) == (96, 72, "crop")
    shown = list(source_frames(info, Entry(0, 0), np.array([frame.pts for frame in decode(stored)])))
    for number, frame in enumerate(shown):
        for plane, wanted in zip(frame.planes, pale(number), strict=True):
            np.testing.assert_array_equal(plane, wanted)


def test_cropped_rubbish_is_not_in_the_wings(cropped: Path, tmp_path: Path) -> None:
    case = Case(tmp_path, cropped.parent)
    case.engine()
    row = run_stages(case, "output.codec=hevc", "output.crf=4")
    assert (row["status"], row["source_filter"]) == ("ok", "crop")
    assert "96x72 at (16, 0) of 128x72" in " ".join(row["notes"])
    for frame in decode(probe(str(case.out / row["output"]))):
        assert frame.planes[1].shape[1] * 2 == row["out_width"] == 128
        assert not ((frame.planes[1] < 70) & (frame.planes[2] < 60)).any(), "green rubbish"


@pytest.mark.parametrize("suffix", ["mkv", "mp4"])
@pytest.mark.parametrize("signs", list(itertools.product((1, -1), (1, -1), (False, True))))
def test_turned_and_mirrored_pictures_stay_so(tmp_path: Path, suffix: str, signs: tuple[int, int, bool]) -> None:
    x, y, across = signs
    matrix = [0, x * ONE, 0, y * ONE] if across else [x * ONE, 0, 0, 0, y * ONE]
    matrix = [*matrix, *[0] * (8 - len(matrix)), 1 << 30]
    source, out = tmp_path / f"a.{suffix}", tmp_path / f"out.{suffix}"
    write(source, [picture(0, YUV420, 96, 72)], "libx264", matrix)
    info = probe(str(source))
    segments, pts = write_segments(tmp_path, info, [1], EncoderSettings())
    assemble(info, segments, pts, out)
    with av.open(str(out)) as container:
        data = next(container.decode(video=0)).side_data.get(Type.DISPLAYMATRIX)
    found = None if data is None else np.frombuffer(bytes(data), np.int32).tolist()
    assert found == (None if (x, y, across) == (1, 1, False) else matrix)


@pytest.mark.parametrize("codec", [Codec.h264, Codec.hevc])
@pytest.mark.parametrize("suffix", ["mkv", "mp4"])
def test_closed_captions_go_along(tmp_path: Path, codec: Codec, suffix: str) -> None:
    source, out = tmp_path / "a.ts", tmp_path / f"out.{suffix}"
    said = captioned(source, 20)
    info = replace(probe(str(source)), captions=True)
    assert [frame.captions for frame in decode(info)] == said
    segments, pts = write_segments(tmp_path, info, [7, 13], EncoderSettings(codec))
    assert not assemble(info, segments, pts, out).notes
    assert [frame.captions for frame in decode(probe(str(out)))] == said


def test_captions_that_cannot_go_along_are_named(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    captioned(tmp_path / "in" / "a.ts", 12)
    case = Case(tmp_path, tmp_path / "in")
    case.engine()
    row = run_stages(case, "output.codec=av1", "output.preset=ultrafast")
    assert "closed captions (EIA-608/708) are lost: they are not written into av1" in " ".join(row["notes"])
    row = run_stages(case, "output.codec=h264")
    assert "captions" not in " ".join(row["notes"])

"""Videos that change midway: every part is delivered as the rest is, each by its own kind, and named with its times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from faulty_runs import Case
from media_files import YUV420, Source, picture, write_source
from stage_runs import run_stages

from remaster.arrays import Plane
from remaster.media.decode import decode
from remaster.media.encode import to_frame
from remaster.media.planes import to_rgb
from remaster.media.probe import probe
from remaster.media.source import same_primaries_and_transfer
from remaster.media.types import ColorSpec, PixelFormat

Planes = tuple[Plane, ...]
RATE = 25


@dataclass(frozen=True)
class Piece:
    """Frames of a stream, and what it says of them."""

    frames: Sequence[Planes]
    sar: Fraction = Fraction(1)
    codec: str = "libx264"
    form: PixelFormat = YUV420
    tags: dict[str, int] = field(default_factory=dict)
    options: dict[str, str] = field(default_factory=lambda: {"qp": "4", "bf": "0", "preset": "ultrafast"})


def raw(piece: Piece) -> bytes:
    """The piece as a stream of its own, without times."""
    file, height, width = BytesIO(), *piece.frames[0][0].shape
    with av.open(file, "w", "h264" if piece.codec == "libx264" else "mpeg2video") as container:
        stream: Any = container.add_stream(piece.codec, RATE, piece.options)
        stream.width, stream.height, stream.pix_fmt = width, height, piece.form.name
        stream.codec_context.sample_aspect_ratio = piece.sar
        for name, value in piece.tags.items():
            setattr(stream.codec_context, name, value)
        for number, planes in enumerate(piece.frames):
            frame = to_frame(planes, piece.form, width, height)
            for name, value in piece.tags.items():
                setattr(frame, name, value)
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


def join(path: Path, pieces: Sequence[Piece]) -> None:
    """One transport stream of all the pieces, with a time for each frame."""
    data = BytesIO(b"".join(raw(piece) for piece in pieces))
    kind = "h264" if pieces[0].codec == "libx264" else "mpegvideo"
    with av.open(data, "r", kind) as source, av.open(str(path), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        packets = [packet for packet in source.demux() if packet.size]
        for number, packet in enumerate(packets):
            packet.stream, packet.time_base = stream, Fraction(1, RATE)
            packet.pts = packet.dts = number
            packet.duration = 1
            target.mux(packet)


def film(count: int, width: int, height: int, form: PixelFormat = YUV420) -> list[Planes]:
    return [picture(number, form, width, height) for number in range(count)]


def case_of(root: Path, pieces: Sequence[Piece], name: str = "a.ts") -> Case:
    (root / "in").mkdir()
    join(root / "in" / name, pieces)
    case = Case(root, root / "in")
    case.engine()
    return case


def delivered(case: Case, *more: str) -> tuple[dict[str, Any], list[np.ndarray[Any, Any]]]:
    """The video's row, and all its frames as RGB."""
    row = run_stages(case, "output.crf=8", *more)
    assert row["error"] is None
    assert row["status"] == ("incomplete" if row["losses"] else "ok")
    info = probe(str(case.out / row["output"]))
    return row, [np.array(to_rgb(f.planes, info.format, info.color, info.height)) for f in decode(info)]


def rgb(planes: Planes, width: int, height: int, form: PixelFormat = YUV420, full: bool = False) -> Any:
    """What a player shows of a picture, in a size."""
    shown = to_rgb(planes, form, ColorSpec(full_range=full))
    return cv2.resize(shown, (width, height), interpolation=cv2.INTER_LANCZOS4)


def near(one: Any, other: Any, db: float) -> None:
    error = float(((one.astype(float) - other) ** 2).mean())
    assert 10 * np.log10(255**2 / max(error, 1e-9)) > db


def test_another_shape_midway_is_shown_in_its_own(tmp_path: Path) -> None:
    narrow, wide = film(14, 96, 72), film(9, 96, 72)
    shapes = Fraction(1), Fraction(4, 3)
    options = {"b": "6000000", "bf": "0", "g": "5"}
    pieces = [Piece(f, s, "mpeg2video", options=options) for f, s in zip((narrow, wide), shapes, strict=True)]
    row, frames = delivered(case_of(tmp_path, pieces))
    assert (row["frames"], row["out_width"], row["out_height"]) == (23, 128, 72)
    (note,) = row["notes"]
    assert note == "from 0:00.6 to 0:00.9 the picture is 96x72 at 4/3: scaled in its own shape into 128x72"
    for number, planes in enumerate(narrow):
        near(frames[number][:, 16:112], rgb(planes, 96, 72), 28)
    for number, planes in enumerate(wide):
        near(frames[14 + number], rgb(planes, 128, 72), 26)


def test_a_short_beginning_of_another_size_does_not_rule(tmp_path: Path) -> None:
    small, large = film(5, 64, 48), film(16, 128, 96)
    row, frames = delivered(case_of(tmp_path, [Piece(small), Piece(large)]))
    assert (row["source_width"], row["out_width"], row["out_height"]) == (128, 172, 96)
    assert "from 0:00.0 to 0:00.2 the picture is 64x48 at 1: scaled" in row["notes"][0]
    near(frames[2][:, 22:150], rgb(small[2], 128, 96), 24)
    near(frames[9][:, 22:150], rgb(large[4], 128, 96), 34)


def test_another_range_midway_looks_as_before(tmp_path: Path) -> None:
    pictures = film(8, 96, 72)
    pieces = [Piece(pictures, tags={"color_range": 1}), Piece(pictures[:6], tags={"color_range": 2})]
    row, frames = delivered(case_of(tmp_path, pieces))
    assert "from 0:00.3 to 0:00.6 the picture is full range" in row["notes"][0]
    assert "converted to the rest's" in row["notes"][0]
    near(frames[2][:, 16:112], rgb(pictures[2], 96, 72), 34)
    near(frames[10][:, 16:112], rgb(pictures[2], 96, 72, full=True), 34)


def test_another_pixel_format_midway_is_converted(tmp_path: Path) -> None:
    form = PixelFormat("yuv444p", "yuv")
    other = film(5, 96, 72, form)
    row, frames = delivered(case_of(tmp_path, [Piece(film(8, 96, 72)), Piece(other, form=form)]))
    assert "yuv444p" in row["notes"][0]
    grey = [
        cv2.cvtColor(np.asarray(p), cv2.COLOR_RGB2GRAY) for p in (frames[9][:, 16:112], rgb(other[1], 96, 72, form))
    ]
    near(grey[0], grey[1], 30)


def test_other_primaries_midway_are_named(tmp_path: Path) -> None:
    pictures = film(6, 96, 72)
    tags = [{"color_primaries": 6, "color_trc": 6}, {"color_primaries": 1, "color_trc": 1}]
    row, _ = delivered(case_of(tmp_path, [Piece(pictures, tags=t) for t in tags]))
    (note,) = row["notes"]
    assert note.startswith("from 0:00.2 to 0:00.5 the file claims colour primaries 1 and transfer 1")
    assert (row["status"], row["losses"]) == ("incomplete", [note])


@pytest.mark.parametrize("target, looks", [("16:9", "incomplete"), ("4:3", "ok")])
def test_other_primaries_are_no_loss_where_packets_are_copied(tmp_path: Path, target: str, looks: str) -> None:
    """H.264 says its colours in its own headers, which go over with the packets of what fills the target."""
    tags = [{"color_primaries": 9, "color_trc": 16}, {"color_primaries": 1, "color_trc": 1}]
    case = case_of(tmp_path, [Piece(film(6, 96, 72), tags=t) for t in tags], "a.mkv")
    row = run_stages(case, f"target.aspect={target}", suffix=".mkv")
    assert (row["status"], bool(row["notes"])) == (looks, looks == "incomplete")


def test_the_same_colours_by_other_numbers_are_no_loss() -> None:
    assert (
        same_primaries_and_transfer((1, 1), (1, 6))
        and same_primaries_and_transfer((6, 6), (7, 14))
        and same_primaries_and_transfer((2, 2), (1, 1))
    )
    assert (
        not same_primaries_and_transfer((6, 6), (1, 1))
        and not same_primaries_and_transfer((1, 1), (1, 18))
        and not same_primaries_and_transfer((9, 16), (2, 2))
    )


def moving(moments: int) -> list[Planes]:
    """A square that moves over a ground: a new place each moment."""
    ground = picture(0, YUV420, 96, 64)
    result = []
    for moment in range(moments):
        luma = np.array(np.clip(ground[0], 60, 160))
        x = 4 + moment % 36 * 2
        luma[16:48, x : x + 12] = 235
        result.append((luma, *(np.full_like(plane, 128) for plane in ground[1:])))
    return result


def woven(first: Planes, second: Planes) -> Planes:
    luma = np.array(first[0])
    luma[1::2] = second[0][1::2]
    return (luma, *first[1:])


@pytest.mark.parametrize("film_first", [True, False])
def test_film_beside_video_is_not_deinterlaced(tmp_path: Path, film_first: bool) -> None:
    progressive, moments = moving(30), moving(60)
    video = [woven(moments[2 * n], moments[2 * n + 1]) for n in range(30)]
    pieces = [Piece(progressive), Piece(video)]
    row, frames = delivered(case_of(tmp_path, pieces if film_first else pieces[::-1]))
    assert row["source_filter"] == "bwdif"
    (note,) = [note for note in row["notes"] if "interlaced" in note]
    assert ("from 0:01.2 to 0:02.4" if film_first else "from 0:00.0 to 0:01.2") in note
    start = {"film": 0, "video": 30} if film_first else {"film": 30, "video": 0}
    x = (row["out_width"] - 96) // 2
    for number, planes in enumerate(progressive):
        near(frames[start["film"] + number][:, x : x + 96], rgb(planes, 96, 64), 36)
    for number in range(4, 26):
        shown = frames[start["video"] + number][:, x : x + 96]
        near(shown, rgb(moments[2 * number], 96, 64), 24)
    tables = case_rows(tmp_path)
    assert [shot["start_frame"] for shot in tables] == sorted(shot["start_frame"] for shot in tables)
    assert 30 in {shot["start_frame"] for shot in tables}


def case_rows(root: Path) -> list[dict[str, Any]]:
    return Case(root, root / "in").rows()


def test_a_slow_passage_of_a_video_is_no_film(tmp_path: Path) -> None:
    moments = moving(60)
    frames = [woven(moments[2 * n], moments[2 * n + 1]) for n in range(24)]
    frames[10:16] = [woven(moments[2 * n], moments[2 * n]) for n in range(10, 16)]
    row, _ = delivered(case_of(tmp_path, [Piece(frames)]))
    (note,) = row["notes"]
    assert note.startswith("interlaced (")


def test_a_part_of_another_shape_is_planned_anew_for_another_target(tmp_path: Path) -> None:
    options = {"b": "6000000", "bf": "0", "g": "5"}
    shapes = Fraction(1), Fraction(4, 3)
    pieces = [Piece(film(8 - n, 96, 72), s, "mpeg2video", options=options) for n, s in enumerate(shapes)]
    case = case_of(tmp_path, pieces)
    delivered(case)
    row, _ = delivered(case, "target.aspect=2")
    assert (row["out_width"], row["out_height"]) == (144, 72)
    assert "into 144x72" in row["notes"][0]


def test_a_clock_that_starts_earlier_claims_no_length(tmp_path: Path) -> None:
    """FFmpeg reckons a day for two recordings joined, of which the second has the earlier times."""
    case = Case(tmp_path, tmp_path / "in")
    case.source.mkdir()
    case.engine()
    parts = []
    for start in (2500, 500):
        stamps = range(start, start + 10)
        film = Source(10, "mpeg2video", {}, sar=Fraction(1), fps=Fraction(RATE), stamps=stamps)
        parts.append(write_source(tmp_path / f"{start}.ts", film).read_bytes())
    (case.source / "a.ts").write_bytes(b"".join(parts))
    row = run_stages(case, suffix=".mkv")
    assert row["status"] == "ok"
    assert [note for note in row["notes"] if "clock" not in note] == []

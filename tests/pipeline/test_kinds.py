"""All kinds of files of ``media/kinds.py`` in one run: what is promised of each is checked by a plain decoder."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pyarrow.parquet as pq
import pytest
from batch_runs import batch
from kinds import GREY, KINDS, RGB, YUV420P10, YUV422, YUV422P10, YUV444, Kind
from kinds_page import DOCS, documented
from media_files import YUV420, packets_of

from remaster.imaging.geometry import window
from remaster.media.siting import chroma_location
from remaster.media.types import PixelFormat, Rect

FORMATS = {form.name: form for form in (GREY, RGB, YUV420, YUV420P10, YUV422, YUV422P10, YUV444)}
PLANAR = {"yuvj420p": "yuv420p", "yuyv422": "yuv422p", "bgr0": "gbrp", "bgra": "gbrp", "yuva420p": "yuv420p"}
GOOD = [kind for kind in KINDS if not kind.fails]


@dataclass(frozen=True)
class Run:
    root: Path
    code: int
    printed: str
    rows: Mapping[str, dict[str, Any]]

    def files(self, kind: Kind) -> tuple[Path, Path]:
        """The source and what was made of it."""
        return self.root / "in" / kind.name, self.root / "out" / self.rows[kind.name]["output"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, ray_cluster: None) -> Run:
    """Every kind in one folder, remastered losslessly."""
    root = tmp_path_factory.mktemp("kinds")
    (root / "in").mkdir()
    for kind in KINDS:
        kind.make(root / "in" / kind.name)
    code, printed = batch(root / "in", root / "out", "output.codec=ffv1", "segmenter=none")
    rows = pq.read_table(root / "out" / "metadata" / "videos").to_pylist()
    return Run(root, code, printed, {row["video"]: row for row in rows})


def shown(path: Path) -> tuple[list[av.VideoFrame], dict[str, Any]]:
    """All frames and what the stream says of itself, by FFmpeg alone."""
    frames = []
    with av.open(str(path)) as container:
        stream = next(s for s in container.streams.video if not s.disposition & av.stream.Disposition.attached_pic)
        packets = container.demux(stream)
        while True:
            try:
                packet = next(packets, None)
                frames += stream.decode(packet) if packet is not None else []
            except EOFError:
                break
            except av.FFmpegError:
                continue
            if packet is None:
                break
        context = stream.codec_context
        facts = {
            "sar": stream.sample_aspect_ratio or Fraction(1),
            "matrix": context.colorspace,
            "primaries": context.color_primaries,
            "transfer": context.color_trc,
            "siting": chroma_location(frames[0], stream),
        }
        return frames, facts


def planes(frame: av.VideoFrame, form: PixelFormat) -> list[np.ndarray[Any, Any]]:
    if frame.format.name.replace("yuvj", "yuv") != form.name:
        frame = frame.reformat(format=form.name)
    dtype = np.uint8 if form.depth == 8 else np.uint16
    shapes = form.plane_shapes(frame.width, frame.height)
    arrays = [np.frombuffer(plane, dtype) for plane in frame.planes]
    lines = [plane.line_size // np.dtype(dtype).itemsize for plane in frame.planes]
    return [a.reshape(-1, n)[:h, :w] for a, n, (h, w) in zip(arrays, lines, shapes, strict=True)]


def test_the_run_ends_and_says_what_failed(run: Run) -> None:
    assert run.code == 1
    assert {row["video"] for row in run.rows.values()} == {kind.name for kind in KINDS}
    assert not [row["video"] for row in run.rows.values() if row["status"] == "fallback"]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.fails], ids=lambda kind: kind.name)
def test_what_cannot_be_read_is_named_in_one_sentence(kind: Kind, run: Run) -> None:
    row = run.rows[kind.name]
    assert row["status"] == "failed"
    assert re.search(kind.fails, row["error"])
    assert kind.name in row["error"]
    assert kind.name in run.printed
    assert "Traceback" not in run.printed


@pytest.mark.parametrize("kind", GOOD, ids=lambda kind: kind.name)
def test_every_kind_comes_through(kind: Kind, run: Run) -> None:
    row = run.rows[kind.name]
    assert (row["status"], row["error"]) == ("incomplete" if kind.incomplete else "ok", None)
    assert row["source_filter"] == kind.source_filter
    assert re.search(kind.notes, " ".join(row["notes"])) if kind.notes else not row["notes"] or kind.size
    source, made = run.files(kind)
    (before, facts), (after, told) = shown(source), shown(made)
    assert len(after) == row["frames"] == kind.frames or kind.frames == -1
    assert 0 < len(after) <= 40
    tags = {"matrix": 2, "primaries": 2, "transfer": 2, "siting": 0}  # which is unspecified
    known = {name: facts[name] for name, unknown in tags.items() if facts[name] != unknown}
    assert {name: told[name] for name in known} == known
    assert float(told["sar"]) == pytest.approx(float(facts["sar"]), rel=0.005)
    frame = after[0]
    if kind.size:
        assert (frame.width, frame.height) == kind.size
    else:
        assert abs(frame.width * told["sar"] - Fraction(16, 9) * frame.height) <= 4 * told["sar"]
    if kind.exact:
        same_centre_and_times(before, after, facts["sar"])


def same_centre_and_times(before: list[av.VideoFrame], after: list[av.VideoFrame], sar: Fraction) -> None:
    form = FORMATS[PLANAR.get(before[0].format.name, before[0].format.name)]
    whole = Rect(0, 0, before[0].width, before[0].height)
    aspect = Fraction(9, 16) if before[0].rotation else Fraction(16, 9)
    place = window(whole, sar, form, aspect)
    for one, other in zip(before, after, strict=False):
        for plane, wide in zip(planes(one, form), planes(other, form), strict=True):
            step_x, step_y = round(whole.width / plane.shape[1]), round(whole.height / plane.shape[0])
            y, x = place.y // step_y, place.x // step_x
            np.testing.assert_array_equal(plane, wide[y : y + plane.shape[0], x : x + plane.shape[1]])
    if all(frame.pts is not None for frame in before):
        first = [float(frame.pts * frame.time_base) for frame in before if frame.pts is not None and frame.time_base]
        times = [float(frame.pts * frame.time_base) for frame in after if frame.pts is not None and frame.time_base]
        if first == sorted(set(first)):
            assert times == pytest.approx(first[: len(times)], abs=0.00101)
        assert times == sorted(set(times))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.size], ids=lambda kind: kind.name)
def test_what_fills_the_target_is_copied(kind: Kind, run: Run) -> None:
    source, made = run.files(kind)
    (before,), (after,) = packets_of(source, "video"), packets_of(made, "video")
    assert ([data for _, data in before] == [data for _, data in after]) == kind.copied


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.tracks], ids=lambda kind: kind.name)
def test_sound_and_subtitles_are_copied(kind: Kind, run: Run) -> None:
    source, made = run.files(kind)
    with av.open(str(made)) as container:
        tracks = [s for s in container.streams if s.type in ("audio", "subtitle") and s.codec_context]
        assert tuple(s.codec_context.codec.canonical_name for s in tracks) == kind.tracks
    for type_ in ("audio", "subtitle"):
        for one, other in zip(packets_of(source, type_), packets_of(made, type_), strict=True):
            if kind.name != "transport.ts":  # whose packets begin with a header of their own
                assert [data for _, data in one] == [data for _, data in other]
            assert len(one) == len(other)


def test_chapters_attachments_and_covers_go_along(run: Run) -> None:
    by_name = {kind.name: kind for kind in KINDS}
    with av.open(str(run.files(by_name["everything.mkv"])[1])) as container:
        assert len(container.chapters()) == 2
        assert [s.data for s in container.streams.attachments] == [b"font" * 9]
    with av.open(str(run.files(by_name["cover.mp4"])[1])) as container:
        assert len(container.streams.video) == 2


def test_the_documentation_is_made_of_the_kinds() -> None:
    page = DOCS.read_text()
    assert documented(page) == page, "make docs"

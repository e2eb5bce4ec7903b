"""Subtitles that are pictures, shown by FFmpeg before and after: they lie on the same pixels of the picture."""

from __future__ import annotations

import subprocess
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from imageio_ffmpeg import get_ffmpeg_exe
from media_files import YUV420

from remaster.arrays import Gray
from remaster.media.encode import SegmentWriter
from remaster.media.encoders import EncoderSettings
from remaster.media.probe import probe
from remaster.media.remux import assemble, verify
from remaster.media.subtitles.bitmaps import DvbMover, VobSubMover
from remaster.media.subtitles.places import Place, Places, Stay

WIDTH, HEIGHT, SECONDS = 160, 120, 4
CODECS = ("copy", "dvdsub", "dvbsub")  # of PGS: as it is, as VobSub, as DVB subtitles
# Where the picture lies: (frame's width, height, x, y).
FRAMES = {"left": (212, 120, 0, 0), "centre": (212, 120, 26, 0), "higher": (160, 200, 0, 50)}
SIGN = (40, 20, 30, 70)  # width, height, x, y


def segment(kind: int, body: bytes, seconds: float) -> bytes:
    stamp = round(seconds * 90000).to_bytes(4)
    return b"PG" + stamp + bytes(4) + bytes([kind]) + len(body).to_bytes(2) + body


def two(*values: int) -> bytes:
    return b"".join(value.to_bytes(2) for value in values)


def shown(number: int, start: float, end: float) -> bytes:
    """A white sign of PGS from ``start`` to ``end``, and what takes it away."""
    width, height, x, y = SIGN
    canvas = two(WIDTH, HEIGHT) + b"\x10"
    lines = (b"\x00" + bytes([0x80 | width]) + b"\x01" + b"\x00\x00") * height
    sizes = (len(lines) + 4).to_bytes(3) + two(width, height)
    first = canvas + two(number) + b"\x80\x00\x00\x01" + two(0) + b"\x00\x00" + two(x, y)
    parts = [
        (0x16, first),
        (0x17, b"\x01\x00" + two(x, y, width, height)),
        (0x14, b"\x00\x00" + b"\x01\xeb\x80\x80\xff"),
        (0x15, two(0) + b"\x00\xc0" + sizes + lines),
        (0x80, b""),
    ]
    gone = [
        (0x16, canvas + two(number + 1) + b"\x00\x00\x00\x00"),
        (0x17, b"\x01\x00" + two(x, y, width, height)),
        (0x80, b""),
    ]
    return b"".join(segment(kind, body, at) for at, group in ((start, parts), (end, gone)) for kind, body in group)


def ffmpeg(*words: str, folder: Path) -> bytes:
    command = [get_ffmpeg_exe(), "-v", "error", "-y", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, check=True).stdout


@pytest.fixture(scope="module", params=CODECS)
def film(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return source(tmp_path_factory.mktemp("film"), request.param)


def source(folder: Path, codec: str) -> Path:
    (folder / "a.sup").write_bytes(shown(0, 0.2, 1.8) + shown(2, 2.2, 3.8))
    black = f"color=black:s={WIDTH}x{HEIGHT}:r=10:d={SECONDS}"
    pieces = ("-f", "lavfi", "-i", black, "-i", "a.sup", "-map", "0:v", "-map", "1:s", "-c:s", codec, "b.mkv")
    ffmpeg(*pieces, folder=folder)
    times = iter((200, 1800, 2200, 3800))  # FFmpeg's own conversion of PGS to DVB loses some
    with av.open(str(folder / "b.mkv")) as made, av.open(str(folder / "a.mkv"), "w") as target:
        streams = [target.add_stream_from_template(stream, opaque=True) for stream in made.streams]
        for packet in made.demux():
            if not packet.size:
                continue
            if packet.stream_index == 1 and codec == "dvbsub":
                packet.pts = packet.dts = next(times)
                packet.duration = 100
            packet.stream = streams[packet.stream_index]
            target.mux(packet)
    return folder / "a.mkv"


def overlaid(path: Path, width: int, height: int) -> Gray:
    """The film with its subtitles, frame 10 of it and frame 30."""
    made = ffmpeg(
        "-i", path.name, "-filter_complex", "[0:v][0:s]overlay,format=gray", "-f", "rawvideo", "-", folder=path.parent
    )  # fmt: skip
    return np.frombuffer(made, np.uint8).reshape(-1, height, width)[[10, 30]]


def black_film(film: Path, folder: Path, width: int, height: int) -> Path:
    planes = tuple(
        np.full(shape, level, np.uint8)
        for shape, level in zip(YUV420.plane_shapes(width, height), (16, 128, 128), strict=True)
    )
    info = probe(str(film))
    path = folder / "0.mkv"
    settings = EncoderSettings(preset="ultrafast")
    with SegmentWriter(
        path, width, height, info.sar, info.format, info.color, info.fps, info.time_base, settings
    ) as writer:
        for number in range(10 * SECONDS):
            writer.write(planes, number * 100)
    return path


def place(frame: tuple[int, int, int, int]) -> Place:
    width, height, x, y = frame
    return Place(Fraction(x, width), Fraction(y, height), Fraction(WIDTH, width), Fraction(HEIGHT, height))


@pytest.mark.parametrize("frame", ["centre", "higher"])
def test_signs_lie_on_the_same_pixels(film: Path, tmp_path: Path, frame: str) -> None:
    before = overlaid(film, WIDTH, HEIGHT)
    width, height, x, y = FRAMES[frame]
    info, pts = probe(str(film)), np.arange(10 * SECONDS) * 100
    places = Places([Stay(Fraction(0), Fraction(SECONDS), place(FRAMES[frame]))])
    out = tmp_path / "out.mkv"
    made = assemble(info, [black_film(film, tmp_path, width, height)], pts, out, places=places)
    assert made.departures.moved == {1}
    verify(info, out, pts, departures=made.departures)
    after = overlaid(out, width, height)
    assert before.max(axis=(1, 2)).min() > 200, "both signs are seen"
    np.testing.assert_array_equal(after[:, y : y + HEIGHT, x : x + WIDTH], before)
    after = after.copy()
    after[:, y : y + HEIGHT, x : x + WIDTH] = 0
    assert after.max() < 40, "and nowhere else"


def test_they_follow_from_shot_to_shot(film: Path, tmp_path: Path) -> None:
    before = overlaid(film, WIDTH, HEIGHT)
    info, pts = probe(str(film)), np.arange(10 * SECONDS) * 100
    frames = FRAMES["left"], FRAMES["centre"]
    stays = [Stay(Fraction(2 * n), Fraction(2 * n + 2), place(frame)) for n, frame in enumerate(frames)]
    out = tmp_path / "out.mkv"
    assemble(info, [black_film(film, tmp_path, 212, 120)], pts, out, places=Places(stays))
    for one, other, (_, _, x, _) in zip(before, overlaid(out, 212, 120), frames, strict=True):
        np.testing.assert_array_equal(other[:, x : x + WIDTH], one)


def test_what_stood_on_bars_is_seen(film: Path, tmp_path: Path) -> None:
    """A film of 160x80 within its bars: the sign's lower part lay on them."""
    info, pts = probe(str(film)), np.arange(10 * SECONDS) * 100
    cut = Place(Fraction(0), Fraction(-20, 80), Fraction(1), Fraction(120, 80))
    out = tmp_path / "out.mkv"
    places = Places([Stay(Fraction(0), Fraction(SECONDS), cut)])
    assemble(info, [black_film(film, tmp_path, 160, 80)], pts, out, places=places)
    for picture in overlaid(out, 160, 80):
        assert (picture > 200).sum() == SIGN[0] * SIGN[1]


def test_where_nothing_moves_all_is_copied(film: Path, tmp_path: Path) -> None:
    info, pts = probe(str(film)), np.arange(10 * SECONDS) * 100
    for places in (None, Places([Stay(Fraction(0), Fraction(SECONDS), Place())])):
        made = assemble(info, [black_film(film, tmp_path, WIDTH, HEIGHT)], pts, tmp_path / "out.mkv", places=places)
        assert not made.departures.moved
        verify(info, tmp_path / "out.mkv", pts)


def test_vobsub_without_a_canvas_gets_one() -> None:
    mover = VobSubMover(b"", (720, 480), Place(Fraction(1, 8), Fraction(0), Fraction(3, 4), Fraction(1)))
    assert mover.header().startswith(b"size: 960x480\n")


def test_dvb_without_a_display_definition_gets_one() -> None:
    usual = Place(Fraction(1, 8), Fraction(0), Fraction(3, 4), Fraction(1))
    page = b"\x0f\x10\x00\x01" + two(8) + b"\x05\x00" + b"\x07\x00" + two(100, 500)
    moved = DvbMover(usual).packet(page, usual)
    assert moved == b"\x0f\x14\x00\x01" + two(5) + b"\x00" + two(959, 575) + page[:-4] + two(220, 500)


def test_colours_that_change_within_a_vobsub_move_with_it() -> None:
    area = bytes([0x05]) + int("064" + "0C7" + "032" + "063", 16).to_bytes(6)
    colours = two(0x0032, 0x1063) + two(110) + bytes(4) + b"\x0f\xff\xff\xff"
    control = two(0, 4) + area + b"\x07" + two(2 + len(colours)) + colours + b"\xff"
    unit = two(4 + len(control), 4) + control
    mover = VobSubMover(b"size: 720x480\n", (720, 480), Place(Fraction(1, 8), Fraction(0), Fraction(3, 4), Fraction(1)))
    moved = mover.packet(unit, Place(Fraction(1, 8), Fraction(0), Fraction(3, 4), Fraction(1)))
    assert moved[9:15] == int("0DC" + "13F" + "032" + "063", 16).to_bytes(6)
    assert moved[18:24] == two(0x0032, 0x1063, 230)


def test_the_usual_place_is_the_one_that_holds_longest() -> None:
    left, right = Place(x=Fraction(0)), Place(x=Fraction(1, 4))
    stays = [Stay(Fraction(0), Fraction(2), left), Stay(Fraction(2), Fraction(5), right)]
    places = Places(stays)
    assert places.usual == right
    assert places.at(Fraction(1), Fraction(5, 2)) == left, "where most of it is seen"
    assert (places.at(Fraction(-2), Fraction(-1)), places.at(Fraction(9), Fraction(9))) == (left, right)

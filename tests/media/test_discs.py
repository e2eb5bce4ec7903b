"""DVDs: titles in several files, scrambled sectors, images of discs."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import av
import pytest
from kind_files import MPEG2, scrambled, source
from media_files import packets_of, write_segments, write_source
from pycdlib import PyCdlib

from remaster.errors import MediaError
from remaster.media.decode import decode
from remaster.media.disc_images import DISC_FOLDER, films
from remaster.media.discs import open_parts, parts, title_part
from remaster.media.discs import scrambled as is_scrambled
from remaster.media.encoders import EncoderSettings
from remaster.media.probe import probe
from remaster.media.remux import assemble, verify
from remaster.pipeline.inputs import find_dataset


@pytest.fixture
def title(tmp_path: Path) -> Path:
    """A title of 60 frames in three files, cut inside groups of pictures; beside it the whole of it, and its menu."""
    whole = write_source(tmp_path / "whole.vob", replace(MPEG2, frames=60, audio=("mp2",)))
    data = whole.read_bytes()
    cuts = [0, len(data) // 3 + 5, len(data) // 2 + 77, len(data)]
    for number, (start, end) in enumerate(pairwise(cuts), start=1):
        (tmp_path / f"VTS_03_{number}.VOB").write_bytes(data[start:end])
    (tmp_path / "VTS_03_0.VOB").write_bytes(data[:2048])
    (tmp_path / "VTS_03_5.VOB").write_bytes(data[:2048])  # no part 4: what follows belongs to something else
    return tmp_path / "VTS_03_1.VOB"


def test_a_title_is_one_video(title: Path) -> None:
    info, whole = probe(str(title)), probe(str(title.with_name("whole.vob")))
    assert [Path(path).name for path in parts(str(title))] == [f"VTS_03_{n}.VOB" for n in (1, 2, 3)]
    assert info.size == whole.size
    ours, theirs = list(decode(info)), list(decode(whole))
    assert len(ours) == 60
    for one, other in zip(ours, theirs, strict=True):
        assert one.pts == other.pts
        assert (one.planes[0] == other.planes[0]).all()


def test_a_title_can_be_read_from_its_middle(title: Path) -> None:
    info = probe(str(title))
    times = [frame.pts for frame in decode(info)]
    some = [frame.pts for frame in decode(info, start_pts=times[41], count=4)]
    assert some == times[41:45]


def test_a_changed_part_is_another_video(title: Path) -> None:
    before = probe(str(title))
    last = title.with_name("VTS_03_3.VOB")
    last.write_bytes(last.read_bytes() + bytes(2048))
    after = probe(str(title))
    assert (after.size, after.mtime_ns) != (before.size, before.mtime_ns)


def test_only_a_first_part_stands_for_others(title: Path) -> None:
    second = str(title.with_name("VTS_03_2.VOB"))
    assert parts(second) == [second]
    assert parts(str(title.with_name("whole.vob"))) == [str(title.with_name("whole.vob"))]
    assert title_part("vts_03_2.vob") == ("vts_03.vob", 2)
    assert title_part("VTS_03_0.VOB") is None


def test_files_read_as_one(tmp_path: Path) -> None:
    chance = random.Random(3)
    pieces = [chance.randbytes(size) for size in (10, 0, 5000, 1)]
    paths = []
    for number, piece in enumerate(pieces):
        (tmp_path / str(number)).write_bytes(piece)
        paths.append(str(tmp_path / str(number)))
    whole = b"".join(pieces)
    with open_parts(paths) as file:
        assert file.read() == whole
        for _ in range(50):
            start, size = chance.randrange(len(whole) + 9), chance.randrange(3000)
            file.seek(start)
            assert file.read(size) == whole[start : start + size]
        file.seek(-7, 2)
        assert file.read() == whole[-7:]


@pytest.mark.parametrize("name", ["free.vob", "free.ts", "free.mkv"])
def test_what_is_not_scrambled_is_not_called_so(name: str, tmp_path: Path) -> None:
    source(MPEG2)(tmp_path / name)
    assert not is_scrambled(str(tmp_path / name))


def test_a_flat_picture_is_no_stream_of_packets(tmp_path: Path) -> None:
    (tmp_path / "grey.y4m").write_bytes(b"YUV4MPEG2 W64 H48 F25:1\nFRAME\n" + b"G" * (64 * 48 * 3 // 2))
    assert not is_scrambled(str(tmp_path / "grey.y4m"))


def test_recordings_joined_at_any_byte_are_not_called_scrambled(tmp_path: Path) -> None:
    source(replace(MPEG2, frames=60))(tmp_path / "a.ts")
    data = (tmp_path / "a.ts").read_bytes()
    (tmp_path / "b.ts").write_bytes(data[: 4 * 188 + 77] + data)
    assert not is_scrambled(str(tmp_path / "b.ts"))


def test_scrambled_streams_are_refused_in_one_sentence(tmp_path: Path) -> None:
    source(replace(MPEG2, frames=30))(tmp_path / "a.vob")
    (tmp_path / "a.vob").write_bytes(scrambled(bytearray((tmp_path / "a.vob").read_bytes())))
    source(MPEG2)(tmp_path / "b.ts")
    packets = bytearray((tmp_path / "b.ts").read_bytes())
    for at in range(0, len(packets), 188):
        packets[at + 3] |= 0x80
    (tmp_path / "b.ts").write_bytes(packets)
    (tmp_path / "c.ts").write_bytes(packets[100:])
    stamped = b"".join(b"\1\2\3\4" + packets[at : at + 188] for at in range(0, len(packets), 188))
    (tmp_path / "d.m2ts").write_bytes(stamped)
    for name in ("a.vob", "b.ts", "c.ts", "d.m2ts"):
        with pytest.raises(MediaError, match=rf"{name} is scrambled: decrypt the disc first \(or the recording\)$"):
            probe(str(tmp_path / name))


LISTS = {
    "list.mkv": "ffconcat version 1.0\nfile '{}'\n",
    "playlist.mp4": "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nfile://{}\n#EXT-X-ENDLIST\n",
    "marked.ts": "\ufeff#EXTM3U\n{}\n",
    "session.avi": "v=0\no=- 0 0 IN IP4 127.0.0.1\nm=video 9 RTP/AVP 96\n",
}


@pytest.mark.parametrize("name", LISTS)
def test_no_text_makes_the_program_read_another_file(name: str, tmp_path: Path) -> None:
    film = write_source(tmp_path / "film.ts", MPEG2)
    (tmp_path / name).write_text(LISTS[name].format(film))
    read = film.stat().st_atime_ns
    with pytest.raises(MediaError, match=rf"{name} is a .*, a text: what it names is not read"):
        probe(str(tmp_path / name))
    assert film.stat().st_atime_ns == read


def test_nor_does_a_name(tmp_path: Path) -> None:
    """FFmpeg takes ``%d`` in a picture's name for the number of one of many files."""
    frame = av.VideoFrame(64, 48, "yuvj420p")
    context = av.CodecContext.create("mjpeg", "w")
    context.width, context.height, context.pix_fmt, context.time_base = 64, 48, "yuvj420p", 1
    (packet,) = context.encode(frame)
    (tmp_path / "1.jpg").write_bytes(bytes(packet))
    (tmp_path / "%d.jpg").write_bytes(b"no picture")
    with pytest.raises(MediaError, match=r"%d\.jpg is no media file"):
        probe(str(tmp_path / "%d.jpg"))


def image_of(folder: Path, image: Path) -> Path:
    """A folder as the image of a disc, with ISO 9660 and UDF, as DVDs have them."""
    disc = PyCdlib()
    disc.new(udf="2.60", interchange_level=3)
    disc.add_directory(f"/{DISC_FOLDER}", udf_path=f"/{DISC_FOLDER}")
    for file in sorted(folder.iterdir()):
        disc.add_file(str(file), f"/{DISC_FOLDER}/{file.name};1", udf_path=f"/{DISC_FOLDER}/{file.name}")
    disc.write(str(image))
    disc.close()
    return image


@pytest.fixture
def disc(title: Path) -> Path:
    """The image of a DVD with one title in three parts, a menu and a table."""
    folder = title.with_name("disc")
    folder.mkdir()
    for number in range(4):
        title.with_name(f"VTS_03_{number}.VOB").rename(folder / f"VTS_03_{number}.VOB")
    (folder / "VTS_03_0.IFO").write_bytes(bytes(2048))
    return image_of(folder, title.with_name("A film.ISO"))


def test_the_titles_in_an_image_are_videos(disc: Path) -> None:
    dataset = find_dataset([str(disc)], "out")
    assert [video.name for video in dataset.videos] == ["A film/VTS_03.VOB"]
    assert dataset.left_out == ("menu of a DVD (1): A film/VTS_03_0.VOB",)
    assert find_dataset([str(disc.parent)], "out").videos[0].name == "A film/VTS_03.VOB"
    path = dataset.videos[0].path
    info, whole = probe(path), probe(str(disc.with_name("whole.vob")))
    assert (info.size, info.mtime_ns) == (whole.size, disc.stat().st_mtime_ns)
    ours, theirs = list(decode(info)), list(decode(whole))
    assert len(ours) == 60
    assert all(a.pts == b.pts and (a.planes[0] == b.planes[0]).all() for a, b in zip(ours, theirs, strict=True))
    (frame,) = decode(info, start_pts=ours[41].pts, count=1)
    assert (frame.planes[0] == ours[41].planes[0]).all()


def test_a_title_in_an_image_is_delivered_and_proved(disc: Path, tmp_path: Path) -> None:
    path = find_dataset([str(disc)], "out").videos[0].path
    info = probe(path)
    segments, pts = write_segments(tmp_path, info, (60,), EncoderSettings(preset="ultrafast"))
    out = tmp_path / "out.mkv"
    done = assemble(info, segments, pts, out)
    verify(info, out, pts, departures=done.departures)
    (ours,), (theirs,) = packets_of(out, "audio"), packets_of(disc.with_name("whole.vob"), "audio")
    assert [data for _, data in ours] == [data for _, data in theirs]


def test_other_images_are_refused_in_one_sentence(disc: Path, tmp_path: Path) -> None:
    plain = PyCdlib()
    plain.new()
    plain.write(str(tmp_path / "program.iso"))
    data = disc.read_bytes()
    (tmp_path / "torn.iso").write_bytes(data[: 17 * 2048])
    for name in ("program.iso", "torn.iso"):
        (video,) = find_dataset([str(tmp_path / name)], "out").videos
        with pytest.raises(MediaError, match=rf"{name} is the image of a disc without a readable VIDEO_TS folder"):
            probe(video.path)
    half = tmp_path / "half.iso"
    half.write_bytes(data[:-300_000])
    assert "VTS_03_3.VOB" not in films(str(half)), "what lies beyond the end of a file is not there"

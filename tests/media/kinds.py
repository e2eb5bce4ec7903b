"""Every kind of file that is promised to be handled: how to make a tiny one, and what must become of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import accumulate
from pathlib import Path

from kind_files import (
    FRAMES,
    MPEG2,
    PLAIN,
    SMALL,
    Make,
    absurd,
    as_image,
    barred,
    coded,
    damaged,
    film,
    gif,
    interlaced,
    scrambled,
    scratched,
    see_through,
    sound_alone,
    source,
    telecined,
    text,
    two_sizes,
    with_cover,
)
from media_files import OPEN_GOP

from remaster.media.types import PixelFormat


@dataclass(frozen=True)
class Kind:
    """``name`` is the file's. ``becomes`` says it in words; the rest is checked.

    ``size`` is the output's in stored pixels; None: as computed from the source's own aspect. ``fails``: what the error
    says; then nothing else counts. ``notes``: what the video's notes say; ``incomplete``: they name
    a loss. ``exact``: the centre equals what a plain decoder shows. ``copied``: the picture's packets are the source's.
    """

    name: str
    what: str
    becomes: str
    make: Make
    size: tuple[int, int] | None = None
    frames: int = FRAMES
    fails: str = ""
    notes: str = ""
    source_filter: str | None = None
    exact: bool = True
    tracks: tuple[str, ...] = ()
    copied: bool = False
    incomplete: bool = False


KEY = {"encryption_scheme": "cenc-aes-ctr", "encryption_key": "1" * 32, "encryption_kid": "2" * 32}
VARIED = list(accumulate([33, 5, 500, 20, 41, 42, 33, 40, 41], initial=0))
LATE = [1500 + 42 * number for number in range(FRAMES)]
GREY = PixelFormat("gray", "gray")
YUV422, YUV444 = PixelFormat("yuv422p", "yuv", 8, 1, 0), PixelFormat("yuv444p", "yuv")
YUV420P10, YUV422P10 = PixelFormat("yuv420p10le", "yuv", 10, 1, 1), PixelFormat("yuv422p10le", "yuv", 10, 1, 0)
RGB = PixelFormat("gbrp", "rgb")
BT601 = {"colorspace": 6, "color_primaries": 6, "color_trc": 6, "color_range": 1}
HDR = {"colorspace": 9, "color_primaries": 9, "color_trc": 16, "color_range": 1}
FULL_RANGE = {"color_range": 2}

GEOMETRY = (
    Kind(
        "ntsc.mkv",
        "DVD for NTSC: sample aspect ratio 8:9",
        "wider; the ratio stays",
        source(replace(PLAIN, sar=Fraction(8, 9))),
    ),
    Kind("pal.mkv", "DVD for PAL: 16:15", "wider; the ratio stays", source(replace(PLAIN, sar=Fraction(16, 15)))),
    Kind(
        "anamorphic.mkv",
        "anamorphic: 32:27, fills the target",
        "passed through, packet by packet",
        source(replace(PLAIN, sar=Fraction(32, 27))),
        size=SMALL,
        copied=True,
    ),
    Kind(
        "odd.mkv",
        "odd width and height",
        "wider; one line of fill, since encoders want even sizes",
        coded(film(width=95, height=63)),
    ),
    Kind(
        "rotated.mp4",
        "rotation flag of 90 degrees",
        "the flag stays; what is shown fills the target",
        coded(film(width=96, height=128), "libx264", rotation=90),
        size=(96, 172),
    ),
    Kind(
        "pillarbox.mkv",
        "4:3 with bars left and right inside 16:9",
        "bars off, the picture inside extended",
        coded(barred(128, 72, 16, 0)),
        size=(128, 72),
        exact=False,
    ),
    Kind(
        "letterbox.mkv",
        "a wide film with bars above and below inside 4:3",
        "bars off, extended above and below",
        coded(barred(120, 90, 0, 18)),
        size=(120, 66),
        exact=False,
    ),
    Kind(
        "wide.mkv",
        "16:9 already",
        "passed through, packet by packet",
        coded(film(width=128, height=72)),
        size=(128, 72),
        copied=True,
    ),
    Kind(
        "wide.mp4",
        "16:9 with B-frames, open groups of pictures and sound",
        "passed through, packet by packet",
        source(replace(PLAIN, size=(128, 72), sar=Fraction(1), options=OPEN_GOP, audio=("aac",), frames=30)),
        size=(128, 72),
        frames=30,
        tracks=("aac",),
        copied=True,
    ),
    Kind(
        "wide.avi",
        "16:9 in AVI",
        "encoded anew: its packets have no times",
        source(replace(PLAIN, size=(128, 72), sar=Fraction(1), codec="mpeg4", options={"g": "5"})),
        size=(128, 72),
    ),
    Kind("phone.mkv", "9:16", "wings wider than the frame", coded(film(width=54, height=96))),
)
COLOUR = (
    Kind("422.mkv", "4:2:2", "kept", coded(film(form=YUV422), pixel_format=YUV422)),
    Kind("444.mkv", "4:4:4", "kept", coded(film(form=YUV444), pixel_format=YUV444)),
    Kind("grey.mkv", "grey", "kept", coded(film(form=GREY), pixel_format=GREY)),
    Kind("10-bit.mkv", "10 bits, 4:2:0", "kept", coded(film(form=YUV420P10), pixel_format=YUV420P10)),
    Kind("10-bit-422.mkv", "10 bits, 4:2:2", "kept", coded(film(form=YUV422P10), pixel_format=YUV422P10)),
    Kind("rgb.mkv", "RGB", "kept", coded(film(form=RGB), pixel_format=RGB, encoded_as="bgr0")),
    Kind(
        "packed.avi",
        "packed YUV (yuyv422)",
        "kept as planes",
        coded(film(form=YUV422), "rawvideo", YUV422, encoded_as="yuyv422"),
    ),
    Kind("bt601.mkv", "BT.601 by its tags", "tags and matrix kept", coded(film(), tags=BT601)),
    Kind("hdr.mkv", "BT.2020, PQ, 10 bits", "tags kept", coded(film(form=YUV420P10), pixel_format=YUV420P10, tags=HDR)),
    Kind("full-range.mkv", "full range", "range kept", coded(film(), tags=FULL_RANGE)),
    Kind(
        "jpeg.avi",
        "Motion JPEG, full range",
        "range kept",
        coded(film(), "mjpeg", tags=FULL_RANGE, encoded_as="yuvj420p"),
    ),
    Kind(
        "top-left.mkv",
        "chroma samples at the top left, H.264",
        "tags and places kept",
        coded(film(), "libx264", options={"chroma_sample_location": "topleft"}),
    ),
    Kind(
        "centred.mpg",
        "chroma samples in the middle, by the standard (MPEG-1)",
        "places kept",
        source(replace(MPEG2, codec="mpeg1video")),
    ),
    Kind(
        "alpha.mkv",
        "transparency",
        "refused in one sentence",
        see_through,
        fails="transparency",
    ),
    Kind("opaque.mkv", "an alpha channel with nothing in it", "kept without it", coded(film(), encoded_as="yuva420p")),
    Kind(
        "bgra.mkv",
        "RGB with an alpha channel with nothing in it",
        "kept without it",
        coded(film(form=RGB), pixel_format=RGB, encoded_as="bgra"),
    ),
    Kind("gif.mov", "GIF, opaque, whatever it is called", "kept as RGB", gif),
    Kind(
        "ycgco.mkv",
        "YCgCo",
        "refused in one sentence",
        coded(film(form=YUV444), "libx264", YUV444, tags={"colorspace": 8}),
        fails="colour matrix",
    ),
)
TIME = (
    Kind(
        "film-rate.mkv",
        "24000/1001 frames a second",
        "every time kept",
        source(replace(PLAIN, fps=Fraction(24000, 1001))),
    ),
    Kind(
        "variable.mkv",
        "variable frame rate",
        "every time kept",
        source(replace(PLAIN, time_base=Fraction(1, 1000), stamps=VARIED)),
    ),
    Kind(
        "late.mp4",
        "first frame at 1.5 s",
        "every time kept",
        source(replace(PLAIN, time_base=Fraction(1, 1000), stamps=LATE)),
    ),
    Kind(
        "open-gop.mkv",
        "open groups of pictures, B-frames",
        "cut at exact frames",
        source(replace(PLAIN, options=OPEN_GOP, frames=30)),
        frames=30,
    ),
    Kind(
        "edit-list.mp4",
        "edit list, B-frames",
        "every time kept",
        source(replace(PLAIN, options=OPEN_GOP, audio=("aac",))),
        tracks=("aac",),
    ),
    Kind("no-times.m2v", "no timestamps at all", "times at the nominal rate", source(MPEG2)),
    Kind(
        "b-frames.avi",
        "AVI with B-frames: times in decoding order",
        "times put in order",
        source(replace(PLAIN, options={"g": "6", "bf": "2", "x264-params": "mbtree=0"}, codec="libx264")),
    ),
    Kind("one.mkv", "one frame", "one frame", coded(film(1)), frames=1),
    Kind("two.mkv", "two frames", "two frames", coded(film(2)), frames=2),
    Kind(
        "interlaced.mkv",
        "interlaced",
        "bwdif at the same rate, noted",
        coded(interlaced()),
        notes="deinterlaced by bwdif",
        source_filter="bwdif",
        exact=False,
    ),
    Kind(
        "telecined.mkv",
        "3:2 pulldown",
        "left as it is, noted; deinterlace=ivtc undoes it",
        coded(telecined()),
        frames=20,
        notes="telecined by 3:2 pulldown",
    ),
)
STREAMS = (
    Kind(
        "everything.mkv",
        "two sound tracks, text subtitles, chapters, an attachment",
        "all copied",
        source(replace(PLAIN, frames=30, audio=("aac", "ac3"), subtitles=True, chapters=True, attachment=b"font" * 9)),
        frames=30,
        tracks=("aac", "ac3", "subrip"),
    ),
    Kind("cover.mp4", "cover art", "goes along as an attachment", with_cover),
    Kind(
        "transport.ts",
        "MPEG-2 transport stream with AAC",
        "Matroska, sound copied",
        source(replace(MPEG2, audio=("aac",))),
        tracks=("aac",),
    ),
    Kind(
        "program.mpg",
        "MPEG program stream with MP2",
        "Matroska, sound copied",
        source(replace(MPEG2, audio=("mp2",), frames=30)),
        frames=30,
        tracks=("mp2",),
    ),
    Kind(
        "old.avi",
        "MPEG-4 part 2 with MP3",
        "Matroska, sound copied",
        source(replace(PLAIN, codec="mpeg4", options={"g": "5"}, audio=("mp3",), frames=30)),
        frames=30,
        tracks=("mp3",),
    ),
    Kind(
        "web.webm",
        "VP9 with Opus",
        "Matroska, sound copied",
        source(replace(PLAIN, codec="libvpx-vp9", options={}, audio=("libopus",), frames=12)),
        frames=12,
        tracks=("opus",),
    ),
)
DAMAGE = (
    Kind(
        "cut-off.mkv",
        "broken off in the middle",
        "what can be decoded, noted",
        damaged(coded(film(40)), lambda data: data[: len(data) // 2]),
        frames=-1,
        notes="headers claim",
        incomplete=True,
    ),
    Kind(
        "scratched.mkv",
        "broken packets",
        "what can be decoded, noted",
        damaged(source(replace(PLAIN, frames=24)), scratched),
        frames=-1,
        notes="damaged frames",
        exact=False,
    ),
    Kind(
        "two-sizes.ts",
        "another size midway",
        "scaled in its own shape into the frame of the rest, noted",
        two_sizes,
        frames=-1,
        source_filter="fit",
        notes="scaled in its own shape into",
        exact=False,
    ),
    Kind("sound.mkv", "sound alone", "refused in one sentence", sound_alone, fails="no video stream"),
    Kind("empty.mp4", "an empty file", "refused in one sentence", Path.touch, fails="is empty"),
    Kind(
        "text.avi", "text", "refused in one sentence", lambda path: path.write_text("no video at all\n" * 99), fails="."
    ),
    Kind(
        "headers.mkv",
        "headers and no frame",
        "refused in one sentence",
        damaged(coded(film(2)), lambda data: data[: data.index(b"\x1f\x43\xb6\x75")]),
        fails=".",
    ),
    Kind(
        "absurd.avi",
        "a claim of 60,000 x 60,000 pixels",
        "refused in one sentence",
        damaged(coded(film(), "rawvideo"), absurd),
        fails=".",
    ),
    Kind(
        "list.mkv",
        "a text that names other files (FFmpeg's list, HLS, ...), whatever it is called",
        "refused in one sentence, and none of them is read",
        text("ffconcat version 1.0\nfile 'ntsc.mkv'\n"),
        fails="a list of files for FFmpeg, a text",
    ),
    Kind(
        "playlist.ts",
        "a playlist",
        "refused in one sentence, and nothing it names is read",
        text("#EXTM3U\n#EXT-X-VERSION:3\n#EXTINF:10,\ntransport.ts\n#EXT-X-ENDLIST\n"),
        fails="a playlist, a text",
    ),
    Kind(
        "scrambled.vob",
        "a DVD's scrambled sectors",
        "refused in one sentence",
        damaged(source(MPEG2), scrambled),
        fails="decrypt the disc",
    ),
    Kind(
        "disc.mpg",
        "the image of a disc",
        "refused in one sentence",
        damaged(source(MPEG2), as_image),
        fails="the image of a disc",
    ),
    Kind("encrypted.mp4", "encrypted", "refused in one sentence", coded(film(), "libx264", container=KEY), fails="."),
)
GROUPS = {"Geometry": GEOMETRY, "Colour": COLOUR, "Time": TIME, "Streams and containers": STREAMS, "Damage": DAMAGE}
KINDS = tuple(kind for group in GROUPS.values() for kind in group)

"""A video's subtitles follow its picture through the whole run."""

from __future__ import annotations

from pathlib import Path

import av
import pytest
from clips import series_clip, still
from faulty_runs import Case
from stage_runs import run_stages

SCRIPT = """[Script Info]
ScriptType: v4.00+
PlayResX: 320
PlayResY: 240

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, Alignment, MarginL, MarginR, MarginV
Style: Default,DejaVu Sans,20,&H00FFFFFF,2,10,10,10

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Dialogue: 0,0:00:00.00,0:00:00.10,Default,,0,0,0,,{\\pos(100,50)}Shop
"""


@pytest.fixture
def case(tmp_path: Path) -> Case:
    """A film of 160x120; its script has units of half a pixel, and a sign at (100, 50)."""
    (tmp_path / "in").mkdir()
    series_clip(tmp_path / "film.mp4", [still(1, 5)])
    (tmp_path / "signs.ass").write_text(SCRIPT)
    with (
        av.open(str(tmp_path / "film.mp4")) as film,
        av.open(str(tmp_path / "signs.ass")) as signs,
        av.open(str(tmp_path / "in" / "a.mkv"), "w") as both,
    ):
        streams = (film.streams.video[0], signs.streams.subtitles[0])
        copies = [both.add_stream_from_template(stream, opaque=True) for stream in streams]
        for container, copy in zip((film, signs), copies, strict=True):
            for packet in container.demux():
                if packet.size and packet.stream_index == 0:
                    packet.stream = copy
                    both.mux(packet)
    case = Case(tmp_path, tmp_path / "in")
    case.engine()
    return case


def script_of(path: Path) -> tuple[str, list[str]]:
    with av.open(str(path)) as container:
        stream = container.streams.subtitles[0]
        header = (stream.codec_context.extradata or b"").decode()
        return header, [bytes(packet).decode() for packet in container.demux(stream) if packet.size]


@pytest.mark.parametrize(("framing", "x"), [("center", 152), ("left", 100), ("right", 204)])
def test_signs_move_with_the_framing(case: Case, framing: str, x: int) -> None:
    row = run_stages(case, f"target.framing={framing}", suffix=".mkv")
    assert (row["status"], row["out_width"]) == ("ok", 212)
    header, events = script_of(case.out / row["output"])
    assert "PlayResX: 424" in header
    assert f"pos({x},50)" in events[0]
    assert f",2,{x - 90},{424 - 320 - x + 110},10" in header


def test_they_stay_where_they_are_asked_to(case: Case) -> None:
    followed = run_stages(case, suffix=".mkv")
    kept = run_stages(case, "subtitles=keep", suffix=".mkv")
    assert kept["fingerprint"] != followed["fingerprint"], "the video is assembled again"
    assert script_of(case.out / kept["output"]) == script_of(case.source / "a.mkv")

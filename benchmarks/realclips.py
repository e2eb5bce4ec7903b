"""Do real films keep their shape, time and tracks? For example a DVD's non-square pixels and its bitmap subtitles.

Runs the whole program on the clips and checks the results with FFmpeg alone. The clips are not part of the project:
pass the folder they lie in.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av


@dataclass(frozen=True)
class Clip:
    """A film, how many of its scenes are enough, and what must come out."""

    name: str
    limit: int | None
    size: tuple[int, int]
    sar: Fraction
    frames: tuple[int, int] | None
    subtitles: str | None
    notes: str = ""


CLIPS = (
    Clip("popeye_sinbad_part1_dvd.mkv", None, (956, 478), Fraction(8, 9), (1799, 1800), "dvd_subtitle"),
    Clip("popeye_sinbad_part1.mkv", 1, (1910, 1074), Fraction(1), None, "hdmv_pgs_subtitle"),
    Clip("sintel_trailer_30s.mp4", 3, (854, 480), Fraction(1), None, None, "black bars"),
)


@dataclass(frozen=True)
class Shown:
    """What FFmpeg tells of a file."""

    size: tuple[int, int]
    sar: Fraction
    times: list[float]
    subtitles: dict[str, list[tuple[float, bytes]]]


def shown(path: Path, until: float = float("inf")) -> Shown:
    """Read a file's packets; subtitles that begin after ``until`` seconds are left out."""
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        context = video.codec_context
        times: list[float] = []
        subtitles: dict[str, list[tuple[float, bytes]]] = {
            stream.codec_context.name: [] for stream in container.streams.subtitles if stream.codec_context
        }
        for packet in container.demux():
            if packet.pts is None or not packet.size or packet.time_base is None:
                continue
            seconds = float(packet.pts * packet.time_base)
            if packet.stream_index == video.index:
                times.append(seconds)
            elif packet.stream.type == "subtitle" and packet.stream.codec_context and seconds < until:
                subtitles[packet.stream.codec_context.name].append((seconds, bytes(packet)))
        size = context.width, context.height
        return Shown(size, video.sample_aspect_ratio or Fraction(1), sorted(times), subtitles)


def check(clip: Clip, source: Shown, made: Shown, notes: Sequence[str]) -> list[str]:
    """What is not as it must be."""
    wrong = []
    if abs(made.size[0] - clip.size[0]) > 2 or abs(made.size[1] - clip.size[1]) > 2:
        wrong.append(f"size {made.size}, not {clip.size}")
    if abs(made.sar / clip.sar - 1) > Fraction(1, 200):
        wrong.append(f"sample aspect ratio {made.sar}, not {clip.sar}")
    if clip.frames and not clip.frames[0] <= len(made.times) <= clip.frames[1]:
        wrong.append(f"{len(made.times)} frames, not {clip.frames}")
    if any(abs(a - b) > 0.00101 for a, b in zip(source.times, made.times, strict=False)):
        wrong.append("times differ")
    if clip.subtitles and source.subtitles.get(clip.subtitles) != made.subtitles.get(clip.subtitles):
        wrong.append(f"{clip.subtitles} packets differ")
    if clip.notes and not any(clip.notes in note for note in notes):
        wrong.append(f"no note of {clip.notes}")
    return wrong


def remaster(clip: Clip, folder: Path, out: Path, options: Sequence[str]) -> dict[str, Any]:
    """Run the job as a program; its row of ``metadata/videos``."""
    import pyarrow.parquet as pq

    command = [sys.executable, "-m", "remaster.jobs.batch", f"dataset.path={folder / clip.name}", f"output.dir={out}"]
    command += [f"scenes.limit={clip.limit}"] if clip.limit else []
    subprocess.run([*command, *options], check=True)
    rows: list[dict[str, Any]] = pq.read_table(out / "metadata" / "videos").to_pylist()
    return rows[0]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("media", type=Path, help="the folder of the clips")
    parser.add_argument("--only", nargs="*", help="names of clips")
    parser.add_argument("--results", type=Path, help="a JSON file to write")
    parser.add_argument("options", nargs="*", help="more keys for the job, as output.preset=ultrafast")
    arguments = parser.parse_intermixed_args()
    found, failed = [], False
    for clip in [clip for clip in CLIPS if not arguments.only or clip.name in arguments.only]:
        started = time.monotonic()
        with tempfile.TemporaryDirectory() as out:
            row = remaster(clip, arguments.media, Path(out), arguments.options)
            made = shown(Path(out) / row["output"])
            end = made.times[-1] + 1 / row["fps"] if row["partial"] else float("inf")
            wrong = check(clip, shown(arguments.media / clip.name, end), made, row["notes"])
        facts = {
            "clip": clip.name,
            "size": made.size,
            "sar": str(made.sar),
            "frames": len(made.times),
            "partial": row["partial"],
            "subtitles": {name: len(packets) for name, packets in made.subtitles.items()},
            "notes": row["notes"],
            "wrong": wrong,
            "seconds": round(time.monotonic() - started, 1),
        }
        failed |= bool(wrong)
        found.append(facts)
        print(json.dumps(facts), flush=True)
    if arguments.results:
        arguments.results.write_text(json.dumps(found, indent=1) + "\n")
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main())

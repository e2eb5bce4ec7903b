"""Does memory grow with the length of a shot? Peak memory of the real steps over short and long shots.

``python -m benchmarks.longshot [--minutes 1 10] [--out FILE]`` draws a resting camera, a camera that pans back and
forth over a set three frames wide, and one over a set in depth whose near half moves faster (no background fits). It
encodes them small and sends each as one scene through the stages of a run (detect, analyze, segment, stitch,
outpaint, resample), without Ray. Each has a process of its own, and its peak resident memory is reported.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from hydra import compose, initialize_config_dir

from remaster.arrays import Rgb
from remaster.config import config_dir, register_schema, to_config
from remaster.imaging.camera import translation
from remaster.media.probe import probe
from remaster.pipeline import frames
from remaster.pipeline.delivery import resample_stage
from remaster.pipeline.engines import choose
from remaster.pipeline.inputs import find_videos
from remaster.pipeline.job import Job
from remaster.pipeline.stages import OutpaintStage, SegmentStage, analyze_stage, stitch_stage
from remaster.pipeline.store import Store
from remaster.pipeline.video_plan import plan_video
from remaster.rows import DELIVERED, PLANNED, PlannedScene, VideoRow
from remaster_sample.author import write_video
from remaster_sample.backgrounds import background
from remaster_sample.render import add_grain

WIDTH, HEIGHT, RATE = 192, 144, 12
SWEEP = 240
"""Frames of one way of the pan, whose speed does not depend on the shot's length."""
KINDS = ("still", "pan", "depth")
NEAR = 2.5
"""Times the far set's speed that the near one goes by."""


@dataclass(frozen=True)
class Peak:
    """One run: ``megabytes`` resident at most, in ``seconds``, of a scene delivered by ``methods``."""

    kind: str
    minutes: float
    frames: int
    megabytes: float
    seconds: float
    methods: str


def film(kind: str, frames: int) -> Iterator[Rgb]:
    """The frames, uint8 (HEIGHT, WIDTH, 3), drawn one by one, with grain and a ball that bounces through them."""
    village = np.asarray(background("village"))
    far = cv2.resize(village, (3 * WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    near = cv2.resize(village[:, ::-1], (round((1 + 2 * NEAR) * WIDTH), HEIGHT), interpolation=cv2.INTER_AREA)
    for i in range(frames):
        at = 0.5 if kind == "still" else 0.5 - 0.5 * np.cos(np.pi * i / SWEEP)
        picture = _seen(far, at * 2 * WIDTH)
        if kind == "depth":
            picture[HEIGHT // 2 :] = _seen(near, at * 2 * NEAR * WIDTH)[HEIGHT // 2 :]
        ball = round(WIDTH * (0.5 + 0.4 * np.sin(i / 20))), round(HEIGHT * (0.9 - 0.3 * abs(np.sin(i / 5))))
        cv2.circle(picture, ball, 12, (200, 40, 30), -1, cv2.LINE_AA)
        yield add_grain(picture, np.random.default_rng(i))


def _seen(world: Rgb, left: float) -> Rgb:
    """What a camera shows of a world from column ``left`` on."""
    return np.asarray(cv2.warpAffine(world, translation(-left, 0.0), (WIDTH, HEIGHT), flags=cv2.INTER_CUBIC), np.uint8)


def steps(path: str, folder: str) -> str:
    """All steps over a video's scenes, one after the other; returns the methods that they were delivered by."""
    cv2.setNumThreads(1)
    # At 640x480 and 24 frames a second no minute's frames are kept for the next step; here ten minutes' would be.
    frames.CACHE_BYTES = frames.CACHE_BYTES * WIDTH * HEIGHT * RATE // (640 * 480 * 24)
    register_schema()
    with initialize_config_dir(str(config_dir()), version_base="1.3"):
        config = to_config(compose("batch", overrides=["segmenter=motion", "inpainter=exemplar"]))
    store = Store(folder)
    (video,) = find_videos(path, store.root)
    segmenter, inpainter = choose("segmenter", config.segmenter, 0), choose("inpainter", config.inpainter, 0)
    job = Job(config, store, Fraction(16, 9), 0.5, segmenter, inpainter)
    methods = []
    for scene in plan_video(VideoRow(video.name, video.video_id, probe(video.path)), job):
        masked = SegmentStage(segmenter, job)(analyze_stage(PLANNED.write([PlannedScene(scene)]), job))
        filled = OutpaintStage(inpainter, job)(stitch_stage(masked, job))
        (row,) = DELIVERED.read(resample_stage(filled, job))
        for result in row.results:
            if result["error"] is not None:
                raise RuntimeError(f"{result['error_stage']}: {result['error']}")
        methods += [str(result["method"]) for result in row.results]
    return "+".join(dict.fromkeys(methods))


def measured(kind: str, minutes: float, folder: Path) -> Peak:
    """One run in a process of its own."""
    path, frames = folder / f"{kind}-{minutes:g}.mkv", round(minutes * 60 * RATE)
    write_video(path, film(kind, frames), Fraction(RATE))
    started = time.perf_counter()
    command = [sys.executable, "-m", "benchmarks.longshot", "--steps", str(path), str(folder / path.stem)]
    said = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
    seconds = time.perf_counter() - started
    return Peak(kind, minutes, frames, said["kilobytes"] / 1024, seconds, said["methods"])


def table(peaks: Sequence[Peak], first: Mapping[str, float]) -> str:
    """Markdown; ``first`` are the megabytes of each kind's shortest shot."""
    lines = [
        "| camera | minutes | frames | method | peak memory, MB | of the shortest | seconds |",
        "| --- | ---: | ---: | --- | ---: | ---: | ---: |",
    ]
    for p in peaks:
        share = p.megabytes / first[p.kind]
        cells = p.kind, f"{p.minutes:g}", p.frames, p.methods, f"{p.megabytes:.0f}", f"{share:.2f}", f"{p.seconds:.0f}"
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; exits with 1 where a longer shot took over a tenth more memory."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", nargs="+", type=float, default=[1.0, 10.0])
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/longshot.md"))
    parser.add_argument("--steps", nargs=2, metavar=("VIDEO", "FOLDER"), help="run the steps and tell the peak")
    options = parser.parse_args(arguments)
    if options.steps:
        methods = steps(*options.steps)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(json.dumps({"methods": methods, "kilobytes": peak}))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        peaks = [measured(k, m, Path(folder)) for k in options.kinds for m in sorted(options.minutes)]
    first = {k: next(p.megabytes for p in peaks if p.kind == k) for k in options.kinds}
    report = table(peaks, first)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(f"# Memory over the length of a shot\n\n`python -m benchmarks.longshot`\n\n{report}\n")
    print(report)
    return int(any(p.megabytes > 1.1 * first[p.kind] for p in peaks))


if __name__ == "__main__":
    sys.exit(main())

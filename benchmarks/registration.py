"""How exact are cameras and recovered wings, and does the confidence know it? On drawn scenes with known cameras.

``python -m benchmarks.registration [--quick] [--keep FOLDER]`` draws every kind of shot, encodes it with grain as
H.264, and recovers its background with perfect masks, with those of ``motion`` and without masks. It compares with
the truth. Beside it, in the same run: the chained stitching of arXiv 2306.06803 (written from its description, with
bounds) and OpenCV's ``Stitcher`` in SCANS mode. The correlation of confidence with the true error also covers shots
of the sample series, and is computed again on scenes that nothing was tuned on.
"""

from __future__ import annotations

import argparse
import pickle
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache, partial
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
import scipy.stats

from benchmarks import registration_rivals as rivals
from benchmarks import registration_truth as truth
from benchmarks.registration_scenes import SETTINGS, UNSEEN, YUV420, Scene, Setting, draw
from remaster.analyze.analysis import analyze
from remaster.arrays import Mask, Rgb
from remaster.detect.active_picture import FrameSampler
from remaster.detect.noise import noise_level
from remaster.imaging.channels import gray_of
from remaster.imaging.geometry import window
from remaster.media.decode import decode
from remaster.media.planes import to_rgb
from remaster.media.probe import probe
from remaster.media.types import Rect
from remaster.records import Analysis, Shot
from remaster.segment.motion_segmenter import MotionSegmenter
from remaster.stitch import wing_confidence
from remaster.stitch.stitching import stitch
from remaster.stitch.tuning import StitchSettings
from remaster_sample.author import write_video
from remaster_sample.backgrounds import background
from remaster_sample.episodes import EPISODES
from remaster_sample.render import add_grain, render
from remaster_sample.script import Episode, View
from remaster_sample.script import Shot as DrawnShot

T = TypeVar("T")
Rivals = tuple[str, rivals.Result, rivals.Result]
MASKS = ("perfect", "motion", "none")
QUANTUM = 1.0
"""Grey levels beyond the ceiling under which a background counts as perfect: less than coding and grain move it."""


@dataclass(frozen=True)
class Row:
    """One line of the table; ``corner`` are the (median, maximum) corner errors in pixels.

    ``points`` are (confidence, true error in levels beyond the ceiling) of each background that can be made of the
    scene, whether the ladder took it or not.
    """

    scene: str
    masks: str
    method: str
    corner: tuple[float, float]
    recovered: float
    psnr: float
    ceiling: float
    confidence: float
    milliseconds: float
    points: tuple[tuple[float, float], ...]


Measured = tuple[list[Row], list[Rivals]]


def filmed(frames: Sequence[Rgb], grain: bool) -> list[Rgb]:
    """The frames with grain after H.264, as a player would show them."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mkv"
        noisy = (add_grain(f, np.random.default_rng(i)) if grain else f for i, f in enumerate(frames))
        write_video(path, noisy, Fraction(24))
        info = probe(str(path))
        return [to_rgb(f.planes, info.format, info.color) for f in decode(info)]


def measured(scene: Scene, shown: list[Rgb], kinds: Sequence[str]) -> Iterator[Row]:
    """One row for each kind of masks."""
    ceiling = truth.ceiling_of(scene, shown)
    height, width = scene.frames[0].shape[:2]
    started = time.process_time()
    analysis = analyze(iter(shown), np.ones((height, width), bool), _noise(shown))
    analyzed = time.process_time() - started
    for kind in kinds:
        masks = _masks(kind, scene, analysis)
        settings = StitchSettings(min_frames=12)
        started = time.process_time()
        shots = _stitched(scene, shown, analysis, masks, settings)
        seconds = analyzed + time.process_time() - started
        backed = shots
        if any(s.background is None for s in shots):
            backed = _stitched(scene, shown, analysis, masks, replace(settings, min_advantage=0.0))
        points = [(s.confidence, truth.true_error(*truth.measure(scene, [s]), ceiling)) for s in backed if s.background]
        length = np.array([s.end - s.start for s in shots], float)
        confidence = float(np.average([s.confidence for s in shots], weights=length))
        wings, _ = truth.measure(scene, shots)
        yield Row(
            scene.setting.name, kind, "+".join(dict.fromkeys(s.method for s in shots)),
            truth.corner_errors(scene, shots), wings.share, truth.psnr(wings.mean_square), truth.psnr(ceiling),
            confidence, 1000 * seconds / len(shown), tuple(points),
        )  # fmt: skip


def _noise(shown: Sequence[Rgb]) -> float:
    """As it is found in a video."""
    sampler = FrameSampler(32)
    for frame in shown:
        sampler.push(partial(gray_of, frame))
    return noise_level(sampler.samples(), Rect(0, 0, shown[0].shape[1], shown[0].shape[0]))


def _masks(kind: str, scene: Scene, analysis: Analysis) -> Mask:
    if kind == "motion":
        return MotionSegmenter().segment([analysis])[0].masks
    if kind == "perfect":
        return np.array([scene.masks[int(k)] for k in analysis.keyframes])
    return np.zeros((len(analysis.keyframes), *analysis.valid.shape), bool)


def _stitched(scene: Scene, shown: list[Rgb], analysis: Analysis, masks: Mask, settings: StitchSettings) -> list[Shot]:
    return stitch(analysis, masks, lambda numbers: (shown[i] for i in numbers), scene.window, None, settings, 1)


def sample_shots(quick: bool) -> list[tuple[Episode, DrawnShot]]:
    """The shots of the sample series that have one background; the fourth episode returns to sets of the others."""
    episodes = EPISODES[: 1 if quick else 3]
    return [(e, s) for e in episodes for s in e.shots if s.kind != "title" and not s.dissolve]


def sample_scene(episode: Episode, shot: DrawnShot) -> Scene:
    """A shot of the sample series with its truth: every third frame of it."""
    numbers = list(range(shot.start, shot.end, 3))
    truths = [render(episode, i) for i in numbers]
    shown = window(Rect(0, 0, episode.width, episode.height), episode.sar, YUV420, Fraction(16, 9))
    setting = Setting(f"{episode.name}: {shot.name}", shot.background, _held(shot.keys[0].view))
    inside = slice(shown.x, shown.x + episode.width)
    frames = [t.wide[:, inside] for t in truths]
    masks = [t.foreground[:, inside] for t in truths]
    cameras = np.array([t.camera for t in truths])
    return Scene(setting, frames, masks, cameras, shown, np.asarray(background(shot.background), np.uint8))


def _held(view: View) -> Callable[[float], View]:
    return lambda t: view


def table(rows: Sequence[Row], others: Sequence[Rivals]) -> str:
    """Markdown."""
    lines = [
        "| scene | masks | method | corner error, px: median / max | wings recovered | wing PSNR / ceiling, dB |"
        " confidence | ms a frame |",
        "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for r in rows:
        lines.append(
            f"| {r.scene} | {r.masks} | {r.method} | {r.corner[0]:.2f} / {r.corner[1]:.2f} | {r.recovered:.0%} |"
            f" {r.psnr:.1f} / {r.ceiling:.1f} | {r.confidence:.2f} | {r.milliseconds:.0f} |"
        )
    lines += [
        "",
        "| scene | chained: corner error, px: median / max | chained: wing PSNR | SCANS: wing PSNR |",
        "| --- | ---: | ---: | ---: |",
    ]
    for name, chained, scans in others:
        lines.append(f"| {name} | {chained.corner[0]:.2f} / {chained.corner[1]:.2f} | {chained.said} | {scans.said} |")
    return "\n".join(lines)


def plot(rows: Sequence[Row], path: Path) -> None:
    """Confidence against the true error."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 4))
    for (name, part), marker in zip(_sets(rows), "ox", strict=True):
        for number, masks in enumerate(MASKS):
            points = [p for r in part if r.masks == masks for p in r.points]
            place = [c for c, _ in points], [max(e, 0.3) for _, e in points]
            axes.scatter(*place, label=f"{name}: {masks} masks", s=16, marker=marker, color=f"C{number}")
    axes.axhline(QUANTUM, color="grey", linewidth=0.8, linestyle=":")
    axes.set(xlabel="confidence", ylabel="true error, levels beyond the ceiling (0.3: none)")
    axes.set_yscale("log")
    axes.legend(fontsize=6)
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def run(quick: bool, names: Sequence[str], keep: Path) -> Measured:
    """All rows, and those of the rivals; each scene's are kept in a folder, and taken from there the next time."""
    size, count, kinds = ((320, 240), 30, MASKS[1:2]) if quick else ((480, 360), 33, MASKS)
    rows: list[Row] = []
    others: list[Rivals] = []
    for setting in (s for s in SETTINGS if not names or s.name in names):
        scene = cache(partial(_filmed_drawn, setting, *size, count))
        rows += _kept(keep, setting.name, lambda s=scene: list(measured(*s(), kinds)))
        others += _kept(keep, f"rivals {setting.name}", lambda s=scene: [_rivals(*s())])
    for setting in (s for s in UNSEEN if not names or s.name in names):
        scene = cache(partial(_filmed_drawn, setting, *size, count))
        rows += _kept(keep, setting.name, lambda s=scene: list(measured(*s(), kinds)))
    for episode, shot in sample_shots(quick):
        name = f"{episode.name}: {shot.name}"
        if not names or name in names:
            rows += _kept(keep, name, lambda e=episode, s=shot: _measured_sample(sample_scene(e, s)))
    return rows, others


def _filmed_drawn(setting: Setting, width: int, height: int, count: int) -> tuple[Scene, list[Rgb]]:
    scene = draw(setting, width, height, count)
    return scene, filmed(scene.frames, grain=True)


def _rivals(scene: Scene, shown: list[Rgb]) -> Rivals:
    return scene.setting.name, rivals.limited(rivals.chained, scene, shown), rivals.limited(rivals.scans, scene, shown)


def _measured_sample(scene: Scene) -> list[Row]:
    return list(measured(scene, filmed(scene.frames, grain=True), ("motion",)))


def _kept(keep: Path, name: str, measure: Callable[[], list[T]]) -> list[T]:
    """What was measured before under this name, or what is measured now."""
    path = keep / f"{name.replace(': ', '-').replace(' ', '_')}.pickle"
    if not path.exists():
        found = measure()
        keep.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pickle.dumps(found))
    kept: list[T] = pickle.loads(path.read_bytes())
    print(*kept, sep="\n", flush=True)
    return kept


def correlation(rows: Sequence[Row]) -> str:
    """Spearman's rank correlation of confidence with the (negative) true error, in words.

    Errors under ``QUANTUM`` are one rank, and so are confidences that predict less than that: below it there is nothing
    to be ranked. Beside it the correlation without any such tie, and how often, of two backgrounds of which only
    one is perfect, that one has the higher confidence.
    """
    points = np.array([p for r in rows for p in r.points if np.isfinite(p[1])])
    certain = wing_confidence.confidence(1.0, QUANTUM, 0.0)
    tied = np.where(points[:, 0] > certain, certain, points[:, 0]), np.where(points[:, 1] < QUANTUM, 0.0, points[:, 1])
    rank, raw = (float(scipy.stats.spearmanr(c, -e).statistic) for c, e in (tied, points.T))
    perfect = points[:, 1] < QUANTUM
    good, bad = points[perfect, 0], points[~perfect, 0]
    told = float((good[:, None] > bad[None, :]).mean() + 0.5 * (good[:, None] == bad[None, :]).mean())
    return (
        f"Rank correlation of confidence with the true error over {len(points)} backgrounds: {rank:.2f}, with errors"
        f" under {QUANTUM:g} level as one rank; {raw:.2f} with none. {len(good)} are perfect by that measure; of a"
        f" perfect one and another the perfect one has the higher confidence in {told:.0%} of all cases."
    )


def _sets(rows: Sequence[Row]) -> list[tuple[str, list[Row]]]:
    """The rows by whether anything was tuned while looking at their scenes."""
    unseen = {s.name for s in UNSEEN}
    parts = [r for r in rows if r.scene not in unseen], [r for r in rows if r.scene in unseen]
    return list(zip(("Scenes that constants were chosen by", "Unseen scenes"), parts, strict=True))


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table and write it, with the plot, to a folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="smaller pictures, motion masks alone, one episode")
    parser.add_argument("--scenes", nargs="*", default=[], help="only these, by their names in the table")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"), help="folder (%(default)s)")
    parser.add_argument("--keep", type=Path, help="folder of rows measured before: a run that was stopped goes on")
    options = parser.parse_args(arguments)
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        rows, others = run(options.quick, options.scenes, options.keep or Path(folder))
    told = "\n\n".join(f"{name}: {correlation(part)}" for name, part in _sets(rows) if part)
    options.out.mkdir(parents=True, exist_ok=True)
    command = "python -m benchmarks.registration" + (" --quick" if options.quick else "")
    head = f"# Registration on drawn scenes\n\n`{command}`, milliseconds of one core.\n"
    (options.out / "registration.md").write_text(f"{head}\n{table(rows, others)}\n\n{told}\n")
    plot(rows, options.out / "registration.png")
    print(table(rows, others), told, sep="\n\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

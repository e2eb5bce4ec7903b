"""How exact are cameras and recovered wings, and does the confidence know it? On drawn scenes with known cameras.

``python -m benchmarks.registration [--quick] [--out FOLDER]`` films every kind of shot with grain through H.264,
recovers its background with perfect, with ``motion`` and without any masks, and compares with the truth; beside it, in
the same run, the chained stitching of arXiv 2306.06803 (written anew from its description, bounded) and OpenCV's
``Stitcher`` in SCANS mode. Shots of the sample series join the comparison of confidence with the true error.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import scipy.stats

from benchmarks import registration_rivals as rivals
from benchmarks.registration_scenes import SETTINGS, YUV420, Scene, Setting, draw
from remaster.analyze import analyze
from remaster.background.stitch import StitchSettings, stitch
from remaster.camera import Affine, apply, compose, corners, translation
from remaster.foreground.motion import MotionSegmenter
from remaster.geometry import window
from remaster.media.author import write_video
from remaster.media.decode import decode
from remaster.media.planes import to_rgb
from remaster.media.probe import probe
from remaster.media.types import Mask, Rect, Rgb
from remaster.records import Analysis, Shot
from remaster.sample.backgrounds import background
from remaster.sample.cameras import View
from remaster.sample.episodes import EPISODES
from remaster.sample.film import add_grain
from remaster.sample.render import render

MASKS = ("perfect", "motion", "none")
SAMPLED = 5
TOLD = 0.02
"""Share of the wings that must be recovered for their error to tell anything."""
VIEW = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP


@dataclass(frozen=True)
class Row:
    """One line of the table; ``error`` is the RMS error of recovered wing pixels in grey levels, whatever the method.

    ``corner`` are the (median, maximum) corner errors in pixels.
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
    error: float


def filmed(frames: Sequence[Rgb], grain: bool) -> list[Rgb]:
    """The frames with grain after H.264, as a player would show them."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mkv"
        noisy = (add_grain(f, np.random.default_rng(i)) if grain else f for i, f in enumerate(frames))
        write_video(path, noisy, Fraction(24))
        info = probe(str(path))
        return [to_rgb(f.planes, info.format, info.color) for f in decode(info)]


def measured(scene: Scene, shown: list[Rgb], kinds: Sequence[str], ceiling: float) -> Iterator[Row]:
    """One row for each kind of masks."""
    height, width = scene.frames[0].shape[:2]
    started = time.process_time()
    analysis = analyze(iter(shown), np.ones((height, width), bool), 2.0)
    analyzed = time.process_time() - started
    for kind in kinds:
        masks = _masks(kind, scene, analysis)
        settings = StitchSettings(min_frames=12)
        started = time.process_time()
        shots = _stitched(scene, shown, analysis, masks, settings)
        seconds = analyzed + time.process_time() - started
        forced = (
            shots
            if all(s.background is not None for s in shots)
            else _stitched(scene, shown, analysis, masks, replace(settings, min_confidence=0.0))
        )
        length = np.array([s.end - s.start for s in shots], float)
        confidence = float(np.average([s.confidence for s in shots], weights=length))
        psnr, _, recovered = wings(scene, shots)
        _, error, told = wings(scene, forced)
        methods = "+".join(dict.fromkeys(s.method for s in shots))
        yield Row(
            scene.setting.name, kind, methods, corner_errors(scene, shots), recovered, psnr, ceiling, confidence,
            1000 * seconds / len(shown), error if told >= TOLD else float("nan"),
        )  # fmt: skip


def _masks(kind: str, scene: Scene, analysis: Analysis) -> Mask:
    if kind == "motion":
        return MotionSegmenter().segment([analysis])[0]
    if kind == "perfect":
        return np.array([scene.masks[int(k)] for k in analysis.keyframes])
    return np.zeros((len(analysis.keyframes), *analysis.valid.shape), bool)


def _stitched(scene: Scene, shown: list[Rgb], analysis: Analysis, masks: Mask, settings: StitchSettings) -> list[Shot]:
    return stitch(analysis, masks, lambda numbers: (shown[i] for i in numbers), scene.window, None, settings, 1)


def _to_world(scene: Scene, shot: Shot) -> Affine:
    """The affine camera from the shot's canvas to the world that fits its frames' corners best."""
    height, width = scene.frames[0].shape[:2]
    outline = np.broadcast_to(corners(width, height), (shot.end - shot.start, 4, 2))
    here = apply(shot.cameras, outline).reshape(-1, 2)
    there = apply(scene.cameras[shot.start : shot.end], outline).reshape(-1, 2)
    return np.asarray(np.linalg.lstsq(np.column_stack([here, np.ones(len(here))]), there, rcond=None)[0].T)


def corner_errors(scene: Scene, shots: Sequence[Shot]) -> tuple[float, float]:
    """(median, maximum) over the frames that have a background, in the frame's own pixels."""
    height, width = scene.frames[0].shape[:2]
    found: list[float] = []
    for shot in (s for s in shots if s.background is not None):
        outline = np.broadcast_to(corners(width, height), (shot.end - shot.start, 4, 2))
        off = apply(_to_world(scene, shot), apply(shot.cameras, outline))
        off = off - apply(scene.cameras[shot.start : shot.end], outline)
        scale = np.sqrt(np.abs(np.linalg.det(scene.cameras[shot.start : shot.end, :, :2])))
        found += (np.linalg.norm(off, axis=-1).max(axis=-1) / scale).tolist()
    return (float(np.median(found)), float(np.max(found))) if found else (float("nan"), float("nan"))


def wings(scene: Scene, shots: Sequence[Shot]) -> tuple[float, float, float]:
    """(PSNR, RMS error in levels, share recovered) of the wings' covered pixels over some frames of each shot."""
    shown = scene.window
    inside = np.zeros((shown.height, shown.width), bool)
    inside[:, shown.x : shown.x + shown.active.width] = True
    size, squares, covered, total = (shown.width, shown.height), 0.0, 0, 0
    for shot in shots:
        for i in np.linspace(shot.start, shot.end - 1, SAMPLED).round().astype(int):
            total += int((~inside).sum())
            if shot.background is None:
                continue
            camera = compose(shot.cameras[i - shot.start], translation(-shown.x, -shown.y))
            seen = cv2.warpAffine(shot.background.coverage.astype(np.uint8) * 255, camera, size, flags=VIEW & ~2)
            drawn = np.asarray(cv2.warpAffine(shot.background.image, camera, size, flags=VIEW), np.uint8)
            here = (seen > 250) & ~inside
            squares += rivals.squared_error(drawn, scene.wide(int(i)), here)
            covered += int(here.sum())
    mean = squares / max(covered, 1)
    if not covered:
        return float("nan"), float("nan"), 0.0
    return 10 * np.log10(255**2 / max(mean, 1e-6)), float(np.sqrt(mean)), covered / max(total, 1)


def ceiling_of(scene: Scene, shown: Sequence[Rgb]) -> float:
    """PSNR of the filmed frames themselves, off the figures, against what was drawn."""
    picks = range(0, len(shown), max(len(shown) // SAMPLED, 1))
    parts = [rivals.squared_error(shown[i], scene.frames[i], ~scene.masks[i]) for i in picks]
    mean = sum(parts) / max(sum(int((~scene.masks[i]).sum()) for i in picks), 1)
    return float(10 * np.log10(255**2 / max(mean, 1e-6)))


def sample_scenes(quick: bool) -> Iterator[Scene]:
    """Shots of the sample series, with their truth; every second frame of a part of each."""
    for episode in EPISODES[:1] if quick else EPISODES:
        for shot in episode.shots:
            if shot.kind == "title" or shot.dissolve:
                continue
            numbers = list(range(shot.start, shot.end, 3))
            truths = [render(episode, i) for i in numbers]
            shown = window(Rect(0, 0, episode.width, episode.height), episode.sar, YUV420, Fraction(16, 9))
            setting = Setting(f"{episode.name}: {shot.name}", shot.background, _held(shot.keys[0].view))
            inside = slice(shown.x, shown.x + episode.width)
            frames = [t.wide[:, inside] for t in truths]
            masks = [t.foreground[:, inside] for t in truths]
            cameras = np.array([t.camera for t in truths])
            yield Scene(setting, frames, masks, cameras, shown, np.asarray(background(shot.background), np.uint8))


def _held(view: View) -> Callable[[float], View]:
    return lambda t: view


def table(rows: Sequence[Row], others: Sequence[tuple[str, rivals.Result, rivals.Result]]) -> str:
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


def plot(rows: Sequence[Row], path: Path, correlation: float) -> None:
    """Confidence against the wings' true error."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 4))
    for masks in dict.fromkeys(r.masks for r in rows):
        chosen = [r for r in rows if r.masks == masks]
        axes.scatter([r.confidence for r in chosen], [r.error for r in chosen], label=f"{masks} masks", s=16)
    axes.set(xlabel="confidence", ylabel="RMS error of recovered wings, levels", title=f"Spearman {correlation:.2f}")
    axes.set_yscale("log")
    axes.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def run(quick: bool, names: Sequence[str]) -> tuple[list[Row], list[tuple[str, rivals.Result, rivals.Result]]]:
    """All rows, and those of the rivals."""
    size, count, kinds = ((320, 240), 30, MASKS[1:2]) if quick else ((480, 360), 33, MASKS)
    rows: list[Row] = []
    others = []
    for setting in (s for s in SETTINGS if not names or s.name in names):
        scene = draw(setting, *size, count)
        shown = filmed(scene.frames, grain=True)
        for row in measured(scene, shown, kinds, ceiling_of(scene, shown)):
            print(row, flush=True)
            rows.append(row)
        others.append(
            (setting.name, rivals.limited(rivals.chained, scene, shown), rivals.limited(rivals.scans, scene, shown))
        )
        print(*others[-1], flush=True)
    for scene in sample_scenes(quick) if not names else ():
        shown = filmed(scene.frames, grain=True)
        for row in measured(scene, shown, kinds[:1] if quick else ("motion",), ceiling_of(scene, shown)):
            print(row, flush=True)
            rows.append(row)
    return rows, others


def correlation_of(rows: Sequence[Row]) -> tuple[float, int]:
    """Spearman's rank correlation of confidence with (negative) wing error, over rows whose wings were recovered."""
    told = [r for r in rows if np.isfinite(r.error)]
    found = scipy.stats.spearmanr([r.confidence for r in told], [-r.error for r in told])
    return float(found.statistic), len(told)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table and write it, with the plot, to a folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="smaller pictures, motion masks alone, one episode")
    parser.add_argument("--scenes", nargs="*", default=[], help="only these; no sample series")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"), help="folder (%(default)s)")
    options = parser.parse_args(arguments)
    cv2.setNumThreads(1)
    rows, others = run(options.quick, options.scenes)
    correlation, count = correlation_of(rows)
    options.out.mkdir(parents=True, exist_ok=True)
    command = "python -m benchmarks.registration" + (" --quick" if options.quick else "")
    head = f"# Registration on drawn scenes\n\n`{command}`, milliseconds of one core.\n"
    told = f"\nRank correlation of confidence with the true error of the wings: {correlation:.2f} over {count} rows.\n"
    (options.out / "registration.md").write_text(f"{head}\n{table(rows, others)}\n{told}")
    plot([r for r in rows if np.isfinite(r.error)], options.out / "registration.png", correlation)
    print(table(rows, others), told, sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""How near do recovered wings come to the truth, beside cheap fills?

``python -m benchmarks.wings FILE [FIRST FRAMES]`` takes a wide clip without cuts in the range, crops it to 4:3, extends
it again by steps 2 to 6, and compares the wings with what was cropped: PSNR and SSIM of luma (higher is nearer), the
energy of gradients as a share of the truth's (1 is right; blur is below), the step at the joins as a share of the
truth's there, and the mean change of wing samples in holds (levels; 0 is steady).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from fractions import Fraction
from itertools import islice

import cv2
import numpy as np
import numpy.typing as npt

from remaster.analyze import analyze
from remaster.background.stitch import StitchSettings, stitch
from remaster.foreground.motion import MotionSegmenter
from remaster.geometry import Window, window
from remaster.media.decode import decode
from remaster.media.planes import crop, proxy_size, resize_rgb, to_rgb
from remaster.media.probe import probe
from remaster.media.types import Plane, Rect, VideoInfo
from remaster.outpaint.exemplar import ExemplarInpainter
from remaster.outpaint.step import outpaint
from remaster.resample.recovered import recovered_share
from remaster.resample.render import WingRenderer
from remaster.resample.settings import Grain, ResampleSettings

Planes = tuple[Plane, ...]
Luma = npt.NDArray[np.float64]
MEMORY = 1 << 29


def cropped(info: VideoInfo) -> tuple[Window, int]:
    """The window around the 4:3 picture in the middle, and the column of the clip at which it begins."""
    step = 1 << info.format.log2_chroma_w
    width = round(info.height * Fraction(4, 3) / info.sar / (2 * step)) * 2 * step
    x = (info.width - width) // 2 // step * step
    known = width + (info.width - width) // (2 * step) * 2 * step
    aspect = Fraction(known, info.height) * info.sar
    return window(Rect(x, 0, width, info.height), info.sar, info.format, aspect), x


def recovered(info: VideoInfo, pictures: list[Planes], shown: Window) -> tuple[list[Luma], npt.NDArray[np.bool_]]:
    """Luma of the windows as the steps make them, and which frames are holds."""
    width, height = proxy_size(shown.active.width, shown.active.height, info.sar)
    proxies = (resize_rgb(p, info.format, info.color, width, height, info.height) for p in pictures)
    analysis = analyze(proxies, np.ones((height, width), bool), 0.0)
    masks = MotionSegmenter().segment([analysis])[0]
    stitched = stitch(
        analysis,
        masks,
        lambda frames: (to_rgb(pictures[i], info.format, info.color, info.height) for i in frames),
        shown,
        None,
        StitchSettings(),
        1,
    )
    settings, drawn, seconds = ResampleSettings(grain=Grain.none), [], 0.0
    for shot in outpaint(stitched, ExemplarInpainter(), 1).shots:
        share = recovered_share(shot, shown)
        print(f"frames {shot.start}-{shot.end}: {shot.method}, {share:.0%} recovered, confidence {shot.confidence:.2f}")
        renderer = WingRenderer(shot, shown, info.format, info.color, None, 0.0, settings, 1, info.height)
        started = time.process_time()
        for i in range(shot.end - shot.start):
            n = shot.start + i
            drawn.append(renderer.render(i, pictures[n], bool(analysis.holds[n]))[0].astype(float))
        seconds += time.process_time() - started
    print(f"{1000 * seconds / len(pictures):.1f} ms a frame to render")
    return drawn, analysis.holds


def padded(shown: Window, mode: str) -> Callable[[Luma], Luma]:
    """Fills the wings as ``numpy.pad`` does."""
    right = shown.width - shown.x - shown.active.width
    return lambda luma: np.pad(luma, ((0, 0), (shown.x, right)), mode=mode)  # type: ignore[call-overload, no-any-return]


def blurred_bars(shown: Window) -> Callable[[Luma], Luma]:
    """The picture enlarged and blurred behind itself, as broadcasters do."""

    def fill(luma: Luma) -> Luma:
        large = cv2.resize(luma, (shown.width, round(shown.height * shown.width / shown.active.width)))
        top = (large.shape[0] - shown.height) // 2
        bars = cv2.GaussianBlur(large[top : top + shown.height], (0, 0), shown.height / 24)
        bars[:, shown.x : shown.x + shown.active.width] = luma
        return np.asarray(bars, float)

    return fill


def judge(name: str, drawn: list[Luma], truth: list[Luma], shown: Window, holds: npt.NDArray[np.bool_]) -> None:
    """Prints one line of the comparison."""
    joins = [c for c in (shown.x, shown.x + shown.active.width) if 0 < c < shown.width]
    inner = slice(shown.x, shown.x + shown.active.width)

    def wings(luma: Luma) -> Luma:
        return np.delete(luma, inner, axis=1)

    def energy(frames: list[Luma]) -> float:
        return float(np.mean([np.abs(np.delete(np.gradient(f, axis=0), inner, axis=1)).mean() for f in frames]))

    def step(frames: list[Luma]) -> float:
        return float(np.mean([np.abs(f[:, c] - f[:, c - 1]).mean() for f in frames for c in joins]))

    error = [np.mean((wings(a) - wings(b)) ** 2) for a, b in zip(drawn, truth, strict=True)]
    psnr = np.mean(10 * np.log10(255**2 / np.maximum(error, 1e-9)))
    alike = np.mean([wings(ssim(a, b)).mean() for a, b in zip(drawn[::4], truth[::4], strict=True)])
    held = [np.abs(wings(drawn[i]) - wings(drawn[i - 1])).mean() for i in np.flatnonzero(holds) if i > 0]
    flicker = f"{np.mean(held):.2f}" if held else "-"
    ratios = energy(drawn) / energy(truth), step(drawn) / step(truth)
    print(f"{name:14} {psnr:6.2f} dB  ssim {alike:.3f}  energy {ratios[0]:.2f}  join {ratios[1]:.2f}  holds {flicker}")


def ssim(a: Luma, b: Luma) -> Luma:
    """The map of structural similarity (Wang et al., IEEE TIP 2004) with its Gaussian window."""

    def mean(x: Luma) -> Luma:
        return np.asarray(cv2.GaussianBlur(x, (11, 11), 1.5), float)

    ma, mb = mean(a), mean(b)
    va, vb, both = mean(a * a) - ma**2, mean(b * b) - mb**2, mean(a * b) - ma * mb
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    return (2 * ma * mb + c1) * (2 * both + c2) / ((ma**2 + mb**2 + c1) * (va + vb + c2))


def main(path: str, first: int = 0, count: int = 60) -> None:
    info = probe(path)
    if info.format.depth != 8 or info.format.kind == "rgb":
        raise SystemExit(f"{path} is {info.format.name}; this benchmark reads 8-bit YUV and gray")
    count = min(count, MEMORY // (info.width * info.height * 2))
    frames = [frame.planes for frame in islice(decode(info), first, first + count)]
    shown, x = cropped(info)
    area = Rect(x, 0, shown.active.width, info.height)
    pictures = [crop(planes, info.format, area) for planes in frames]
    start = x - shown.x
    if start < 0 or start + shown.width > info.width:
        raise SystemExit(f"{path} is not wide enough to know the truth of {shown.width} columns")
    truth = [planes[0][: info.height, start : start + shown.width].astype(float) for planes in frames]
    drawn, holds = recovered(info, pictures, shown)
    judge("recovered", [d[: info.height] for d in drawn], truth, shown, holds)
    fills = {"replicate": padded(shown, "edge"), "mirror": padded(shown, "symmetric"), "bars": blurred_bars(shown)}
    for name, fill in fills.items():
        judge(name, [fill(p[0].astype(float)) for p in pictures], truth, shown, holds)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:4]))

"""How good is the embedded inpainter beside simple fills?

``python benchmarks/fill.py [--clip FILE ...] [--frames N] [--write FOLDER]`` crops wide pictures to 4:3 and fills the
wings again: drawn backgrounds, and frames of the clips. It compares with the truth: PSNR; PSNR and SSIM of luma at
1/8 size (layout) and full size; the energy of gradients in the wings as a share of the truth's (1 is right, blur is
below); the step across the join divided by the step one column further (1 is invisible); seconds of one core. Blur
wins PSNR, so look at the pictures that ``--write`` leaves.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Mask, Rgb
from remaster.media.decode import decode
from remaster.media.planes import to_rgb
from remaster.media.probe import probe
from remaster.outpaint import FillTask
from remaster.outpaint.exemplar import ExemplarInpainter

Fill = Callable[[Rgb, int], Rgb]
"""A fill takes a picture and the width of each wing."""
Scores = tuple[float, ...]
COLUMNS = ("PSNR", "PSNR/8", "SSIM", "gradients", "join", "seconds")


def holes_of(picture: Rgb, wing: int) -> Mask:
    holes = np.zeros(picture.shape[:2], bool)
    holes[:, :wing] = holes[:, picture.shape[1] - wing :] = True
    return holes


def extended(border: int) -> Fill:
    def fill(picture: Rgb, wing: int) -> Rgb:
        return np.asarray(cv2.copyMakeBorder(picture[:, wing:-wing], 0, 0, wing, wing, border), np.uint8)

    return fill


def stretched(picture: Rgb, wing: int) -> Rgb:
    """The usual pillar fill: the picture stretched over the frame and blurred."""
    wide = cv2.resize(picture[:, wing:-wing], (picture.shape[1], picture.shape[0]), interpolation=cv2.INTER_AREA)
    wide = cv2.GaussianBlur(wide, (0, 0), picture.shape[0] / 30)
    return np.where(holes_of(picture, wing)[..., None], wide, picture).astype(np.uint8)


def inpainted(method: int) -> Fill:
    def fill(picture: Rgb, wing: int) -> Rgb:
        return np.asarray(cv2.inpaint(picture, holes_of(picture, wing).astype(np.uint8), 5, method), np.uint8)

    return fill


def exemplar(picture: Rgb, wing: int) -> Rgb:
    holes = holes_of(picture, wing)
    return ExemplarInpainter().fill([FillTask(picture, holes, ~holes, 0)])[0].image


FILLS: dict[str, Fill] = {
    "replicate": extended(cv2.BORDER_REPLICATE),
    "mirror": extended(cv2.BORDER_REFLECT),
    "stretch": stretched,
    "telea": inpainted(cv2.INPAINT_TELEA),
    "navier-stokes": inpainted(cv2.INPAINT_NS),
    "exemplar": exemplar,
}


def drawn(seed: int, width: int = 854, height: int = 480) -> Rgb:
    """A painted set: sky, clouds, hills with outlines, and grass."""
    rng = np.random.default_rng(seed)
    picture = np.zeros((height, width, 3), np.float32)
    picture[:] = np.linspace(0, 70, height)[:, None, None] + rng.uniform(70, 180, 3)
    for _ in range(9):
        at = (int(rng.uniform(0, width)), int(rng.uniform(0, height * 0.4)))
        size = (int(rng.uniform(30, 90)), int(rng.uniform(8, 26)))
        cv2.ellipse(picture, at, size, 0, 0, 360, (245, 240, 235), -1, cv2.LINE_AA)
    x = np.arange(width)
    for share in (0.5, 0.62, 0.75):
        top = height * share + 20 * np.sin(x / rng.uniform(60, 160) + rng.uniform(0, 6))
        colour = rng.uniform(40, 170, 3)
        below = np.arange(height)[:, None] >= top
        grain = cv2.GaussianBlur(rng.normal(0, 1, (height, width)).astype(np.float32), (0, 0), 1.5)
        picture[below] = (colour + 40 * (share - 0.4) * grain[..., None] * 4)[below]
        picture[np.abs(np.arange(height)[:, None] - top) < 1.5] = 25
    return np.clip(picture, 0, 255).astype(np.uint8)


def clip_frames(path: str, count: int) -> Iterator[Rgb]:
    """``count`` frames spread over a clip."""
    info = probe(path)
    total = info.frames or 240
    every = max(total // count, 1)
    for frame in islice(decode(info), every // 2, None, every):
        yield to_rgb(frame.planes, info.format, info.color, info.height)


def luma(picture: Rgb) -> npt.NDArray[np.float64]:
    return np.asarray(picture @ np.array([0.299, 0.587, 0.114]), np.float64)


def ssim(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Wang et al., "Image Quality Assessment" (2004), per pixel."""

    def blur(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.asarray(cv2.GaussianBlur(values, (11, 11), 1.5), np.float64)

    ma, mb = blur(a), blur(b)
    va, vb, cov = blur(a * a) - ma**2, blur(b * b) - mb**2, blur(a * b) - ma * mb
    return (2 * ma * mb + 6.5) * (2 * cov + 58.5) / ((ma**2 + mb**2 + 6.5) * (va + vb + 58.5))


def psnr(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> float:
    return float(10 * np.log10(255**2 / max(float(np.mean((a - b) ** 2)), 1e-9)))


def scores(filled: Rgb, truth: Rgb, wing: int) -> Scores:
    """All but the seconds."""
    a, b = luma(filled), luma(truth)
    holes = holes_of(truth, wing)
    size = (truth.shape[1] // 8, truth.shape[0] // 8)
    small = [np.asarray(cv2.resize(v, size, interpolation=cv2.INTER_AREA), np.float64) for v in (a, b)]
    edge = wing // 8
    energy = [np.hypot(*np.gradient(v))[holes].mean() for v in (a, b)]
    steps = np.abs(np.diff(a, axis=1)).mean(axis=0)
    right = truth.shape[1] - wing
    join = (steps[wing - 1] + steps[right - 1]) / max(steps[wing] + steps[right - 2], 1e-6)
    layout = psnr(*(np.hstack([v[:, :edge], v[:, -edge:]]) for v in small))
    share = float(energy[0] / max(energy[1], 1e-6))
    return psnr(a[holes], b[holes]), layout, float(ssim(a, b)[holes].mean()), share, float(join)


def measure(name: str, truth: Rgb, folder: Path | None) -> dict[str, Scores]:
    """Scores of every fill on one picture, wider than 4:3."""
    wing = (truth.shape[1] - round(truth.shape[0] * 4 / 3)) // 2
    if wing < 8:
        raise SystemExit(f"{name} is not wider than 4:3")
    picture = truth.copy()
    picture[holes_of(truth, wing)] = 0
    found: dict[str, Scores] = {}
    for fill_name, fill in FILLS.items():
        start = time.process_time()
        filled = fill(picture, wing)
        found[fill_name] = (*scores(filled, truth, wing), time.process_time() - start)
        if folder is not None:
            cv2.imwrite(str(folder / f"{name}-{fill_name}.png"), filled[..., ::-1])
    return found


def show(title: str, rows: list[dict[str, Scores]]) -> None:
    print(f"\n{title} ({len(rows)} pictures)\n{'':14}" + "".join(f"{c:>10}" for c in COLUMNS))
    for name in FILLS:
        print(f"{name:14}" + "".join(f"{v:10.3f}" for v in np.mean([row[name] for row in rows], axis=0)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clip", nargs="*", default=[], help="clips wider than 4:3")
    parser.add_argument("--frames", type=int, default=5, help="frames of each clip, or drawn pictures")
    parser.add_argument("--write", type=Path, help="a folder for the pictures")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    if options.write:
        options.write.mkdir(parents=True, exist_ok=True)
    show("drawn", [measure(f"drawn{i}", drawn(i), options.write) for i in range(options.frames)])
    for path in options.clip:
        frames = enumerate(clip_frames(path, options.frames))
        show(path, [measure(f"{Path(path).stem}{i}", frame, options.write) for i, frame in frames])


if __name__ == "__main__":
    main()

"""Do wings flicker? Compares their change along the true motion with that of the true sides.

    python -m benchmarks.steadiness TRUTH OUT

``TRUTH`` is a folder of wide clips, ``OUT`` the output folder of a run over the same clips cut to 4:3 (with the same
names, except for the suffix). Dense flow (DIS) between neighbouring frames of the truth carries each frame's sides
onto the next one's. What still differs, in mean grey levels, is change that motion does not explain. The ratio of
wings to truth is 1 where wings change as the truth does, below 1 where they are calmer, and grows with flicker.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Gray
from remaster.media.decode import decode
from remaster.media.planes import resize_rgb
from remaster.media.probe import probe

LINES = 240
"""Lines at which frames are compared."""


def grays(path: Path, width: int) -> Iterator[Gray]:
    """The frames of a video as gray pictures of ``width`` x `LINES`."""
    info = probe(str(path))
    for frame in decode(info):
        rgb = resize_rgb(frame.planes, info.format, info.color, width, LINES, info.height)
        yield np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8)


def changes(truth: Path, made: Path) -> npt.NDArray[np.float64]:
    """(n - 1, 2): the mean change of the true sides and of the wings along the true motion, frame by frame."""
    info = probe(str(made))
    width = round(LINES * info.width / info.height)
    inner = round(LINES * 4 / 3)
    left = (width - inner) // 2
    y, x = np.mgrid[0:LINES, 0:width].astype(np.float32)
    wings = (x < left) | (x >= left + inner)
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    found: list[list[float]] = []
    last: tuple[Gray, Gray] | None = None
    for pair in zip(grays(truth, width), grays(made, width), strict=False):
        if last is not None:
            motion = np.asarray(flow.calc(pair[0], last[0], np.zeros((LINES, width, 2), np.float32)))
            at = x + motion[..., 0], y + motion[..., 1]
            before = [cv2.remap(p, *at, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) for p in last]
            found.append([float(cv2.absdiff(p, b)[wings].mean()) for p, b in zip(pair, before, strict=True)])
        last = pair
    return np.array(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("truth", type=Path)
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    print("| clip | truth | wings | ratio | worst frame's change |\n| --- | ---: | ---: | ---: | ---: |")
    ratios = []
    for made in sorted((options.out / "videos").iterdir()):
        truth = next(options.truth.glob(f"{made.stem}.*"), None)
        if truth is None:
            raise SystemExit(f"{options.truth} has no clip of the name {made.stem}")
        change = changes(truth, made)
        own, wings = change.mean(axis=0)
        ratios.append(wings / max(own, 1e-6))
        print(f"| {made.stem} | {own:.2f} | {wings:.2f} | {ratios[-1]:.2f} | {change[:, 1].max():.1f} |", flush=True)
    print(f"\nmean ratio {np.mean(ratios):.2f}, largest {np.max(ratios):.2f}")


if __name__ == "__main__":
    main()

"""Which figures do the segmenters that need no GPU find? Precision and recall beside the sample's true masks.

``python -m benchmarks.masks --weights FILE [--episodes 1 2] [--keyframes 6] [--pictures FOLDER]``: ``motion``, and
``salient`` with the network in FILE, on that many keyframes of each shot. Masks have a margin that the truth has not.
``--pictures`` gets a PNG for each shot: a keyframe, the masks of both, the truth.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from benchmarks.wings import episode_clip, scenes
from remaster.analyze.analysis import analyze
from remaster.arrays import Mask
from remaster.imaging.gate import proxy_valid
from remaster.media.planes import proxy_size, resize_rgb
from remaster.records import Analysis
from remaster.segment import Segmenter
from remaster.segment.motion_segmenter import MotionSegmenter
from remaster.segment.salient import SalientSegmenter
from remaster_sample.episodes import EPISODES
from remaster_sample.render import render
from remaster_sample.script import Episode


def shots(episode: Episode, folder: Path, keyframes: int) -> Iterator[tuple[Analysis, Mask]]:
    """Each shot's analysis, with so many keyframes at most, and the true masks (k, h, w) of its proxies."""
    clip = episode_clip(episode, folder)
    info, active = clip.info, clip.shown.active
    size = proxy_size(active.width, active.height, info.sar)
    for first, pictures in scenes(clip):
        proxies = (resize_rgb(p, info.format, info.color, *size, info.height) for p in pictures)
        found = analyze(proxies, proxy_valid(clip.gate, *size), clip.noise)
        kept = np.unique(np.linspace(0, len(found.keyframes) - 1, keyframes).round().astype(int))
        found = replace(found, keyframes=found.keyframes[kept], proxies=found.proxies[kept])
        masks = [render(episode, first + int(k)).foreground for k in found.keyframes]
        inside = [m[:, clip.shown.x : clip.shown.x + active.width].astype(np.uint8) for m in masks]
        truth = np.stack([cv2.resize(m, size, interpolation=cv2.INTER_NEAREST) > 0 for m in inside])
        yield found, truth & found.valid


def sheet(path: Path, scene: Analysis, masks: list[Mask]) -> None:
    """A keyframe, and it again under each of the masks."""
    picture = scene.proxies[-1]
    tinted = [picture, *(np.where(mask[-1][..., None], picture // 2 + (0, 127, 0), picture // 2) for mask in masks)]
    cv2.imwrite(str(path), cv2.cvtColor(np.hstack(tinted).astype(np.uint8), cv2.COLOR_RGB2BGR))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", required=True, help="an ONNX file of U^2-Net or IS-Net")
    parser.add_argument("--episodes", nargs="*", type=int, default=[1, 2])
    parser.add_argument("--keyframes", type=int, default=6, help="of a shot")
    parser.add_argument("--series", type=Path, help="the folder of the written episodes (remaster.jobs.sample)")
    parser.add_argument("--pictures", type=Path)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    engines: dict[str, Segmenter] = {"motion": MotionSegmenter(), "salient": SalientSegmenter(weights=options.weights)}
    print("| episode | segmenter | precision | recall | CPU seconds a keyframe |\n| --- | --- | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory() as folder:
        for number in options.episodes:
            episode = EPISODES[number - 1]
            counts, seconds, keyframes = {name: np.zeros(3) for name in engines}, dict.fromkeys(engines, 0.0), 0
            for n, (scene, truth) in enumerate(shots(episode, options.series or Path(folder), options.keyframes)):
                keyframes, masks = keyframes + len(truth), []
                for name, engine in engines.items():
                    started = time.process_time()
                    masks.append(engine.segment([scene])[0].masks)
                    seconds[name] += time.process_time() - started
                    counts[name] += (masks[-1] & truth).sum(), masks[-1].sum(), truth.sum()
                if options.pictures:
                    sheet(options.pictures / f"{episode.name}-{n}.png", scene, [*masks, truth])
            for name, (hit, masked, true) in counts.items():
                rate = f"{seconds[name] / keyframes:.2f}"
                print(f"| {episode.name} | {name} | {hit / masked:.2f} | {hit / true:.2f} | {rate} |", flush=True)


if __name__ == "__main__":
    main()

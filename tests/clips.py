"""Small clips with known truth, drawn and encoded here: the pipeline's tests need real files and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt

WIDTH, HEIGHT = 160, 120

Picture = npt.NDArray[np.uint8]


def painting(seed: int, width: int = 480, height: int = HEIGHT) -> Picture:
    """A textured, coloured picture without repeats, as a painted background."""
    rng = np.random.default_rng(seed)
    picture = np.zeros((height, width, 3), np.float32)
    for step in (64, 24, 8, 3):
        noise = rng.random((height // step + 2, width // step + 2, 3), np.float32) - 0.5
        picture += cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC) * step**0.5 * 12
    return np.clip(picture + 70 + 110 * rng.random(3, np.float32), 0, 255).astype(np.uint8)


def still(seed: int, frames: int) -> Iterator[Picture]:
    """A still camera and a figure that walks through the middle, on twos."""
    ground = painting(seed, WIDTH)
    for i in range(frames):
        picture = ground.copy()
        x = 40 + (i // 2) * 80 // max(frames // 2, 1)
        cv2.ellipse(picture, (x, 80), (9, 24), 0, 0, 360, (230, 60, 40), -1, cv2.LINE_AA)
        cv2.ellipse(picture, (x, 80), (9, 24), 0, 0, 360, (20, 20, 20), 2, cv2.LINE_AA)
        yield picture


def pan(seed: int, frames: int, step: int = 4) -> Iterator[Picture]:
    """A camera that moves right over one painted plane."""
    ground = painting(seed, WIDTH + step * frames)
    for i in range(frames):
        yield ground[:, i * step : i * step + WIDTH]


def series_clip(path: Path, scenes: Sequence[Iterator[Picture]], fps: Fraction = Fraction(24)) -> Path:
    """All scenes one after the other as H.264 with a silent-but-for-clicks audio track."""
    frames = [picture for scene in scenes for picture in scene]
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=fps, options={"crf": "14", "preset": "veryfast", "threads": "1"})
        video.width, video.height, video.pix_fmt = frames[0].shape[1], frames[0].shape[0], "yuv420p"
        audio = container.add_stream("aac", rate=48000)
        audio.layout = "mono"
        for picture in frames:
            container.mux(video.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")))
        container.mux(video.encode())
        samples = np.zeros((1, int(48000 * len(frames) / fps)), np.float32)
        samples[0, ::4800] = 0.5
        sound = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
        sound.sample_rate = 48000
        container.mux(audio.encode(sound))
        container.mux(audio.encode())
    return path


def two_scenes(path: Path, seed: int = 0, frames: int = 16) -> Path:
    """A still scene, then a pan."""
    return series_clip(path, [still(seed, frames), pan(seed + 1, frames)])

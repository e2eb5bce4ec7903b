"""Draws a long series at a small size: pans and resting cameras with grain, and files that are no videos."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt

WIDTH, HEIGHT, FPS = 160, 120, 24
Picture = npt.NDArray[np.uint8]


def write_series(folder: Path, videos: int, minutes: float, seed: int) -> None:
    """``videos`` files of ``minutes`` each (a few distinct ones, linked under more names) and three of rubbish."""
    folder.mkdir(parents=True)
    distinct = min(videos, 4)
    for number in range(videos):
        path = folder / f"episode-{number:03d}.mp4"
        if number < distinct:
            _write_video(path, minutes, seed + number)
        else:
            os.link(folder / f"episode-{number % distinct:03d}.mp4", path)
    whole = (folder / "episode-000.mp4").read_bytes()
    (folder / "rubbish-empty.mp4").touch()
    (folder / "rubbish-noise.mkv").write_bytes(np.random.default_rng(seed).bytes(1 << 16))
    (folder / "rubbish-cut.mp4").write_bytes(whole[: len(whole) // 2])  # its index, at the end, is lost


def _write_video(path: Path, minutes: float, seed: int) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"crf": "20", "preset": "ultrafast", "threads": "1"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for picture in _frames(int(minutes * 60 * FPS), seed):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


def _frames(count: int, seed: int) -> Iterator[Picture]:
    """Scenes of 8 to 40 seconds until there are ``count`` frames, now and then one of two minutes."""
    rng = np.random.default_rng(seed)
    while count > 0:
        length = min(int(120 * FPS if rng.random() < 0.02 else rng.integers(8 * FPS, 40 * FPS)), count)
        count -= length
        speed = float(rng.choice([0.0, 0.0, 0.25, 0.5, 1.0]))
        ground = _painting(rng, WIDTH + int(speed * length) + 1)
        grain = rng.normal(0, 2, (8, HEIGHT, WIDTH, 1)).astype(np.float32)
        for i in range(length):
            x = int(speed * i)
            picture = np.clip(ground[:, x : x + WIDTH] + grain[i % 8], 0, 255).astype(np.uint8)
            at = 40 + (i // 2 * 2) % 80
            cv2.ellipse(picture, (at, 80), (9, 24), 0, 0, 360, (230, 60, 40), -1, cv2.LINE_AA)
            yield picture


def _painting(rng: np.random.Generator, width: int) -> npt.NDArray[np.float32]:
    picture = np.zeros((HEIGHT, width, 3), np.float32)
    for step in (64, 24, 8, 3):
        noise = rng.random((HEIGHT // step + 2, width // step + 2, 3), np.float32) - 0.5
        picture += cv2.resize(noise, (width, HEIGHT), interpolation=cv2.INTER_CUBIC) * step**0.5 * 12
    return picture + 70 + 110 * rng.random(3, np.float32)

"""The work in a dataset, estimated from its videos' headers: episodes with frames, scenes and pixels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from remaster.imaging import geometry
from remaster.media.types import Rect, VideoInfo


@dataclass(frozen=True)
class Episode:
    """One video: its frames, its scenes (each with the megapixels of its frames' output), whether it needs wings."""

    frames: int
    scenes: tuple[float, ...]
    passthrough: bool = False

    @property
    def megapixels(self) -> float:
        """Of the whole output."""
        return sum(self.scenes)


def from_headers(infos: Iterable[VideoInfo], aspect: Fraction, scene_seconds: float) -> list[Episode]:
    """One episode a video. Headers have no cuts: scenes are taken to last ``scene_seconds`` each.

    They have no bars either: the whole picture is taken to be active. Raises ``ValueError`` where a video's headers
    have neither frames nor duration.
    """
    return [_episode(info, aspect, scene_seconds) for info in infos]


def _episode(info: VideoInfo, aspect: Fraction, scene_seconds: float) -> Episode:
    frames = info.frames or round((info.duration or 0.0) * info.fps)
    if frames <= 0:
        raise ValueError(f"{info.path}: its headers tell neither frames nor duration")
    active = Rect(0, 0, info.width, info.height)
    window = geometry.window(active, info.sar, info.format, aspect)
    count = max(round(frames / float(info.fps) / scene_seconds), 1)
    pixels = frames * window.width * window.height / 1e6
    return Episode(frames, (pixels / count,) * count, window.passthrough)

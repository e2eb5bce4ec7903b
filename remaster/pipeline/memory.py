"""What a worker takes of its node's memory: reserved, so that Ray starts no more of them than there is room for.

Measured peaks of one process over all steps: 430 MiB on 640x480, 650 MiB on 1440x1080, and the frames of a short scene
(``frames.KEPT_BYTES`` at most); beyond that, memory does not grow with the length of a scene. Reading a video for its
cuts is not reserved for, for the reason that ``graph`` gives; it takes less than the steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import ray

from remaster.media.types import VideoInfo
from remaster.pipeline.frames import KEPT_BYTES

BASE_BYTES = 400 * 2**20 + KEPT_BYTES  # Python, libraries, proxies, a scene's frames
BYTES_A_PIXEL = 300  # of the larger of source and result: frames, one background, the encoder's queue


def worker_bytes(infos: Sequence[VideoInfo], aspect: Fraction) -> int:
    """What a step of the largest of these videos may take, in bytes, at the target ``aspect``."""
    return BASE_BYTES + BYTES_A_PIXEL * max((_pixels(info, aspect) for info in infos), default=0)


def reservable(wanted: int) -> int:
    """As much of ``wanted`` bytes as a node has at all: what asks for more would wait for ever."""
    nodes = ray.nodes()  # type: ignore[no-untyped-call]
    most = max((node["Resources"].get("memory", 0.0) for node in nodes if node["Alive"]), default=0.0)
    return min(wanted, int(most))


def _pixels(info: VideoInfo, aspect: Fraction) -> int:
    """Pixels of the widest frame: the picture extended along its shorter side."""
    shown = info.sar * info.width / info.height
    return round(info.width * info.height * max(aspect / shown, shown / aspect))

"""What every worker of a run knows: the configuration, where outputs go, and the chosen engines."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

from remaster.config import BatchConfig, digest, pixel_settings
from remaster.geometry import Window, window
from remaster.media.types import VideoInfo
from remaster.pipeline.engines import Engine
from remaster.pipeline.store import Store
from remaster.rows import SceneRow


@dataclass(frozen=True)
class Job:
    """One run. ``framing`` None is ``auto``; ``counter`` is the actor handle that counts encoded frames."""

    config: BatchConfig
    store: Store
    aspect: Fraction
    framing: float | None
    segmenter: Engine
    inpainter: Engine
    counter: Any = None

    def window(self, row: SceneRow) -> Window:
        """What the frames of a scene will show."""
        if row.info is None or row.active is None:
            raise ValueError(f"{row.video} has not been detected")
        return window(row.active, row.info.sar, row.info.format, self.aspect, row.framing)

    def plan_fingerprint(self, info: VideoInfo) -> str:
        """Changes whenever a video would have to be detected again."""
        config = self.config
        source = [config.deinterlace, config.square_pixels]
        return digest("plan", info.size, info.mtime_ns, asdict(config.detect), source)

    def scene_fingerprint(self, scene: SceneRow) -> str:
        """Changes whenever a scene's encoded pixels would: source, frames, every setting and engine behind them."""
        if scene.info is None:
            raise ValueError(f"{scene.video} has not been probed")
        frames = [(run.start_frame, run.end_frame) for run in scene.runs]
        engines = {"segmenter": self.segmenter.identity(), "inpainter": self.inpainter.identity()}
        return digest(self.plan_fingerprint(scene.info), frames, pixel_settings(self.config, engines))

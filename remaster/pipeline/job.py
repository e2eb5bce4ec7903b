"""What every worker of a run knows: the configuration, where outputs go, and the chosen engines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from fractions import Fraction
from typing import Any

from remaster.config import BatchConfig, GateMode, digest, stage_settings
from remaster.imaging.geometry import Window, fitted_window, window
from remaster.media.encode import EncoderSettings, encoded_format
from remaster.media.types import PixelFormat, VideoInfo
from remaster.pipeline.codeprint import stages_code
from remaster.pipeline.engines import Engine
from remaster.pipeline.store import Store
from remaster.rows import SceneRow


@dataclass(frozen=True)
class Fingerprints:
    """What a scene's results were made of, by the stage that leaves them; each has those before it in it.

    They change whenever the result would: source, range, every setting and engine behind it, and the code.
    """

    stitch: str
    outpaint: str
    resample: str


@dataclass(frozen=True)
class Job:
    """One run. ``framing`` None is ``auto``; ``counter`` is the actor handle that counts encoded frames.

    ``code`` has a digest of each stage's code, which workers take from the driver.
    """

    config: BatchConfig
    store: Store
    aspect: Fraction
    framing: float | None
    segmenter: Engine
    inpainter: Engine
    counter: Any = None
    code: Mapping[str, str] = field(default_factory=stages_code)

    @property
    def fills_gate(self) -> bool:
        """Whether pixels of the projector's gate are replaced in the picture too."""
        return self.config.gate is GateMode.fill

    def window(self, row: SceneRow) -> Window:
        """What the frames of a scene will show."""
        if row.info is None or row.active is None:
            raise ValueError(f"{row.video} has not been detected")
        # What is stored on its side is shown upright: its own target lies on its side, too.
        treatment = row.info.treatment
        if treatment is not None and treatment.frame is not None:
            grid = self._grid(row.info.format)
            return fitted_window(row.info.width, row.info.height, treatment.frame, grid, row.framing)
        aspect = 1 / self.aspect if row.info.rotation in (90, 270) else self.aspect
        return window(row.active, row.info.sar, self._grid(row.info.format), aspect, row.framing)

    def _grid(self, source: PixelFormat) -> PixelFormat:
        """The source's pixel format with the chroma grid of what is encoded, where that is coarser."""
        output = self.config.output
        target = encoded_format(
            EncoderSettings(output.codec, encoder=output.encoder, pixel_format=output.pixel_format), source
        )
        log2_w, log2_h = (max(getattr(f, n) for f in (source, target)) for n in ("log2_chroma_w", "log2_chroma_h"))
        return replace(source, log2_chroma_w=log2_w, log2_chroma_h=log2_h)

    def plan_fingerprint(self, info: VideoInfo) -> str:
        """Changes whenever a video would have to be detected again."""
        config = self.config
        source = [config.deinterlace, config.square_pixels]
        return digest("plan", self.code["plan"], info.size, info.mtime_ns, asdict(config.detect), source)

    def fingerprints(self, row: SceneRow) -> Fingerprints:
        """Those of a scene under this run's settings."""
        if row.info is None:
            raise ValueError(f"{row.video} has not been probed")
        settings = stage_settings(self.config, self.segmenter.identity(), self.inpainter.identity())
        source = self.plan_fingerprint(row.info)
        frames = [(run.start_frame, run.end_frame) for run in row.runs]
        stitch = digest(self.code["stitch"], source, frames, settings["stitch"])
        outpaint = digest(self.code["outpaint"], stitch, settings["outpaint"])
        return Fingerprints(stitch, outpaint, digest(self.code["resample"], outpaint, settings["resample"]))

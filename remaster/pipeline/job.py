"""What every worker of a run is given: the configuration, where outputs go, and the chosen engines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from fractions import Fraction
from typing import Any

from remaster.config import BatchConfig, GateMode, digest, framing_settings, stage_settings
from remaster.imaging.geometry import Window, fitted_window, parse_framing, window
from remaster.media.encoders import EncoderSettings, encoded_format
from remaster.media.types import PixelFormat, Rect, VideoInfo
from remaster.pipeline.codeprint import stages_code
from remaster.pipeline.engines import Engine
from remaster.pipeline.store import Store
from remaster.rows import ExactFrames, LentShot, Scene
from remaster.steering.decisions import Decisions, Steering


@dataclass(frozen=True)
class Fingerprints:
    """Digests of all that a scene's results depend on, by the stage that caches them; each includes the ones before.

    They change whenever the result would: source, range, every setting and engine behind it, and the code.
    """

    stitch: str
    outpaint: str
    resample: str


@dataclass(frozen=True)
class Job:
    """One run. ``framing`` None is ``auto``; ``counter`` is the actor handle that counts encoded frames.

    ``code`` has a digest of each stage's code, which workers take from the driver. ``lent`` has the
    shots of scenes that show a set with others, by the scenes' ids; ``exact`` the frames that a donor shows whole.
    ``decisions`` are a person's, ``inpainters`` the engines that they name, by ``Steering.inpainter``.
    """

    config: BatchConfig
    store: Store
    aspect: Fraction
    framing: float | None
    segmenter: Engine
    inpainter: Engine
    counter: Any = None
    code: Mapping[str, str] = field(default_factory=stages_code)
    lent: Mapping[str, tuple[LentShot, ...]] = field(default_factory=dict)
    exact: Mapping[str, tuple[ExactFrames, ...]] = field(default_factory=dict)
    decisions: Decisions = field(default_factory=Decisions)
    inpainters: Mapping[str, Engine] = field(default_factory=dict)

    def fills_gate(self, scene: Scene) -> bool:
        """Whether pixels of the projector's gate are replaced in a scene's picture too."""
        decided = scene.steering.gate
        return (self.config.gate if decided is None else GateMode(decided)) is GateMode.fill

    def framing_of(self, scene: Scene) -> float | None:
        """Where a scene's pictures lie in their window; None: it is chosen automatically."""
        decided = scene.steering.framing
        return self.framing if decided is None else parse_framing(decided)

    def engine_of(self, steering: Steering) -> Engine:
        """The engine that fills the holes of what is decided about so."""
        return self.inpainter if steering.inpainter is None else self.inpainters[steering.inpainter]

    def count(self, frames: int) -> None:
        """Tell the progress of so many more encoded frames."""
        if self.counter is not None:
            self.counter.add.remote(frames)

    def window(self, scene: Scene) -> Window:
        """What the frames of a scene will show."""
        return self.window_of(scene.info, scene.active, scene.framing)

    def window_of(self, info: VideoInfo, active: Rect, framing: float = 0.5) -> Window:
        """What frames will show whose active picture is ``active``."""
        if info.treatment is not None and info.treatment.frame is not None:
            return fitted_window(info.width, info.height, info.treatment.frame, self._grid(info.format), framing)
        # What is stored on its side is shown upright: its own target lies on its side, too.
        aspect = 1 / self.aspect if info.rotation in (90, 270) else self.aspect
        return window(active, info.sar, self._grid(info.format), aspect, framing)

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

    def fingerprints(self, scene: Scene) -> Fingerprints:
        """Those of a scene under this run's settings."""
        inpainter = self.engine_of(scene.steering)
        settings = stage_settings(self.config, self.segmenter.identity(), inpainter.identity())
        source = self.plan_fingerprint(scene.info)
        steering = scene.steering
        decided = steering.stitching()
        if steering.framing == "auto":
            decided = [*decided, framing_settings(self.config)]
        lent = [(one.shot, one.digest) for one in scene.lent if one.digest]
        stitch = digest(self.code["stitch"], source, scene.ranges, settings["stitch"], *decided)
        exact = [self._exact(one) for one in scene.exact]
        # What is drawn from a donor's frames needs no fill.
        needless = [(one.start, one.end) for one in scene.exact]
        outpaint = digest(self.code["outpaint"], stitch, settings["outpaint"], lent, needless, *steering.outpainting())
        resample = digest(self.code["resample"], outpaint, settings["resample"], exact, *steering.resampling())
        return Fingerprints(stitch, outpaint, resample)

    def _exact(self, one: ExactFrames) -> tuple[Any, ...]:
        """All of a donor's frames that touches a pixel."""
        donor = one.donor.video_id, self.plan_fingerprint(one.donor.info)
        return (*donor, one.start, one.end, one.first, one.camera.tolist(), one.colour.tolist(), one.share)

"""The configuration's schema: every key, its type and its default. Hydra refuses unknown keys and wrong types by it."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from omegaconf import MISSING, DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError  # type: ignore[import-untyped]

from remaster.analyze.analysis import AnalyzeSettings
from remaster.detect.tuning import DetectSettings
from remaster.errors import UserError
from remaster.media.encoders import Codec
from remaster.media.remux import Container
from remaster.resample.tuning import Grain, ResampleSettings
from remaster.stitch.tuning import StitchSettings


class GateMode(Enum):
    """What happens to pixels of the original that show the projector's gate. They never enter the wings."""

    fill = "fill"
    keep = "keep"


class Deinterlace(Enum):
    """What happens to interlaced and telecined sources; ``auto`` is ``bwdif`` on interlaced ones alone."""

    auto = "auto"
    off = "off"
    bwdif = "bwdif"
    ivtc = "ivtc"


class LinkScope(Enum):
    """Among which scenes a set is looked for that returns: those of the whole dataset, of one video, or none."""

    series = "series"
    video = "video"
    off = "off"


class Subtitles(Enum):
    """Whether subtitles that have a place (ASS, SSA, PGS, VobSub, DVB) move with the picture."""

    follow = "follow"
    keep = "keep"


@dataclass(frozen=True)
class DatasetConfig:
    """``path``: a file, a folder (searched through), a glob, or an ``s3://`` or ``gs://`` address; no default.

    ``paths``: more of them, together one dataset; the paths of a command line stand here where there are several.
    ``donors``: other recordings, a path or a list of them, that are looked at for what scenes of the dataset never
    show, and not remastered themselves.
    """

    path: str | None = None
    paths: list[str] = field(default_factory=list)
    donors: Any = None

    @property
    def inputs(self) -> tuple[str, ...]:
        """All paths, each once."""
        return tuple(dict.fromkeys([*([self.path] if self.path else []), *self.paths]))

    @property
    def donor_inputs(self) -> tuple[str, ...]:
        """The paths of ``donors``, each once; raises ``UserError`` where it is neither a path nor a list of paths."""
        given = [] if self.donors is None else [self.donors] if isinstance(self.donors, str) else self.donors
        if not isinstance(given, list) or not all(isinstance(path, str) for path in given):
            raise UserError(
                f"dataset.donors={self.donors} is neither a path nor a list of paths, such as [a.mkv,b.mkv]"
            )
        return tuple(dict.fromkeys(given))


@dataclass(frozen=True)
class TargetConfig:
    """``framing``: center, left, right, auto, or the share of the wings left of (above) the original, 0.0-1.0."""

    aspect: str = "16:9"
    framing: Any = "center"


@dataclass(frozen=True)
class OutputConfig:
    """Where to and how encoded. ``dir`` None is ``outputs/`` and the dataset's name.

    ``encoder`` None is the codec's software encoder; h264_nvenc, hevc_nvenc and av1_nvenc need the hardware.
    ``pixel_format`` None is the source's own; another (yuv420p, yuv420p10le, ...) costs the exact centre.
    ``encoder_threads`` is fixed, not the machine's cores: x264's bytes depend on it. ``map``: a picture a shot that
    shows which pixels of its wings come from where. ``backgrounds``: a picture a shot of its filled background, which
    may be edited and put back by ``overrides.yaml``. ``layers``: files of each shot's wings alone, with alpha.
    """

    dir: str | None = None
    codec: Codec = Codec.h264
    container: Container = Container.source
    crf: int = 18
    preset: str = "medium"
    encoder: str | None = None
    pixel_format: str | None = None
    grain: Grain = Grain.match
    encoder_threads: int = 1
    map: bool = False
    backgrounds: bool = False
    layers: bool = False


@dataclass(frozen=True)
class ScenesConfig:
    """``limit``: only the first so many scenes of each video, delivered as a trimmed video that says so.

    ``link``: whether what a scene never saw is lent by other scenes that show the same set. ``series`` makes segments
    once all videos are stitched, ``video`` those of a video once it is, ``off`` as soon as a scene is.
    """

    limit: int | None = None
    link: LinkScope = LinkScope.series


@dataclass(frozen=True)
class ClusterConfig:
    """``address`` of a Ray cluster (None: RAY_ADDRESS, else a local instance with ``cpus``, None being all).

    ``object_store_gb`` bounds a local instance's memory for what lies between steps; beyond it, it goes to the disk.
    """

    address: str | None = None
    cpus: int | None = None
    object_store_gb: float | None = None


@dataclass(frozen=True)
class BatchConfig:
    """The whole configuration of ``remaster.jobs.batch``.

    ``preview``: every shot is drawn as a few small pictures, and nothing is encoded or delivered. ``strict``: what was
    delivered with something left out (status ``incomplete``), and inputs that are left out and may be videos, make the
    exit code 1.
    """

    dataset: DatasetConfig = field(default_factory=DatasetConfig)
    target: TargetConfig = field(default_factory=TargetConfig)
    segmenter: Any = MISSING
    inpainter: Any = MISSING
    output: OutputConfig = field(default_factory=OutputConfig)
    scenes: ScenesConfig = field(default_factory=ScenesConfig)
    cluster: ClusterConfig = field(default_factory=ClusterConfig)
    gate: GateMode = GateMode.fill
    deinterlace: Deinterlace = Deinterlace.auto
    square_pixels: bool = False
    subtitles: Subtitles = Subtitles.follow
    preview: bool = False
    resume: bool = True
    strict: bool = False
    seed: int = 0
    detect: DetectSettings = field(default_factory=DetectSettings)
    analyze: AnalyzeSettings = field(default_factory=AnalyzeSettings)
    stitch: StitchSettings = field(default_factory=StitchSettings)
    resample: ResampleSettings = field(default_factory=ResampleSettings)


def config_dir() -> Path:
    """The folder of the YAML files: beside the package in a checkout, inside it in an installed wheel."""
    package = Path(__file__).resolve().parent
    inside = package / "conf"
    return inside if inside.is_dir() else package.parent / "conf"


def register_schema(schema: type[Any] = BatchConfig, name: str = "schema") -> None:
    """Make a schema known to Hydra. Frozen dataclasses come out read-only, which overrides must not be."""
    from hydra.core.config_store import ConfigStore  # workers, which get their configuration ready made, do without

    node = OmegaConf.structured(schema)
    _make_writable(node)
    ConfigStore.instance().store(name=name, node=node)


def to_config(composed: DictConfig) -> BatchConfig:
    """The composed configuration as frozen dataclasses; raises OmegaConf's errors for wrong types."""
    config = OmegaConf.to_object(composed)
    if not isinstance(config, BatchConfig):
        raise TypeError(f"the configuration is a {type(config).__name__}, not a BatchConfig")
    return config


def from_run(text: str) -> BatchConfig:
    """The configuration of an earlier run from the text of its ``run.yaml``; raises ``UserError`` where it is none."""
    try:
        run = OmegaConf.create(text)
        if not isinstance(run, DictConfig):
            raise UserError("run.yaml is no configuration of a run")
        run.pop("chosen", None)
        node = OmegaConf.structured(BatchConfig)
        _make_writable(node)
        merged = OmegaConf.merge(node, run)
    except (OmegaConfBaseException, YAMLError) as error:
        raise UserError(f"run.yaml is no configuration of a run: {str(error).splitlines()[0]}") from error
    if not isinstance(merged, DictConfig):
        raise TypeError(f"the configuration is a {type(merged).__name__}")
    return to_config(merged)


def framing_settings(config: BatchConfig) -> list[float]:
    """What ``target.framing=auto`` weighs by."""
    return [config.resample.framing_penalty, config.resample.framing_invention]


def stage_settings(config: BatchConfig, segmenter: Any, inpainter: Any) -> dict[str, Any]:
    """All settings that touch a scene's pixels, under the first stage whose kept result depends on them.

    What decides whether a stage's result is still good: its own settings and those of the stages before it.
    """
    output = config.output
    return {
        "stitch": {
            "target": asdict(config.target),
            # The framing is chosen, by settings of resample's, before the holes are known.
            "framing": framing_settings(config) if config.target.framing == "auto" else None,
            "gate": config.gate,
            "seed": config.seed,
            "steps": [asdict(step) for step in (config.analyze, config.stitch)],
            "segmenter": segmenter,
        },
        "outpaint": {"inpainter": inpainter},
        "resample": {
            "step": asdict(config.resample),
            "encode": [
                output.codec,
                output.crf,
                output.preset,
                output.encoder_threads,
                output.encoder,
                output.pixel_format,
            ],
        },
    }


def literal(text: str) -> str:
    """A text as OmegaConf holds it: what looks like an interpolation is none."""
    return re.sub(r"(\\*)\$\{", lambda found: found[1] * 2 + r"\${", text)


def digest(*parts: Any) -> str:
    """A short, stable hash (sha256, 24 hex digits) of anything that JSON or ``str`` can write down."""
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _make_writable(node: DictConfig) -> None:
    OmegaConf.set_readonly(node, None)
    for key in node:
        if not OmegaConf.is_missing(node, key) and isinstance(node._get_node(key), DictConfig):
            _make_writable(node[key])

"""The families of diffusers checkpoints that can fill holes, as data: how each is loaded, called and usually sampled.

A checkpoint's family is known by the class that its model_index.json names. Checkpoints that were made for text alone
are loaded by their family's inpainting pipeline: it keeps the known latents at each step, and no network sees a mask.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from enum import Enum
from typing import Any

from remaster.accelerator import Precision
from remaster.errors import EngineUnavailable


class Scheduler(Enum):
    """The sampler: the ``checkpoint``'s own, DPM-Solver++ (20 steps), DDIM (50), Euler (30), LCM (4, with its LoRA)."""

    checkpoint = "checkpoint"
    dpm = "dpm"
    ddim = "ddim"
    euler = "euler"
    lcm = "lcm"


@dataclass(frozen=True)
class Sampling:
    """How a checkpoint generates: settings of the engine, of which those that are not set are the family's.

    ``tile`` in pixels, None for the network's ``sample_size``. ``offload``: on a GPU one component is there at a time,
    the others wait in main memory. ``gpu_gb`` is what that takes, by benchmarks/results/engine_memory.md and its
    reserve of 1 GB.
    """

    steps: int
    guidance: float
    strength: float
    batch: int
    gpu_gb: float
    scheduler: Scheduler = Scheduler.checkpoint
    tile: int | None = None
    offload: bool = False


@dataclass(frozen=True)
class Family:
    """Checkpoints of the ``classes`` that model_index.json may name, loaded by one ``pipeline`` of diffusers.

    ``denoiser`` is its largest component. ``guidance`` is what the pipeline calls its scale. ``negative``: it reads a
    negative prompt. ``diffusion``: its samplers may be exchanged (flow matching has only its own). ``precision`` is
    the one on a GPU.
    """

    title: str
    classes: tuple[str, ...]
    pipeline: str
    usual: Sampling
    denoiser: str = "transformer"
    guidance: str = "guidance_scale"
    negative: bool = True
    diffusion: bool = False
    precision: Precision = Precision.bf16

    def sampling(self, settings: object) -> Sampling:
        """The family's usual sampling with all that ``settings``, an object with fields of those names, sets."""
        given = {field.name: getattr(settings, field.name) for field in fields(Sampling)}
        return replace(self.usual, **{name: value for name, value in given.items() if value is not None})


def _classes(stem: str) -> tuple[str, ...]:
    return tuple(f"{stem}{task}Pipeline" for task in ("", "Img2Img", "Inpaint"))


FAMILIES = (
    Family(
        "Stable Diffusion 1 or 2",
        _classes("StableDiffusion"),
        "StableDiffusionInpaintPipeline",
        Sampling(steps=20, guidance=6.0, strength=0.95, batch=4, gpu_gb=4.0, scheduler=Scheduler.dpm),
        denoiser="unet",
        diffusion=True,
        precision=Precision.fp16,
    ),
    Family(
        "Stable Diffusion XL",
        _classes("StableDiffusionXL"),
        "StableDiffusionXLInpaintPipeline",
        Sampling(steps=20, guidance=6.0, strength=0.95, batch=4, gpu_gb=12.0, scheduler=Scheduler.dpm),
        denoiser="unet",
        diffusion=True,
        precision=Precision.fp16,
    ),
    Family(
        "Stable Diffusion 3",
        _classes("StableDiffusion3"),
        "StableDiffusion3InpaintPipeline",
        Sampling(steps=40, guidance=4.5, strength=0.95, batch=1, gpu_gb=11.0, offload=True),
    ),
    Family(
        "FLUX.1 Fill",
        ("FluxFillPipeline",),
        "FluxFillPipeline",
        Sampling(steps=50, guidance=30.0, strength=1.0, batch=1, gpu_gb=26.0, tile=1024, offload=True),
        negative=False,
    ),
    Family(
        "Qwen-Image",
        _classes("QwenImage"),
        "QwenImageInpaintPipeline",
        Sampling(steps=50, guidance=4.0, strength=0.95, batch=1, gpu_gb=44.0, tile=1024, offload=True),
        guidance="true_cfg_scale",
    ),
)
"""Steps and guidance of the last three are those of the model cards of 3.5 medium, FLUX.1 Fill [dev] and
Qwen-Image. None has been run on real weights here."""


def family_of(index: Mapping[str, Any], where: str) -> Family:
    """The family of a checkpoint by its model_index.json; ``EngineUnavailable``, beginning with ``where``, if none."""
    kind = index.get("_class_name")
    for family in FAMILIES:
        if kind in family.classes:
            return family
    titles = ", ".join(family.title for family in FAMILIES)
    raise EngineUnavailable(
        f"{where} is a {kind}, for which there is no inpainting here; pass a diffusers checkpoint of {titles}"
    )

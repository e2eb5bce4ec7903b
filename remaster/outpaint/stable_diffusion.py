"""Inpainter ``stable_diffusion``: latent diffusion from any inpainting checkpoint of Stable Diffusion 1, 2 or XL.

Rombach et al., "High-Resolution Image Synthesis with Latent Diffusion Models" (CVPR 2022), by diffusers. Tiles have the
network's native size. Below a strength of 1 denoising starts from the embedded engine's fill, which keeps its layout.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from remaster.accelerator import Batches, Device, Precision, check_device, require, torch_device, torch_dtype
from remaster.arrays import Mask, Rgb
from remaster.errors import EngineUnavailable
from remaster.outpaint import Filled, FillTask
from remaster.outpaint.exemplar import ExemplarInpainter
from remaster.outpaint.tiled_fill import Crop, fill_tiled
from remaster.weights import has_variant, hub_file, locate_file, locate_pipeline

LATENT = 8
"""Side in pixels of the block that is one latent pixel."""


class Scheduler(Enum):
    """The sampler: the ``checkpoint``'s own, DPM-Solver++ (20 steps), DDIM (50), Euler (30), LCM (4, with its LoRA)."""

    checkpoint = "checkpoint"
    dpm = "dpm"
    ddim = "ddim"
    euler = "euler"
    lcm = "lcm"


_SCHEDULERS = {
    Scheduler.dpm: "DPMSolverMultistepScheduler",
    Scheduler.ddim: "DDIMScheduler",
    Scheduler.euler: "EulerDiscreteScheduler",
    Scheduler.lcm: "LCMScheduler",
}


@dataclass(frozen=True)
class StableDiffusionInpainter:
    """Fills holes tile by tile by diffusion.

    ``checkpoint``: a diffusers folder, or a hub id at a ``revision``; the files of ``variant`` are taken where it has
    them. ``download``: the hub may be asked for what is not here. Only safetensors are read and no code is run.
    ``tile`` None is the network's native size (512 pixels, 1024 for XL); ``batch`` tiles are generated at once.
    ``steps``, ``guidance`` and ``strength`` are the sampler's; below a strength of 1 the embedded engine's fill gives
    the layout. ``lora``: weights added to the network, a local .safetensors file or ``owner/repository/file`` (with
    LCM's: steps=4, guidance=1, scheduler=lcm). ``safety_checker`` False leaves out the check for nudity, which the
    paper leaves out too; a tile that it blackens keeps its first guess. On a GPU, ``gpu_gb`` GB must be free at the
    start. ``compile`` compiles the UNet.
    """

    checkpoint: str = "stable-diffusion-v1-5/stable-diffusion-inpainting"
    revision: str | None = None
    variant: str | None = "fp16"
    download: bool = True
    lora: str | None = None
    prompt: str = "background of an animated film, painted scenery, empty scene"
    negative_prompt: str = "people, characters, faces, text, watermark, frame, border"
    scheduler: Scheduler = Scheduler.dpm
    steps: int = 20
    guidance: float = 6.0
    strength: float = 0.95
    safety_checker: bool = False
    tile: int | None = None
    batch: int = 4
    precision: Precision = Precision.auto
    device: Device = Device.auto
    gpu_gb: float = 4.0
    compile: bool = False

    def preflight(self) -> dict[str, str]:
        """The versions of the weights' content; ``EngineUnavailable`` where libraries, device, memory or weights are
        missing, or settings are invalid.
        """
        name = "stable_diffusion"
        require(name, "torch", "diffusers", "transformers", "accelerate", *(("peft",) if self.lora else ()))
        if self.tile is not None and (self.tile % 64 or self.tile < 64):
            raise EngineUnavailable(f"{name}: tile={self.tile} is no multiple of 64")
        if not 0 < self.strength <= 1 or int(self.steps * self.strength) < 1:
            raise EngineUnavailable(f"{name}: strength={self.strength:g} leaves nothing of {self.steps} steps")
        checker = ("safety_checker",) if self.safety_checker else ()
        versions = dict(locate_pipeline(self.checkpoint, self.revision, name, checker, self.download).version)
        if self.lora is not None:
            if not self.lora.endswith(".safetensors"):
                raise EngineUnavailable(f"{name}: lora={self.lora} is no .safetensors file, and nothing else is read")
            found = locate_file("lora", self.lora, None, name, self.download).version
            versions["lora"] = found.get("lora") or f"{self.lora} at {found['revision']}"
        check_device(name, self.device, self.gpu_gb)
        return versions

    def fill(self, tasks: Sequence[FillTask]) -> list[Filled]:
        """Fill each task's holes; raises ``MemoryError`` where the GPU cannot hold a single tile.

        A task gives the same pixels alone or among others, but for rounding: each tile has its own noise, made on the
        CPU from the task's seed.
        """
        if self.strength < 1:
            guesses = [filled.image for filled in ExemplarInpainter().fill(tasks)]
        else:
            guesses = [task.image for task in tasks]
        return fill_tiled(tasks, guesses, self.network.tile, self.network.generate)

    @cached_property
    def network(self) -> Network:
        """The loaded pipeline. It is loaded once, on first use, and never by a preflight."""
        return Network(self, load_pipeline(self, torch_dtype(self.precision, torch_device(self.device))))


class Network:
    """A diffusers ``pipeline`` on its device; ``tile`` is its tiles' side in pixels."""

    def __init__(self, settings: StableDiffusionInpainter, pipeline: Any) -> None:
        import torch

        self.settings = settings
        self.device = torch_device(settings.device)
        self.pipeline = pipeline.to(self.device)
        self.pipeline.set_progress_bar_config(disable=True)
        self.pipeline.vae.enable_slicing()  # decoding a whole batch at once needs more memory than its denoising
        for module in (self.pipeline.unet, self.pipeline.vae):
            module.to(memory_format=torch.channels_last)
        self.tile = settings.tile or self.pipeline.unet.config.sample_size * LATENT
        if settings.compile:
            self.pipeline.unet = torch.compile(self.pipeline.unet)
        self.batches = Batches(settings.batch)
        if self.device == "cuda":
            blank = np.zeros((self.tile, self.tile, 3), np.uint8)
            self.generate([Crop(blank, blank[..., 0] == 0, 0)])  # kernels are loaded before the first scene

    def generate(self, crops: Sequence[Crop]) -> list[Rgb]:
        """A picture for each crop, batch by batch."""
        return self.batches.run(crops, self.denoise)

    def denoise(self, crops: Sequence[Crop]) -> list[Rgb]:
        """A picture for each crop of one batch; a crop that the safety checker refuses is returned as it is."""
        import torch

        settings = self.settings
        with torch.inference_mode():
            result = self.pipeline(
                prompt=[_text(crop.prompts.positive, settings.prompt) for crop in crops],
                negative_prompt=[_text(crop.prompts.negative, settings.negative_prompt) for crop in crops],
                image=np.stack([crop.pixels for crop in crops]).astype(np.float32) / 255,
                mask_image=np.stack([whole_latents(crop.unknown) for crop in crops]).astype(np.float32),
                height=self.tile,
                width=self.tile,
                strength=settings.strength,
                num_inference_steps=settings.steps,
                guidance_scale=settings.guidance,
                generator=[torch.Generator("cpu").manual_seed(crop.seed) for crop in crops],
                output_type="np",
            )
        refused = getattr(result, "nsfw_content_detected", None) or [False] * len(crops)
        pictures = np.rint(np.nan_to_num(result.images) * 255).astype(np.uint8)
        return [crop.pixels if bad else picture for crop, bad, picture in zip(crops, refused, pictures, strict=True)]


def _text(asked: str | None, usual: str) -> str:
    return usual if asked is None else asked


def load_pipeline(settings: StableDiffusionInpainter, dtype: Any) -> Any:
    """The checkpoint's inpainting pipeline on the CPU, with the configured sampler and LoRA; the hub's cache is filled
    under its own locks, so that several actors of a node download once.
    """
    import diffusers

    folder = Path(settings.checkpoint).expanduser()
    variant = settings.variant
    if variant is not None and not has_variant(settings.checkpoint, settings.revision, variant, "stable_diffusion"):
        variant = None
    options: dict[str, Any] = {} if settings.safety_checker else {"safety_checker": None}
    pipeline = diffusers.AutoPipelineForInpainting.from_pretrained(
        str(folder) if folder.is_dir() else settings.checkpoint,
        revision=settings.revision,
        variant=variant,
        dtype=dtype,
        use_safetensors=True,
        **options,
    )
    pipeline.watermark = None  # XL's marks every picture where its library happens to be installed
    scheduler = Scheduler(settings.scheduler)
    if scheduler is not Scheduler.checkpoint:
        sampler = getattr(diffusers, _SCHEDULERS[scheduler])
        pipeline.scheduler = sampler.from_config(pipeline.scheduler.config)
    if settings.lora is not None:
        path = hub_file(settings.lora, None)
        pipeline.load_lora_weights(str(path.parent), weight_name=path.name)
        pipeline.fuse_lora()
    return pipeline


def whole_latents(unknown: Mask) -> Mask:
    """The mask with each latent pixel that contains an unknown pixel set as a whole, as the UNet sees it."""
    height, width = unknown.shape
    blocks = unknown.reshape(height // LATENT, LATENT, width // LATENT, LATENT).any(axis=(1, 3))
    return np.asarray(blocks.repeat(LATENT, axis=0).repeat(LATENT, axis=1))

"""Inpainter ``stable_diffusion``: latent diffusion from a checkpoint of any family of ``checkpoints.FAMILIES``.

Rombach et al., "High-Resolution Image Synthesis with Latent Diffusion Models" (CVPR 2022), by diffusers. Tiles have the
network's native size. Below a strength of 1 denoising starts from the embedded engine's fill, which keeps its layout.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np

from remaster.accelerator import Batches, Device, Precision, check_device, require, torch_device, torch_dtype
from remaster.arrays import Mask, Rgb
from remaster.errors import EngineUnavailable
from remaster.outpaint import Filled, FillTask
from remaster.outpaint.checkpoints import Family, Scheduler, family_of
from remaster.outpaint.exemplar import ExemplarInpainter
from remaster.outpaint.tiled_fill import Crop, fill_tiled
from remaster.weights import has_variant, hub_file, locate_file, locate_pipeline, pipeline_index

NAME = "stable_diffusion"
LATENT = 8
"""Side in pixels of the block that is one latent pixel."""


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
    Where ``steps``, ``guidance``, ``strength``, ``scheduler``, ``tile``, ``batch``, ``offload`` or ``gpu_gb`` is None,
    the checkpoint's family says it (``Sampling``); ``batch`` tiles are generated at once. Below a strength of 1 the
    embedded engine's fill gives the layout. ``lora``: weights added to the network, a local .safetensors file or
    ``owner/repository/file`` (with LCM's: steps=4, guidance=1, scheduler=lcm). ``safety_checker`` False leaves out the
    check for nudity, which the paper leaves out too; a tile that it blackens keeps its first guess. On a GPU,
    ``gpu_gb`` GB must be free at the start. ``compile`` compiles the denoiser.
    """

    checkpoint: str = "stable-diffusion-v1-5/stable-diffusion-inpainting"
    revision: str | None = None
    variant: str | None = "fp16"
    download: bool = True
    lora: str | None = None
    prompt: str = "background of an animated film, painted scenery, empty scene"
    negative_prompt: str = "people, characters, faces, text, watermark, frame, border"
    scheduler: Scheduler | None = None
    steps: int | None = None
    guidance: float | None = None
    strength: float | None = None
    safety_checker: bool = False
    tile: int | None = None
    batch: int | None = None
    precision: Precision = Precision.auto
    device: Device = Device.auto
    offload: bool | None = None
    gpu_gb: float | None = None
    compile: bool = False

    def preflight(self, reserved_gb: float = 0.0) -> dict[str, str]:
        """The versions of the weights' content; ``EngineUnavailable`` where libraries, device, memory or weights are
        missing, or settings are invalid. A GPU must have ``reserved_gb`` GB free beside what this engine takes.
        """
        require(NAME, "torch", "diffusers", "transformers", "accelerate", *(("peft",) if self.lora else ()))
        checker = ("safety_checker",) if self.safety_checker else ()
        located = locate_pipeline(self.checkpoint, self.revision, NAME, checker, self.download)
        family = family_of(located.index, f"{NAME}: {self.checkpoint}")
        self._check(family)
        versions = dict(located.version)
        if self.lora is not None:
            if not self.lora.endswith(".safetensors"):
                raise EngineUnavailable(f"{NAME}: lora={self.lora} is no .safetensors file, and nothing else is read")
            found = locate_file("lora", self.lora, None, NAME, self.download).version
            versions["lora"] = found.get("lora") or f"{self.lora} at {found['revision']}"
        check_device(NAME, self.device, family.sampling(self).gpu_gb + reserved_gb)
        return versions

    def _check(self, family: Family) -> None:
        """Raise ``EngineUnavailable`` for settings that are invalid, or that a ``family`` does not know."""
        chosen = family.sampling(self)
        if chosen.tile is not None and (chosen.tile % 64 or chosen.tile < 64):
            raise EngineUnavailable(f"{NAME}: tile={chosen.tile} is no multiple of 64")
        if not 0 < chosen.strength <= 1 or int(chosen.steps * chosen.strength) < 1:
            raise EngineUnavailable(f"{NAME}: strength={chosen.strength:g} leaves nothing of {chosen.steps} steps")
        scheduler = Scheduler(chosen.scheduler)
        if not family.diffusion and scheduler is not Scheduler.checkpoint:
            raise EngineUnavailable(
                f"{NAME}: {family.title} has a sampler of its own; leave out scheduler={scheduler.value}"
            )
        if not family.negative and self.negative_prompt not in ("", StableDiffusionInpainter.negative_prompt):
            raise EngineUnavailable(f"{NAME}: {family.title} reads no negative_prompt; leave it out")

    def fill(self, tasks: Sequence[FillTask]) -> list[Filled]:
        """Fill each task's holes; raises ``MemoryError`` where the GPU cannot hold a single tile.

        A task gives the same pixels alone or among others, but for rounding: each tile has its own noise, made on the
        CPU from the task's seed.
        """
        if self.network.sampling.strength < 1:
            guesses = [filled.image for filled in ExemplarInpainter().fill(tasks)]
        else:
            guesses = [task.image for task in tasks]
        return fill_tiled(tasks, guesses, self.network.tile, self.network.generate)

    @cached_property
    def network(self) -> Network:
        """The loaded pipeline. It is loaded once, on first use, and never by a preflight."""
        family = family_of(pipeline_index(self.checkpoint, self.revision), f"{NAME}: {self.checkpoint}")
        dtype = torch_dtype(self.precision, torch_device(self.device), family.precision)
        return Network(self, family, load_pipeline(self, family, dtype))


class Network:
    """A diffusers ``pipeline`` on its device; ``tile`` is its tiles' side in pixels."""

    def __init__(self, settings: StableDiffusionInpainter, family: Family, pipeline: Any) -> None:
        import torch

        self.settings, self.family, self.pipeline = settings, family, pipeline
        self.sampling = family.sampling(settings)
        self.device = torch_device(settings.device)
        if self.device == "cuda" and self.sampling.offload:
            pipeline.enable_model_cpu_offload()
        else:
            pipeline.to(self.device)
        pipeline.set_progress_bar_config(disable=True)
        pipeline.vae.enable_slicing()  # decoding a whole batch at once needs more memory than its denoising
        denoiser = getattr(pipeline, family.denoiser)
        if family.denoiser == "unet":
            for module in (denoiser, pipeline.vae):
                module.to(memory_format=torch.channels_last)
        self.tile = self.sampling.tile or denoiser.config.sample_size * LATENT
        if settings.compile:
            setattr(pipeline, family.denoiser, torch.compile(denoiser))
        self.batches = Batches(self.sampling.batch)
        if self.device == "cuda":
            blank = np.zeros((self.tile, self.tile, 3), np.uint8)
            self.generate([Crop(blank, blank[..., 0] == 0, 0)])  # kernels are loaded before the first scene

    def generate(self, crops: Sequence[Crop]) -> list[Rgb]:
        """A picture for each crop, batch by batch."""
        return self.batches.run(crops, self.denoise)

    def denoise(self, crops: Sequence[Crop]) -> list[Rgb]:
        """A picture for each crop of one batch; a crop that the safety checker refuses is returned as it is."""
        import torch

        settings, sampling = self.settings, self.sampling
        options: dict[str, Any] = {self.family.guidance: sampling.guidance}
        if self.family.negative:
            options["negative_prompt"] = [_text(crop.prompts.negative, settings.negative_prompt) for crop in crops]
        with torch.inference_mode():
            result = self.pipeline(
                prompt=[_text(crop.prompts.positive, settings.prompt) for crop in crops],
                image=np.stack([crop.pixels for crop in crops]).astype(np.float32) / 255,
                mask_image=np.stack([whole_latents(crop.unknown) for crop in crops]).astype(np.float32),
                height=self.tile,
                width=self.tile,
                strength=sampling.strength,
                num_inference_steps=sampling.steps,
                generator=[torch.Generator("cpu").manual_seed(crop.seed) for crop in crops],
                output_type="np",
                **options,
            )
        refused = getattr(result, "nsfw_content_detected", None) or [False] * len(crops)
        pictures = np.rint(np.nan_to_num(result.images) * 255).astype(np.uint8)
        return [crop.pixels if bad else picture for crop, bad, picture in zip(crops, refused, pictures, strict=True)]


def _text(asked: str | None, usual: str) -> str:
    return usual if asked is None else asked


def load_pipeline(settings: StableDiffusionInpainter, family: Family, dtype: Any) -> Any:
    """The checkpoint's inpainting pipeline on the CPU, with the configured sampler and LoRA; the hub's cache is filled
    under its own locks, so that several actors of a node download once.
    """
    import diffusers

    folder = Path(settings.checkpoint).expanduser()
    variant, pipeline_class = settings.variant, getattr(diffusers, family.pipeline)
    if variant and not has_variant(settings.checkpoint, settings.revision, variant, NAME, family.denoiser):
        variant = None
    has_checker = "safety_checker" in signature(pipeline_class).parameters
    options: dict[str, Any] = {"safety_checker": None} if has_checker and not settings.safety_checker else {}
    pipeline = pipeline_class.from_pretrained(
        str(folder) if folder.is_dir() else settings.checkpoint,
        revision=settings.revision,
        variant=variant,
        dtype=dtype,
        use_safetensors=True,
        **options,
    )
    pipeline.watermark = None  # XL's marks every picture where its library happens to be installed
    scheduler = Scheduler(family.sampling(settings).scheduler)
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

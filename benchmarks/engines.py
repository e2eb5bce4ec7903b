"""What do the neural engines cost on this machine: seconds per keyframe, tile, scene and episode, and memory?

``python -m benchmarks.engines --help``. The networks have their full size and random weights, so it runs anywhere,
with the engines' own code. On a CPU it counts the CPU seconds of one core, which other work on the machine changes
little. It measures one sampling step at each batch size; a tile's seconds are extrapolated from it, and its row says
so.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import platform
import resource
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from remaster.accelerator import Precision, torch_device, torch_dtype
from remaster.arrays import Mask, Rgb
from remaster.outpaint import FillTask
from remaster.outpaint.checkpoints import FAMILIES, Scheduler
from remaster.outpaint.exemplar import ExemplarInpainter
from remaster.outpaint.stable_diffusion import Network, StableDiffusionInpainter
from remaster.outpaint.tiled_fill import Crop, plan_rounds
from remaster.segment.maskrcnn import MaskRcnnSegmenter

KEYFRAMES = 14  # of a scene with a still camera
SCENES = 300  # of an episode of 20 minutes: shots of 4 seconds
PAPER_HOURS = 400  # Stable Diffusion on every frame of such an episode, on the paper's RTX 2070
PAPER_FRAMES = 20 * 60 * 24
SIZES = ((640, 480), (1440, 1080))
RESULTS = Path(__file__).parent / "results" / "engines.md"


@dataclass(frozen=True)
class Measured:
    """One row: seconds an item at a batch size; ``how`` it was come by."""

    what: str
    batch: int
    seconds: float
    peak_gb: float
    how: str


def main() -> None:
    import torch

    arguments = _arguments()
    device = torch_device(arguments.device)
    if device == "cpu":
        torch.set_num_threads(1)
        cv2.setNumThreads(1)
    rows = [mask_rcnn(batch, device) for batch in arguments.batches]
    rows += stable_diffusion(arguments, device)
    prefill = [embedded(*size) for size in SIZES]
    text = report(rows, prefill, arguments, device)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(text)
    print(text)


def mask_rcnn(batch: int, device: str) -> Measured:
    """Seconds a keyframe of 640x480, at the engine's default 800 lines."""
    import torch
    from torchvision.models.detection import maskrcnn_resnet50_fpn

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "random.pth"
        torch.manual_seed(0)
        torch.save(maskrcnn_resnet50_fpn(weights=None, weights_backbone=None).state_dict(), path)
        # Random weights are sure of nothing; so low a score gives the mask head its full load.
        engine = MaskRcnnSegmenter(weights=str(path), batch=batch, score=0.005, device=device)  # type: ignore[arg-type]
        pictures = [_picture(640, 480, seed) for seed in range(batch)]
        engine.find(pictures[:1])
    seconds, peak = timed(lambda: engine.find(pictures), device)
    return Measured("Mask R-CNN, a keyframe", batch, seconds / batch, peak, "measured")


def stable_diffusion(arguments: argparse.Namespace, device: str) -> list[Measured]:
    """Seconds a tile of 512x512 at the engine's default steps and guidance, for each batch size."""
    settings = StableDiffusionInpainter(scheduler=Scheduler.ddim, strength=1.0, steps=arguments.steps)
    family = FAMILIES[0]
    pipeline = random_pipeline(device, torch_dtype(Precision.auto, device))
    what = f"Stable Diffusion 1.5, a tile of {arguments.steps} steps"
    single = Network(replace(settings, steps=1), family, pipeline)
    crops = [Crop(_picture(512, 512, seed), _wing(512, 512, 107), seed) for seed in range(max(arguments.batches))]
    single.generate(crops[:1])
    if device == "cpu":
        whole = timed(lambda: single.generate(crops[:1]), device)[0]
        around = whole - denoising_step(pipeline, 1, device)[0]
        return [extrapolated(what, batch, around, arguments.steps, pipeline) for batch in arguments.batches]
    rows = []
    for batch in arguments.batches:
        network = Network(replace(settings, batch=batch), family, pipeline)
        seconds, peak = timed(lambda network=network, batch=batch: network.generate(crops[:batch]), device)
        rows.append(Measured(what, batch, seconds / batch, peak, "measured"))
    return rows


def denoising_step(pipeline: Any, batch: int, device: str) -> tuple[float, float]:
    """``timed`` for the UNet over a batch of tiles, each with and without its prompt."""
    import torch

    unet = pipeline.unet
    latents = torch.randn(2 * batch, 9, 64, 64).to(device, unet.dtype, memory_format=torch.channels_last)
    prompts = torch.randn(2 * batch, 77, 768).to(device, unet.dtype)
    with torch.inference_mode():
        return timed(lambda: unet(latents, 500, encoder_hidden_states=prompts), device)


def extrapolated(what: str, batch: int, around: float, steps: int, pipeline: Any) -> Measured:
    """A tile's seconds from one step; ``around`` are those of text and autoencoder, which takes tiles one by one."""
    step, peak = denoising_step(pipeline, batch, "cpu")
    how = f"extrapolated: {steps} x {step / batch:.2f} s (one step measured) + {around:.1f} s around them"
    return Measured(what, batch, around + steps * step / batch, peak, how)


def random_pipeline(device: str, dtype: Any) -> Any:
    """Stable Diffusion 1.5 inpainting built from its configuration, with random weights."""
    import torch
    from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionInpaintPipeline, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

    default = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with torch.device(device):
            unet = UNet2DConditionModel(
                sample_size=64, in_channels=9, cross_attention_dim=768, block_out_channels=(320, 640, 1280, 1280)
            )
            vae = AutoencoderKL(
                block_out_channels=(128, 256, 512, 512),
                down_block_types=("DownEncoderBlock2D",) * 4,
                up_block_types=("UpDecoderBlock2D",) * 4,
                layers_per_block=2,
                sample_size=512,
            )
            text = CLIPTextModel(
                CLIPTextConfig(hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12)
            )
    finally:
        torch.set_default_dtype(default)
    return StableDiffusionInpaintPipeline(
        vae=vae.eval(),
        text_encoder=text.eval(),
        tokenizer=CLIPTokenizer(model_max_length=77),
        unet=unet.eval(),
        scheduler=DDIMScheduler(beta_schedule="scaled_linear", clip_sample=False, steps_offset=1),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def embedded(width: int, height: int) -> float:
    """Seconds of the embedded fill of both wings, which every diffused scene starts from."""
    wing = (round(height * 16 / 9) - width) // 2
    holes = np.hstack([_wing(wing + width // 2, height, wing), _wing(wing + width // 2, height, wing)[:, ::-1]])
    task = FillTask(_picture(holes.shape[1], height, 1), holes, ~holes, 0)
    return timed(lambda: ExemplarInpainter().fill([task]), "cpu")[0]


def timed(call: Callable[[], object], device: str) -> tuple[float, float]:
    """(seconds, on a CPU those of one core; peak memory in GB: of the GPU for this call, or of the process so far)."""
    import torch

    if device == "cuda":
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
    clock = time.perf_counter if device == "cuda" else time.process_time
    started = clock()
    call()
    if device == "cuda":
        torch.cuda.synchronize()
        return clock() - started, torch.cuda.max_memory_allocated() / 1e9
    return clock() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def tiles(width: int, height: int) -> int:
    """Tiles of 512 pixels that both wings of one still scene take, 4:3 to 16:9."""
    wing = (round(height * 16 / 9) - width) // 2
    holes = np.zeros((height, width + 2 * wing), bool)
    holes[:, :wing] = holes[:, -wing:] = True
    return sum(len(tiles) for tiles in plan_rounds(holes, ~holes, 512))


def report(rows: list[Measured], prefill: list[float], arguments: argparse.Namespace, device: str) -> str:
    """The page of results."""
    best = {kind: min(r.seconds for r in rows if r.what.startswith(kind)) for kind in ("Mask", "Stable")}
    lines = [
        "# Neural engines: time and memory",
        "",
        f"`{arguments.command}` on {_machine(device)}, {date.today().isoformat()}.",
        f"{_versions()}. Networks of full size with random weights.",
        "",
        "| what | batch | seconds each | peak memory, GB | how |",
        "| --- | ---: | ---: | ---: | --- |",
        *(f"| {r.what} | {r.batch} | {r.seconds:.3g} | {r.peak_gb:.1f} | {r.how} |" for r in rows),
        "",
        f"A scene: {KEYFRAMES} keyframes masked, both wings of a still camera generated once, at the best batch size.",
        f"An episode: {SCENES} such scenes, 20 minutes in shots of 4 seconds; none is shared and no wing is recovered,",
        f"so this is the most there is to do. Stable Diffusion on every frame took the paper {PAPER_HOURS} hours.",
        "",
        "| source | tiles a scene | embedded first fill, s | scene, s | episode, hours | share of the paper's 400 h |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for (width, height), first in zip(SIZES, prefill, strict=True):
        count = tiles(width, height)
        scene = KEYFRAMES * best["Mask"] + first + count * best["Stable"]
        hours = scene * SCENES / 3600
        lines.append(
            f"| {width}x{height} | {count} | {first:.1f} | {scene:.3g} | {hours:.3g} | {hours / PAPER_HOURS:.1%} |"
        )
    pace = PAPER_HOURS * 3600 / PAPER_FRAMES
    lines += [
        "",
        f"At the paper's own pace ({PAPER_HOURS} hours for {PAPER_FRAMES:,} frames are {pace:.0f} s a frame), and if a",
        "tile took what one of its frames took, the same tiles would take",
        "; ".join(f"{size[0]}x{size[1]} {SCENES * tiles(*size) * pace / 3600:.1f} hours" for size in SIZES) + ".",
    ]
    where = "of the GPU, as allocated by torch" if device == "cuda" else "of the whole process so far, not of the GPU"
    return "\n".join([*lines, "", f"Peak memory is {where}.", *_caveat(device), ""])


def _caveat(device: str) -> list[str]:
    if device == "cuda":
        return []
    return ["Seconds are those of one CPU core. They say nothing about any GPU."]


def _machine(device: str) -> str:
    if device == "cuda":
        import torch

        return f"one {torch.cuda.get_device_name()}"
    names = [line.split(":")[1].strip() for line in _cpu_lines() if line.startswith("model name")]
    return f"one core of {names[0] if names else platform.machine()}, no GPU"


def _cpu_lines() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.is_file() else []


def _versions() -> str:
    names = ("torch", "torchvision", "diffusers", "transformers")
    return ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)


def _picture(width: int, height: int, seed: int) -> Rgb:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 255, (height // 16 + 1, width // 16 + 1, 3), dtype=np.uint8)
    return np.ascontiguousarray(coarse.repeat(16, 0).repeat(16, 1)[:height, :width])


def _wing(width: int, height: int, wing: int) -> Mask:
    holes = np.zeros((height, width), bool)
    holes[:, :wing] = True
    return holes


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 2, 4, 8, 16], help="batch sizes")
    parser.add_argument("--steps", type=int, default=20, help="the sampler's steps for a tile")
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    parser.add_argument("--output", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    batches = " ".join(map(str, arguments.batches))
    arguments.command = f"python -m benchmarks.engines --batches {batches} --steps {arguments.steps}"
    return arguments


if __name__ == "__main__":
    main()

"""Inpainter ``lama``: large-mask inpainting by Fourier convolutions, as TorchScript.

Suvorov et al., "Resolution-robust Large Mask Inpainting with Fourier Convolutions" (WACV 2022). The module takes a
picture float32 (n, 3, h, w) 0-1 and a mask float32 (n, 1, h, w) of 0 and 1, and returns the filled picture, 0-1, as the
published exports of big-LaMa and of its fine-tune on drawings do.
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from remaster.accelerator import Batches, Device, check_device, require, torch_device
from remaster.arrays import Rgb
from remaster.errors import EngineUnavailable
from remaster.outpaint import Filled, FillTask
from remaster.outpaint.tiled_fill import Crop, fill_tiled
from remaster.weights import hub_file, locate_file

MULTIPLE = 8
"""Pixels: a tile's side must be a multiple of it."""


@dataclass(frozen=True)
class LamaInpainter:
    """Fills holes tile by tile by LaMa.

    ``weights``: a TorchScript file, or one on the hub as ``owner/repository/file``, at a ``revision``. ``tile`` is the
    side of the crops in pixels, a multiple of 8; ``batch`` of them go through the network at once, in fp32 (its Fourier
    transforms need it). On a GPU, ``gpu_gb`` GB must be free at the start.
    """

    weights: str = "fashn-ai/LaMa/big-lama.pt"
    revision: str | None = None
    tile: int = 512
    batch: int = 4
    device: Device = Device.auto
    gpu_gb: float = 3.0

    def preflight(self) -> dict[str, str]:
        """The version of the weights' content; ``EngineUnavailable`` where libraries, device, memory or weights are
        missing.
        """
        require("lama", "torch", "huggingface_hub")
        if self.tile % MULTIPLE or self.tile < 64:
            raise EngineUnavailable(f"lama: tile={self.tile} is no multiple of {MULTIPLE} from 64 on")
        located = locate_file("weights", self.weights, self.revision, "lama")
        if located.path is not None:
            _check_script(located.path)
        check_device("lama", self.device, self.gpu_gb)
        return dict(located.version)

    def fill(self, tasks: Sequence[FillTask]) -> list[Filled]:
        """Fill each task's holes; raises ``MemoryError`` where the GPU cannot hold a single tile."""
        return fill_tiled(tasks, [task.image for task in tasks], self.tile, self.network.generate)

    @cached_property
    def network(self) -> LamaNetwork:
        """The loaded network. It is loaded once, on first use, and never by a preflight."""
        return LamaNetwork(self)


class LamaNetwork:
    """The scripted module on its device, with the batch size that fits into its memory."""

    def __init__(self, settings: LamaInpainter) -> None:
        import torch

        self.device = torch_device(settings.device)
        self.module = torch.jit.load(str(hub_file(settings.weights, settings.revision)), map_location=self.device)
        self.module.eval()
        self.batches = Batches(settings.batch)
        if self.device == "cuda":
            blank = np.zeros((settings.tile, settings.tile), np.uint8)
            self.generate([Crop(np.dstack([blank] * 3), blank > 0, 0)])  # kernels are loaded before the first scene

    def generate(self, crops: Sequence[Crop]) -> list[Rgb]:
        """A picture for each crop, batch by batch."""
        return self.batches.run(crops, self.forward)

    def forward(self, crops: Sequence[Crop]) -> list[Rgb]:
        """A picture for each crop of one batch."""
        import torch

        unknown = np.stack([crop.unknown for crop in crops])
        pixels = np.stack([crop.pixels for crop in crops]) * ~unknown[..., None]
        with torch.inference_mode():
            image = torch.from_numpy(pixels).to(self.device).permute(0, 3, 1, 2).float() / 255
            mask = torch.from_numpy(unknown).to(self.device)[:, None].float()
            filled = self.module(image, mask).clamp(0, 1).mul(255).round().byte()
            return list(filled.permute(0, 2, 3, 1).cpu().numpy())


def _check_script(path: Path) -> None:
    """Raise ``EngineUnavailable`` for a file that is no TorchScript archive, without loading it."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            if any("/code/" in name for name in archive.namelist()):
                return
    raise EngineUnavailable(f"lama: {path} is no TorchScript file (a checkpoint for training is not one)")

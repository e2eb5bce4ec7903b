"""Inpainter ``lama``: large-mask inpainting by Fourier convolutions, as ONNX on the CPU or as TorchScript on a GPU.

Suvorov et al., "Resolution-robust Large Mask Inpainting with Fourier Convolutions" (WACV 2022). The scripted module
takes a picture float32 (n, 3, h, w) 0-1 and a mask float32 (n, 1, h, w) of 0 and 1, and returns the filled picture,
0-1, as the published exports of big-LaMa and of its fine-tune on drawings do. The ONNX exports have the inputs
``image`` and ``mask`` of 512x512 pixels, one at a time, and return the picture in levels, 0-255; OpenCV runs them.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from pathlib import Path

import numpy as np

from remaster.accelerator import Batches, Device, check_device, require, sees_gpu, torch_device
from remaster.arrays import Float32, Mask, Rgb
from remaster.errors import EngineUnavailable
from remaster.onnx_network import OnnxNetwork
from remaster.outpaint import Filled, FillTask
from remaster.outpaint.tiled_fill import Crop, fill_tiled
from remaster.weight_files.shelf import on_shelf
from remaster.weights import content, hub_file, locate_file

MULTIPLE = 8
"""Pixels: a tile's side must be a multiple of it."""
ONNX_SIDE = 512
"""Pixels: the side of the tiles of the published ONNX exports."""
ONNX_WEIGHTS, SCRIPT_WEIGHTS = "lama", "fashn-ai/LaMa/big-lama.pt"


class Runtime(Enum):
    """What runs the network. ``auto``: torch on a GPU that it sees, else OpenCV; or what the weights are for."""

    auto = "auto"
    onnx = "onnx"
    torch = "torch"


@dataclass(frozen=True)
class LamaInpainter:
    """Fills holes tile by tile by LaMa.

    ``weights``: an ONNX or TorchScript file, a name from ``remaster.jobs.weights``, or a TorchScript file on the hub as
    ``owner/repository/file``, at a ``revision``; None: those of the ``runtime``. ``download``: the hub may be asked for
    what is not here. ``tile`` is the side of the crops in pixels, a multiple of 8 (ONNX: 512); ``batch`` of them go
    through torch at once, in fp32 (its Fourier transforms need it). On a GPU, ``gpu_gb`` GB must be free at the start.
    """

    weights: str | None = None
    runtime: Runtime = Runtime.auto
    revision: str | None = None
    download: bool = True
    tile: int = 512
    batch: int = 4
    device: Device = Device.auto
    gpu_gb: float = 3.0

    def preflight(self, reserved_gb: float = 0.0) -> dict[str, str]:
        """The ``runtime`` and the version of the weights' content; ``EngineUnavailable`` where libraries, device,
        memory or weights are missing.
        """
        runtime = self.chosen_runtime
        if runtime is Runtime.onnx:
            return {"runtime": runtime.value, "weights": content(OnnxLama(self).network.path)}
        require("lama", "torch", "huggingface_hub")
        if self.tile % MULTIPLE or self.tile < 64:
            raise EngineUnavailable(f"lama: tile={self.tile} is no multiple of {MULTIPLE} from 64 on")
        name = self.weights or SCRIPT_WEIGHTS
        located = locate_file("weights", name, self.revision, "lama", self.download)
        if located.path is not None:
            _check_script(located.path)
        check_device("lama", self.device, self.gpu_gb + reserved_gb)
        return {"runtime": runtime.value, **located.version}

    @property
    def chosen_runtime(self) -> Runtime:
        """``onnx`` or ``torch``."""
        chosen = self._asked_runtime
        if chosen is not Runtime.auto:
            return chosen
        on_gpu = Device(self.device) is Device.cuda or (Device(self.device) is Device.auto and sees_gpu())
        return Runtime.torch if on_gpu else Runtime.onnx

    @property
    def cpu_only(self) -> bool:
        """Whether the settings alone say that no GPU is used."""
        return self._asked_runtime is Runtime.onnx

    @property
    def _asked_runtime(self) -> Runtime:
        """The runtime that is set, or that the weights are for; ``auto`` where neither says."""
        if Runtime(self.runtime) is not Runtime.auto or self.weights is None:
            return Runtime(self.runtime)
        named = "/" not in self.weights and "." not in self.weights
        return Runtime.onnx if named or self.weights.endswith(".onnx") else Runtime.torch

    def fill(self, tasks: Sequence[FillTask]) -> list[Filled]:
        """Fill each task's holes; raises ``MemoryError`` where the GPU cannot hold a single tile."""
        return fill_tiled(tasks, [task.image for task in tasks], self.tile, self.generate)

    @cached_property
    def generate(self) -> Callable[[Sequence[Crop]], list[Rgb]]:
        """Makes a picture for each crop. The network is loaded once, on first use, and its GPU kernels by no
        preflight.
        """
        return OnnxLama(self).generate if self.chosen_runtime is Runtime.onnx else LamaNetwork(self).generate


class OnnxLama:
    """The ONNX model, run by OpenCV, one tile at a time."""

    def __init__(self, settings: LamaInpainter) -> None:
        if settings.tile != ONNX_SIDE:
            raise EngineUnavailable(f"lama: tile={settings.tile}, and the ONNX models take {ONNX_SIDE} alone")
        if Device(settings.device) is Device.cuda:
            raise EngineUnavailable("lama: ONNX models run on the CPU; pass device=auto, or runtime=torch")
        path = on_shelf(settings.weights or ONNX_WEIGHTS, "lama", "inpainter.engine.weights")
        self.network = OnnxNetwork(path, "lama")
        nothing = np.zeros((ONNX_SIDE, ONNX_SIDE), np.bool_)
        self.network.check_inputs(_inputs(np.zeros((ONNX_SIDE, ONNX_SIDE, 3), np.uint8), nothing))

    def generate(self, crops: Sequence[Crop]) -> list[Rgb]:
        """A picture for each crop."""
        return [self._forward(crop) for crop in crops]

    def _forward(self, crop: Crop) -> Rgb:
        filled = self.network.run(_inputs(crop.pixels, crop.unknown))[0]
        if filled.shape != (3, ONNX_SIDE, ONNX_SIDE):
            raise ValueError(f"{self.network.path} returns {filled.shape}, not a picture of {ONNX_SIDE} pixels")
        return np.asarray(np.clip(np.rint(filled), 0, 255).astype(np.uint8).transpose(1, 2, 0))


def _inputs(pixels: Rgb, unknown: Mask) -> dict[str, Float32]:
    """The picture, black where it is unknown, and the mask, as the ONNX models take them."""
    picture = (pixels * ~unknown[..., None]).transpose(2, 0, 1).astype(np.float32) / 255
    return {"image": np.ascontiguousarray(picture[None]), "mask": unknown[None, None].astype(np.float32)}


class LamaNetwork:
    """The scripted module on its device, with the batch size that fits into its memory."""

    def __init__(self, settings: LamaInpainter) -> None:
        import torch

        self.device = torch_device(settings.device)
        self.module = torch.jit.load(
            str(hub_file(settings.weights or SCRIPT_WEIGHTS, settings.revision)), map_location=self.device
        )
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

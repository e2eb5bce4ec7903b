"""The weights that engines can use: where each comes from, under which licence, and what proves it to be right.

This file is the list. ``fetching`` downloads a file, resumes and checks it. ``shelf`` knows where weights lie on this
machine, and is all that engines use: it never downloads. ``python -m remaster.jobs.weights`` is the program.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

HUB: Final = "https://huggingface.co"


class Place(Enum):
    """Who keeps the weights on this machine: our own folder, torch's cache, or the cache of the Hugging Face hub."""

    shelf = "shelf"
    torch = "torch"
    hub = "hub"


@dataclass(frozen=True)
class Entry:
    """Weights under a ``name``; ``use`` is the setting that takes them.

    ``source`` is an address, or ``owner/repository`` on the hub, where ``file`` lies at a ``revision``. ``file`` None
    is the whole checkpoint. ``size`` in bytes and ``sha256`` in hex digits (or its first digits, as torchvision
    publishes them) are None where nobody could be asked; then the server's own statement is checked instead. ``free``:
    the licence allows every use; others are fetched only when the user accepts them. ``variant``: the files of a
    checkpoint that are fetched, of those that it has in several precisions.
    """

    name: str
    use: str
    source: str
    file: str | None
    licence: str
    revision: str | None = None
    size: int | None = None
    sha256: str | None = None
    place: Place = Place.shelf
    free: bool = True
    variant: str | None = None

    @property
    def address(self) -> str:
        """Where a browser finds it."""
        if self.source.startswith("http"):
            return self.source
        at = self.revision or "main"
        return f"{HUB}/{self.source}/" + (f"tree/{at}" if self.file is None else f"resolve/{at}/{self.file}")


ENTRIES: Final = (
    Entry(
        "lama",
        "inpainter=lama (ONNX, on the CPU)",
        "opencv/inpainting_lama",
        "inpainting_lama_2025jan.onnx",
        "Apache-2.0",
        revision="aee6d22f0a13e5e35af1c9a1c3afd62841fc6f3f",
        size=92_591_623,
        sha256="7df918ac3921d3daf0aae1d219776cf0dc4e4935f035af81841b40adcf74fdf2",
    ),
    Entry(
        "lama-fp32",
        "inpainter=lama inpainter.engine.weights=lama-fp32 (the same network, not quantised)",
        "Carve/LaMa-ONNX",
        "lama_fp32.onnx",
        "Apache-2.0",
        revision="a3ee2fca54baebec351b8fa7786154ffa7555aa6",
        size=208_044_816,
        sha256="1faef5301d78db7dda502fe59966957ec4b79dd64e16f03ed96913c7a4eb68d6",
    ),
    Entry(
        "u2netp",
        "segmenter=salient",
        "https://github.com/danielgatis/rembg/releases/download/v0.0.0/u2netp.onnx",
        "u2netp.onnx",
        "Apache-2.0",
        size=4_574_861,
        sha256="309c8469258dda742793dce0ebea8e6dd393174f89934733ecc8b14c76f4ddd8",
    ),
    Entry(
        "u2net",
        "segmenter=salient segmenter.engine.weights=u2net",
        "https://github.com/danielgatis/rembg/releases/download/v0.0.0/u2net.onnx",
        "u2net.onnx",
        "Apache-2.0",
        size=175_997_641,
        sha256="8d10d2f3bb75ae3b6d527c77944fc5e7dcd94b29809d47a739a7a728a912b491",
    ),
    Entry(
        "isnet-anime",
        "segmenter=salient segmenter.engine.weights=isnet-anime",
        "skytnt/anime-seg",
        "isnetis.onnx",
        "Apache-2.0",
        revision="a0a563c41338cbe0d23dfb4bfc3e243c518e5768",
        size=176_069_933,
        sha256="f15622d853e8260172812b657053460e20806f04b9e05147d49af7bed31a6e99",
    ),
    Entry(
        "big-lama",
        "inpainter=lama (TorchScript, on a GPU)",
        "fashn-ai/LaMa",
        "big-lama.pt",
        "Apache-2.0 (the network's; this copy states none)",
        place=Place.hub,
    ),
    Entry(
        "anime-manga-big-lama",
        "inpainter=lama inpainter.engine.weights=df1412/anime-big-lama/anime-manga-big-lama.pt",
        "df1412/anime-big-lama",
        "anime-manga-big-lama.pt",
        "unknown; read its page",
        place=Place.hub,
        free=False,
    ),
    Entry(
        "stable-diffusion",
        "inpainter=stable_diffusion",
        "stable-diffusion-v1-5/stable-diffusion-inpainting",
        None,
        "CreativeML Open RAIL-M, which forbids some uses",
        place=Place.hub,
        free=False,
        variant="fp16",
    ),
    Entry(
        "stable-diffusion-3.5-medium",
        "inpainter=stable_diffusion inpainter.engine.checkpoint=stabilityai/stable-diffusion-3.5-medium",
        "stabilityai/stable-diffusion-3.5-medium",
        None,
        "Stability AI Community License, not for companies above a revenue; accepted on its page, with a login",
        place=Place.hub,
        free=False,
    ),
    Entry(
        "flux-fill",
        "inpainter=stable_diffusion inpainter.engine.checkpoint=black-forest-labs/FLUX.1-Fill-dev",
        "black-forest-labs/FLUX.1-Fill-dev",
        None,
        "FLUX.1 [dev] Non-Commercial License; accepted on its page, with a login",
        place=Place.hub,
        free=False,
    ),
    Entry(
        "qwen-image",
        "inpainter=stable_diffusion inpainter.engine.checkpoint=Qwen/Qwen-Image",
        "Qwen/Qwen-Image",
        None,
        "Apache-2.0",
        place=Place.hub,
    ),
    Entry(
        "maskrcnn",
        "segmenter=maskrcnn",
        "https://download.pytorch.org/models/maskrcnn_resnet50_fpn_coco-bf2d0c1e.pth",
        "maskrcnn_resnet50_fpn_coco-bf2d0c1e.pth",
        "BSD-3-Clause",
        sha256="bf2d0c1e",
        place=Place.torch,
    ),
)
"""Sizes and digests are those of the hub's LFS pointers and of the releases' files as several projects pin them."""

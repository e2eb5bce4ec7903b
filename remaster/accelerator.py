"""Device, precision and free memory for a network, and batches that shrink when GPU memory runs out."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar

from remaster.errors import EngineUnavailable

Item = TypeVar("Item")
Result = TypeVar("Result")


class Device(Enum):
    """``auto``: the GPU where there is one, else the CPU."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


class Precision(Enum):
    """``auto``: on a GPU what suits the network, fp16 or bf16; on a CPU bf16 if it supports that, else fp32."""

    auto = "auto"
    fp16 = "fp16"
    bf16 = "bf16"
    fp32 = "fp32"


def require(engine: str, *modules: str) -> None:
    """Raise ``EngineUnavailable`` where a library of the extra ``models`` is not installed; imports nothing."""
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if missing:
        raise EngineUnavailable(
            f"{engine} needs {', '.join(missing)}, which is not installed; run: pip install 'remaster[models]'"
        )


def sees_gpu() -> bool:
    """Whether torch is installed and sees a GPU."""
    if importlib.util.find_spec("torch") is None:
        return False
    import torch

    return bool(torch.cuda.is_available())


def torch_device(device: Device | str) -> str:
    """``"cuda"`` or ``"cpu"``, by what torch sees; raises ``EngineUnavailable`` for a GPU that it does not see."""
    import torch

    available = torch.cuda.is_available()
    if Device(device) is Device.cuda and not available:
        raise EngineUnavailable("device=cuda, and torch sees no GPU; pass device=auto or device=cpu")
    return "cuda" if available and Device(device) is not Device.cpu else "cpu"


def torch_dtype(precision: Precision | str, device: str, on_gpu: Precision = Precision.fp16) -> Any:
    """The ``torch.dtype`` of weights and activations on ``device``; ``on_gpu`` is what ``auto`` means on a GPU."""
    import torch

    chosen = Precision(precision)
    if chosen is Precision.auto and device == "cuda":
        chosen = on_gpu
    elif chosen is Precision.auto:
        chosen = Precision.bf16 if torch.ops.mkldnn._is_mkldnn_bf16_supported() else Precision.fp32
    return {Precision.fp16: torch.float16, Precision.bf16: torch.bfloat16, Precision.fp32: torch.float32}[chosen]


def free_gpu_gb() -> float:
    """Free memory of the current GPU in GB (10**9 bytes)."""
    import torch

    free, _ = torch.cuda.mem_get_info()
    return float(free) / 1e9


def check_device(engine: str, device: Device | str, gpu_gb: float) -> None:
    """Raise ``EngineUnavailable`` where the device is missing or is a GPU with less than ``gpu_gb`` GB free."""
    if torch_device(device) == "cpu":
        return
    free = free_gpu_gb()
    if free < gpu_gb:
        raise EngineUnavailable(
            f"{engine} needs {gpu_gb:g} GB of free GPU memory and {free:.1f} GB are free;"
            " free some, or pass device=cpu, or lower gpu_gb together with batch"
        )


@dataclass
class Batches:
    """Runs a network over items in batches of ``size``, which is halved permanently when GPU memory runs out."""

    size: int

    def run(self, items: Sequence[Item], call: Callable[[Sequence[Item]], Sequence[Result]]) -> list[Result]:
        """The results of ``call`` for all items, in order; raises ``MemoryError`` where a single item does not fit."""
        results: list[Result] = []
        while len(results) < len(items):
            part = items[len(results) : len(results) + self.size]
            batch = _unless_out_of_memory(call, part)
            if batch is not None:
                results += batch
            elif len(part) == 1:
                raise MemoryError("out of GPU memory with a batch of 1")
            else:
                self.size = len(part) // 2
        return results


def _unless_out_of_memory(
    call: Callable[[Sequence[Item]], Sequence[Result]], part: Sequence[Item]
) -> Sequence[Result] | None:
    """The results of ``call``; None, with the GPU's cache emptied, where memory ran out."""
    import torch

    with suppress(torch.OutOfMemoryError):
        return call(part)
    # Here the frames of the failed call are gone, so that their tensors can be freed.
    torch.cuda.empty_cache()
    return None

"""Batches that shrink when memory runs out, and devices that are said to be missing."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from remaster.accelerator import Batches, Precision, require, torch_device, torch_dtype
from remaster.errors import EngineUnavailable


def test_out_of_memory_halves_the_batch_and_goes_on() -> None:
    import torch

    sizes: list[int] = []

    def double(part: Sequence[int]) -> list[int]:
        sizes.append(len(part))
        if len(part) > 2:
            raise torch.OutOfMemoryError
        return [2 * item for item in part]

    batches = Batches(8)
    assert batches.run(range(7), double) == [0, 2, 4, 6, 8, 10, 12]
    assert sizes == [7, 3, 1, 1, 1, 1, 1, 1, 1]
    assert batches.size == 1


def test_one_item_that_does_not_fit_fails_and_spoils_no_other() -> None:
    import torch

    def call(part: Sequence[int]) -> list[int]:
        if 13 in part:
            raise torch.OutOfMemoryError
        return list(part)

    batches = Batches(4)
    with pytest.raises(MemoryError, match="batch of 1"):
        batches.run([1, 13], call)
    assert batches.run([1, 2, 3], call) == [1, 2, 3]


def test_other_errors_are_not_taken_for_want_of_memory() -> None:
    def call(part: Sequence[int]) -> list[int]:
        raise RuntimeError("a real fault")

    with pytest.raises(RuntimeError, match="a real fault"):
        Batches(4).run([1, 2], call)


def test_a_missing_library_is_named() -> None:
    require("x", "numpy")
    with pytest.raises(EngineUnavailable, match=r"x needs nonesuch_library.*pip install 'remaster\[models\]'"):
        require("x", "numpy", "nonesuch_library")


def test_precision_follows_the_device() -> None:
    import torch

    assert torch_dtype("auto", "cuda") is torch.float16
    assert torch_dtype("auto", "cuda", on_gpu=Precision.bf16) is torch.bfloat16
    assert torch_dtype("auto", "cpu") in (torch.bfloat16, torch.float32)
    assert torch_dtype("fp32", "cuda") is torch.float32
    assert torch_device("cpu") == "cpu"

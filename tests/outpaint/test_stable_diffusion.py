"""Stable Diffusion through the real way from disk, with a tiny checkpoint of random weights."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_models import lora, stable_diffusion, stable_diffusion_xl

from remaster import accelerator
from remaster.arrays import Rgb
from remaster.errors import EngineUnavailable
from remaster.outpaint import FillTask, Prompts
from remaster.outpaint.checkpoints import FAMILIES
from remaster.outpaint.exemplar import ExemplarInpainter
from remaster.outpaint.stable_diffusion import Network, StableDiffusionInpainter, load_pipeline, whole_latents
from remaster.outpaint.tiled_fill import Crop


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stable_diffusion(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def engine(checkpoint: Path) -> StableDiffusionInpainter:
    return StableDiffusionInpainter(checkpoint=str(checkpoint), precision="fp32", steps=3, strength=1.0)  # type: ignore[arg-type]


def task(seed: int, height: int = 72, width: int = 112) -> FillTask:
    y, x = np.mgrid[:height, :width].astype(np.float32)
    image = np.stack([100 + 80 * np.sin(x / 9 + seed), 120 + 60 * np.cos(y / 7), 90 + 0 * x], -1).astype(np.uint8)
    holes = np.zeros((height, width), bool)
    holes[:, :16] = holes[:, -16:] = True
    image[holes] = 0
    return FillTask(image, holes, ~holes, seed)


def test_holes_are_generated_and_known_pixels_stay(engine: StableDiffusionInpainter) -> None:
    engine.preflight()
    given = task(1)
    filled = engine.fill([given])[0]
    np.testing.assert_array_equal(filled.image[given.known], given.image[given.known])
    assert filled.calls == 4  # two wings, each a little higher than a tile's cell
    assert filled.image[given.holes].std() > 5


def test_the_same_seed_gives_the_same_bytes_and_another_one_another_picture(engine: StableDiffusionInpainter) -> None:
    first, again = engine.fill([task(1)])[0], engine.fill([task(1)])[0]
    np.testing.assert_array_equal(first.image, again.image)
    same_picture = FillTask(task(1).image, task(1).holes, task(1).known, seed=2)
    assert (engine.fill([same_picture])[0].image != first.image).any()


def test_a_task_brings_its_own_prompts(engine: StableDiffusionInpainter) -> None:
    own = Prompts(engine.prompt, engine.negative_prompt)
    asked = Prompts(), own, Prompts("a red door"), Prompts(None, "a door")
    usual, named, other, without = engine.fill([replace(task(1), prompts=prompts) for prompts in asked])
    assert np.abs(usual.image.astype(int) - named.image).max() <= 1
    assert np.abs(usual.image.astype(int) - other.image).max() > 1
    assert np.abs(usual.image.astype(int) - without.image).max() > 1


def test_a_batch_of_scenes_equals_the_scenes_one_by_one(checkpoint: Path, engine: StableDiffusionInpainter) -> None:
    """Within one 8-bit level, in fp32: sums of another batch size are rounded otherwise."""
    tasks = [task(1), task(2, 64, 128), task(3)]
    single = StableDiffusionInpainter(
        checkpoint=str(checkpoint),
        precision="fp32",
        steps=3,
        strength=1.0,
        batch=1,  # type: ignore[arg-type]
    )
    for together, given in zip(engine.fill(tasks), tasks, strict=True):
        alone = single.fill([given])[0]
        assert np.abs(together.image.astype(int) - alone.image).max() <= 1
        assert together.calls == alone.calls


@pytest.mark.parametrize("scheduler", ["checkpoint", "ddim", "euler", "lcm"])
def test_every_sampler_runs_from_a_first_guess(checkpoint: Path, scheduler: str) -> None:
    settings: dict[str, Any] = {"scheduler": scheduler, "precision": "bf16", "guidance": 1.0}
    engine = StableDiffusionInpainter(checkpoint=str(checkpoint), steps=4, strength=0.6, **settings)
    given = task(5, 64, 80)
    filled = engine.fill([given])[0]
    np.testing.assert_array_equal(filled.image[given.known], given.image[given.known])
    assert (filled.image[given.holes] != 0).any()


def test_the_variant_s_files_are_taken_where_there_are_any(checkpoint: Path, tmp_path: Path) -> None:
    import torch

    plain = StableDiffusionInpainter(checkpoint=str(checkpoint))
    pipeline = load_pipeline(plain, FAMILIES[0], torch.float16)
    with torch.no_grad():
        pipeline.unet.conv_in.weight.fill_(0.5)
    pipeline.save_pretrained(tmp_path / "both", variant="fp16", safe_serialization=True)
    half = load_pipeline(StableDiffusionInpainter(checkpoint=str(tmp_path / "both")), FAMILIES[0], torch.float32)
    assert half.unet.dtype == torch.float32
    assert (half.unet.conv_in.weight == 0.5).all()
    assert half.safety_checker is None


def test_xl_goes_the_same_way(tmp_path: Path) -> None:
    """Tiles of its own native size; a batch of scenes equals them one by one within one 8-bit level."""
    exact: dict[str, Any] = {"precision": "fp32", "checkpoint": str(stable_diffusion_xl(tmp_path / "xl"))}
    engine = StableDiffusionInpainter(**exact, steps=2, strength=1.0)
    engine.preflight()
    assert engine.network.tile == 64
    tasks = [task(1, 64, 96), task(2, 64, 96)]
    single = StableDiffusionInpainter(**exact, steps=2, strength=1.0, batch=1)
    for together, given in zip(engine.fill(tasks), tasks, strict=True):
        np.testing.assert_array_equal(together.image[given.known], given.image[given.known])
        assert together.image[given.holes].std() > 5
        assert np.abs(together.image.astype(int) - single.fill([given])[0].image).max() <= 1


def test_a_lora_changes_what_is_generated(checkpoint: Path, tmp_path: Path) -> None:
    lcm: dict[str, Any] = {"scheduler": "lcm", "steps": 4, "guidance": 1.0, "strength": 1.0, "precision": "fp32"}
    plain = StableDiffusionInpainter(checkpoint=str(checkpoint), **lcm)
    weights = lora(checkpoint, tmp_path / "lora" / "lcm.safetensors")
    with_lora = StableDiffusionInpainter(checkpoint=str(checkpoint), lora=str(weights), **lcm)
    versions = with_lora.preflight()
    assert set(versions) == {"checkpoint", "lora"} and versions["checkpoint"] == plain.preflight()["checkpoint"]
    given = task(3, 64, 80)
    assert (with_lora.fill([given])[0].image != plain.fill([given])[0].image).any()
    np.testing.assert_array_equal(with_lora.fill([given])[0].image[given.known], given.image[given.known])
    for name, says in (("lcm.bin", "is no .safetensors file"), ("none.safetensors", "no weights at")):
        with pytest.raises(EngineUnavailable, match=says):
            StableDiffusionInpainter(checkpoint=str(checkpoint), lora=str(tmp_path / name)).preflight()


def test_the_safety_checker_is_there_when_asked_for(checkpoint: Path, tmp_path: Path) -> None:
    """The tiny one refuses every picture: its tiles keep their first guess. Without the option it is never asked."""
    strict = stable_diffusion(tmp_path / "strict", checker=True)
    settings: dict[str, Any] = {"steps": 2, "strength": 0.5, "precision": "fp32"}
    given = task(4, 64, 80)
    asked = StableDiffusionInpainter(checkpoint=str(strict), safety_checker=True, **settings)
    asked.preflight()
    ignored = StableDiffusionInpainter(checkpoint=str(strict), **settings)
    assert ignored.network.pipeline.safety_checker is None
    assert np.abs(asked.fill([given])[0].image.astype(int) - ExemplarInpainter().fill([given])[0].image).max() <= 2
    assert np.abs(ignored.fill([given])[0].image.astype(int) - asked.fill([given])[0].image).max() > 8
    with pytest.raises(EngineUnavailable, match="safety_checker has no weights"):
        StableDiffusionInpainter(checkpoint=str(checkpoint), safety_checker=True).preflight()


def test_when_memory_runs_out_the_batch_is_halved_and_nothing_else_changes(
    checkpoint: Path, engine: StableDiffusionInpainter, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    tight = StableDiffusionInpainter(checkpoint=str(checkpoint), precision="fp32", steps=3, strength=1.0)  # type: ignore[arg-type]
    denoise, sizes = Network.denoise, []

    def small(network: Network, crops: Sequence[Crop]) -> list[Rgb]:
        sizes.append(len(crops))
        if len(crops) > 1:
            raise torch.cuda.OutOfMemoryError
        return denoise(network, crops)

    wanted = engine.fill([task(1)])[0].image
    monkeypatch.setattr(Network, "denoise", small)
    found = tight.fill([task(1)])[0].image
    assert sizes[:3] == [2, 1, 1] and set(sizes[3:]) == {1}, "the smaller size is kept"
    assert np.abs(found.astype(int) - wanted).max() <= 1


def test_the_networks_run_as_they_should(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Convolutions channels-last, attention by torch's own kernels, and compiled (but for making machine code)."""
    import torch
    from diffusers.models.attention_processor import AttnProcessor2_0

    compiled: list[Any] = []

    def eagerly(module: Any) -> Any:
        compiled.append(real(module, backend="eager"))
        return compiled[-1]

    real = torch.compile
    monkeypatch.setattr(torch, "compile", eagerly)
    exact: dict[str, Any] = {"precision": "fp32", "checkpoint": str(checkpoint), "steps": 1, "strength": 1.0}
    plain, fast = StableDiffusionInpainter(**exact), StableDiffusionInpainter(**exact, compile=True)
    given = task(1, 64, 80)
    assert np.abs(fast.fill([given])[0].image.astype(int) - plain.fill([given])[0].image).max() <= 1
    assert [fast.network.pipeline.unet] == compiled
    unet = plain.network.pipeline.unet
    assert unet.conv_in.weight.is_contiguous(memory_format=torch.channels_last)
    assert {type(one) for one in unet.attn_processors.values()} == {AttnProcessor2_0}


def test_a_latent_pixel_is_masked_as_a_whole() -> None:
    unknown = np.zeros((16, 24), bool)
    unknown[3, 9] = True
    whole = whole_latents(unknown)
    assert whole[:8, 8:16].all()
    assert whole.sum() == 64


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"checkpoint": "/nowhere/sd"}, "no folder /nowhere/sd; pass a diffusers folder"),
        ({"checkpoint": "owner/nonesuch"}, "not in the hub's cache at .*HF_HUB_OFFLINE is set; pass a local path"),
        ({"strength": 0.01, "steps": 4}, "leaves nothing of 4 steps"),
        ({"tile": 100}, "tile=100 is no multiple of 64"),
        ({"checkpoint": __file__}, "is a single file; pass a diffusers folder"),
    ],
)
def test_what_is_missing_is_said(
    settings: dict[str, Any], says: str, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(EngineUnavailable, match=says):
        StableDiffusionInpainter(**{"checkpoint": str(checkpoint), **settings}).preflight()


def test_folders_that_must_not_be_read_are_refused(checkpoint: Path, tmp_path: Path) -> None:
    def refused(folder: Path) -> str:
        with pytest.raises(EngineUnavailable) as caught:
            StableDiffusionInpainter(checkpoint=str(folder)).preflight()
        return str(caught.value)

    (tmp_path / "empty").mkdir()
    assert "no model_index.json" in refused(tmp_path / "empty")
    pickled = Path(shutil.copytree(checkpoint, tmp_path / "pickled"))
    (pickled / "unet" / "diffusion_pytorch_model.safetensors").rename(pickled / "unet" / "diffusion_pytorch_model.bin")
    assert "only pickled weights (diffusion_pytorch_model.bin)" in refused(pickled)
    index = json.loads((checkpoint / "model_index.json").read_text())
    for name, change, says in (
        ("flux", {"_class_name": "FluxPipeline"}, "is a FluxPipeline"),
        ("code", {"unet": ["my_unet", "MyUNet"]}, "brings code of its own (unet: my_unet)"),
    ):
        other = Path(shutil.copytree(checkpoint, tmp_path / name))
        (other / "model_index.json").write_text(json.dumps(index | change))
        assert says in refused(other)


def test_no_gpu_or_one_with_too_little_memory_is_said(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    demanded: dict[str, Any] = {"device": "cuda"}
    with pytest.raises(EngineUnavailable, match="device=cuda, and torch sees no GPU"):
        StableDiffusionInpainter(checkpoint=str(checkpoint), **demanded).preflight()
    monkeypatch.setattr(accelerator, "torch_device", lambda device: "cuda")
    monkeypatch.setattr(accelerator, "free_gpu_gb", lambda: 1.25)
    with pytest.raises(EngineUnavailable, match=r"needs 4 GB of free GPU memory and 1\.2 GB are free"):
        StableDiffusionInpainter(checkpoint=str(checkpoint)).preflight()
    with pytest.raises(EngineUnavailable, match=r"needs 6\.5 GB of free GPU memory"):
        StableDiffusionInpainter(checkpoint=str(checkpoint)).preflight(reserved_gb=2.5)

"""Checkpoints of today's families, each with its real classes and random weights, by the real way from disk."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_models import flux_fill, qwen_image, stable_diffusion_3

from remaster.accelerator import Device
from remaster.errors import EngineUnavailable
from remaster.outpaint import FillTask, Prompts
from remaster.outpaint.checkpoints import FAMILIES, Family, Sampling
from remaster.outpaint.stable_diffusion import Network, StableDiffusionInpainter
from remaster.outpaint.tiled_fill import Crop
from remaster.weights import Listing

MADE: dict[str, Callable[[Path], Path]] = {
    "StableDiffusion3InpaintPipeline": stable_diffusion_3,
    "FluxFillPipeline": flux_fill,
    "QwenImageInpaintPipeline": qwen_image,
}
FLOWING = [family for family in FAMILIES if not family.diffusion]


@pytest.fixture(scope="module", params=FLOWING, ids=lambda family: family.title)
def family(request: pytest.FixtureRequest) -> Family:
    found: Family = request.param
    return found


@pytest.fixture(scope="module")
def engine(family: Family, tmp_path_factory: pytest.TempPathFactory) -> StableDiffusionInpainter:
    """Loaded once. Two steps in tiles of 64 pixels; all else is the family's own, but for a CPU's exact fp32."""
    folder = MADE[family.pipeline](tmp_path_factory.mktemp("models") / "tiny")
    exact: dict[str, Any] = {"precision": "fp32", "device": "cpu"}
    return StableDiffusionInpainter(checkpoint=str(folder), steps=2, tile=64, **exact)


@pytest.fixture
def copied(engine: StableDiffusionInpainter, tmp_path: Path) -> Path:
    return Path(shutil.copytree(engine.checkpoint, tmp_path / "copy"))


def task() -> FillTask:
    y, x = np.mgrid[:64, :64].astype(np.float32)
    image = np.stack([100 + 80 * np.sin(x / 9), 120 + 60 * np.cos(y / 7), 90 + 0 * x], -1).astype(np.uint8)
    holes = np.zeros((64, 64), bool)
    holes[:, :16] = holes[:, -16:] = True
    image[holes] = 0
    return FillTask(image, holes, ~holes, 1)


def test_it_fills_holes_by_seed_and_prompt(engine: StableDiffusionInpainter, family: Family) -> None:
    assert set(engine.preflight()) == {"checkpoint"}
    given = task()
    asked = (Prompts(), Prompts("a red door"), Prompts(None, "a door"))
    tasks = [*(replace(given, prompts=prompts) for prompts in asked), replace(given, seed=2)]
    first, prompted, without, seeded = (filled.image for filled in engine.fill(tasks))
    assert type(engine.network.pipeline).__name__ == family.pipeline
    for image in (first, prompted, without, seeded):
        np.testing.assert_array_equal(image[given.known], given.image[given.known])
        assert image[given.holes].std() > 5
    np.testing.assert_array_equal(engine.fill([given])[0].image, first)
    assert (prompted != first).any() and (seeded != first).any()
    assert (without != first).any() == family.negative


def test_guidance_has_the_name_that_the_pipeline_reads(engine: StableDiffusionInpainter, family: Family) -> None:
    crop = Crop(task().image, task().holes, 3)
    other = Network(replace(engine, guidance=1.5), family, engine.network.pipeline)
    assert (other.generate([crop])[0] != engine.network.generate([crop])[0]).any()


def test_a_batch_equals_its_tiles_one_by_one(engine: StableDiffusionInpainter, family: Family) -> None:
    """Within one 8-bit level, with prompts of several lengths: sums of another batch size are rounded otherwise."""
    crops = [Crop(task().image, task().holes, seed, Prompts("a door" * seed)) for seed in (1, 2)]
    together = Network(replace(engine, batch=2), family, engine.network.pipeline).generate(crops)
    for picture, alone in zip(together, engine.network.generate(crops), strict=True):
        assert np.abs(picture.astype(int) - alone).max() <= 1


def test_on_a_gpu_its_parts_wait_in_main_memory(
    engine: StableDiffusionInpainter, family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline, moved = engine.network.pipeline, []
    monkeypatch.setattr("remaster.outpaint.stable_diffusion.torch_device", lambda device: "cuda")
    monkeypatch.setattr(Network, "generate", lambda network, crops: [])
    monkeypatch.setattr(type(pipeline), "enable_model_cpu_offload", lambda pipeline: moved.append("by part"))
    monkeypatch.setattr(type(pipeline), "to", lambda pipeline, device: moved.append(device))
    Network(replace(engine, device=Device.cuda), family, pipeline)
    Network(replace(engine, device=Device.cuda, offload=False), family, pipeline)
    assert moved == ["by part", "cuda"]


def test_what_a_family_does_not_know_is_refused(engine: StableDiffusionInpainter, family: Family) -> None:
    with pytest.raises(EngineUnavailable, match=f"{family.title} has a sampler of its own; leave out scheduler=dpm"):
        replace(engine, scheduler="dpm").preflight()  # type: ignore[arg-type]
    own = replace(engine, negative_prompt="a door")
    if family.negative:
        own.preflight()
    else:
        with pytest.raises(EngineUnavailable, match="reads no negative_prompt; leave it out"):
            own.preflight()


def test_a_denoiser_in_parts_must_be_whole(engine: StableDiffusionInpainter, copied: Path) -> None:
    folder, name = copied / "transformer", "diffusion_pytorch_model-0000{}-of-00002.safetensors"
    (folder / "diffusion_pytorch_model.safetensors").rename(folder / name.format(1))
    index = {"weight_map": {"a": name.format(1), "b": name.format(2)}}
    (folder / "diffusion_pytorch_model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(EngineUnavailable, match="transformer has only some of its files"):
        replace(engine, checkpoint=str(copied)).preflight()
    (folder / name.format(2)).touch()
    replace(engine, checkpoint=str(copied)).preflight()


def test_a_checkpoint_on_the_hub_is_known_before_it_is_fetched(
    engine: StableDiffusionInpainter, copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {str(path.relative_to(copied)) for path in copied.rglob("*") if path.is_file()}
    asked = replace(engine, checkpoint="owner/name")
    monkeypatch.setattr("remaster.weights.hub_file", lambda name, revision: copied / "model_index.json")
    monkeypatch.setattr("remaster.weights.hub_listing", lambda *asked: Listing("abc", frozenset(files)))
    assert asked.preflight() == {"revision": "abc"}
    files -= {file for file in files if file.startswith("transformer/")}
    with pytest.raises(EngineUnavailable, match="no safetensors of its transformer"):
        asked.preflight()
    (copied / "model_index.json").write_text('{"_class_name": "QwenImageEditPipeline"}')
    with pytest.raises(
        EngineUnavailable, match="owner/name is a QwenImageEditPipeline, for which there is no inpainting"
    ):
        asked.preflight()


def test_settings_come_before_the_family_s_own() -> None:
    fill = next(family for family in FAMILIES if family.title == "FLUX.1 Fill")
    assert fill.sampling(StableDiffusionInpainter()) == fill.usual
    asked = StableDiffusionInpainter(steps=8, guidance=0.0, offload=False, gpu_gb=40.0)
    assert fill.sampling(asked) == Sampling(8, 0.0, strength=1.0, batch=1, gpu_gb=40.0, tile=1024, offload=False)

"""A stage with its engine, without Ray: several scenes in one call, and one for which memory does not suffice."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from full_rows import INFO
from hydra import compose, initialize_config_dir
from tiny_models import lama

from remaster.arrays import Rgb
from remaster.config import config_dir, register_schema, to_config
from remaster.imaging.camera import IDENTITY
from remaster.media.types import Rect
from remaster.outpaint.lama import LamaNetwork
from remaster.outpaint.tiled_fill import Crop
from remaster.pipeline.engines import Engine, choose
from remaster.pipeline.job import Job
from remaster.pipeline.stages import OutpaintStage
from remaster.pipeline.store import Store
from remaster.records import Background, Shot
from remaster.rows import FILLED, STITCHED, FailedScene, Failure, FilledScene, FrameFacts, Run, Scene, StitchedScene
from remaster.tables import SegmentColumns, StitchColumns


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """A run with LaMa's interface for an inpainter, eight crops at a time."""
    register_schema()
    weights = lama(tmp_path / "lama.pt")
    overrides = ["segmenter=none", "inpainter=lama", f"inpainter.engine.weights={weights}"]
    overrides += ["inpainter.engine.tile=64", "inpainter.engine.batch=8"]
    with initialize_config_dir(str(config_dir()), version_base="1.3"):
        config = to_config(compose("batch", overrides=overrides))
    inpainter: Engine = choose("inpainter", config.inpainter, gpus=0)
    segmenter = choose("segmenter", config.segmenter, gpus=0)
    return Job(config, Store(str(tmp_path)), Fraction(16, 9), 0.5, segmenter, inpainter)


def scene(number: int, level: int) -> StitchedScene:
    """A still scene of one colour, 96 x 72, whose wings nobody saw."""
    image = np.full((72, 128, 3), level, np.uint8)
    holes = np.zeros(image.shape[:2], bool)
    holes[:, :16] = holes[:, -16:] = True
    background = Background(image * ~holes[..., None], ~holes, holes, np.zeros_like(holes))
    shot = Shot(0, 1, "still", np.stack([IDENTITY]), background, 1.0)
    name = f"v-1-{number:07}"
    own = Scene("v", "v-1", name, INFO, (Run(0, np.array([0, 33])),), Rect(0, 0, 720, 480), seed=number)
    frames = FrameFacts(np.zeros(1, bool), np.zeros(1, np.float32))
    return StitchedScene(own, (shot,), frames, SegmentColumns(), StitchColumns(1))


def outpainted(rows: Sequence[StitchedScene], job: Job) -> list[FilledScene | FailedScene]:
    return FILLED.read(OutpaintStage(job.inpainter, job)(STITCHED.write(rows)))


def test_scenes_share_a_call_and_come_out_as_alone(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    forward, sizes = LamaNetwork.forward, []

    def counting(network: LamaNetwork, crops: Sequence[Crop]) -> list[Rgb]:
        sizes.append(len(crops))
        return forward(network, crops)

    monkeypatch.setattr(LamaNetwork, "forward", counting)
    rows = [scene(0, 60), scene(1, 120), scene(2, 180)]
    together = outpainted(rows, job)
    assert sizes == [6, 6], "two rounds, each with both wings of all three scenes"
    for row, given in zip(together, rows, strict=True):
        alone = outpainted([given], job)[0]
        assert isinstance(row, FilledScene) and isinstance(alone, FilledScene)
        assert row.outpaint.generated_pixels == 2 * 16 * 72
        np.testing.assert_array_equal(row.shots[0].background.image, alone.shots[0].background.image)


def test_a_scene_too_large_for_the_memory_fails_alone(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over two crops, or anything as bright as the second scene, are more than this GPU holds."""
    import torch

    forward = LamaNetwork.forward

    def tight(network: LamaNetwork, crops: Sequence[Crop]) -> list[Rgb]:
        if len(crops) > 2 or any(crop.pixels.max() > 200 for crop in crops):
            raise torch.cuda.OutOfMemoryError
        return forward(network, crops)

    monkeypatch.setattr(LamaNetwork, "forward", tight)
    first, second, third = outpainted([scene(0, 60), scene(1, 240), scene(2, 180)], job)
    assert isinstance(second, FailedScene)
    assert second.failure == Failure("outpaint", "MemoryError: out of GPU memory with a batch of 1")
    for row, level in ((first, 60), (third, 180)):
        assert isinstance(row, FilledScene)
        assert np.abs(row.shots[0].background.image.astype(int) - level).max() <= 1

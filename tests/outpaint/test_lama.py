"""LaMa's interface, with a scripted module whose answer is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny_models import lama

from remaster.errors import EngineUnavailable
from remaster.outpaint import FillTask
from remaster.outpaint.lama import LamaInpainter


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(lama(tmp_path_factory.mktemp("lama") / "tiny.pt"))


def task(colour: int, height: int = 90, width: int = 150, seed: int = 0) -> FillTask:
    holes = np.zeros((height, width), bool)
    holes[:, :20] = holes[:, -20:] = True
    image = np.full((height, width, 3), colour, np.uint8)
    image[holes] = 255
    return FillTask(image, holes, ~holes, seed)


def test_holes_take_the_module_s_answer_from_known_pixels_alone(weights: str) -> None:
    engine = LamaInpainter(weights=weights, tile=64)
    engine.preflight()
    given = task(40)
    filled = engine.fill([given])[0]
    assert filled.calls >= 4
    np.testing.assert_array_equal(filled.image[given.known], given.image[given.known])
    assert np.abs(filled.image[given.holes].astype(int) - 40).max() <= 1


def test_a_batch_equals_one_by_one(weights: str) -> None:
    tasks = [task(40), task(90, 64, 200), task(200, 130, 140)]
    together = LamaInpainter(weights=weights, tile=64, batch=16).fill(tasks)
    alone = [LamaInpainter(weights=weights, tile=64, batch=1).fill([t])[0] for t in tasks]
    for a, b, t in zip(together, alone, tasks, strict=True):
        np.testing.assert_array_equal(a.image, b.image)
        assert abs(int(a.image[t.holes].mean()) - int(t.image[t.known].mean())) <= 1


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"weights": "/nowhere/lama.pt"}, "no weights at /nowhere/lama.pt; pass a local file"),
        ({"weights": "lama.pt"}, "pass a local file, or owner/repository/file"),
        ({"tile": 100}, "tile=100 is no multiple of 8"),
        ({"weights": "owner/repository/lama.pt"}, "HF_HUB_OFFLINE is set"),
    ],
)
def test_what_is_missing_is_said(
    settings: dict[str, object], says: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(EngineUnavailable, match=says):
        LamaInpainter(**settings).preflight()  # type: ignore[arg-type]


def test_a_training_checkpoint_is_refused(tmp_path: Path) -> None:
    import torch

    torch.save({"state_dict": {"x": torch.zeros(2)}}, tmp_path / "best.ckpt")
    with pytest.raises(EngineUnavailable, match="no TorchScript"):
        LamaInpainter(weights=str(tmp_path / "best.ckpt")).preflight()

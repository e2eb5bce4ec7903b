"""LaMa's interfaces: a scripted module whose answer is known, and ONNX models of its own architecture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny_models import lama
from tiny_onnx import Graph
from tiny_onnx import lama as lama_onnx

from remaster.accelerator import Device
from remaster.errors import EngineUnavailable
from remaster.outpaint import FillTask
from remaster.outpaint.lama import LamaInpainter
from remaster.weights import content


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
        ({"tile": 100, "runtime": "torch"}, "tile=100 is no multiple of 8"),
        ({"weights": "owner/repository/lama.pt"}, "HF_HUB_OFFLINE is set"),
        ({"weights": "owner/repository/lama.pt", "download": False}, "is not in the hub's cache; auto fetches nothing"),
        ({"runtime": "onnx"}, "remaster.jobs.weights get lama brings them"),
        ({"weights": "lama-fp32"}, "get lama-fp32 brings them"),
        ({"weights": "/nowhere/lama.onnx"}, "no weights at /nowhere/lama.onnx; pass an existing file"),
        ({"runtime": "onnx", "tile": 256}, "tile=256, and the ONNX models take 512 alone"),
        ({"runtime": "onnx", "device": "cuda"}, "ONNX models run on the CPU"),
    ],
)
def test_what_is_missing_is_said(
    settings: dict[str, object], says: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setenv("REMASTER_WEIGHTS", str(tmp_path))
    with pytest.raises(EngineUnavailable, match=says):
        LamaInpainter(**settings).preflight()  # type: ignore[arg-type]


def test_a_training_checkpoint_is_refused(tmp_path: Path) -> None:
    import torch

    torch.save({"state_dict": {"x": torch.zeros(2)}}, tmp_path / "best.ckpt")
    with pytest.raises(EngineUnavailable, match="no TorchScript"):
        LamaInpainter(weights=str(tmp_path / "best.ckpt")).preflight()


@pytest.fixture(scope="module")
def onnx(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """LaMa's architecture with random weights, whose own picture is one grey."""
    return lama_onnx(tmp_path_factory.mktemp("onnx") / "tiny.onnx", answer=0.4)


def test_the_onnx_model_fills_tile_by_tile_in_the_picture_s_colours(onnx: Path) -> None:
    engine = LamaInpainter(weights=str(onnx))
    assert engine.cpu_only
    assert engine.preflight() == {"runtime": "onnx", "weights": content(onnx)}
    given = task(102, 400, 900)
    filled = engine.fill([given])[0]
    assert filled.calls == 2
    np.testing.assert_array_equal(filled.image[given.known], given.image[given.known])
    assert (filled.image[given.holes] == 102).all(), "0.4 of 255 is the network's own picture"


def test_onnx_runs_lama_s_architecture_and_its_bytes_do_not_depend_on_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = lama_onnx(tmp_path / "random.onnx")
    pictures = []
    for threads in ("1", "2"):
        monkeypatch.setenv("OMP_NUM_THREADS", threads)
        given = task(90, 300, 400)
        pictures.append(LamaInpainter(weights=str(path)).fill([given])[0].image)
    np.testing.assert_array_equal(*pictures)
    made = pictures[0][given.holes].astype(int)
    assert made.std() > 0.5 and np.abs(made - 255).min() > 0, "a picture that the network made, not the hole's white"


def test_a_network_from_the_shelf_is_taken_by_name(onnx: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REMASTER_WEIGHTS", str(tmp_path))
    (tmp_path / "inpainting_lama_2025jan.onnx").symlink_to(onnx)
    assert LamaInpainter(device=Device.cpu).preflight() == LamaInpainter(weights="lama").preflight()


@pytest.mark.parametrize("text", [b"version https://git-lfs.github.com/spec/v1", b"", b"\x08\x0a"])
def test_what_opencv_cannot_read_is_refused(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "lama.onnx").write_bytes(text)
    with pytest.raises(EngineUnavailable, match=r"lama\.onnx is no ONNX model that OpenCV"):
        LamaInpainter(weights=str(tmp_path / "lama.onnx")).preflight()


def test_a_model_with_other_inputs_is_refused(tmp_path: Path) -> None:
    graph = Graph()
    graph.node("Relu", "picture", output="output")
    path = graph.save(tmp_path / "other.onnx", {"picture": (1, 4, 512, 512)}, {"output": (1, 4, 512, 512)})
    with pytest.raises(EngineUnavailable, match="has no input image"):
        LamaInpainter(weights=str(path)).preflight()

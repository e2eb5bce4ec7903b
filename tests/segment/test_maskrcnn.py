"""Mask R-CNN: what is done with its findings, and the real network with random weights from a file."""

from __future__ import annotations

import pickle
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_models import mask_rcnn

from remaster.errors import EngineUnavailable
from remaster.imaging.camera import IDENTITY
from remaster.records import Analysis
from remaster.segment import maskrcnn
from remaster.segment.maskrcnn import Instances, MaskRcnnSegmenter, foreground


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return mask_rcnn(tmp_path_factory.mktemp("models") / "tiny.pth")


@pytest.fixture(scope="module")
def engine(weights: Path) -> MaskRcnnSegmenter:
    return MaskRcnnSegmenter(weights=str(weights), lines=64, instances=4, mask=0.5)


def scene(seed: int, keyframes: int = 2, height: int = 48, width: int = 64) -> Analysis:
    rng = np.random.default_rng(seed)
    valid = np.ones((height, width), bool)
    valid[:6] = False
    return Analysis(
        keyframes=np.arange(keyframes),
        proxies=rng.integers(0, 255, (keyframes, height, width, 3), dtype=np.uint8),
        motion=np.stack([IDENTITY] * keyframes) if keyframes else np.zeros((0, 2, 3)),
        explained=np.ones(keyframes, np.float32),
        holds=np.zeros(keyframes, bool),
        luma=np.full(keyframes, 100, np.float32),
        turning=np.zeros(keyframes, bool),
        valid=valid,
        noise=0.0,
    )


def found(labels: tuple[str, ...], scores: tuple[float, ...]) -> Instances:
    """Instances side by side, 20 x 20 pixels each, of which the middle 10 x 10 are theirs for sure."""
    masks = np.zeros((len(labels), 40, 100), np.float32)
    boxes = np.array([[30 * i, 10, 30 * i + 20, 30] for i in range(len(labels))], np.float32)
    for i in range(len(labels)):
        masks[i, 10:30, 30 * i : 30 * i + 20] = 0.15
        masks[i, 15:25, 30 * i + 5 : 30 * i + 15] = 0.9
    return Instances(labels, np.array(scores, np.float32), boxes, masks)


def test_instances_count_by_score_and_pixels_by_probability() -> None:
    settings = MaskRcnnSegmenter(margin=0.0)
    counted = foreground(found(("person", "dog", "bird"), (0.9, 0.5, 0.3)), settings)
    mask = counted.masks
    assert counted.labels == {"person": 1, "dog": 1}
    assert mask.sum() == 2 * 100
    assert mask[15:25, 5:15].all() and mask[15:25, 35:45].all() and not mask[:, 60:].any()
    assert foreground(found(("person",), (0.9,)), replace(settings, mask=0.1)).masks.sum() == 400


def test_boxes_are_the_least_requirement() -> None:
    settings: dict[str, Any] = {"shape": "box", "margin": 0.0}
    mask = foreground(found(("person",), (0.9,)), MaskRcnnSegmenter(**settings)).masks
    assert mask.sum() == 400
    assert mask[10:30, :20].all()


def test_masks_grow_by_the_margin() -> None:
    mask = foreground(found(("person",), (0.9,)), MaskRcnnSegmenter(margin=0.05)).masks
    assert mask[13:27, 10].all() and mask[20, 3:17].all()
    assert not mask[12, 10] and not mask[20, 2]


def test_furniture_is_background_unless_asked_for() -> None:
    instances = found(("couch", "person"), (0.9, 0.9))
    assert foreground(instances, MaskRcnnSegmenter(margin=0.0)).masks.sum() == 100
    everything = foreground(instances, MaskRcnnSegmenter(margin=0.0, furniture=True))
    assert everything.masks.sum() == 200
    assert everything.labels == {"couch": 1, "person": 1}


def test_nothing_found_masks_nothing() -> None:
    empty = Instances((), np.zeros(0, np.float32), np.zeros((0, 4), np.float32), np.zeros((0, 40, 60), np.float32))
    nothing = foreground(empty, MaskRcnnSegmenter())
    assert not nothing.masks.any()
    assert nothing.labels == {}


def test_weights_from_a_file_decide_what_is_found(engine: MaskRcnnSegmenter) -> None:
    engine.preflight()
    instances = engine.find(scene(1).proxies)
    assert len(instances) == 2
    for one in instances:
        assert len(one.labels) > 0 and set(one.labels) == {"person"}
        assert (one.scores >= 0.4).all()
        assert one.masks.shape == (len(one.labels), 48, 64)


def test_a_batch_of_scenes_equals_the_scenes_one_by_one(engine: MaskRcnnSegmenter, weights: Path) -> None:
    """Also among scenes of other sizes; at most one pixel in a thousand may fall on the threshold's other side."""
    scenes = [scene(1), scene(2, 3), scene(3, 0), scene(4, 1, 40, 72)]
    together = engine.segment(scenes)
    single = MaskRcnnSegmenter(weights=str(weights), lines=64, instances=4, mask=0.5, batch=1)
    for given, one in zip(scenes, together, strict=True):
        mask = one.masks
        assert mask.shape == given.proxies.shape[:3] and mask.dtype == bool
        assert not mask[:, ~given.valid].any()
        alone = single.segment([given])[0]
        assert (mask != alone.masks).mean() <= 1e-3 if mask.size else True
        assert one.labels == alone.labels
    assert any(one.masks.any() for one in together)
    assert together[0].labels == {"person": 2 * 4}, "the best four of each keyframe"
    assert together[2].labels == {}


def test_the_same_scene_gives_the_same_masks(engine: MaskRcnnSegmenter) -> None:
    np.testing.assert_array_equal(engine.segment([scene(1)])[0].masks, engine.segment([scene(1)])[0].masks)


class Malicious:
    def __reduce__(self) -> tuple[Any, ...]:
        return (print, ("this must never run",))


def test_files_that_do_not_fit_are_refused(weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import torch

    def refused(path: Path, **settings: Any) -> str:
        with pytest.raises(EngineUnavailable) as caught:
            MaskRcnnSegmenter(weights=str(path), **settings).preflight()
        assert "\n" not in str(caught.value)
        return str(caught.value)

    assert "no weights at" in refused(tmp_path / "nonesuch.pth")
    (tmp_path / "text.pth").write_text("this is no checkpoint")
    assert "no weights that can be loaded safely" in refused(tmp_path / "text.pth")
    (tmp_path / "text.safetensors").write_text("nor is this")
    assert "no weights that can be loaded safely" in refused(tmp_path / "text.safetensors")
    (tmp_path / "bad.pth").write_bytes(pickle.dumps({"model": Malicious()}))
    assert "no weights that can be loaded safely" in refused(tmp_path / "bad.pth")
    assert "this must never run" not in capsys.readouterr().out
    torch.save({"layer": torch.zeros(3)}, tmp_path / "other.pth")
    assert "holds no weights of maskrcnn_resnet50_fpn" in refused(tmp_path / "other.pth")
    assert "does not fit maskrcnn_resnet50_fpn_v2" in refused(weights, architecture="maskrcnn_resnet50_fpn_v2")


def test_a_node_s_cache_is_filled_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many actors of a node start at a time: the first one downloads, the others wait for its file."""
    import torch

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    cached, downloads = tmp_path / "hub" / "checkpoints" / "tiny-0a1b2c3d.pth", []

    class Published:
        url = "https://example.org/tiny-0a1b2c3d.pth"

        def get_state_dict(self, **options: Any) -> dict[str, Any]:
            assert options["weights_only"] and options["check_hash"]
            if not cached.exists():
                downloads.append(self.url)
                time.sleep(0.2)  # as long as another actor needs to look
                torch.save({"layer": torch.zeros(2)}, cached)
            return dict(torch.load(cached, weights_only=True))

    monkeypatch.setattr(maskrcnn, "published_weights", lambda architecture: Published())
    with ThreadPoolExecutor(3) as actors:
        found = list(actors.map(lambda _: maskrcnn.load_tensors(MaskRcnnSegmenter()), range(3)))
    assert downloads == [Published.url]
    assert all(list(one) == ["layer"] for one in found)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert MaskRcnnSegmenter().preflight() == {"weights": "tiny-0a1b2c3d.pth"}


def test_published_weights_are_looked_for_before_work_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(EngineUnavailable, match=f"no weights at {tmp_path}.*pass a local file as weights"):
        MaskRcnnSegmenter().preflight()
    with pytest.raises(EngineUnavailable, match="device=cuda, and torch sees no GPU"):
        MaskRcnnSegmenter(device="cuda").preflight()  # type: ignore[arg-type]

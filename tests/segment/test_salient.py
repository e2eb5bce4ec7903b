"""Whole figures by a network whose answer is known: it takes all that is red for an object."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from drawn_scenes import background
from tiny_onnx import Graph

from remaster.analyze.analysis import analyze
from remaster.arrays import Mask, Rgb
from remaster.errors import EngineUnavailable
from remaster.records import Analysis
from remaster.segment.motion_segmenter import MotionSegmenter
from remaster.segment.salient import Form, SalientSegmenter
from remaster.weights import content

WIDTH, HEIGHT = 240, 180
FIGURE, HOUSE = (slice(60, 160), slice(90, 140)), (slice(30, 110), slice(180, 220))
RED = (230, 20, 20)


def red_finder(path: Path, side: int) -> Path:
    """A network that is sure of what is much redder than green, and knows nothing else."""
    graph = Graph()
    weights = graph.constant(np.array([40, -40, 0], np.float32).reshape(1, 3, 1, 1))
    bias = graph.constant(np.array([-16], np.float32))
    redness = graph.node("Conv", "img", weights, bias, kernel_shape=[1, 1])
    graph.node("Sigmoid", redness, output="mask")
    return graph.save(path, {"img": (1, 3, side, side)}, {"mask": (1, 1, side, side)})


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(red_finder(tmp_path_factory.mktemp("salient") / "red.onnx", 320))


def scene(shift: int = 0) -> Analysis:
    """A red figure whose mouth opens, and a red house; the camera moves by ``shift`` pixels a frame."""
    world = np.array(background()[:HEIGHT, : WIDTH + 30 * abs(shift)])
    world[..., 0] = np.minimum(world[..., 0], world[..., 1])  # nothing else is red
    frames = []
    for i in range(30):
        picture = world.copy()
        picture[HOUSE] = picture[FIGURE] = RED
        if i // 3 % 2:
            picture[75:90, 105:125] = (20, 20, 60)
        x = shift * i if shift >= 0 else -shift * (30 - i)
        frames.append(cv2.GaussianBlur(np.ascontiguousarray(picture[:, x : x + WIDTH]), (0, 0), 0.6))
    return analyze(iter(frames), np.ones((HEIGHT, WIDTH), np.bool_), 1.0)


def share(mask: Mask, place: tuple[slice, slice]) -> float:
    return float(mask[place].mean())


def test_a_talking_figure_is_masked_whole_and_the_house_beside_it_is_not(weights: str) -> None:
    given = scene()
    moving = MotionSegmenter().segment([given])[0].masks
    found = SalientSegmenter(weights=weights).segment([given])[0].masks
    assert max(share(mask, FIGURE) for mask in moving) < 0.4, "motion sees the mouth alone"
    assert min(share(mask, FIGURE) for mask in found) > 0.97, "on keyframes with its mouth shut, too"
    assert max(share(mask, HOUSE) for mask in found) < 0.02
    assert (found | ~moving).all(), "what motion found stays"


def test_under_a_moving_camera_nothing_is_added(weights: str) -> None:
    given = scene(shift=1)
    found = SalientSegmenter(weights=weights).segment([given])[0].masks
    np.testing.assert_array_equal(found, MotionSegmenter().segment([given])[0].masks)


def test_most_of_the_picture_is_no_figure(weights: str) -> None:
    given = scene()
    least = SalientSegmenter(weights=weights, largest=0.05).segment([given])[0].masks
    np.testing.assert_array_equal(least, MotionSegmenter().segment([given])[0].masks)


@pytest.mark.parametrize(("name", "side"), [("u2net.onnx", 320), ("isnet-anime.onnx", 1024)])
@pytest.mark.parametrize("size", [(HEIGHT, WIDTH), (WIDTH, HEIGHT)])
def test_each_form_of_network_finds_things_where_they_are(
    name: str, side: int, size: tuple[int, int], tmp_path: Path
) -> None:
    picture: Rgb = np.full((*size, 3), 200, np.uint8)
    picture[40:100, 20:90] = RED
    engine = SalientSegmenter(weights=str(red_finder(tmp_path / name, side)))
    probable = engine.probabilities(picture)
    assert probable.shape == size
    inner = np.zeros(size, bool)
    inner[42:98, 22:88] = True
    assert probable[inner].min() > 0.9
    outer = cv2.dilate(inner.astype(np.uint8), np.ones((13, 13))) > 0
    assert probable[~outer].max() < 0.1


def test_weights_that_are_missing_or_no_model_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REMASTER_WEIGHTS", str(tmp_path))
    with pytest.raises(EngineUnavailable, match=r"salient: no weights at .*; .* get u2netp brings them \(5 MB, Apache"):
        SalientSegmenter().preflight()
    (tmp_path / "u2netp.onnx").write_text("not found")
    with pytest.raises(EngineUnavailable, match="no ONNX model"):
        SalientSegmenter(form=Form.u2net).preflight()
    path = red_finder(tmp_path / "u2netp.onnx", 320)
    assert SalientSegmenter().preflight() == {"weights": content(path)}

"""Hiding what is known and measuring what comes back, on clips drawn here."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import ray
from clips import painting, pan, series_clip
from programs import Ended, run_program

from remaster.arrays import Float32
from remaster.errors import MediaError
from remaster.evaluation.hidden_sides import FILLS, narrowed
from remaster.evaluation.measures import FrameMeasures, compare, summarize
from remaster.evaluation.scores import ShotScore, overall
from remaster.imaging.geometry import Window
from remaster.media.types import PixelFormat, Rect

YUV420 = PixelFormat("yuv420p", "yuv", 8, 1, 1)
HIDDEN = Window(Rect(20, 0, 120, 96), 160, 96, 20, 0)
EVERYWHERE = np.ones((96, 160), bool)


@pytest.fixture
def truth() -> Float32:
    return cv2.cvtColor(painting(3, 160, 96), cv2.COLOR_RGB2GRAY).astype(np.float32)


def wings_of(picture: Float32, other: Float32) -> Float32:
    """The picture with the wings of another."""
    out = other.copy()
    out[:, 20:140] = picture[:, 20:140]
    return out


def measured(drawn: Float32, truth: Float32, known: np.ndarray = EVERYWHERE) -> FrameMeasures:
    return compare(drawn, truth, HIDDEN, known)


def test_the_truth_itself_is_perfect(truth: Float32) -> None:
    perfect = summarize([measured(truth, truth)])
    assert perfect.psnr == perfect.psnr_coarse == pytest.approx(60)
    assert perfect.ssim == pytest.approx(1, abs=1e-4) and perfect.energy == pytest.approx(1)
    assert 0.6 < perfect.join < 1.6


def test_psnr_is_that_of_the_wings_alone(truth: Float32) -> None:
    off = truth + 5.0
    assert measured(wings_of(truth, off), truth).psnr == pytest.approx(20 * np.log10(255 / 5), abs=0.01)
    assert measured(wings_of(off, truth), truth).psnr == pytest.approx(60)


def test_what_is_gate_is_not_compared(truth: Float32) -> None:
    spoilt, known = truth.copy(), EVERYWHERE.copy()
    spoilt[:8, :20] = 255
    known[:8, :20] = False
    assert measured(spoilt, truth).psnr < 40
    assert measured(spoilt, truth, known).psnr == pytest.approx(60)


def test_blur_shows_in_energy_and_texture_elsewhere_is_forgiven_at_an_eighth(truth: Float32) -> None:
    blurred = measured(wings_of(truth, cv2.GaussianBlur(truth, (0, 0), 3)), truth)
    assert blurred.gradients[0] < 0.6 * blurred.gradients[1]
    grainy = truth + np.random.default_rng(1).normal(0, 12, truth.shape).astype(np.float32)
    noisy = measured(wings_of(truth, grainy), truth)
    assert noisy.psnr_coarse > noisy.psnr + 10


def test_a_step_at_the_join_is_seen(truth: Float32) -> None:
    assert summarize([measured(wings_of(truth, truth + 40), truth)]).join > 3


def test_means_weigh_frames_and_shots_by_their_length(truth: Float32) -> None:
    good, bad = measured(truth, truth), measured(wings_of(truth, truth + 30), truth)
    assert summarize([good, bad], [3, 1]).psnr == pytest.approx((3 * good.psnr + bad.psnr) / 4)
    shots = [
        ShotScore(0, 30, "still", 1.0, 0.0, {"restored": [good]}),
        ShotScore(30, 40, "still", 1.0, 0.0, {"restored": [bad, bad]}),
    ]
    assert overall(shots)["restored"].psnr == pytest.approx((3 * good.psnr + bad.psnr) / 4)


@pytest.mark.parametrize("name", FILLS)
def test_cheap_fills_keep_the_picture_and_never_see_the_truth(name: str, truth: Float32) -> None:
    middle = np.ascontiguousarray(truth[:, 20:140]).astype(np.uint8)
    filled = FILLS[name](middle, HIDDEN)
    assert filled.shape == truth.shape
    assert (filled[:, 20:140] == middle).all()
    assert filled[:, :20].std() > 0
    if name == "mirror":
        assert (filled[:, 19] == middle[:, 0]).all() and (filled[:, 140] == middle[:, -1]).all()
    if name == "replicate":
        assert (filled[:, :20] == middle[:, :1]).all()


@pytest.mark.parametrize(("width", "inset"), [(720, 88), (854, 104), (640, 80), (65, 8)])
def test_an_eighth_is_hidden_on_each_side_on_the_chroma_grid(width: int, inset: int) -> None:
    assert narrowed(Rect(4, 2, width, 100), YUV420) == Rect(4 + inset, 2, width - 2 * inset, 100)


def test_a_sliver_cannot_be_narrowed() -> None:
    with pytest.raises(MediaError, match="too narrow"):
        narrowed(replace(Rect(0, 0, 60, 400)), YUV420)


def evaluate(*arguments: str, cwd: Path) -> Ended:
    return run_program("remaster.jobs.evaluate", arguments, cwd)


def test_a_pan_comes_back_and_a_broken_file_is_named(tmp_path: Path, ray_cluster: None) -> None:
    folder = tmp_path / "clips"
    folder.mkdir()
    series_clip(folder / "pan.mp4", [pan(2, 30, 5)])
    (folder / "broken.mp4").write_bytes(b"no video")
    cluster = f"cluster.address={ray.get_runtime_context().gcs_address}"
    result = evaluate(f"dataset.path={folder}", "evaluate.frames=4", cluster, cwd=tmp_path)
    assert result.returncode == 1, result.stderr
    assert "failed: broken.mp4" in result.stdout and "Traceback" not in result.stdout + result.stderr
    lines = [line.split() for line in result.stdout.splitlines()]
    restored = next(words for words in lines if "restored" in words)
    assert restored[0] == "0-30" and "(mosaic" in restored
    best = {name.split()[0]: float(words[-5]) for name in FILLS for words in lines if words[:1] == name.split()[:1]}
    assert len(best) == len(FILLS)
    assert float(restored[-5]) > max(best.values()) + 6
    assert not (tmp_path / "outputs").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [((), "no dataset"), (("dataset.path=missing.mkv",), "missing.mkv"), (("evaluate.frame=3",), "frame")],
)
def test_nothing_can_start(arguments: tuple[str, ...], said: str, tmp_path: Path) -> None:
    result = evaluate(*arguments, cwd=tmp_path)
    assert result.returncode == 2
    (line,) = result.stderr.strip().splitlines()
    assert line.startswith("remaster: ") and said in line

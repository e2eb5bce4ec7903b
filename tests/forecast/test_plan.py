"""The program that plans: what it prints, and what it refuses."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from clips import series_clip, still
from hydra import compose, initialize_config_dir
from rich.console import Console

from remaster.config import config_dir, register_schema, to_config
from remaster.errors import UserError
from remaster.pipeline.forecasting import PlanConfig, run_plan


@pytest.fixture(autouse=True)
def hydra_ready() -> Iterator[None]:
    register_schema(PlanConfig, "plan_schema")
    with initialize_config_dir(str(config_dir()), version_base="1.3"):
        yield


def planned(*overrides: str) -> tuple[int, str]:
    config = to_config(compose("plan", list(overrides)))
    assert isinstance(config, PlanConfig)
    shown = io.StringIO()
    return run_plan(config, Console(file=shown, width=120)), shown.getvalue()


def test_a_folder_is_planned_and_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    series_clip(tmp_path / "clip.mp4", [still(0, 24)])
    (tmp_path / "broken.mp4").write_bytes(b"nothing")
    code, said = planned(f"dataset.path={tmp_path}", "plan.cpus=16", "plan.repeat=500")
    assert code == 1
    assert "broken.mp4" in said
    assert "500 video(s), 12,000 frames, about 500 scenes" in said
    assert "wall time on 16 CPUs, 0 GPUs" in said
    assert "bottleneck" in said
    assert not (tmp_path / "outputs").exists()


def test_gpus_take_the_engines_that_auto_would_take(tmp_path: Path) -> None:
    clip = series_clip(tmp_path / "clip.mp4", [still(0, 24)])
    keys = (f"dataset.path={clip}", "plan.cpus=16", "plan.gpus=4", "plan.repeat=100")
    with pytest.raises(UserError, match=r"plan\.outpaint_seconds"):
        planned(*keys)
    _, said = planned(*keys, "plan.segment_seconds=1", "plan.outpaint_seconds=3600")
    assert "GPU hours: 100.03" in said
    assert "bottleneck: GPUs" in said
    with pytest.raises(UserError, match=r"plan\.gpus"):
        planned(f"dataset.path={clip}", "inpainter=stable_diffusion")


@pytest.mark.parametrize("key", ["plan.repeat=0", "plan.scene_seconds=0", "plan.measured=/nowhere"])
def test_what_makes_no_sense_is_refused(tmp_path: Path, key: str) -> None:
    clip = series_clip(tmp_path / "clip.mp4", [still(0, 4)])
    with pytest.raises(UserError, match=r"plan\."):
        planned(f"dataset.path={clip}", key)

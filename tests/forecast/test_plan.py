"""The program that plans: what it prints, and what it refuses."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from clips import series_clip, still
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from rich.console import Console

from remaster.config import config_dir, register_schema, to_config
from remaster.errors import UserError
from remaster.pipeline.forecasting import PlanConfig, run_plan
from remaster.tables import SHOTS, STAGES


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


def test_networks_that_need_no_gpu_are_planned_on_cpus(tmp_path: Path) -> None:
    clip = series_clip(tmp_path / "clip.mp4", [still(0, 24)])
    keys = (f"dataset.path={clip}", "plan.cpus=16", "plan.repeat=400", "inpainter=lama")
    _, said = planned(*keys)
    assert "GPU hours: 0.00" in said
    assert re.search(r"outpaint.+CPU.+\b3\.00\b", said), "400 scenes of 27 seconds"
    _, said = planned(*keys, "plan.gpus=4", "plan.segment_seconds=1", "plan.outpaint_seconds=36")
    assert re.search(r"outpaint.+GPU.+\b4\.00\b", said)


@pytest.mark.parametrize("key", ["plan.repeat=0", "plan.scene_seconds=0", "plan.measured=/nowhere"])
def test_what_makes_no_sense_is_refused(tmp_path: Path, key: str) -> None:
    clip = series_clip(tmp_path / "clip.mp4", [still(0, 4)])
    with pytest.raises(UserError, match=r"plan\."):
        planned(f"dataset.path={clip}", key)


def test_linking_is_planned_by_its_scope(tmp_path: Path) -> None:
    clip = series_clip(tmp_path / "clip.mp4", [still(0, 24)])
    keys = (f"dataset.path={clip}", "plan.cpus=16", "plan.repeat=5000", "plan.scene_seconds=1")
    said = {scope: planned(*keys, f"scenes.link={scope}")[1] for scope in ("series", "video", "off")}
    assert planned(*keys)[1] == said["series"]
    for scope in ("series", "video"):
        assert "describe" in said[scope] and "descriptors on disk, for linking: 0.5 GB" in said[scope]
    assert "describe" not in said["off"] and "linking" not in said["off"]
    first = {scope: said[scope].split("first finished scene after: ")[1].split("\n")[0] for scope in said}
    assert first["series"].endswith(" min") and first["off"].endswith(" s")


def measured_run(folder: Path, link: str | None) -> Path:
    """An output folder with the rows of a run; None: of a version that had no key for linking."""
    names = {f"seconds_{stage}" for stage in STAGES}
    row = {"video": "a", "shot": 0, "start_frame": 0, "start_pts": 0, "end_pts": 1, "time_base": "1/1", "fps": 24.0}
    row |= {"width": 640, "height": 480, "out_width": 852, "out_height": 480, "method": "still", "seed": 0}
    row |= {"status": "ok", "attempts": 1, "fingerprint": "", "segment_bytes": 9}
    rows = [row | {"scene_id": f"s{n}", "end_frame": 24 * n} | dict.fromkeys(names, 0.5 * n) for n in range(1, 6)]
    table = pa.Table.from_pylist([{name: one.get(name) for name in SHOTS.names} for one in rows], schema=SHOTS)
    (folder / "metadata" / "scenes").mkdir(parents=True)
    pq.write_table(table, folder / "metadata" / "scenes" / "a.parquet")
    scenes = {"limit": None} | ({"link": link} if link else {})
    (folder / "run.yaml").write_text(OmegaConf.to_yaml({"scenes": scenes}))
    return folder


def test_a_measured_run_that_linked_decodes_no_more(tmp_path: Path) -> None:
    clip = series_clip(tmp_path / "clip.mp4", [still(0, 240)])
    keys = (f"dataset.path={clip}", "plan.cpus=16", "plan.repeat=2000", "plan.scene_seconds=60")

    def resample_hours(link: str | None) -> float:
        folder = measured_run(tmp_path / str(link), link)
        said = planned(*keys, f"plan.measured={folder}")[1]
        return float(next(line for line in said.splitlines() if "resample" in line).split("│")[3].replace(",", ""))

    linked = resample_hours("series")
    assert resample_hours("video") == linked
    assert resample_hours("off") == resample_hours(None) > linked

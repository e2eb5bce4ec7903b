"""Takes of a neural engine: other seeds and prompts give other fills, and the chosen one is what a run then makes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import pytest
import yaml
from clips import still
from faulty_runs import Case
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from stage_runs import filmed, run_stages
from tiny_models import stable_diffusion

from remaster.config import config_dir, register_schema
from remaster.pipeline.takes import write_takes

FRAMES = 4
TAKES: list[dict[str, Any]] = [
    {"seed": 1},
    {"seed": 2},
    {"seed": 1, "prompt": "a kitchen"},
    {"negative_prompt": "a cat"},
]
QUALITY = [cv2.IMWRITE_JPEG_QUALITY, 90]


def finished(root: Path) -> tuple[Case, list[str]]:
    """A still scene that a tiny Stable Diffusion has filled, and the settings of that run."""
    case = filmed(root, [still(1, FRAMES)])
    settings = ["inpainter=stable_diffusion", f"inpainter.engine.checkpoint={stable_diffusion(root / 'diffusion')}"]
    settings += ["inpainter.engine.variant=null", "inpainter.engine.steps=2", "output.backgrounds=true"]
    assert run_stages(case, *settings)["error"] is None
    register_schema()
    with initialize_config_dir(str(config_dir()), version_base="1.3"):
        composed = compose("batch", overrides=[*case.overrides(), *settings])
    run: Any = OmegaConf.to_container(composed, resolve=True, enum_to_str=True)
    (case.out / "run.yaml").write_text(yaml.safe_dump(run | {"chosen": {"inpainter": {"name": "stable_diffusion"}}}))
    return case, settings


@pytest.mark.timeout(600)  # the libraries' import takes long on a busy machine
def test_the_chosen_take_is_what_a_run_makes(tmp_path: Path) -> None:
    case, settings = finished(tmp_path)
    (row,) = case.rows()
    written = case.out / row["segment"].replace(".mkv", ".background.png")
    before, segment = written.read_bytes(), (case.out / row["segment"]).read_bytes()
    paths = write_takes(str(case.out), row["scene_id"], 2, case.out / "review" / "takes", [*TAKES, TAKES[0]])
    *takes, again = [path.read_bytes() for path in paths]
    assert len(set(takes)) == len(TAKES), "seeds and both prompts count"
    assert again == takes[0]
    assert written.read_bytes() == before and (case.out / row["segment"]).read_bytes() == segment

    decided = {"video": "a.mp4", "frames": [0, FRAMES], **TAKES[2]}
    (case.out / "overrides.yaml").write_text(yaml.safe_dump({"overrides": [decided]}))
    assert run_stages(case, *settings)["error"] is None
    assert cv2.imencode(".jpg", cv2.imread(str(written)), QUALITY)[1].tobytes() == takes[2]
    (row,) = case.rows()
    assert (row["status"], row["seed"], row["overrides"]) == ("ok", 1, ["prompt", "seed"])
    assert (case.out / row["segment"]).read_bytes() != segment

"""What the documentation says is so: links lead somewhere, keys exist with their defaults, command lines parse."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig

from remaster.config import BatchConfig, config_dir, register_schema
from remaster.outpaint import FillTask
from remaster.pipeline.arguments import hydra_arguments
from remaster.pipeline.evaluation import EvaluateConfig
from remaster.pipeline.forecasting import PlanConfig
from remaster.pipeline.triage import TriageConfig
from remaster.review.settings import ReviewConfig
from remaster.tables import STAGES, VIDEOS

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted(
    page
    for pattern in ("*.md", "docs/*.md", "benchmarks/*.md", "benchmarks/results/*.md")
    for page in ROOT.glob(pattern)
)
README, SETTINGS = ROOT / "README.md", ROOT / "docs" / "settings.md"
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ENGINES = ("segmenter", "inpainter")
ROW = re.compile(r"^\| `([a-z_.]+)` \| `([^|]*)` \|", re.MULTILINE)
PROGRAMS = (
    "remaster",
    "python -m remaster.jobs.batch",
    "python -m remaster.jobs.evaluate",
    "python -m remaster.jobs.plan",
    "python -m remaster.jobs.triage",
    "python -m remaster.jobs.review",
)
SCHEMAS: dict[str, tuple[str, type[Any]]] = {
    "batch": ("batch", BatchConfig),
    "evaluate": ("evaluate", EvaluateConfig),
    "plan": ("plan", PlanConfig),
    "triage": ("triage", TriageConfig),
    "review": ("review", ReviewConfig),
}


def prose(page: Path) -> str:
    return FENCE.sub("", page.read_text())


def anchors(page: Path) -> set[str]:
    """GitHub's names of a page's headings."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def composed(name: str = "batch", overrides: Sequence[str] = (), schema: type[Any] = BatchConfig) -> DictConfig:
    register_schema()
    register_schema(schema, f"{name}_schema")
    with initialize_config_dir(str(config_dir()), version_base="1.3"):
        return compose(name, list(overrides))


def leaves(node: DictConfig, at: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in node.items_ex(resolve=False):
        name = f"{at}{key}"
        found |= leaves(value, f"{name}.") if isinstance(value, DictConfig) else {name: value}
    return found


def as_written(value: Any) -> str:
    """A value as YAML has it."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(getattr(value, "name", value))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    for link in LINK.findall(prose(page)):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert target.is_relative_to(ROOT), link
        assert not anchor or anchor in anchors(target), link


def test_every_page_of_the_documentation_is_reached_from_the_readme() -> None:
    linked = {(ROOT / link.partition("#")[0]).resolve() for link in LINK.findall(prose(README)) if "://" not in link}
    assert {page for page in PAGES if page.parent == ROOT / "docs"} <= linked


def test_the_readme_is_short() -> None:
    assert len(README.read_text().splitlines()) <= 200


def test_every_key_is_documented_with_its_default() -> None:
    documented = dict(ROW.findall(SETTINGS.read_text()))
    config = composed()
    engines = {step: config[step].name for step in ENGINES}
    settings = {key: as_written(value) for key, value in leaves(config).items() if key.partition(".")[0] not in ENGINES}
    assert documented == engines | settings


def test_the_help_names_keys_that_exist() -> None:
    template = yaml.safe_load((config_dir() / "hydra" / "help" / "batch.yaml").read_text())["template"]
    named = set(re.findall(r"^ {2}([a-z_.]+)=", template, re.MULTILINE))
    assert len(named) > 10
    assert named <= {*leaves(composed()), *ENGINES}


def commands() -> list[str]:
    """The command lines of the programs in the pages' blocks, without comments and grammar lines."""
    found = []
    for page in (README, *(ROOT / "docs").glob("*.md")):
        for _, block in FENCE.findall(page.read_text()):
            for line in block.replace("\\\n", " ").splitlines():
                line = line.split("  #")[0].strip()
                if line.startswith(tuple(f"{program} " for program in PROGRAMS)) and not set("|[") & set(line):
                    found.append(line)
    return sorted(set(found))


def recipes() -> list[str]:
    """The lines of settings in the page of the engines."""
    text = (ROOT / "docs" / "engines.md").read_text()
    blocks = [block for _, block in FENCE.findall(text)]
    lines = [line.strip() for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    return [line for line in lines if line.startswith(("segmenter=", "inpainter="))]


def test_there_are_commands_and_recipes() -> None:
    assert len(commands()) >= 4
    assert len(recipes()) >= 4


@pytest.mark.parametrize("recipe", recipes())
def test_recipes_name_settings_that_exist(recipe: str) -> None:
    assert composed(overrides=shlex.split(recipe))


@pytest.mark.parametrize("command", commands())
def test_commands_name_keys_that_exist(command: str) -> None:
    program = max((p for p in PROGRAMS if command.startswith(p)), key=len)
    name, schema = SCHEMAS.get(program.split(".")[-1], SCHEMAS["batch"])
    assert composed(name, hydra_arguments(shlex.split(command.removeprefix(program)), schema), schema)


def test_modules_and_files_that_pages_name_exist() -> None:
    for page in PAGES:
        for name in set(re.findall(r"python -m ((?:remaster|benchmarks)[\w.]+)", page.read_text())):
            assert (ROOT / f"{name.replace('.', '/')}.py").exists(), f"{page.name}: {name}"
        for name in set(re.findall(r"(?:conf|jobs|tests|benchmarks)/[\w/]+\.(?:py|sh|yaml)\b", prose(page))):
            assert (ROOT / name).exists() or name == "conf/inpainter/mean.yaml", f"{page.name}: {name}"


def test_the_map_of_the_code_names_what_exists() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    packages = re.findall(r"^\| `([\w/]+)/` \| .* \| (`.*) \|$", text, re.MULTILINE)
    assert {f"remaster/{stage}" for stage in STAGES} <= {name for name, _ in packages}
    for package, files in packages:
        for file in re.findall(r"`([\w.]+\.(?:py|yaml))`", files):
            assert (ROOT / package / file).exists(), f"{package}/{file}"


def test_the_statuses_of_a_video_are_documented() -> None:
    assert "status" in VIDEOS.names
    for status in ("ok", "incomplete", "fallback", "failed"):
        assert f"| `{status}` |" in (ROOT / "docs" / "running.md").read_text()


def test_the_example_of_an_engine_runs() -> None:
    """Its code and its settings are taken from the page as they stand."""
    blocks = dict(FENCE.findall((ROOT / "CONTRIBUTING.md").read_text()))
    scope: dict[str, Any] = {"__name__": "example"}
    sys.modules.setdefault("example", type(sys)("example"))
    exec(blocks["python"], scope)
    settings = yaml.safe_load(blocks["yaml"])["engine"]
    engine = scope[settings.pop("_target_").split(".")[-1]](**settings)
    image = np.full((8, 8, 3), 100, np.uint8)
    holes = np.zeros((8, 8), np.bool_)
    holes[:, :2] = True
    image[holes] = 0
    [filled] = engine.fill([FillTask(image, holes, ~holes, seed=0)])
    assert filled.calls == 1
    assert (filled.image == 100).all()

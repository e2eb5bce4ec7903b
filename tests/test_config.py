"""Every configuration composes; wrong types and unknown keys are refused by name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields

import pytest
from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from hydra.utils import get_class
from omegaconf import DictConfig, OmegaConf

from remaster.config import BatchConfig, config_dir, digest, register_schema, stage_settings, to_config
from remaster.pipeline.engines import choose
from remaster.pipeline.evaluation import EvaluateConfig
from remaster.pipeline.forecasting import PlanConfig

GROUPS = sorted(p.relative_to(config_dir()).with_suffix("").as_posix() for p in config_dir().glob("*/*.yaml"))


@pytest.fixture(autouse=True)
def hydra_ready() -> Iterator[None]:
    register_schema()
    with initialize_config_dir(str(config_dir()), version_base="1.3"):
        yield


def composed(*overrides: str) -> DictConfig:
    return compose("batch", overrides=list(overrides))


@pytest.mark.parametrize("choice", GROUPS)
def test_every_file_composes(choice: str) -> None:
    group, name = choice.split("/")
    override = f"+dataset={name}" if group == "dataset" else f"{group}={name}"
    config = to_config(composed(override))
    assert isinstance(config, BatchConfig)


@pytest.mark.parametrize("choice", [c for c in GROUPS if c.split("/")[0] in ("segmenter", "inpainter")])
def test_engine_files_list_every_setting_of_their_engine(choice: str) -> None:
    file = OmegaConf.load(config_dir() / f"{choice}.yaml")
    if choice.endswith("/auto"):
        return
    listed = set(file.engine) - {"_target_"}
    assert listed == {f.name for f in fields(get_class(file.engine["_target_"]))}
    for key, value in file.engine.items():
        if key != "_target_":
            default = {f.name: f.default for f in fields(get_class(file.engine["_target_"]))}[key]
            assert value == getattr(default, "value", default), f"{choice}: {key} differs from the engine's own default"


@pytest.mark.parametrize(
    ("program", "schema"), [("batch", BatchConfig), ("evaluate", EvaluateConfig), ("plan", PlanConfig)]
)
def test_help_names_settings_that_exist_and_their_defaults(program: str, schema: type[BatchConfig]) -> None:
    register_schema(schema, "schema" if program == "batch" else f"{program}_schema")
    config = compose(program)
    template = OmegaConf.load(config_dir() / "hydra" / "help" / f"{program}.yaml").template
    lines = re.findall(r"^ {2}([a-z_.]+=.*)$", template, re.MULTILINE)
    settings = [setting.split("=") for line in lines for setting in line.split("   ")[0].split()]
    assert len(settings) == {"batch": 24, "evaluate": 1, "plan": 7}[program]
    for key, default in settings:
        chosen = f"{key}.name" if key in ("segmenter", "inpainter") else key
        value = OmegaConf.select(config, chosen, throw_on_missing=True)
        shown = {"None": "null", "True": "true", "False": "false"}.get(str(value), str(getattr(value, "value", value)))
        assert shown == default or (key, default) == ("output.dir", "outputs/NAME"), key


def test_series_is_the_sample() -> None:
    assert composed("+dataset=series").dataset.path == "data/series"


def test_a_path_needs_no_group() -> None:
    assert to_config(composed("dataset.path=/x y.mkv")).dataset.path == "/x y.mkv"


@pytest.mark.parametrize(
    "override", ["output.crf=low", "output.codec=mpeg1", "resume=perhaps", "scenes.limit=many", "gate=maybe"]
)
def test_wrong_types_are_refused_by_name(override: str) -> None:
    key = override.split("=")[0].split(".")[-1]
    with pytest.raises(HydraException, match=key):
        composed(override)


@pytest.mark.parametrize("override", ["inpaintr=x", "output.quality=3", "inpainter=nonesuch", "dataset=series"])
def test_unknown_keys_and_choices_are_refused_by_name(override: str) -> None:
    with pytest.raises(HydraException, match=override.split("=")[0].split(".")[-1]):
        composed(override)


def test_auto_takes_the_embedded_engine_without_a_gpu_and_says_why() -> None:
    config = to_config(composed())
    assert choose("segmenter", config.segmenter, gpus=0).name == "motion"
    inpainter = choose("inpainter", config.inpainter, gpus=0)
    assert inpainter.name == "exemplar"
    assert inpainter.reason


def test_what_touches_pixels_changes_the_fingerprint_and_nothing_else_does() -> None:
    def fingerprint(*overrides: str) -> str:
        return digest(stage_settings(to_config(composed(*overrides)), "motion", "exemplar"))

    same = fingerprint()
    others = (
        "dataset.path=x",
        "output.dir=y",
        "output.container=mkv",
        "output.map=true",
        "output.layers=true",
        "resume=false",
        "strict=true",
    )
    for override in (*others, "scenes.limit=1"):
        assert fingerprint(override) == same, override
    for override in ("output.crf=19", "target.aspect=21:9", "target.framing=left", "seed=1", "output.grain=none"):
        assert fingerprint(override) != same, override

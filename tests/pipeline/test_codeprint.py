"""Code that makes a result is part of its fingerprint: found in copies of the package, of which one thing is edited."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from omegaconf import OmegaConf

import remaster
from remaster.config import config_dir
from remaster.pipeline.codeprint import PACKAGE, STAGES, Place, digest_of, engine_code, reached

EDITS = {
    "detect/scenes.py": "plan",
    "detect/active_picture.py": "plan",
    "media/probe.py": "plan",
    "pipeline/video_plan.py": "plan",
    "analyze/keyframes.py": "stitch",
    "stitch/background_canvas.py": "stitch",
    "propagation/sources.py": "stitch",
    "outpaint/filling.py": "outpaint",
    "resample/grain.py": "resample",
    "media/encode.py": "plan",
    "pipeline/delivery.py": "resample",
    "pipeline/encoding.py": "resample",
    "pipeline/survey.py": "plan",
    "media/verify.py": "assemble",
    "media/matroska.py": "plan",
    "pipeline/assembly.py": "assemble",
    "report/summary.py": None,
    "pipeline/run.py": None,
    "jobs/batch.py": None,
    "tables.py": None,
}
"""A module, and the first stage whose results are made anew when all its functions are edited; later ones follow."""
APART = {
    "remaster.config", "remaster.errors", "remaster.remote", "remaster.steering.overrides", "remaster.storage",
    "remaster.tables", "remaster.weight_files.fetching", "remaster.weight_files.shelf", "remaster.weights",
}  # fmt: skip
"""Modules beside the programs' own that make no pixel of a result: settings, decisions, places, errors."""
PROGRAMS = (
    "remaster.evaluation",
    "remaster.jobs",
    "remaster.pipeline",
    "remaster.report",
    "remaster.review",
    "remaster.sets",
)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("code") / "remaster"
    for path in PACKAGE.rglob("*.py"):  # not by copytree: the original may be read-only
        target = folder / path.relative_to(PACKAGE)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    return folder


@pytest.fixture(scope="module")
def before() -> dict[str, str]:
    return {stage: digest_of(entries) for stage, entries in STAGES.items()}


def first_changed(copy: Path, before: dict[str, str]) -> str | None:
    """The first stage whose digest differs in the copy."""
    digest_of.cache_clear()
    return next((stage for stage, entries in STAGES.items() if digest_of(entries, copy) != before[stage]), None)


def edited(path: Path) -> Iterator[str]:
    """The file with an instruction more in each of its functions."""
    for line in path.read_text().splitlines():
        yield line
        if line.startswith(("def ", "    def ")) and line.endswith(":"):
            yield " " * (len(line) - len(line.lstrip()) + 4) + "x_y_z = 1"


def test_where_stages_begin_there_is_code() -> None:
    entries = [place for places in STAGES.values() for place in places]
    assert set(entries) <= set(reached(entries))


def test_a_copy_has_the_same_digests(copy: Path, before: dict[str, str]) -> None:
    assert not first_changed(copy, before)


@pytest.mark.parametrize("name", EDITS)
def test_edited_code_is_made_anew_from_the_first_stage_that_reaches_it(
    name: str, copy: Path, before: dict[str, str]
) -> None:
    path, original = copy / name, (copy / name).read_text()
    try:
        path.write_text("\n".join(edited(path)) + "\n")
        found = first_changed(copy, before)
    finally:
        path.write_text(original)
    assert found == EDITS[name]


def test_words_change_nothing(copy: Path, before: dict[str, str]) -> None:
    path, original = copy / "detect/scenes.py", (copy / "detect/scenes.py").read_text()
    try:
        path.write_text(
            original.replace('"""A', '"""Once more: a') + "\n\n# A remark.\ndef never_used() -> None:\n    pass\n"
        )
        assert not first_changed(copy, before)
    finally:
        path.write_text(original)


def engines() -> list[Place]:
    files = [file for group in ("segmenter", "inpainter") for file in (config_dir() / group).glob("*.yaml")]
    targets = [OmegaConf.select(OmegaConf.load(file), "engine._target_") for file in files]
    return [(module, name) for module, _, name in (str(t).rpartition(".") for t in targets if t)]


def test_every_module_that_makes_pixels_is_in_some_digest() -> None:
    entries = [*(place for places in STAGES.values() for place in places), *engines()]
    found = {module for module, _ in reached(entries)}
    there = {m.name for m in pkgutil.walk_packages(remaster.__path__, "remaster.") if not m.ispkg}
    missing = {name for name in there - found - APART if not name.startswith(PROGRAMS)}
    assert not missing


def test_engines_bring_their_own_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    codes = []
    for number in (1, 1, 2):
        name = f"engine_{len(codes)}"
        (tmp_path / f"{name}.py").write_text(
            f"LEVEL = {number}\nclass Engine:\n    def fill(self):\n        return LEVEL\n"
        )
        importlib.invalidate_caches()
        cls = importlib.import_module(name).Engine
        text = reached([(name, "Engine")])
        codes.append([code for _, code in sorted(text.items())])
        assert engine_code(cls)
    assert codes[0] == codes[1] != codes[2]

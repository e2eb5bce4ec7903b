"""The import rules: which package may import what, read from the source itself."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "remaster"
FILES = sorted(PACKAGE.rglob("*.py"))
BESIDE = [p for name in ("remaster_forecast", "remaster_sample") for p in sorted((PACKAGE.parent / name).rglob("*.py"))]
STEPS = {"detect", "analyze", "segment", "stitch", "outpaint", "resample"}
BELOW = {"imaging": {"arrays", "errors", "media", "records"}, "propagation": {"arrays", "imaging", "media", "records"}}
"""What several steps need, and what of this package it may import."""
PLAIN = {"remaster.media.planes", "remaster.media.types"}
"""All of ``media`` that steps may import: it knows numpy alone."""
MODELS = ("torch", "torchvision", "diffusers", "transformers", "accelerate", "safetensors")


def imported(node: ast.AST) -> Iterator[str]:
    for child in ast.walk(node):
        if isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, "imports are absolute"
            yield child.module or ""


def at_top(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom | ast.If | ast.Try):
            yield from imported(node)


def parse(path: Path) -> tuple[str, ast.Module]:
    return path.relative_to(PACKAGE).as_posix(), ast.parse(path.read_text())


def roots(names: Iterator[str]) -> set[str]:
    return {name.split(".")[0] for name in names}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_a_module_imports_only_what_it_may(path: Path) -> None:
    name, tree = parse(path)
    package = name.split("/")[0]
    everything, names = roots(imported(tree)), set(imported(tree))
    if package not in ("pipeline", "jobs"):
        assert "ray" not in everything
        assert not any(n.startswith("remaster.pipeline") for n in names), "steps never import the pipeline"
    if package != "media":
        assert "av" not in everything
    if package != "jobs":
        assert not any(n.startswith("remaster.jobs") for n in names), "nothing imports jobs"
    assert not roots(at_top(tree)) & set(MODELS), "models are imported inside the engine that needs them"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_steps_stand_beside_each_other(path: Path) -> None:
    name, tree = parse(path)
    package = name.split("/")[0]
    own = {n for n in imported(tree) if n.startswith("remaster.")}
    packages = {n.split(".")[1] for n in own}
    if package in STEPS:
        assert not packages & (STEPS - {package}), "what two steps need lies below both"
        assert not packages & {"evaluation", "report"}
    if package in BELOW:
        assert packages <= {package, *BELOW[package]}
    if package in STEPS | set(BELOW):
        assert {n for n in own if n.startswith("remaster.media")} <= PLAIN


@pytest.mark.parametrize("path", BESIDE, ids=lambda path: path.name)
def test_packages_beside_the_engine_need_its_plain_parts_alone(path: Path) -> None:
    everything = set(imported(ast.parse(path.read_text())))
    assert "av" not in roots(iter(everything)) or path.name == "author.py"
    names = {n for n in everything if n.startswith("remaster.")}
    assert not {n for n in names if n.split(".")[1] in STEPS | {"jobs", "pipeline"}}


def test_nothing_in_the_engine_needs_the_packages_beside_it() -> None:
    for path in FILES:
        name, tree = parse(path)
        beside = {n for n in imported(tree) if n.startswith(("remaster_forecast", "remaster_sample"))}
        assert not beside or name in ("jobs/sample.py", "pipeline/forecasting.py"), name


def test_the_program_and_its_workers_start_without_the_models_extra_and_what_is_slow() -> None:
    slow = ("scipy.stats", "scipy.signal")  # a second each, and every worker imports what the graph does
    code = "import sys; import remaster.jobs.batch, remaster.pipeline.batch\n"
    code += f"sys.exit(' '.join(m for m in {(*MODELS, *slow)!r} if m in sys.modules) or 0)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

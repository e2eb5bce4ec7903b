"""The import rules: which package and which test may import what, read from the source itself."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "remaster"
FILES = sorted(PACKAGE.rglob("*.py"))
BESIDE = [p for name in ("remaster_forecast", "remaster_sample") for p in sorted((PACKAGE.parent / name).rglob("*.py"))]
TESTS = sorted(Path(__file__).resolve().parent.rglob("*.py"))
STEPS = {"detect", "analyze", "segment", "stitch", "sets", "outpaint", "resample"}
BELOW = {"imaging": {"arrays", "errors", "media", "records"}, "propagation": {"arrays", "imaging", "media", "records"}}
"""What several steps need, and what of this package it may import."""
PLAIN = {"remaster.media.planes", "remaster.media.types"}
"""All of ``media`` that steps may import: it knows numpy alone."""
REVIEW_READS = {"remaster.pipeline", "remaster.pipeline.store", "remaster.pipeline.lock"}
"""All of ``pipeline`` that the review may import: what reads an output folder, without Ray."""
NICEGUI = tuple(f"review/{name}.py" for name in ("server", "page", "shot_view", "form", "easel", "widgets"))
"""The modules of the page, which alone import NiceGUI and what comes with it."""
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
        reads = REVIEW_READS if package == "review" else set()
        assert not {n for n in names if n.startswith("remaster.pipeline")} - reads, "steps never import the pipeline"
    if package != "media":
        assert "av" not in everything
    if package != "jobs":
        assert not any(n.startswith("remaster.jobs") for n in names), "nothing imports jobs"
    if package != "review" and name != "jobs/review.py":
        assert not any(n.startswith("remaster.review") for n in names), "nothing needs the review"
    assert name in NICEGUI or not everything & {"nicegui", "fastapi", "starlette", "uvicorn"}
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
        assert not beside or name in ("jobs/sample.py", "pipeline/forecasting.py", "pipeline/triage.py"), name


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("_")


@cache
def private_names() -> frozenset[str]:
    """All private names that the packages define: functions, classes, constants and attributes."""
    nodes = [node for path in (*FILES, *BESIDE) for node in ast.walk(ast.parse(path.read_text()))]
    names = {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    names |= {node.id for node in nodes if isinstance(node, ast.Name)}
    names |= {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    return frozenset(filter(is_private, names))


def private_uses(tree: ast.Module) -> Iterator[str]:
    """Where a test reaches into what it tests: by import, as an attribute, or in a string as ``monkeypatch`` takes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield from (alias.name for alias in node.names if is_private(alias.name))
        elif isinstance(node, ast.Attribute) and is_private(node.attr):
            own = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
            yield from () if own else (ast.unparse(node),)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from (node.value,) if node.value.split(".")[-1] in private_names() else ()


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.name)
def test_tests_share_by_helpers_and_use_public_names(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert not [name for name in imported(tree) if name.split(".")[-1].startswith("test_")]
    assert not list(private_uses(tree))


def test_a_use_of_a_private_name_is_found_in_each_form() -> None:
    uses = "from remaster.weights import _a", "engine._b()", "patch(module, '_engine')", "patch('remaster.x._engine')"
    assert [len(list(private_uses(ast.parse(use)))) for use in uses] == [1, 1, 1, 1]
    assert not list(private_uses(ast.parse("self._own(); config['_target_']; module.__file__")))


def test_the_program_and_its_workers_start_without_the_models_extra_and_what_is_slow() -> None:
    slow = ("scipy.stats", "scipy.signal")  # a second each, and every worker imports what the graph does
    code = "import sys; import remaster.jobs.batch, remaster.pipeline.batch\n"
    code += f"sys.exit(' '.join(m for m in {(*MODELS, 'nicegui', *slow)!r} if m in sys.modules) or 0)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_review_does_without_ray() -> None:
    code = "import sys; import remaster.review.server; sys.exit('ray' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

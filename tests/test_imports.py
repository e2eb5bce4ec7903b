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


def test_the_program_starts_without_the_models_extra() -> None:
    code = f"import sys; import remaster.jobs.batch; sys.exit(any(m in sys.modules for m in {MODELS!r}))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

"""A run through the stages that many tests begin with: made once, and put back for each."""

from __future__ import annotations

import shutil

import pytest
from faulty_runs import Case
from stage_runs import run_stages, three_scenes


@pytest.fixture(scope="session")
def three(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """A case of three scenes after its first run, which ``kept`` beside it keeps."""
    case = three_scenes(tmp_path_factory.mktemp("three"))
    assert run_stages(case)["error"] is None
    for folder in (case.out, case.notes):
        shutil.copytree(folder, case.root / "kept" / folder.name)
    return case


@pytest.fixture
def finished(three: Case) -> Case:
    """The case as its first run left it, to the times of change."""
    for folder in (three.out, three.notes):
        shutil.rmtree(folder)
        shutil.copytree(three.root / "kept" / folder.name, folder)
    return three

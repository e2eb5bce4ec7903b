"""One tiny run for all tests of the review: two videos, remastered once. The second name is markup."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from batch_runs import batch
from clips import pan, series_clip, still
from review_pages import Server, served

MARKUP = "<img src=x onerror=alert(1)>.mp4"


@pytest.fixture(scope="session")
def finished(ray_cluster: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output folder of the run; tests that write copy it."""
    folder = tmp_path_factory.mktemp("review")
    (folder / "in").mkdir()
    series_clip(folder / "in" / "one.mp4", [still(0, 10), pan(1, 10)])
    series_clip(folder / "in" / MARKUP, [still(0, 10)])
    code, printed = batch(folder / "in", folder / "out")
    assert code == 0, printed
    return folder / "out"


@pytest.fixture(scope="session")
def server(finished: Path) -> Iterator[Server]:
    """The review of the run, which nothing changes."""
    with served(finished) as started:
        yield started


@pytest.fixture
def own(finished: Path, tmp_path: Path) -> Path:
    """A copy of the run that a test may change; its settings name the copy."""
    out = tmp_path / "out"
    shutil.copytree(finished, out)
    run = out / "run.yaml"
    run.write_text(run.read_text().replace(str(finished), str(out)))
    return out

"""What a shell sees: one sentence and the contract's exit code, without a traceback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from clips import series_clip, still
from programs import run_program

BATCH = "remaster.jobs.batch"


def by_a_shell(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", BATCH, *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "empty").mkdir()
    series_clip(tmp_path / "clip.mp4", [still(1, 4)])
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "no dataset"),
        (("+dataset=series",), "data/series"),
        (("+dataset=nonesuch",), "nonesuch"),
        (("dataset.path=missing.mkv",), "missing.mkv"),
        (("dataset.path=empty",), "empty"),
        (("dataset.path=clip.mp4", "target.aspect=abc"), "target.aspect=abc"),
        (("dataset.path=clip.mp4", "target.framing=up"), "target.framing=up"),
        (("dataset.path=clip.mp4", "inpaintr=x"), "inpaintr"),
        (("dataset.path=clip.mp4", "inpainter=nonesuch"), "nonesuch"),
        (("dataset.path=clip.mp4", "output.codec=mpeg1"), "mpeg1"),
        (("dataset.path=clip.mp4", "output.crf=low"), "crf"),
        (("dataset.path=clip.mp4", "output.preset=quick"), "quick"),
        (("dataset.path=clip.mp4", "inpainter=lama", "inpainter.engine.weights=lama.pt"), "no weights at"),
    ],
)
def test_nothing_can_start(arguments: tuple[str, ...], said: str, folder: Path) -> None:
    result = run_program(BATCH, arguments, folder)
    assert result.returncode == 2, result.stderr
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("remaster: ")
    assert said in lines[0]
    assert not (folder / "outputs").exists()


def test_help_and_the_whole_configuration(folder: Path) -> None:
    told = by_a_shell("--help", cwd=folder)
    assert told.returncode == 0
    assert told.stdout.startswith("remaster FILE|FOLDER|GLOB|URI ... [key=value ...]")
    shown = run_program(BATCH, ["--cfg", "job"], folder)
    assert shown.returncode == 0
    assert "crf: 18" in shown.stdout

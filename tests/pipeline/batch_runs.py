"""Runs of the whole job in this process, on the Ray that it is connected to."""

from __future__ import annotations

from collections.abc import Sequence
from io import StringIO
from pathlib import Path

from hydra import compose, initialize_config_dir
from rich.console import Console

from remaster.config import config_dir, register_schema, to_config
from remaster.pipeline.batch import run_batch

QUICK = ("nodes=200", "max_labels=6", "dominant_offsets=8", "join_samples=8", "alignments=0")
"""Settings of the embedded inpainter with which it takes a tenth of the time, where its quality is not the subject."""


def run_overrides(overrides: Sequence[str]) -> tuple[int, str]:
    """Run the job with these overrides, as Hydra wants them quoted: (exit code, what it printed)."""
    register_schema()
    with initialize_config_dir(str(config_dir()), version_base="1.3"):
        composed = compose("batch", overrides=list(overrides))
    printed = StringIO()
    return run_batch(to_config(composed), composed, Console(file=printed, width=200)), printed.getvalue()


def batch(source: Path, out: Path, *overrides: str, link: str = "off") -> tuple[int, str]:
    """Run the job on a file or folder: (exit code, what it printed).

    ``link`` is ``series`` for a user; off is faster, where sets that return are not what a test is about.
    """
    given = [f'dataset.path="{source}"', f'output.dir="{out}"', "output.preset=ultrafast", f"scenes.link={link}"]
    given += [f"inpainter.embedded.engine.{setting}" for setting in QUICK]
    return run_overrides([*given, *overrides])

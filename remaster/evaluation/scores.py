"""What was measured, as a table that a terminal shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from remaster.evaluation.measures import Measures, Sample, summarize

HEADINGS = ("PSNR", "PSNR at 1/8", "SSIM", "energy", "join")
WIDTH = 104
"""Columns of the table, whatever the terminal's: numbers that are cut short are none."""


@dataclass(frozen=True)
class ShotScore:
    """Frames ``[start, end)`` of a video, how their wings were made, and ``samples`` by the name of the fill.

    ``seen`` is the share of the wings that other frames showed.
    """

    start: int
    end: int
    method: str
    confidence: float
    seen: float
    samples: Mapping[str, Sequence[Sample]]


def print_scores(title: str, shots: Sequence[ShotScore], console: Console, each: bool = True) -> None:
    """A block of lines a shot, if ``each``, and one for all of them, in which each shot counts by its length."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column("frames", no_wrap=True)
    table.add_column("made by", no_wrap=True)
    for heading in HEADINGS:
        table.add_column(heading, justify="right", no_wrap=True)
    for shot in shots if each else ():
        what = f"{shot.method} {shot.confidence:.2f}, {shot.seen:.0%} seen"
        measured = {name: summarize(samples) for name, samples in shot.samples.items()}
        _add_block(table, f"{shot.start}-{shot.end}", what, measured)
    _add_block(table, f"all {len(shots)} shots", "", overall(shots))
    Console(file=console.file, width=WIDTH).print(table)


def overall(shots: Sequence[ShotScore]) -> dict[str, Measures]:
    """The measures over all shots, by the name of the fill; a shot counts by its length."""
    found = {}
    for name in shots[0].samples:
        weights = [(s.end - s.start) / len(s.samples[name]) for s in shots for _ in s.samples[name]]
        found[name] = summarize([sample for s in shots for sample in s.samples[name]], weights)
    return found


def _add_block(table: Table, frames: str, what: str, measured: Mapping[str, Measures]) -> None:
    for number, (name, m) in enumerate(measured.items()):
        label = f"{name} ({what})" if number == 0 and what else name
        values = f"{m.psnr:.2f}", f"{m.psnr_coarse:.2f}", f"{m.ssim:.3f}", f"{m.energy:.2f}", f"{m.join:.2f}"
        table.add_row(frames if number == 0 else "", label, *values)
    table.add_section()

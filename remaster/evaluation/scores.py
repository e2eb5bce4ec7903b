"""The measures of shots as a table on the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from remaster.evaluation.measures import FrameMeasures, Measures, summarize

HEADINGS = ("PSNR", "PSNR at 1/8", "SSIM", "energy", "join")
WIDTH = 104
"""Characters of the table, whatever the terminal's: truncated numbers are useless."""


@dataclass(frozen=True)
class ShotScore:
    """Frames ``[start, end)`` of a video, how their wings were made, and the frames measured, by the name of the fill.

    ``seen`` is the share of the wings that other frames show.
    """

    start: int
    end: int
    method: str
    confidence: float
    seen: float
    samples: Mapping[str, Sequence[FrameMeasures]]


def print_scores(title: str, shots: Sequence[ShotScore], console: Console, each: bool = True) -> None:
    """Print a block of rows a shot, if ``each``, and one for all of them, weighted by length."""
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
    """The measures over all shots, weighted by length, by the name of the fill."""
    found = {}
    for name in shots[0].samples:
        weights = [(s.end - s.start) / len(s.samples[name]) for s in shots for _ in s.samples[name]]
        found[name] = summarize([sample for s in shots for sample in s.samples[name]], weights)
    return found


def _add_block(table: Table, frames: str, what: str, measured: Mapping[str, Measures]) -> None:
    """Add a row for each fill."""
    for number, (name, m) in enumerate(measured.items()):
        label = f"{name} ({what})" if number == 0 and what else name
        values = f"{m.psnr:.2f}", f"{m.psnr_coarse:.2f}", f"{m.ssim:.3f}", f"{m.energy:.2f}", f"{m.join:.2f}"
        table.add_row(frames if number == 0 else "", label, *values)
    table.add_section()

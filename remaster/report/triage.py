"""Prints what a triage found: the worst shots, totals of the videos, and of the dataset."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

import pyarrow as pa
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from remaster.report import text

_SHARES = ("recovered", "generated", "given up")
Rows = Sequence[Mapping[str, Any]]


def print_triage(shots: pa.Table, console: Console, limit: int) -> None:
    """Print ``shots`` (``tables.TRIAGE``, the worst first), and the totals of their videos: ``limit`` of each, at most.

    No name or message can format or break the output.
    """
    rows: Rows = shots.to_pylist()
    if not rows:
        return
    _print_table(console, "worst shots", _shot_cells(rows[:limit]))
    _more(console, len(rows) - limit, "shot")
    by_video = [list(group) for _, group in groupby(sorted(rows, key=itemgetter("video")), key=itemgetter("video"))]
    by_video.sort(key=lambda group: -_share(group, ("generated", "soft")))
    _print_table(console, "videos", (_total_cells(group[0]["video"], group) for group in by_video[:limit]))
    _more(console, len(by_video) - limit, "video")
    _print_table(console, "in all", [_total_cells(text.plural(len(by_video), "video"), rows)])


def _shot_cells(rows: Rows) -> Iterable[dict[str, str]]:
    for row in rows:
        yield {
            "video": row["video"],
            "time": f"{text.clock(row['start_seconds'], 1)} {text.DASH} {text.clock(row['end_seconds'], 1)}",
            "verdict": row["verdict"].replace("_", " "),
            "method": row["method"],
            "confidence": text.ratio(row["confidence"]),
            **_share_cells([row]),
            "seconds": _seconds([row]),
            "why": text.first_line(f"{row['error_stage']}: {row['error']}") if row["error"] else "",
        }


def _total_cells(name: str, rows: Rows) -> dict[str, str]:
    verdicts = [row["verdict"] for row in rows]
    return {
        "video": name,
        "shots": text.count(len(rows)),
        **{
            word.replace("_", " "): text.count(verdicts.count(word))
            for word in ("recover", "generate", "give_up", "failed")
        },
        **{f"{name} pixels": cell for name, cell in _share_cells(rows).items()},
        "seconds": _seconds(rows),
    }


def _share_cells(rows: Rows) -> dict[str, str]:
    """Shares of the wings' pixels: shown by some frame, made by the inpainter, soft fill."""
    kinds = (("recovered", "propagated"), ("generated",), ("soft",))
    if not any(row["wing_pixels"] for row in rows):
        return dict.fromkeys(_SHARES, text.DASH)
    return {name: text.share(_share(rows, kind)) for name, kind in zip(_SHARES, kinds, strict=True)}


def _share(rows: Rows, kinds: Sequence[str]) -> float:
    pixels = sum(row["wing_pixels"] for row in rows)
    return sum(row["wing_pixels"] * sum(row[kind] or 0.0 for kind in kinds) for row in rows) / pixels if pixels else 0.0


def _seconds(rows: Rows) -> str:
    """Seconds of one core that are left to do; with a ``+`` where some are unknown."""
    left = [row[name] for row in rows for name in ("seconds_outpaint", "seconds_resample")]
    known = [value for value in left if value is not None]
    return f"{sum(known):,.1f}" + ("+" if len(known) < len(left) else "")


def _print_table(console: Console, title: str, rows: Iterable[Mapping[str, str]]) -> None:
    table = Table(box=SIMPLE_HEAD, title=title, title_justify="left", pad_edge=False)
    made = list(rows)
    shown = [name for name in made[0] if name != "why" or any(row[name] for row in made)]
    words = ("video", "time", "verdict", "method", "why")
    for name in shown:
        table.add_column(name, justify="left" if name in words else "right", overflow="fold", no_wrap=name == "time")
    for row in made:
        table.add_row(*(Text(text.printable(row[name], console.encoding)) for name in shown))
    console.print(table)


def _more(console: Console, count: int, what: str) -> None:
    if count > 0:
        console.print(f"and {text.plural(count, f'more {what}')}, in the table", highlight=False, markup=False)

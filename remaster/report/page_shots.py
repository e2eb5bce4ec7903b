"""The shots on the report's page: their pictures and, video by video, a row each."""

from __future__ import annotations

import base64
import itertools
import os
from fractions import Fraction
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.compute as pc

from remaster.report import text
from remaster.report.markup import badge, cell, head, wing_cell
from remaster.report.summary import VideoSummary
from remaster.report.wings import WING_COLUMNS, wing_uses

MAX_EMBEDDED = 300  # previews
MAX_EMBEDDED_BYTES = 10_000_000  # of base64
MAX_SHOTS = 5_000  # rows; browsers get slow with more
_OPEN_VIDEOS = 5  # of more videos, each one's shots are folded up
_HEADS = ("Before and after", "Scene", "Time", "Frames", "Method", "Confidence", "Wings", "Generated", "Status")
_NUMBERS = ("Frames", "Confidence", "Generated")
_COLUMNS = (
    *("video", "scene_id", "shot", "start_pts", "end_pts", "time_base", *WING_COLUMNS),
    *("inpaint_calls", "confidence", "preview", "error_stage", "error", "attempts"),
)


class Pictures:
    """Hands out where pictures come from: embedded while the budget lasts, then linked from the page's folder."""

    def __init__(self, page_dir: Path, output_dir: Path) -> None:
        self._page_dir = page_dir
        self._output_dir = output_dir
        self._left = MAX_EMBEDDED_BYTES
        self.embedded = self.linked = 0

    def link(self, name: str) -> str:
        """The URL of a file of the output folder, relative to the page."""
        return quote(Path(os.path.relpath(self._output_dir / name, self._page_dir)).as_posix())

    def source(self, name: str | None) -> str | None:
        """The URL of a preview; None where there is none to show."""
        file = None if name is None else self._output_dir / name
        if name is None or file is None or not file.is_file():
            return None
        size = -(-file.stat().st_size // 3) * 4
        if self.embedded >= MAX_EMBEDDED or size > self._left:
            self.linked += 1
            return self.link(name)
        self.embedded += 1
        self._left -= size
        return "data:image/jpeg;base64," + base64.b64encode(file.read_bytes()).decode("ascii")


def listed_shots(shots: pa.Table) -> list[dict[str, Any]]:
    """The rows that a page has room for, by video and time; of too many, those that are not ``ok`` come first.

    Each has the columns of ``tables.SHOTS`` that the page shows, ``origin_pts``, where its video begins, and ``wings``,
    a ``WingUse``.
    """
    table = shots.select(list(_COLUMNS))
    if table.num_rows > MAX_SHOTS:
        table = table.append_column("fine", pc.equal(table["status"], "ok"))
        order = [("fine", "ascending"), ("video", "ascending"), ("start_frame", "ascending")]
        table = table.take(pc.sort_indices(table, sort_keys=order)[:MAX_SHOTS])
    starts = shots.group_by("video").aggregate([("start_pts", "min")]).to_pylist()
    origins = {row["video"]: row["start_pts_min"] for row in starts}
    table = table.sort_by([("video", "ascending"), ("start_frame", "ascending")])
    return [
        {**row, "origin_pts": origins[row["video"]], "wings": wings}
        for row, wings in zip(table.to_pylist(), wing_uses(table), strict=True)
    ]


def shots_section(videos: tuple[VideoSummary, ...], listed: list[dict[str, Any]], pictures: Pictures) -> str:
    """The filters and one table a video, which the table of videos points to as ``#video-<index>``."""
    if not listed:
        return '<p class="none">No shot.</p>'
    by_video = {name: list(rows) for name, rows in itertools.groupby(listed, lambda row: str(row["video"]))}
    parts = (
        _video(index, video, by_video[video.video], pictures, opened=len(by_video) <= _OPEN_VIDEOS)
        for index, video in enumerate(videos)
        if video.video in by_video
    )
    return _filters(listed) + "".join(parts)


def _filters(listed: list[dict[str, Any]]) -> str:
    selects = (_select(name, sorted({str(row[name]) for row in listed})) for name in ("method", "status"))
    count = text.plural(len(listed), "shot")
    return f'<form class="filters">{"".join(selects)}<output name="shown" aria-live="polite">{count}</output></form>'


def _select(name: str, values: list[str]) -> str:
    options = "".join(f'<option value="{escape(value)}">{escape(value)}</option>' for value in values)
    return f'<label>{name.title()}<select name="{name}"><option value="">all</option>{options}</select></label>'


def _video(index: int, video: VideoSummary, rows: list[dict[str, Any]], pictures: Pictures, opened: bool) -> str:
    """One video's shots, foldable."""
    link = None if video.output is None else pictures.link(video.output)
    body = "".join(_row(row, link, pictures) for row in rows)
    shown = text.plural(video.shots, "shot") if len(rows) == video.shots else f"{len(rows):,} of {video.shots:,} shots"
    table = f'<table class="cards shots">{head(_HEADS, _NUMBERS)}<tbody>{body}</tbody></table>'
    return (
        f'<details class="video card" id="video-{index}"{" open" if opened else ""}>'
        f"<summary><bdi>{escape(video.video)}</bdi> <small>{shown}</small></summary>"
        f'<div class="scroll">{table}</div></details>'
    )


def _row(row: dict[str, Any], link: str | None, pictures: Pictures) -> str:
    shot = f"{escape(row['scene_id'])}<small>shot {row['shot']}</small>"
    calls = "" if row["inpaint_calls"] is None else f"<small>{text.plural(row['inpaint_calls'], 'call')}</small>"
    cells = (
        cell("Before and after", _picture(row, pictures), "wide picture"),
        cell("Scene", shot),
        cell("Time", _time(row, link)),
        cell("Frames", text.count(row["end_frame"] - row["start_frame"]), "n"),
        cell("Method", escape(row["method"])),
        cell("Confidence", text.ratio(row["confidence"]), "n"),
        cell("Wings", wing_cell(row["wings"])),
        cell("Generated", text.amount(row["generated_pixels"]) + calls, "n"),
        cell("Status", _status(row), "wide"),
    )
    return f'<tr data-method="{escape(row["method"])}" data-status="{escape(row["status"])}">{"".join(cells)}</tr>'


def _picture(row: dict[str, Any], pictures: Pictures) -> str:
    source = pictures.source(row["preview"])
    if source is None:
        return '<span class="none">no picture</span>'
    alt = f"{row['video']}, frames {row['start_frame']:,} to {row['end_frame']:,}, before and after"
    return f'<figure class="pair"><img src="{source}" alt="{escape(alt)}" loading="lazy"></figure>'


def _time(row: dict[str, Any], link: str | None) -> str:
    """The shot's time since its video begins, linked to that place of the result."""
    span = [_seconds(row[name] - row["origin_pts"], row["time_base"]) for name in ("start_pts", "end_pts")]
    words = f" {text.DASH} ".join(text.clock(at, 2) for at in span)
    if link is not None and None not in span:
        words = f'<a href="{link}#t={span[0]:.3f},{span[1]:.3f}">{words}</a>'
    return f"{words}<small>from frame {row['start_frame']:,}</small>"


def _seconds(pts: int, time_base: str) -> float | None:
    """A time in seconds; None where the time base is no positive fraction."""
    try:
        seconds = float(pts * Fraction(time_base))
    except (ValueError, ZeroDivisionError):
        return None
    return seconds


def _status(row: dict[str, Any]) -> str:
    attempts = f"<small>{row['attempts']} attempts</small>" if row["attempts"] > 1 else ""
    if row["error"] is None and row["error_stage"] is None:
        return badge(row["status"]) + attempts
    stage = f"{row['error_stage']}: " if row["error_stage"] else ""
    return f"{badge(row['status'])}{attempts}<pre>{escape(stage + (row['error'] or 'no reason recorded'))}</pre>"

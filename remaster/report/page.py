"""The report of a run as one page that needs no network: ``report/index.html``."""

from __future__ import annotations

import os
from collections.abc import Callable
from html import escape
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any

import pyarrow as pa

from remaster.report import text
from remaster.report.facts import RunFacts
from remaster.report.markup import badge, cell, head, tile, wing_bar, wing_cell, wing_legend
from remaster.report.page_shots import Pictures, listed_shots, shots_section
from remaster.report.preview import GAP
from remaster.report.summary import Summary, VideoSummary, summarize

_HEADS = ("Video", "Status", "Frames", "Time", "Size", "Shots", "Wings", "Calls", "Generated pixels")
_NUMBERS = ("Frames", "Time", "Calls", "Generated pixels")


def write_page(path: Path, run: RunFacts, videos: pa.Table, shots: pa.Table, output_dir: Path) -> None:
    """Write the report of a run to ``path``, atomically; its folder is made.

    ``videos`` and ``shots`` have the columns of ``tables.VIDEOS`` and ``tables.SHOTS``. Previews are read from
    ``output_dir`` and embedded up to a budget (``page_shots``); the others are linked, and so are the results. Of very
    many shots those that are not ``ok`` come first. What is linked or left out is said on the page. Raises ``OSError``
    where the page cannot be written.
    """
    summary = summarize(videos, shots, run.seconds, run.earlier_seconds)
    pictures = Pictures(path.parent, output_dir)
    listed = listed_shots(shots)
    rows = {row["video"]: row for row in videos.to_pylist()}
    parts = {
        "title": escape(f"{run.dataset}: remaster"),
        "heading": escape(run.dataset),
        "lead": _lead(run),
        "totals": _totals(summary),
        "faults": _faults(summary),
        "run": _run(run),
        "videos": _videos(summary, rows, pictures),
        "shots": shots_section(summary.videos, listed, pictures),
        "gap": str(GAP),
    }
    template = Template(resources.files("remaster.report").joinpath("page.html").read_text("utf-8"))
    page = template.substitute(parts, notes=_notes(len(listed), shots.num_rows, pictures))
    _write_atomically(path, page.encode("utf-8", "replace"))


def _lead(run: RunFacts) -> str:
    started = run.started.strftime("%Y-%m-%d %H:%M %Z").strip()
    before = f" after {text.clock(run.earlier_seconds)} in earlier runs" if run.earlier_seconds else ""
    return f"{badge(run.state)} started {escape(started)}, took {text.clock(run.seconds)}{before}"


def _totals(summary: Summary) -> str:
    """The run's numbers as tiles, and where its wings came from."""
    total = summary.total
    calls, pixels = (total.frame_calls, total.call_factor), (total.wings.pixels, total.pixel_factor)
    tiles = (
        tile("videos delivered", f"{summary.delivered:,} of {len(summary.videos):,}", text.plural(total.shots, "shot")),
        tile("of video made", text.clock(total.duration), text.plural(total.frames, "frame")),
        tile("times real time", text.ratio(summary.speed), _slowest(summary)),
        tile("generator calls", text.count(total.calls), _instead(text.count, *calls)),
        tile("pixels generated", text.amount(total.generated_pixels), _instead(text.amount, *pixels)),
    )
    wings = f'<div class="card wings">{wing_bar(total.wings)}{wing_legend(total.wings)}</div>'
    return f'<dl class="totals">{"".join(tiles)}</dl>{wings}'


def _slowest(summary: Summary) -> str:
    slowest = summary.slowest
    return "no step was timed" if slowest is None else f"most time in {slowest[0]} ({text.share(slowest[1])})"


def _instead(write: Callable[[float], str], naive: int, factor: float | None) -> str:
    """What generating frame by frame would take, and how many times as much that is."""
    times = "" if factor is None else f", {text.ratio(factor)} times as many"
    return f"frame by frame: {write(naive)}{times}"


def _faults(summary: Summary) -> str:
    """Every failure with its whole message; nothing where there is none."""
    if not summary.failures:
        return ""
    items = []
    for fault in summary.failures:
        shots = f", {text.plural(fault.shots, 'shot')} from frame {fault.first_frame:,}" if fault.shots else ""
        stage = f" in {escape(fault.stage)}" if fault.stage else ""
        where = f"{badge(fault.status)} <bdi>{escape(fault.video)}</bdi>{shots}{stage}"
        items.append(f"<li>{where}<pre>{escape(fault.message)}</pre></li>")
    return f'<h2>What went wrong</h2><ul class="card faults">{"".join(items)}</ul>'


def _run(run: RunFacts) -> str:
    """What was run, with what, on what."""
    settings = "<br>".join(f"<code>{escape(name)}={escape(value)}</code>" for name, value in run.settings.items())
    versions = ", ".join(f"{name} {version}" for name, version in run.versions.items())
    facts = {
        "command": f"<code>{escape(run.command)}</code>",
        "dataset": escape(run.source),
        "output": escape(run.output),
        "machine": escape(run.hardware),
        **{choice.step: f"{escape(choice.name)}<small>{escape(choice.reason)}</small>" for choice in run.engines},
        "settings": settings or text.DASH,
        "versions": escape(versions) or text.DASH,
    }
    if run.left_out:
        facts["not taken"] = "<br>".join(map(escape, run.left_out))
    items = "".join(f"<dt>{escape(name)}</dt><dd>{value}</dd>" for name, value in facts.items())
    return f'<dl class="card facts">{items}</dl>'


def _videos(summary: Summary, rows: dict[str, dict[str, Any]], pictures: Pictures) -> str:
    if not summary.videos:
        return '<p class="none">No video.</p>'
    body = "".join(_video_row(i, v, rows.get(v.video, {}), pictures) for i, v in enumerate(summary.videos))
    return f'<div class="card scroll"><table class="cards">{head(_HEADS, _NUMBERS)}<tbody>{body}</tbody></table></div>'


def _video_row(index: int, video: VideoSummary, row: dict[str, Any], pictures: Pictures) -> str:
    made = video.shots > 0
    remarks = [("", row["error"])] if row.get("error") else []
    remarks += [("", "trimmed to its first scenes")] if row.get("partial") else []
    lost = set(row.get("losses") or ())
    remarks += [(' class="warn"' if note in lost else "", note) for note in row.get("notes") or []]
    methods = ", ".join(f"{method} {n:,}" for method, n in sorted(video.methods.items()))
    name = f"<bdi>{escape(video.video)}</bdi>"
    name = f'<a href="#video-{index}">{name}</a>' if made else name
    file = f'<small><a href="{pictures.link(video.output)}">open the result</a></small>' if video.output else ""
    naive = f"<small>of {text.count(video.frame_calls)}</small>"
    cells = (
        f'<th scope="row">{name}{file}</th>',
        cell(
            "Status", badge(video.status) + "".join(f"<small{kind}>{escape(r)}</small>" for kind, r in remarks), "wide"
        ),
        cell("Frames", text.count(video.frames if made else None), "n"),
        cell("Time", text.clock(video.duration if made else None), "n"),
        cell("Size", _size(row)),
        cell("Shots", escape(methods) or text.DASH),
        cell("Wings", wing_cell(video.wings), "wide"),
        cell("Calls", f"{text.count(video.calls)}{naive}" if made else text.DASH, "n"),
        cell("Generated pixels", text.amount(video.generated_pixels if made else None), "n"),
    )
    return f"<tr>{''.join(cells)}</tr>"


def _size(row: dict[str, Any]) -> str:
    """The active picture's size and the output's; a dash where unknown."""
    pairs = [(row.get("width"), row.get("height")), (row.get("out_width"), row.get("out_height"))]
    before, after = (f"{width}x{height}" if width and height else text.DASH for width, height in pairs)
    return text.DASH if before == after == text.DASH else f"{before} to {after}"


def _notes(listed: int, shots: int, pictures: Pictures) -> str:
    """What the page shows of the run, and what it only links to."""
    notes = []
    if listed < shots:
        kept = "those that are not ok before others"
        notes.append(f"This page lists {listed:,} of {shots:,} shots, {kept}; all are in metadata/scenes.")
    if pictures.linked:
        notes.append(
            f"{text.plural(pictures.embedded, 'picture')} are part of this page; {pictures.linked:,} more are linked "
            "and show only while it lies in the output folder."
        )
    return escape(" ".join(notes or ["All pictures are part of this page."]))


def _write_atomically(path: Path, content: bytes) -> None:
    """Write a whole file or nothing: a temporary name beside it, then a rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)

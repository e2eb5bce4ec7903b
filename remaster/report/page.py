"""The report of a run as one page that needs no network: ``report/index.html``, a preview's ``report/preview.html``.

``write_page`` collects the values of the page and renders ``templates/page.html`` with Jinja2, which escapes them. The
template decides what the page says; ``page.css`` and ``page.js`` become part of it.
"""

from __future__ import annotations

import base64
import itertools
import os
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jinja2
import pyarrow as pa
import pyarrow.compute as pc

from remaster.media.partfile import PartFile
from remaster.report import text
from remaster.report.charts import confidence_bins, timelines
from remaster.report.preview import GAP
from remaster.report.summary import SET_COLUMNS, UNMADE, RunFacts, summarize
from remaster.report.wing_use import WING_COLUMNS, lent_pixels, wing_uses

MAX_EMBEDDED = 100  # previews: of more, none is part of the page, which would make it slow to open
MAX_EMBEDDED_BYTES = 4_000_000  # of base64
MAX_SHOTS = 5_000  # rows; browsers get slow with more
MAX_UNFOLDED = 5  # videos; of more, each one's shots are folded up; so are the sets after the first so many
MAX_UNFOLDED_SHOTS = 200  # of more, each video's are folded up: browsers lay out only what is open
MAX_SETS = 100  # those with most shots
_COLUMNS = (
    *("video", "scene_id", "shot", "start_pts", "end_pts", "time_base", *WING_COLUMNS),
    *("inpaint_calls", "confidence", "preview", "error_stage", "error", "attempts", "donor", *SET_COLUMNS),
)
_PREVIEW_COLUMNS = ("stills", "loop")


def write_page(path: Path, run: RunFacts, videos: pa.Table, shots: pa.Table, output_dir: Path) -> None:
    """Write the report of a run to ``path``, atomically; its folder is made.

    ``videos`` and ``shots`` have the columns of ``tables.VIDEOS`` and ``tables.SHOTS``. Previews are read from
    ``output_dir``: they are embedded where all fit into ``MAX_EMBEDDED`` and ``MAX_EMBEDDED_BYTES``, else linked. The
    results are linked. Of more than ``MAX_SHOTS`` shots those that are not ``ok`` come first; of more than ``MAX_SETS``
    sets those with most shots are shown. Sets show the pictures of their shots' entries again, without a second copy.
    Of a preview (``tables.PREVIEWS``) it shows stills and loops, which are linked. The page says what it links to or
    leaves out. Raises ``OSError`` where the page cannot be written.
    """
    summary = summarize(videos, shots, run.seconds, run.earlier_seconds)
    listed = _listed_shots(shots)
    by_video = {name: list(rows) for name, rows in itertools.groupby(listed, lambda row: str(row["video"]))}
    sets, by_set = summary.sets[:MAX_SETS], _by_set(listed)
    numbers = {(str(row["video"]), int(row["start_frame"])): int(row["number"]) for row in listed}
    pictures = Pictures(path.parent, output_dir, [row["preview"] for row in listed])
    for row in itertools.chain.from_iterable(by_video.get(video.video, ()) for video in summary.videos):
        row["picture"] = None if run.preview else pictures.source(row["preview"])
        row["stills"] = [pictures.source(name) for name in row.get("stills") or ()]
        row["loop"] = pictures.link(row["loop"]) if row.get("loop") else None
    no_row = dict.fromkeys(videos.column_names)
    rows = {row["video"]: row for row in videos.to_pylist()}
    page = (
        templates()
        .get_template("page.html")
        .render(
            run=run,
            summary=summary,
            video_rows={video.video: rows.get(video.video, no_row) for video in summary.videos},
            shots=listed,
            shots_by_video=by_video,
            sets=[(one, by_set.get(one.set_id, [])) for one in sets],
            set_numbers={one.set_id: number for number, one in enumerate(sets)},
            numbers=numbers,
            timelines=timelines(shots, numbers),
            confidence=confidence_bins(shots),
            unfolded=len(by_video) <= MAX_UNFOLDED and len(listed) <= MAX_UNFOLDED_SHOTS,
            unfolded_sets=MAX_UNFOLDED,
            all_shots=shots.num_rows,
            pictures=pictures,
            url=pictures.link,
        )
    )
    part = PartFile(path)
    try:
        part.temporary.write_bytes(page.encode("utf-8", "replace"))
        part.commit(durable=False)
    finally:
        part.discard()


def templates() -> jinja2.Environment:
    """Load the templates of the page; they escape every value, and a missing one is an error."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("remaster.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(text=text, preview_gap=GAP)
    return environment


class Pictures:
    """Gives the URLs of previews: all embedded where the budget allows it, else links relative to the page's folder."""

    def __init__(self, page_dir: Path, output_dir: Path, names: Sequence[str | None]) -> None:
        self._page_dir = page_dir
        self._output_dir = output_dir
        files = [file for name in names if name is not None and (file := output_dir / name).is_file()]
        size = sum(-(-file.stat().st_size // 3) * 4 for file in files)
        self._embeds = len(files) <= MAX_EMBEDDED and size <= MAX_EMBEDDED_BYTES
        self.linked = 0

    def link(self, name: str) -> str:
        """The URL of a file of the output folder, relative to the page."""
        return quote(Path(os.path.relpath(self._output_dir / name, self._page_dir)).as_posix())

    def source(self, name: str | None) -> str | None:
        """The URL of a preview; None where the shot has none or its file is missing."""
        file = None if name is None else self._output_dir / name
        if name is None or file is None or not file.is_file():
            return None
        if not self._embeds:
            self.linked += 1
            return self.link(name)
        return "data:image/jpeg;base64," + base64.b64encode(file.read_bytes()).decode("ascii")


def _listed_shots(shots: pa.Table) -> list[dict[str, Any]]:
    """The rows that the page has room for, by video and time; of too many, those that are not ``ok`` are kept first.

    Each has the columns of ``tables.SHOTS`` that the page shows, and ``begin`` and ``end`` (seconds since its video's
    first frame; None without a valid time base), ``wings`` (``WingUse``), ``lent`` (the share of them that other scenes
    saw, 0-1; None for none) and ``number`` (its place on the page).
    """
    table = shots.select([*_COLUMNS, *(name for name in _PREVIEW_COLUMNS if name in shots.column_names)])
    if table.num_rows > MAX_SHOTS:
        table = table.append_column("fine", pc.is_in(table["status"], pa.array(["ok", *UNMADE])))
        order = [("fine", "ascending"), ("video", "ascending"), ("start_frame", "ascending")]
        table = table.take(pc.sort_indices(table, sort_keys=order)[:MAX_SHOTS])
    starts = shots.group_by("video").aggregate([("start_pts", "min")]).to_pylist()
    origins = {row["video"]: row["start_pts_min"] for row in starts}
    table = table.sort_by([("video", "ascending"), ("start_frame", "ascending")])
    return [
        {
            **row,
            "begin": _seconds(row["start_pts"] - origins[row["video"]], row["time_base"]),
            "end": _seconds(row["end_pts"] - origins[row["video"]], row["time_base"]),
            "wings": wings,
            "lent": int(lent) / wings.pixels if lent else None,
            "number": number,
        }
        for number, (row, wings, lent) in enumerate(
            zip(table.to_pylist(), wing_uses(table), lent_pixels(table), strict=True)
        )
    ]


def _by_set(shots: Iterable[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """The delivered ones of the page's shots, by the set that they show."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in shots:
        if row["set_id"] is not None and row["status"] != "failed":
            found.setdefault(row["set_id"], []).append(row)
    return found


def _seconds(pts: int, time_base: str) -> float | None:
    """A time in seconds; None where the time base is no fraction."""
    try:
        return float(pts * Fraction(time_base))
    except (ValueError, ZeroDivisionError):
        return None

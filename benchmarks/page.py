"""Does the report of a long run open fast, and is it small?

Writes the page of a run with drawn shots and previews (default: 1,000 shots of two videos in 1280x720 results), and
opens it in headless Chromium. Printed: the page's size, the milliseconds from the start of navigation until the page is
laid out and its load event is over, and the same for an empty page. ``--pictures FOLDER`` keeps screenshots.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import shutil
import statistics
import subprocess
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa

from benchmarks.machine import machine
from remaster.report.page import write_page
from remaster.report.preview import before_after
from remaster.report.summary import EngineChoice, RunFacts
from remaster.tables import SHOTS, VIDEOS

METHODS = ("mosaic", "still", "still", "propagated", "ambient")
SHARES = {
    "mosaic": (0.8, 0.0, 0.2, 0.0), "still": (0.1, 0.0, 0.9, 0.0), "propagated": (0.0, 0.5, 0.3, 0.2),
    "ambient": (0.0, 0.0, 0.0, 1.0),
}  # fmt: skip
"""Recovered, propagated, generated, soft."""
MEASURE = """<script>addEventListener("load", () => { document.body.offsetHeight;
document.documentElement.dataset.ms = performance.now(); });</script></head>"""
SIZES = ((1280, 720), (390, 844))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shots", type=int, default=1000)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument(
        "--keep", type=Path, help="a folder for the page and its previews, used again where it is there"
    )
    parser.add_argument("--pictures", type=Path, help="a folder for screenshots")
    parser.add_argument("--chromium", default=shutil.which("chromium") or shutil.which("google-chrome"))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as root:
        folder = arguments.keep or Path(root)
        started = time.perf_counter()
        page = written(folder, arguments.shots)
        facts: dict[str, Any] = {"shots": arguments.shots, "page bytes": page.stat().st_size}
        facts["seconds to write it"] = round(time.perf_counter() - started, 2)
        if arguments.chromium is None:
            print(json.dumps(facts | {"opened": "no Chromium here"}, indent=1))
            return 1
        empty = page.with_name("empty.html")
        empty.write_text("<!doctype html><html><head><title>empty</title></head><body></body></html>")
        for name, path in (("empty page", empty), ("report", page)):
            before = cpu_seconds()
            opened = [milliseconds(arguments.chromium, path) for _ in range(arguments.repeat)]
            spent = (cpu_seconds() - before) / arguments.repeat
            facts[name] = {"ms": statistics.median(opened), "all": opened, "CPU seconds of Chromium": round(spent, 2)}
        if arguments.pictures is not None:
            arguments.pictures.mkdir(parents=True, exist_ok=True)
            for size in SIZES:
                screenshot(arguments.chromium, page, arguments.pictures / f"page-{size[0]}.png", size)
        print(json.dumps(facts | {"machine": machine("remaster")}, indent=1))
    return 0


def written(folder: Path, shots: int) -> Path:
    """Write previews and the page of a run under ``folder``; returns the page."""
    rows, page = [drawn_row(folder, number, shots) for number in range(shots)], folder / "report" / "index.html"
    notes = {"notes": ["timecode track 2 is left out"], "losses": ["timecode track 2 is left out"]}
    videos: list[dict[str, Any]] = [
        {"video": f"episode-{n}.mkv", "output": f"videos/episode-{n}.mkv", "partial": False, "width": 960,
         "height": 720, "out_width": 1280, "out_height": 720, "status": "ok" if n else "incomplete",
         **({"notes": [], "losses": []} if n else notes)}
        for n in range(2)
    ]  # fmt: skip
    run = RunFacts(
        command="remaster series", dataset="series", source="series", output=str(folder), hardware="2 CPUs, 0 GPUs",
        started=datetime.now(UTC), seconds=3600.0, exit_code=1,
        engines=(EngineChoice("inpainter", "exemplar", "auto: no GPU that Ray can see"),),
        settings={"target.aspect": "16:9"}, versions={"python": "3"}, left_out=("no video (2): cover.jpg, notes.txt",),
    )  # fmt: skip
    tables = (
        pa.Table.from_pylist([{name: row.get(name) for name in schema.names} for row in given], schema=schema)
        for given, schema in ((videos, VIDEOS), (rows, SHOTS))
    )
    write_page(page, run, *tables, folder)
    return page


def drawn_row(folder: Path, number: int, shots: int) -> dict[str, Any]:
    """A row of ``tables.SHOTS`` whose preview is drawn."""
    rng = np.random.default_rng(number)
    method, first = METHODS[int(rng.integers(len(METHODS)))], 96 * (number % (shots // 2))
    status = "failed" if number % 250 == 249 else "fallback" if number % 100 == 50 else "ok"
    preview = folder / "scenes" / f"{number:04d}.jpg"
    preview.parent.mkdir(exist_ok=True, parents=True)
    if not preview.is_file():
        small = rng.integers(0, 255, (9, 16, 3), np.uint8)
        picture = cv2.resize(small, (480, 270), interpolation=cv2.INTER_CUBIC)
        picture = np.clip(picture + rng.normal(0, 5, picture.shape), 0, 255).astype(np.uint8)
        preview.write_bytes(before_after(picture[:, 60:420], picture))
    video = f"episode-{0 if number < shots // 2 else 1}.mkv"
    return {
        "video": video, "scene_id": f"{video[:9]}-0a1b2c3d-{first:07d}", "shot": 0, "start_frame": first,
        "end_frame": first + 96, "start_pts": first, "end_pts": first + 96, "time_base": "1/24", "fps": 24.0,
        "width": 960, "height": 720, "out_width": 1280, "out_height": 720, "method": method, "coverage": 0.5,
        "hole_pixels": 1000, "generated_pixels": 50_000, "inpaint_calls": 2, "seed": 1, "status": status, "attempts": 1,
        "confidence": float(rng.beta(5, 2)), "fingerprint": "f", "preview": f"scenes/{preview.name}",
        "set_id": f"set-{number % 40:02d}" if number % 3 == 0 else None, "recovered_from_other_scenes": 0.1,
        "error_stage": None if status == "ok" else "stitch",
        "error": None if status == "ok" else "ValueError: two keyframes show nothing in common",
        **dict(zip(("recovered", "propagated", "generated", "soft"), SHARES[method], strict=True)),
    }  # fmt: skip


def cpu_seconds() -> float:
    """The CPU time of all processes that this one has waited for, which a busy machine does not change much."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def milliseconds(chromium: str, page: Path) -> float:
    """Open a copy of a page that measures itself."""
    copy = page.with_name("measured.html")
    copy.write_text(page.read_text().replace("</head>", MEASURE, 1))
    dom = _run(chromium, "--window-size=1280,720", "--dump-dom", copy.as_uri())
    found = re.search(r'data-ms="([0-9.]+)"', dom)
    if found is None:
        raise RuntimeError("Chromium gave no time")
    return round(float(found[1]))


def screenshot(chromium: str, page: Path, path: Path, size: tuple[int, int]) -> None:
    """Take a picture of the top of a page in a window of a size."""
    _run(chromium, f"--window-size={size[0]},{size[1]}", f"--screenshot={path}", page.as_uri())


def _run(chromium: str, *arguments: str) -> str:
    # Without a window Chromium loads lazy pictures at once; a person's does not.
    flags = ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars")
    command = [chromium, *flags, "--blink-settings=lazyLoadEnabled=true", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout


if __name__ == "__main__":
    raise SystemExit(main())

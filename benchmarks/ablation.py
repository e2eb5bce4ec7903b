"""What does each detector and special case win?

``python -m benchmarks.ablation CLIPS... [--cases NAME ...] [--every N] [--work FOLDER] [--pictures FOLDER]
[--write FILE] [--processes N]`` hides the outer eighths of each clip (of a 16:9 clip that leaves 4:3), restores them by
all steps in one process, and does so again with one case of ``benchmarks.ablation_cases`` switched off. One frame in
``--every`` is drawn. What was measured is kept in ``--work``, a JSON file a clip, and is not measured again; the table
is made of all that lies there. ``--pictures`` gets a PNG for each case and clip that differ: the truth, with the case,
without it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import tempfile
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields, is_dataclass, replace
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest.mock import patch

import cv2
import numpy as np
from hydra import compose, initialize_config_dir

from benchmarks.ablation_cases import CASES, STAGES, Case
from benchmarks.ablation_table import BASE, resolved, table
from benchmarks.machine import machine
from remaster.arrays import Rgb
from remaster.config import config_dir, register_schema, to_config
from remaster.evaluation.measures import compare
from remaster.media.planes import crop, luma8, to_rgb
from remaster.media.probe import probe
from remaster.pipeline import stages
from remaster.pipeline.encoding import renderers_of
from remaster.pipeline.engines import choose_engines
from remaster.pipeline.evaluation import Hidden, Planes
from remaster.pipeline.frames import Lookahead, forget_frames, scene_frames
from remaster.pipeline.job import Job
from remaster.pipeline.store import Store
from remaster.pipeline.video_plan import plan_video
from remaster.rows import FilledScene, PlannedScene, StepRow, VideoRow
from remaster.rows import Scene as SceneFacts
from remaster.stitch import registration
from remaster.tables import OutpaintColumns

MATCHING = "direct alignment"
KEPT = ("analysis", "grain", "masks", "segment", "shots", "frames")
"""What of a row a later stage depends on, beside the gate and the framing of its scene."""


@dataclass(frozen=True)
class Drawn:
    """A frame with its wings, its truth, how it was made, and how near it came."""

    planes: Planes
    truth: Planes
    method: str
    psnr: float
    coarse: float
    ssim: float


class Scene:
    """One scene with its sides hidden, and what the stages leave of it when nothing is switched off."""

    def __init__(self, scene: SceneFacts, job: Job, every: int):
        self.hidden = Hidden.of(scene)
        self.job, self.every = replace(job, aspect=self.hidden.aspect), every
        self.inpainter = job.inpainter.build()
        self.segmenter = job.segmenter.build()

    @property
    def methods(self) -> set[str]:
        """Those of the scene's shots."""
        return {shot.method for shot in self.base["outpaint"].shots}

    @cached_property
    def base(self) -> dict[str, Any]:
        """The row after each stage but the last."""
        rows: dict[str, Any] = {"detect": PlannedScene(self.hidden.scene)}
        for before, stage in pairwise(STAGES[:-1]):
            rows[stage] = self.after(stage, rows[before], self.inpainter)
        return rows

    @cached_property
    def drawn(self) -> dict[int, Drawn]:
        """The frames that are measured, by their number in the video."""
        return self.draw(self.base["outpaint"])

    def after(self, stage: str, row: Any, inpainter: Any) -> Any:
        """The row after one stage."""
        cv2.setRNGSeed(row.scene.seed & 0x7FFFFFFF)
        job = self.job
        if stage == "analyze":
            return stages._analyze(row, job)
        if stage == "segment":
            (found,) = self.segmenter.segment([row.analysis])
            return stages._segmented(row, found, job)
        if stage == "stitch":
            return stages._stitch(row, job)
        (done,) = stages.outpaint_scenes([row.shots], [row.scene.seed], [job.window(row.scene)], inpainter)
        return row.filled(done.shots, OutpaintColumns(done.hole_pixels, done.generated_pixels, done.calls))

    def without(self, case: Case) -> dict[int, Drawn]:
        """The measured frames as they are without a case; the base's own where nothing changed."""
        inpainter = replace(self.inpainter, **case.fill) if case.fill else self.inpainter
        row, changed = self.base["detect"], False
        for before, stage in pairwise(STAGES[:-1]):
            if changed or stage in case.stages:
                row = self.after(stage, row if changed else self.base[before], inpainter)
                changed = not _same(_kept(row), _kept(self.base[stage]))
        if changed:
            return self.draw(row)
        return self.draw(self.base["outpaint"]) if "resample" in case.stages else self.drawn

    def draw(self, row: FilledScene) -> dict[int, Drawn]:
        """Draw one frame in ``every``."""
        scene, hidden = row.scene, self.hidden
        window, info = self.job.window(scene), scene.info
        frames = Lookahead(scene_frames(scene))
        renderers = renderers_of(scene, row.shots, row.found, self.job, frames)
        numbers = np.concatenate([np.arange(run.start_frame, run.end_frame) for run in scene.runs])
        found, last = {}, -1
        for shot in row.shots:
            renderer = renderers.renderer(shot)
            for index in range(shot.start, shot.end):
                if numbers[index] % self.every != self.every // 2:
                    continue
                planes = frames[index].planes
                held = last >= shot.start and bool(row.frames.holds[last + 1 : index + 1].all())
                drawn = renderer.render(index - shot.start, crop(planes, info.format, scene.active), held)
                whole = crop(planes, info.format, hidden.whole)
                seen, truth = (luma8(p, info.format).astype(np.float32) for p in (drawn, whole))
                sample = compare(seen, truth, window, hidden.known)
                last = index
                found[int(numbers[index])] = Drawn(
                    tuple(drawn), tuple(whole), shot.method, sample.psnr, sample.psnr_coarse, sample.ssim
                )
        return found

    def rgb(self, planes: Planes) -> Rgb:
        """A picture to be looked at."""
        info = self.hidden.scene.info
        return to_rgb(planes, info.format, info.color, info.height)


class Clip:
    """A clip's scenes; those of a case that changes their detection are made anew."""

    def __init__(self, path: Path, job: Job, every: int):
        cv2.setNumThreads(1)
        self.path, self.job, self.every = path, job, every
        self.plan = self._plan()
        self.scenes = [Scene(scene, job, every) for scene in self.plan]

    def _plan(self) -> list[SceneFacts]:
        with tempfile.TemporaryDirectory() as folder:
            name = self.path.stem
            row = VideoRow(name, name, probe(str(self.path)))
            return plan_video(row, replace(self.job, store=Store(folder)))

    def without(self, case: Case) -> list[tuple[Scene, dict[int, Drawn]]]:
        """Each scene with its measured frames."""
        if "detect" in case.stages:
            plan = self._plan()
            if _same([_planned(row) for row in plan], [_planned(row) for row in self.plan]):
                return [(scene, scene.drawn) for scene in self.scenes]
            found = [Scene(scene, self.job, self.every) for scene in plan]
            return [(scene, scene.drawn) for scene in found]
        return [(scene, scene.without(case)) for scene in self.scenes]


@contextmanager
def pairs_found_once() -> Iterator[None]:
    """Keyframes are matched once for the same masks: nothing but "direct alignment" touches that."""
    real, found = registration.find_pairs, {}

    def once(analysis: Any, usable: Any, *settings: Any) -> Any:
        key = hashlib.sha1(usable.tobytes() + analysis.proxies.tobytes()).digest(), settings
        if key not in found:
            found[key] = real(analysis, usable, *settings)
        cv2.setRNGSeed(1)  # GrabCut, later on, must not depend on whether anything was matched
        return found[key]

    with patch("remaster.stitch.stitching.find_pairs", once):
        yield


def _planned(scene: SceneFacts) -> list[Any]:
    return [[(run.start_frame, run.end_frame) for run in scene.runs], scene.active, scene.gate, scene.noise]


def _kept(row: StepRow) -> list[Any]:
    return [row.scene.gate, row.scene.framing, *(getattr(row, name, None) for name in KEPT)]


def _same(a: Any, b: Any) -> bool:
    """Whether two results are equal, arrays and dataclasses included."""
    if a is b:
        return True
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return (
            isinstance(a, np.ndarray)
            and isinstance(b, np.ndarray)
            and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
        )
    if is_dataclass(a) and not isinstance(a, type):
        return type(a) is type(b) and all(_same(getattr(a, f.name), getattr(b, f.name)) for f in fields(a))
    if isinstance(a, list | tuple):
        return isinstance(b, list | tuple) and len(a) == len(b) and all(map(_same, a, b))
    return bool(a == b)


@contextmanager
def switched_off(case: Case) -> Iterator[None]:
    """A world without the case."""
    with ExitStack() as stack:
        if case.name == MATCHING:
            stack.enter_context(patch("remaster.stitch.stitching.find_pairs", registration.find_pairs))
        for name, neutral in case.patches.items():
            stack.enter_context(patch(name, neutral))
        yield


@contextmanager
def watched(cases: Sequence[Case], acting: set[str]) -> Iterator[None]:
    """Notes which cases act: those of which something replaced returns anything else than its stand-in would."""

    def spy(name: str, real: Any, neutral: Any) -> Any:
        def both(*arguments: Any, **named: Any) -> Any:
            instead = None if name in acting else neutral(*arguments, **named)
            found = real(*arguments, **named)
            if name not in acting and not _same(found, instead):
                acting.add(name)
            return found

        return both

    with ExitStack() as stack:
        for case in cases:
            if not case.told or case.fill or not all(callable(neutral) for neutral in case.patches.values()):
                acting.add(case.name)
                continue
            for target, neutral in case.patches.items():
                stack.enter_context(patch(target, spy(case.name, resolved(target), neutral)))
        yield


def measure(path: Path, cases: Sequence[Case], every: int, work: Path, pictures: Path | None) -> None:
    """All cases on one clip; each is written down as soon as it is measured."""
    kept = work / f"{path.stem}.json"
    results: dict[str, Any] = json.loads(kept.read_text()) if kept.exists() else {}
    todo = [case for case in cases if case.name not in results]
    if not todo and BASE in results:
        return
    with tempfile.TemporaryDirectory() as folder, pairs_found_once():
        began = time.process_time()
        acting: set[str] = set()
        with watched(todo, acting):
            clip = Clip(path, job_of(folder), every)
            base = [(scene, scene.drawn) for scene in clip.scenes]
        methods = set().union(*(scene.methods for scene in clip.scenes))
        results[BASE] = {"seconds": time.process_time() - began, "frames": _frames(base)}
        kept.write_text(json.dumps(results))
        print(f"{path.stem}: {results[BASE]['seconds']:.1f} s, {methods}, {len(acting)} of {len(todo)} act", flush=True)
        for case in todo:
            if case.name not in acting or (case.method and case.method not in methods):
                results[case.name] = {"seconds": 0.0, "frames": _frames(base, base)}
                continue
            began = time.process_time()
            try:
                with switched_off(case):
                    found = clip.without(case)
            except Exception:
                print(f"{path.stem}: {case.name} failed\n{traceback.format_exc()}", flush=True)
                continue
            entry = {"seconds": time.process_time() - began, "frames": _frames(found, base)}
            results[case.name] = entry
            if pictures is not None:
                _show(pictures / f"{case.name.replace(' ', '_').replace(':', '')}-{path.stem}.png", base, found)
            kept.write_text(json.dumps(results))
            changed = sum(f["changed"] for f in entry["frames"].values())
            print(f"{path.stem:16} {case.name:30} {changed:3d} changed, {entry['seconds']:.1f} s", flush=True)
    forget_frames()


Found = Sequence[tuple[Scene, Mapping[int, Drawn]]]


def _frames(found: Found, base: Found = ()) -> dict[str, dict[str, Any]]:
    before = {number: drawn for _, part in base for number, drawn in part.items()}
    after = {number: drawn for _, part in found for number, drawn in part.items()}
    return {
        str(number): {
            "method": d.method, "psnr": d.psnr, "coarse": d.coarse, "ssim": d.ssim,
            "changed": bool(before) and not _same(d.planes, before[number].planes),
        }
        for number, d in sorted(after.items())
    }  # fmt: skip


def _show(path: Path, base: Found, found: Found) -> None:
    """The frame that changes most: the truth, with the case, without it."""
    before = {n: d for _, part in base for n, d in part.items()}
    after = {n: (scene, d) for scene, part in found for n, d in part.items()}
    off = {
        n: float(np.abs(d.planes[0].astype(np.float32) - before[n].planes[0]).mean())
        for n, (_, d) in after.items()
        if not _same(d.planes, before[n].planes)
    }
    if not off or max(off.values()) <= 0:
        return
    worst = max(off, key=lambda n: off[n])
    scene, drawn = after[worst]
    rows = [scene.rgb(p) for p in (drawn.truth, before[worst].planes, drawn.planes)]
    cv2.imwrite(str(path), cv2.cvtColor(np.hstack(rows), cv2.COLOR_RGB2BGR))


def job_of(folder: str) -> Job:
    """The embedded engines, without grain."""
    register_schema()
    with initialize_config_dir(str(config_dir()), version_base="1.3"):
        config = to_config(
            compose("batch", ["+dataset=series", "segmenter=motion", "inpainter=exemplar", "output.grain=none"])
        )
    engines = choose_engines(config, 0.0)
    return Job(config, Store(folder), Fraction(1), 0.5, engines["segmenter"], engines["inpainter"])


def _measure(arguments: tuple[Path, Sequence[str], int, Path, Path | None]) -> None:
    path, names, every, work, pictures = arguments
    try:
        measure(path, [case for case in CASES if case.name in names], every, work, pictures)
    except Exception:
        print(f"{path.stem} failed\n{traceback.format_exc()}", flush=True)


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="+", type=Path)
    parser.add_argument("--cases", nargs="+", choices=[c.name for c in CASES], default=[c.name for c in CASES])
    parser.add_argument("--every", type=int, default=12)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "remaster-ablation")
    parser.add_argument("--pictures", type=Path)
    parser.add_argument("--write", type=Path)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    for folder in (options.work, options.pictures):
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
    work = [(clip, options.cases, options.every, options.work, options.pictures) for clip in options.clips]
    with multiprocessing.get_context("spawn").Pool(options.processes) as pool:
        pool.map(_measure, work, chunksize=1)
    results = {
        p.stem: json.loads(p.read_text()) for c in options.clips if (p := options.work / f"{c.stem}.json").exists()
    }
    found = table(results)
    print(found)
    if options.write:
        options.write.write_text(f"# What each special case wins\n\nOn {machine()}.\n\n{found}\n")


if __name__ == "__main__":
    main()

"""How near are the wings to the truth, beside fills that cost nothing?

``python -m benchmarks.wings [--episodes 1 2 3] [--series FOLDER] [--clip FILE ...] [--write FILE [--append]]``
restores the sides of the drawn sample's episodes, and of wide clips cut to 4:3, by steps 1 to 6, and compares the
wings with the truth. One table per clip: PSNR, PSNR at 1/8 size (layout), SSIM, the energy of gradients as a share of
the truth's (1 is right, blur is below), the step across the join divided by the step one column further in (1 is
invisible; the last row has the value of the uncut picture); and how many held frames, in the same light, got wings
equal to the bit. At most ``--frames`` of each shot are measured.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from remaster.analyze.analysis import analyze
from remaster.arrays import Float32, Mask, Plane, Rgb
from remaster.detect.scenes import detect
from remaster.detect.tuning import DetectSettings
from remaster.evaluation.hidden_sides import FILLS, TELEA_RADIUS, mirror
from remaster.evaluation.measures import FrameMeasures, compare, summarize
from remaster.imaging.gate import proxy_valid, with_scene_sides
from remaster.imaging.geometry import Window, window
from remaster.media.decode import decode
from remaster.media.planes import crop, proxy_size, resize_rgb, to_rgb
from remaster.media.probe import probe
from remaster.media.types import Rect, VideoInfo
from remaster.outpaint.exemplar import ExemplarInpainter
from remaster.outpaint.filling import outpaint
from remaster.records import Analysis, Footage, Shot
from remaster.resample.continuation import continue_figures
from remaster.resample.layout import FrameFormat
from remaster.resample.rendering import FilmTraces, SceneRenderers, ShotDonors, ShotWings, WingRenderer
from remaster.resample.tuning import Grain, ResampleSettings
from remaster.segment.motion_segmenter import MotionSegmenter
from remaster.stitch.stitching import stitch
from remaster.stitch.tuning import StitchSettings
from remaster_sample.episodes import EPISODES
from remaster_sample.render import render
from remaster_sample.script import Episode
from remaster_sample.write import write_episode

Planes = tuple[Plane, ...]
Truth = Callable[[int], Float32]
LIGHT = 0.5
"""Levels of mean luma under which two pictures are in the same light."""
LONGEST = 200
"""Frames of a shot that are restored at most."""
HEADINGS = ("PSNR", "PSNR at 1/8", "SSIM", "energy", "join")


@dataclass(frozen=True)
class Clip:
    """A video, the window around its known picture, and the luma of the whole window by frame number."""

    name: str
    info: VideoInfo
    shown: Window
    gate: Mask | None
    noise: float
    cuts: tuple[int, ...]
    truth: Truth


@dataclass
class Found:
    """What was measured of a clip: samples by the name of the fill, pairs of held frames and how many were equal."""

    samples: dict[str, list[FrameMeasures]] = field(default_factory=dict)
    held: int = 0
    equal: int = 0
    seconds: float = 0.0
    pictures: list[Rgb] = field(default_factory=list)


def navier_stokes(picture: npt.NDArray[np.uint8], shown: Window) -> npt.NDArray[np.uint8]:
    """Each frame inpainted by itself (Bertalmio, Bertozzi and Sapiro, CVPR 2001)."""
    mask = np.full((shown.height, shown.width), 255, np.uint8)
    mask[:, shown.x : shown.x + shown.active.width] = 0
    return np.asarray(cv2.inpaint(mirror(picture, shown), mask, TELEA_RADIUS, cv2.INPAINT_NS), np.uint8)


def episode_clip(episode: Episode, folder: Path) -> Clip:
    """An episode as its video in ``folder`` holds it, written there if it is not; the truth is drawn."""
    path = folder / f"{episode.name}{episode.suffix}"
    info = probe(str(path if path.exists() else write_episode(episode, folder)))
    found = detect(decode(info), info, DetectSettings())
    shown = window(found.active, info.sar, info.format, Fraction(16, 9))
    if shown != replace(episode.window, active=shown.active):
        raise SystemExit(f"{episode.name}: the picture found is not the one drawn")
    cuts = tuple(shot.start for shot in episode.shots)

    def truth(index: int) -> Float32:
        return luma_of(render(episode, index).wide)

    return Clip(episode.name, info, shown, found.gate, found.noise, (*cuts, episode.frames), truth)


def luma_of(picture: Rgb) -> Float32:
    """Video luma (BT.601, studio range) of RGB, as the episodes store it."""
    return np.asarray(16 + picture @ np.array([65.481, 128.553, 24.966], np.float32) / 255, np.float32)


def wide_clip(path: str) -> Clip:
    """A wide video, of which the 4:3 picture in the middle is known."""
    info = probe(path)
    if info.format.depth != 8 or info.format.kind == "rgb":
        raise SystemExit(f"{path} is {info.format.name}; this benchmark reads 8-bit YUV and gray")
    found = detect(decode(info), info, DetectSettings())
    shown = narrowed(info)
    start = shown.active.x - shown.x
    if start < 0 or start + shown.width > info.width:
        raise SystemExit(f"{path} is not wide enough to know the truth of {shown.width} columns")
    luma: list[npt.NDArray[np.uint8]] = []
    for frame in decode(info):
        luma.append(np.ascontiguousarray(frame.planes[0][: info.height, start : start + shown.width], np.uint8))
    cuts = (*found.cuts, len(luma))
    return Clip(Path(path).stem, info, shown, None, found.noise, cuts, lambda i: luma[i].astype(np.float32))


def narrowed(info: VideoInfo) -> Window:
    """The window around the 4:3 picture in the middle."""
    step = 1 << info.format.log2_chroma_w
    width = round(info.height * Fraction(4, 3) / info.sar / (2 * step)) * 2 * step
    x = (info.width - width) // 2 // step * step
    known = width + (info.width - width) // (2 * step) * 2 * step
    return window(Rect(x, 0, width, info.height), info.sar, info.format, Fraction(known, info.height) * info.sar)


def scenes(clip: Clip) -> Iterator[tuple[int, list[Planes]]]:
    """The known pictures of each shot, with its first frame's number."""
    frames = decode(clip.info)
    for first, end in pairwise(clip.cuts):
        pictures = []
        for index in range(first, end):
            planes = crop(next(frames).planes, clip.info.format, clip.shown.active)
            if index - first < LONGEST:
                pictures.append(tuple(np.ascontiguousarray(p) for p in planes))
        yield first, pictures


def restored(clip: Clip, pictures: list[Planes]) -> tuple[Analysis, Mask | None, Sequence[Shot]]:
    """Steps 2 to 5 for one shot: its analysis, its gate, and its backgrounds without holes."""
    info, shown, gate = clip.info, clip.shown, clip.gate
    width, height = proxy_size(shown.active.width, shown.active.height, info.sar)
    proxies = (resize_rgb(p, info.format, info.color, width, height, info.height) for p in pictures)
    analysis = analyze(proxies, proxy_valid(gate, width, height), clip.noise)
    if gate is not None:
        gate = with_scene_sides(gate, analysis.proxies, clip.shown.vertical)
        analysis = replace(analysis, valid=proxy_valid(gate, width, height))
    masks = MotionSegmenter().segment([analysis])[0].masks

    def read(frames: Sequence[int]) -> Iterator[Rgb]:
        return (to_rgb(pictures[i], info.format, info.color, info.height) for i in frames)

    shots = stitch(analysis, masks, read, shown, gate, StitchSettings(), 1, footage(info, pictures))
    return analysis, gate, outpaint(shots, 1, shown, ExemplarInpainter()).shots


def footage(info: VideoInfo, pictures: Sequence[Planes]) -> Footage:
    """The shot's pictures as the steps read them again."""

    def small(start: int, end: int, width: int, height: int) -> Iterator[Rgb]:
        return (resize_rgb(p, info.format, info.color, width, height, info.height) for p in pictures[start:end])

    def strips(wanted: Mapping[int, Sequence[Rect]]) -> Iterator[Sequence[Rgb]]:
        for index in sorted(wanted):
            parts = (crop(pictures[index], info.format, rect) for rect in wanted[index])
            yield [to_rgb(part, info.format, info.color, info.height) for part in parts]

    return Footage(small, strips)


def drawing(
    clip: Clip, analysis: Analysis, gate: Mask | None, shots: Sequence[Shot], pictures: Sequence[Planes]
) -> SceneRenderers:
    """What draws the wings of the shots, without grain."""
    info, settings = clip.info, ResampleSettings(grain=Grain.none)
    form = FrameFormat(clip.shown, info.format, info.color, info.height)

    def make(shot: Shot, before: ShotWings | None, after: ShotWings | None) -> WingRenderer:
        holds = analysis.holds[shot.start : shot.end]
        beyond = continue_figures(shot, clip.shown, holds, gate, clip.noise, info.format, footage(info, pictures))
        donors = ShotDonors(beyond, lambda index: pictures[shot.start + index], before, after)
        return WingRenderer(shot, form, FilmTraces(gate=gate), settings, 1, donors)

    return SceneRenderers(shots, make, lambda frame: pictures[frame])


def measure(clip: Clip, frames: int) -> Found:
    """Restore every shot of a clip and measure some frames of each."""
    found = Found()
    for first, pictures in scenes(clip):
        started = time.process_time()
        analysis, gate, shots = restored(clip, pictures)
        picked = set(np.linspace(0, len(pictures) - 1, frames + 2).round().astype(int)[1:-1].tolist())
        renderers = drawing(clip, analysis, gate, shots, pictures)
        for shot in shots:
            renderer = renderers.renderer(shot)
            before: Plane | None = None
            began = pictures[shot.start]
            for index in range(shot.start, shot.end):
                held = bool(analysis.holds[index])
                planes = renderer.render(index - shot.start, pictures[index], held)
                began = began if held else pictures[index]
                if held and before is not None and _same_light(began, pictures[index]):
                    found.held += 1
                    found.equal += bool(np.array_equal(_wings(planes[0], clip.shown), _wings(before, clip.shown)))
                before = planes[0]
                if index in picked:
                    _compare(found, clip, first + index, pictures[index], planes[0])
                if index == (shot.start + shot.end) // 2:
                    found.pictures.append(to_rgb(planes, clip.info.format, clip.info.color, clip.info.height))
        found.seconds += time.process_time() - started
    return found


def _same_light(began: Planes, now: Planes) -> bool:
    """Whether a held drawing is as bright as when the hold ``began``; in a fade, even a slow one, wings must follow."""
    return bool(abs(float(began[0].mean()) - float(now[0].mean())) < LIGHT)


def _wings(plane: Plane, shown: Window) -> Plane:
    return np.delete(plane, np.s_[shown.x : shown.x + shown.active.width], axis=1)


def _compare(found: Found, clip: Clip, index: int, picture: Planes, drawn: Plane) -> None:
    truth = clip.truth(index)
    everywhere = np.ones(truth.shape, bool)
    luma = np.asarray(picture[0], np.uint8)
    fills = {"restored": drawn} | {name: fill(luma, clip.shown) for name, fill in FILLS.items()}
    fills["Navier-Stokes"] = navier_stokes(luma, clip.shown)
    for name, filled in [*fills.items(), ("the truth", truth)]:
        sample = compare(filled[: truth.shape[0]].astype(np.float32), truth, clip.shown, everywhere)
        found.samples.setdefault(name, []).append(sample)


def table(clip: Clip, found: Found) -> str:
    """The clip's measures as a Markdown section."""
    count = len(found.samples["restored"])
    lines = [
        f"## {clip.name}",
        "",
        f"{len(clip.cuts) - 1} shots, {count} frames measured; {found.equal} of {found.held} held frames equal to the "
        f"bit; {found.seconds:.0f} s of one core, decoding and cheap fills included.",
        "",
        "| fill | " + " | ".join(HEADINGS) + " |",
        "| --- |" + " --- |" * len(HEADINGS),
    ]
    for name, samples in found.samples.items():
        m = summarize(samples)
        values = f"{m.psnr:.2f}", f"{m.psnr_coarse:.2f}", f"{m.ssim:.3f}", f"{m.energy:.2f}", f"{m.join:.2f}"
        lines.append(f"| {name} | " + " | ".join(values) + " |")
    return "\n".join([*lines, ""])


def sheet(pictures: list[Rgb], path: Path, columns: int = 3, width: int = 480) -> None:
    """The pictures side by side, as a PNG."""
    small = [cv2.resize(p, (width, width * 9 // 16), interpolation=cv2.INTER_AREA) for p in pictures]
    small += [np.zeros_like(small[0])] * (-len(small) % columns)
    rows = [np.hstack(small[i : i + columns]) for i in range(0, len(small), columns)]
    cv2.imwrite(str(path), cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--episodes", nargs="*", type=int, default=[1, 2, 3], choices=[1, 2, 3, 4])
    parser.add_argument("--series", type=Path, help="the folder of the written episodes (remaster.jobs.sample)")
    parser.add_argument("--clip", nargs="*", default=[], help="clips wider than 4:3")
    parser.add_argument("--frames", type=int, default=6, help="frames measured of a shot")
    parser.add_argument("--write", type=Path, help="a Markdown file for the tables")
    parser.add_argument("--append", action="store_true", help="keep what is in that file")
    parser.add_argument("--sheet", type=Path, help="a PNG of the episodes' shots")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    tables, pictures = [], []
    with tempfile.TemporaryDirectory() as folder:
        for number in options.episodes:
            clip = episode_clip(EPISODES[number - 1], options.series or Path(folder))
            found = measure(clip, options.frames)
            tables.append(table(clip, found))
            pictures += found.pictures
            print(tables[-1], flush=True)
    for path in options.clip:
        clip = wide_clip(path)
        tables.append(table(clip, measure(clip, options.frames)))
        print(tables[-1], flush=True)
    if options.write:
        before = options.write.read_text() if options.append and options.write.exists() else ""
        options.write.write_text((before + "\n" if before else "# Wings beside their truth\n\n") + "\n".join(tables))
    if options.sheet and pictures:
        sheet(pictures, options.sheet)


if __name__ == "__main__":
    main()

"""What does a remaster cost beside a plain transcode? CPU seconds of both, for the same frames and encoder settings.

The plain transcode decodes, pads with black to 16:9 and encodes, all inside FFmpeg, with the same x264 options. The
sample's code draws the material: shots of a resting camera, of moving ones, and a mixture, at 480 and 1080 lines. The
sample's shots last 2 to 5 seconds. ``long`` ones last 5.6 to 10, as in most series: the same shots, slowed down.
``--files`` measures real videos: grain and motion cost what drawings do not.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import av
from av.filter import Graph

from benchmarks.machine import machine
from benchmarks.processes import run_counted
from benchmarks.steps import STEPS, compose, make_job, run_steps
from remaster.imaging.geometry import Window, window
from remaster.media.encoders import encoder_options
from remaster.media.probe import probe
from remaster.media.types import Rect
from remaster.pipeline.encoding import encoder_settings
from remaster_sample.episodes import EPISODES
from remaster_sample.script import Episode, Shot, splice
from remaster_sample.write import write_episode

RESULTS = Path(__file__).parent / "results"
MATERIAL = {
    "still": ("Pip asks", "Molly answers", "off they go"),
    "pan": ("the street", "to the red door"),
    "mixed": ("the street", "Pip asks", "Molly answers", "off they go", "the day begins"),
    "long": ("the street", "Pip asks", "off they go", "the day begins"),
}
SLOWER = {"long": 2.5}
LINES = (480, 1080)
TIMEOUT = 1800


@dataclass(frozen=True)
class Measured:
    """CPU seconds of one piece of material: the plain transcode, each step, the job, an idle job, Ray by itself."""

    name: str
    lines: int
    scenes: int
    frames: int
    plain: float
    steps: dict[str, float]
    whole: float | None
    idle: float | None
    bare: float | None


def main() -> None:
    options = _arguments()
    options.output.mkdir(parents=True, exist_ok=True)
    kept = options.output / "transcode.json"
    known = [Measured(**one) for one in json.loads(kept.read_text())] if kept.is_file() else []
    with tempfile.TemporaryDirectory(prefix="remaster-transcode-") as folder:
        for name, lines, path in _pieces(options, Path(folder)):
            measured = measure(name, lines, path, Path(folder), whole=not options.steps_only)
            print(_row(measured), flush=True)
            known = [one for one in known if (one.name, one.lines) != (name, lines)] + [measured]
            known.sort(key=lambda one: (one.name not in MATERIAL, one.lines, [*MATERIAL, one.name].index(one.name)))
            kept.write_text(json.dumps([asdict(one) for one in known], indent=1) + "\n")
            (options.output / "transcode.md").write_text(report(known))


def _pieces(options: argparse.Namespace, folder: Path) -> Iterator[tuple[str, int, Path]]:
    """(name, lines, video) of all that is to be measured: files as they are, else drawn material."""
    for path in options.files:
        yield path.stem, probe(str(path)).height, path
    for lines in () if options.files else options.lines:
        for name in options.material:
            yield name, lines, drawn(name, lines, options.drawn or folder / "drawn")


def drawn(name: str, lines: int, folder: Path) -> Path:
    """The material as a video in the folder; drawn, where it is not there yet."""
    folder = folder / f"{name}-{lines}"
    return next(folder.glob("*.mkv"), None) or write_episode(material(name, lines), folder)


def measure(name: str, lines: int, path: Path, folder: Path, whole: bool = True) -> Measured:
    """Both ways of one piece of material; each by itself, one after the other."""
    folder = folder / f"{name}-{lines}"
    folder.mkdir()
    plain = min(plain_transcode(path, folder / f"plain-{i}.mkv") for i in range(2))
    steps = run_steps(path, folder / "steps")
    counted = idle = bare = None
    if whole:
        job = ["-m", "remaster.jobs.batch", f"dataset.path={path}", f"output.dir={folder / 'job'}"]
        counted, idle, bare = (
            run_counted(command, TIMEOUT).cpu for command in (job, job, ["-m", "benchmarks.bare_ray"])
        )
    costs = {step: cost.cpu for step, cost in steps.costs.items()}
    scenes = len({shot["scene_id"] for shot in steps.shots})
    return Measured(name, lines, scenes, steps.frames, plain, costs, counted, idle, bare)


def material(name: str, lines: int) -> Episode:
    """Some shots of the sample series' first episode, drawn at so many lines."""
    episode = EPISODES[0]
    scale, times = lines / episode.height, SLOWER.get(name, 1.0)
    shots = [_slower(_scaled(shot, scale), times) for shot in episode.shots if shot.name in MATERIAL[name]]
    size = {"width": round(episode.width * scale), "height": lines}
    return replace(episode, name=name, suffix=".mkv", shots=splice(*shots), **size)


def _scaled(shot: Shot, scale: float) -> Shot:
    keys = (replace(key, view=replace(key.view, scale=key.view.scale / scale)) for key in shot.keys)
    return replace(shot, keys=tuple(keys))


def _slower(shot: Shot, times: float) -> Shot:
    """The shot with all that moves so many times slower."""

    def later(frame: int) -> int:
        return round(times * frame)

    keys = tuple(replace(key, frame=later(key.frame)) for key in shot.keys)
    actors = tuple(
        replace(
            actor,
            path=tuple((later(frame), x) for frame, x in actor.path),
            lines=tuple(replace(line, start=later(line.start), end=later(line.end)) for line in actor.lines),
        )
        for actor in shot.actors
    )
    return replace(shot, length=later(shot.length), keys=keys, actors=actors)


def plain_transcode(path: Path, to: Path) -> float:
    """CPU seconds of decode, pad and encode in FFmpeg's own code, with the job's encoder settings, one thread each."""
    info, config = probe(str(path)), compose(f"dataset.path={path}")
    job = make_job(config, to.parent / "unused")
    active = Rect(0, 0, info.width, info.height)
    shown = window(active, info.sar, info.format, job.aspect)
    settings = encoder_settings(config.output)
    began = time.process_time()
    with av.open(str(path)) as source, av.open(str(to), "w") as target:
        stream = source.streams.video[0]
        stream.codec_context.thread_count = 1
        encoded = target.add_stream("libx264", info.fps, encoder_options(settings, info.color))
        encoded.width, encoded.height, encoded.pix_fmt = shown.width, shown.height, info.format.name
        encoded.codec_context.thread_count = settings.threads
        graph = _pad(stream, shown)
        for frame in source.decode(stream):
            graph.push(frame)
            target.mux(encoded.encode(graph.pull()))
        target.mux(encoded.encode(None))
    return time.process_time() - began


def _pad(stream: av.VideoStream, shown: Window) -> Graph:
    graph = Graph()
    nodes = (
        graph.add_buffer(template=stream),
        graph.add("pad", f"{shown.width}:{shown.height}:{shown.x}:{shown.y}"),
        graph.add("buffersink"),
    )
    graph.link_nodes(*nodes).configure()
    return graph


def report(results: Sequence[Measured]) -> str:
    lines = [
        "# What a remaster costs beside a plain transcode",
        "",
        f"`python -m benchmarks.transcode` on {machine()}.",
        "CPU milliseconds a frame. *Plain*: decode, pad with black to 16:9, encode, in FFmpeg alone, with the",
        "same x264 options, one thread each (the better of two). *Steps*: the pipeline's stages one after the other in",
        "one process, without Ray. *Whole job*: `remaster.jobs.batch` with its embedded engines, Ray's processes",
        "all counted; *idle job*: the same command again, with nothing left to do: imports, start and end of Ray;",
        "*Ray alone*: its start, one `map_batches` over two rows, its end. Modules are compiled as by `make`.",
        "",
        "| material | lines | scenes | frames | plain | steps | steps / plain | whole job | idle job, s | Ray alone, s"
        " | (whole - idle) / plain |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        *(_row(result) for result in results),
        "",
        "The steps, in milliseconds of CPU a frame (what is done once a scene is spread over its frames):",
        "",
        f"| material | lines | {' | '.join(STEPS)} |",
        f"| --- | ---: | {' | '.join('---:' for _ in STEPS)} |",
        *(_step_row(result) for result in results),
        "",
    ]
    return "\n".join(lines)


def _row(one: Measured) -> str:
    def each(seconds: float) -> str:
        return f"{1000 * seconds / one.frames:.1f}"

    steps = sum(one.steps.values())
    ratio = f"{steps / one.plain:.2f}"
    counts = f"| {one.name} | {one.lines} | {one.scenes} | {one.frames}"
    head = f"{counts} | {each(one.plain)} | {each(steps)} | {ratio}"
    if one.whole is None or one.idle is None or one.bare is None:
        return f"{head} | | | | |"
    told_apart = (one.whole - one.idle) / one.plain
    return f"{head} | {each(one.whole)} | {one.idle:.1f} | {one.bare:.1f} | {told_apart:.2f} |"


def _step_row(one: Measured) -> str:
    costs = (f"{1000 * one.steps[step] / one.frames:.1f}" for step in STEPS)
    return f"| {one.name} | {one.lines} | {' | '.join(costs)} |"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--material", nargs="+", choices=MATERIAL, default=list(MATERIAL))
    parser.add_argument("--lines", nargs="+", type=int, default=list(LINES))
    parser.add_argument("--files", nargs="+", type=Path, default=[], help="measure these videos, and nothing drawn")
    parser.add_argument("--steps-only", action="store_true", help="leave out the jobs under Ray")
    parser.add_argument("--drawn", type=Path, help="folder where the drawn material is kept for another time")
    parser.add_argument("--output", type=Path, default=RESULTS, help="folder of the results (%(default)s)")
    return parser.parse_args()


if __name__ == "__main__":
    main()

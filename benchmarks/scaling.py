"""How does the pipeline scale? One and two real workers, and 1 to 64 emulated GPUs in a local cluster.

Emulated (``benchmarks.emulated``): engines and CPU steps sleep for given seconds, what Ray itself costs is real.
Results are stored for each size, so one size, or the real workers, can be measured again alone.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from benchmarks.emulated import CARDS_A_NODE, CORES_A_NODE, SCENES_A_VIDEO, SECONDS, Point, emulate
from benchmarks.machine import machine
from benchmarks.processes import run_counted
from benchmarks.sidebyside import gain, steps, transcode
from remaster_forecast.costs import fitted, megapixels
from remaster_forecast.simulate import Cluster, simulate
from remaster_forecast.workload import Episode

RESULTS = Path(__file__).parent / "results"
SLOWER = 4.0


def main() -> None:
    options = _arguments()
    options.output.mkdir(parents=True, exist_ok=True)
    path = options.output / "scaling.json"
    known = json.loads(path.read_text()) if path.is_file() else {"points": [], "workers": [], "second": None}
    sizes = [(gpus, 1.0) for gpus in sorted(options.gpus)] + [(gpus, SLOWER) for gpus in sorted(options.slower)]
    for point in emulate(sizes, options.rounds) if sizes else ():
        print(point, flush=True)
        known["points"] = [p for p in known["points"] if (p["gpus"], p["slower"]) != (point.gpus, point.slower)]
        known["points"].append(asdict(point))
        _write(known, options.output)
    if options.clip:
        known["workers"] = real_workers(options.clip, options.scenes)
    if options.beside:
        known["second"] = {"transcodes": gain(transcode, options.beside), "steps": gain(steps, options.beside)}
    _write(known, options.output)


def _write(known: dict[str, Any], folder: Path) -> None:
    """What is known so far: as JSON, as a page, as a plot."""
    known["machine"] = machine("ray")
    (folder / "scaling.json").write_text(json.dumps(known, indent=1) + "\n")
    points = sorted((Point(**p) for p in known["points"]), key=lambda p: (p.slower, p.gpus))
    (folder / "scaling.md").write_text(report(points, known))
    plot(points, folder / "scaling.png")


def real_workers(clip: Path, scenes: int) -> list[dict[str, Any]]:
    """The first scenes of each video by one and by two workers: wall seconds, idle ones, and what was predicted."""
    runs: list[dict[str, Any]] = []
    shots: list[list[dict[str, Any]]] = []
    with tempfile.TemporaryDirectory(prefix="remaster-scaling-") as folder:
        for cpus in (1, 2):
            out = Path(folder) / str(cpus)
            keys = [f"dataset.path={clip}", f"output.dir={out}", f"scenes.limit={scenes}", f"cluster.cpus={cpus}"]
            whole, idle = (run_counted(["-m", "remaster.jobs.batch", *keys], 600) for _ in range(2))
            shots.append(pq.read_table(out / "metadata" / "scenes").to_pylist())
            runs.append({"cpus": cpus, "wall": whole.wall, "idle": idle.wall, "cpu": whole.cpu})
    return [run | predicted(run["cpus"], shots[0]) for run in runs]


def predicted(cpus: int, shots: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Seconds of work on so many cores by the rows of a run, and how many scenes those are."""
    costs = replace(fitted(shots), start=0.0, assemble=0.0)
    wall = simulate(_episodes(shots), costs, Cluster(cpus)).wall
    return {"predicted": wall, "scenes": len({shot["scene_id"] for shot in shots})}


def _episodes(shots: Sequence[dict[str, Any]]) -> list[Episode]:
    videos: dict[str, dict[str, float]] = {}
    for shot in shots:
        scenes = videos.setdefault(shot["video"], {})
        scenes[shot["scene_id"]] = scenes.get(shot["scene_id"], 0.0) + megapixels(shot)
    frames = {name: max(shot["end_frame"] for shot in shots if shot["video"] == name) for name in videos}
    return [Episode(frames[name], tuple(scenes.values())) for name, scenes in videos.items()]


def report(points: Sequence[Point], known: dict[str, Any]) -> str:
    workers: list[dict[str, Any]] = known["workers"]
    sleeps = ", ".join(f"{name} {seconds} s" for name, seconds in SECONDS.items())
    lines = [
        "# How the pipeline grows",
        "",
        f"`python -m benchmarks.scaling` on {known['machine']}.",
        "",
        "## Emulated GPUs",
        "",
        f"The pipeline's own graph on a local cluster that grows: a head, and a raylet with {CORES_A_NODE} cores for",
        f"every {CARDS_A_NODE} GPUs. Steps sleep: {sleeps} a scene",
        f"(detect: a video of {SCENES_A_VIDEO}); where they are *slower*, so many times longer. A card is held by one",
        "engine at a time.",
        "All raylets, workers and the driver share this machine's cores: what Ray costs is exaggerated, not hidden.",
        "*Busy*: the cards' share of the time from the first engine call to the last; *steady*: of the middle half.",
        "*Waited*: for a card, a call. *Predicted*: by `remaster_forecast`, from the first task on, as *time* is.",
        "When the engines' processes are there, which depends on what else this machine does, is measured.",
        "*Driver*: its share of one core; *machine*: the share of all cores that was in use, by whatever ran there.",
        "",
        "| GPUs | slower | raylets | scenes | start, s | time, s | predicted, s | off by | busy | steady | waited, s"
        " | first scene, s | object store, MB | driver | machine |",
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        *map(_point_row, points),
        "",
    ]
    if workers:
        lines += [
            "## Real workers",
            "",
            f"{workers[0]['scenes']} scenes by the embedded engines. *Work* is wall time less that of",
            "the same command again, when nothing is left to do. Predicted from the first line's seconds by step.",
            "",
            "| workers | wall, s | idle, s | work, s | speed-up | predicted, s | off by | CPU s |",
            "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
            *map(partial(_worker_row, workers[0]), workers),
            "",
        ]
    return "\n".join([*lines, *_second_core(known["second"])])


def _second_core(brings: dict[str, float] | None) -> list[str]:
    if not brings:
        return []
    transcodes, both = brings["transcodes"], brings["steps"]
    return [
        "What this machine's second core brings to programs that share nothing but memory, caches and clock:",
        f"two plain transcodes by one thread each, side by side, do {transcodes:.2f} times as much as one; two",
        f"processes with the steps, without Ray, {both:.2f} times.",
        "",
    ]


def _point_row(p: Point) -> str:
    return (
        f"| {p.gpus} | {p.slower:g} x | {p.raylets} | {p.scenes} | {p.start:.1f} | {p.window:.1f} | {p.simulated:.1f}"
        f" | {p.simulated / p.window - 1:+.0%} | {p.busy:.0%} | {p.steady:.0%} | {p.waited:.2f} | {p.first:.1f}"
        f" | {p.object_bytes / 1e6:.0f} | {p.driver:.0%} | {p.machine:.0%} |"
    )


def _worker_row(one: dict[str, Any], run: dict[str, Any]) -> str:
    work, alone = run["wall"] - run["idle"], one["wall"] - one["idle"]
    return (
        f"| {run['cpus']} | {run['wall']:.1f} | {run['idle']:.1f} | {work:.1f} | {alone / work:.2f} x"
        f" | {run['predicted']:.1f} | {run['predicted'] / work - 1:+.0%} | {run['cpu']:.0f} |"
    )


def plot(points: Sequence[Point], path: Path) -> None:
    """Scenes a second and busy share over the number of cards."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
    card = SECONDS["segment"] + SECONDS["outpaint"]
    full = [p for p in points if p.slower == 1]
    slow = [p for p in points if p.slower != 1]
    gpus = [p.gpus for p in full]
    left.plot(gpus, [p.scenes / p.window for p in full], marker="o", label="measured, from the first task to the last")
    left.plot(gpus, [p.scenes / p.simulated for p in full], marker="x", linestyle=":", label="predicted")
    left.plot(gpus, [g / card for g in gpus], color="grey", linestyle="--", label="cards never idle")
    left.set(xscale="log", yscale="log", xlabel="emulated GPUs", ylabel="scenes a second")
    left.legend(fontsize=8)
    right.plot(gpus, [p.busy for p in full], marker="o", label="first call to last")
    right.plot(gpus, [p.steady for p in full], marker="s", label="middle half of the time")
    if slow:
        note = f"the same, steps {SLOWER:g} times slower"
        right.plot([p.gpus for p in slow], [p.steady for p in slow], "D", color="black", label=note)
    right.axhline(0.9, color="grey", linestyle="--", linewidth=1)
    right.set(xscale="log", xlabel="emulated GPUs", ylabel="share of the time that cards work", ylim=(0, 1.05))
    right.legend(fontsize=8)
    for axes, ticks in ((left, gpus), (right, sorted({p.gpus for p in points}))):
        axes.set_xticks(ticks, list(map(str, ticks)))
        axes.minorticks_off()
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--gpus", type=int, nargs="*", default=[1, 2, 4, 8, 16, 32, 64], help="sizes to emulate")
    parser.add_argument("--slower", type=int, nargs="*", default=[64], help=f"sizes with steps {SLOWER:g} times slower")
    parser.add_argument("--rounds", type=int, default=8, help="scenes for each GPU")
    parser.add_argument("--clip", type=Path, help="video, or folder of some, for the real workers; else none run")
    parser.add_argument("--scenes", type=int, default=6, help="how many scenes of each video")
    parser.add_argument("--beside", type=Path, help="video for two processes side by side; else none run")
    parser.add_argument("--output", type=Path, default=RESULTS, help="folder of the results")
    return parser.parse_args()


if __name__ == "__main__":
    main()

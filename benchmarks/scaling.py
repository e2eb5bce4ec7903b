"""How the pipeline grows: one and two real workers here, and 1 to 64 emulated GPUs in a local cluster of many raylets.

Emulated (``benchmarks.emulated``): engines and CPU steps sleep for given seconds; what Ray itself costs is real.
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

from benchmarks.emulated import CARDS_A_NODE, SCENES_A_VIDEO, SECONDS, Point, emulate
from benchmarks.machine import machine
from benchmarks.processes import run_counted
from remaster.forecast.costs import fitted, megapixels
from remaster.forecast.simulate import Cluster, simulate
from remaster.forecast.workload import Episode

RESULTS = Path(__file__).parent / "results"


def main() -> None:
    options = _arguments()
    if options.emulate:
        point = emulate(options.emulate, options.rounds)
        print(json.dumps(asdict(point)))
        return
    path = options.output / "scaling.json"
    known = json.loads(path.read_text()) if path.is_file() else {"points": [], "workers": []}
    for gpus in options.gpus:
        known["points"] = [p for p in known["points"] if p["gpus"] != gpus]
        known["points"].append(_in_a_process_of_its_own(gpus, options.rounds))
    if options.clip:
        known["workers"] = real_workers(options.clip, options.scenes)
    known["machine"] = machine("ray")
    path.write_text(json.dumps(known, indent=1) + "\n")
    points = sorted((Point(**p) for p in known["points"]), key=lambda p: p.gpus)
    (options.output / "scaling.md").write_text(report(points, known["workers"], known["machine"]))
    plot(points, options.output / "scaling.png")


def _in_a_process_of_its_own(gpus: int, rounds: int) -> dict[str, Any]:
    counted = run_counted(["-m", "benchmarks.scaling", "--emulate", str(gpus), "--rounds", str(rounds)], 600)
    point: dict[str, Any] = json.loads(counted.output.strip().splitlines()[-1])
    print(point, f"peak memory {counted.peak_memory / 1e9:.1f} GB, {counted.cpu:.0f} CPU s", flush=True)
    return point


def real_workers(clip: Path, scenes: int) -> list[dict[str, Any]]:
    """The first scenes of a clip by one and by two workers: wall seconds without the start, and what was foretold."""
    runs: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="remaster-scaling-") as folder:
        for cpus in (1, 2):
            out = Path(folder) / str(cpus)
            keys = [f"dataset.path={clip}", f"output.dir={out}", f"scenes.limit={scenes}", f"cluster.cpus={cpus}"]
            whole, idle = (run_counted(["-m", "remaster.jobs.batch", *keys], 600) for _ in range(2))
            shots = pq.read_table(out / "metadata" / "scenes").to_pylist()
            runs.append({"cpus": cpus, "wall": whole.wall, "idle": idle.wall, "cpu": whole.cpu, "shots": shots})
    costs = replace(fitted(runs[0]["shots"]), start=0.0, assemble=0.0)
    for run in runs:
        run["foretold"] = simulate([_episode(runs[0]["shots"])], costs, Cluster(run["cpus"])).wall
        run["scenes"] = len({shot["scene_id"] for shot in run.pop("shots")})
    return runs


def _episode(shots: Sequence[dict[str, Any]]) -> Episode:
    scenes: dict[str, float] = {}
    for shot in shots:
        scenes[shot["scene_id"]] = scenes.get(shot["scene_id"], 0.0) + megapixels(shot)
    return Episode(max(shot["end_frame"] for shot in shots), tuple(scenes.values()))


def report(points: Sequence[Point], workers: Sequence[dict[str, Any]], where: str) -> str:
    sleeps = ", ".join(f"{name} {seconds} s" for name, seconds in SECONDS.items())
    lines = [
        "# How the pipeline grows",
        "",
        f"`python -m benchmarks.scaling` on {where}.",
        "",
        "## Emulated GPUs",
        "",
        f"The pipeline's own graph on a local cluster: a raylet for the cores, and one for every {CARDS_A_NODE} GPUs.",
        f"Steps sleep: {sleeps} a scene (detect: a video of {SCENES_A_VIDEO} scenes).",
        "A card is held by one engine at a time. All raylets, workers and the driver share this machine's cores: what",
        "Ray costs is exaggerated, not hidden.",
        "*Busy*: the cards' share of the time from the first engine call to the last; *steady*: of the middle half.",
        "*Waited*: for a card, a call. *Foretold*: by `remaster.forecast`, from the first task on, as *time* is.",
        "",
        "| GPUs | raylets | scenes | start, s | time, s | foretold, s | off by | busy | steady | waited, s"
        " | first scene, s | object store, MB |",
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        *(
            f"| {p.gpus} | {p.raylets} | {p.scenes} | {p.start:.1f} | {p.window:.1f} | {p.simulated:.1f}"
            f" | {p.simulated / p.window - 1:+.0%} | {p.busy:.0%} | {p.steady:.0%} | {p.waited:.2f} | {p.first:.1f}"
            f" | {p.object_bytes / 1e6:.0f} |"
            for p in points
        ),
        "",
    ]
    if workers:
        lines += [
            "## Real workers",
            "",
            f"The first {workers[0]['scenes']} scenes of a clip, embedded engines. *Work* is wall time less that of",
            "the same command again, when nothing is left to do. Foretold from the first line's seconds by step.",
            "",
            "| workers | wall, s | idle, s | work, s | speed-up | foretold, s | off by | CPU s |",
            "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
            *map(partial(_worker_row, workers[0]), workers),
            "",
        ]
    return "\n".join(lines)


def _worker_row(one: dict[str, Any], run: dict[str, Any]) -> str:
    work, alone = run["wall"] - run["idle"], one["wall"] - one["idle"]
    return (
        f"| {run['cpus']} | {run['wall']:.1f} | {run['idle']:.1f} | {work:.1f} | {alone / work:.2f} x"
        f" | {run['foretold']:.1f} | {run['foretold'] / work - 1:+.0%} | {run['cpu']:.0f} |"
    )


def plot(points: Sequence[Point], path: Path) -> None:
    """Scenes a second and busy share over the number of cards."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
    gpus = [p.gpus for p in points]
    card = SECONDS["segment"] + SECONDS["outpaint"]
    left.plot(
        gpus, [p.scenes / p.window for p in points], marker="o", label="measured, from the first task to the last"
    )
    left.plot(gpus, [p.scenes / p.simulated for p in points], marker="x", linestyle=":", label="foretold")
    left.plot(gpus, [g / card for g in gpus], color="grey", linestyle="--", label="cards never idle")
    left.set(xscale="log", yscale="log", xlabel="emulated GPUs", ylabel="scenes a second")
    left.legend(fontsize=8)
    right.plot(gpus, [p.busy for p in points], marker="o", label="first call to last")
    right.plot(gpus, [p.steady for p in points], marker="s", label="middle half of the time")
    right.axhline(0.9, color="grey", linestyle="--", linewidth=1)
    right.set(xscale="log", xlabel="emulated GPUs", ylabel="share of the time that cards work", ylim=(0, 1.05))
    right.legend(fontsize=8)
    for axes in (left, right):
        axes.set_xticks(gpus, list(map(str, gpus)))
        axes.minorticks_off()
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--gpus", type=int, nargs="*", default=[1, 2, 4, 8, 16, 32, 64], help="sizes to emulate")
    parser.add_argument("--rounds", type=int, default=12, help="scenes for each GPU")
    parser.add_argument("--clip", type=Path, help="video for the real workers; without it they are left out")
    parser.add_argument("--scenes", type=int, default=6, help="how many of its scenes")
    parser.add_argument("--output", type=Path, default=RESULTS, help="folder of the results")
    parser.add_argument("--emulate", type=int, metavar="GPUS", help="one size, in this process; prints JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()

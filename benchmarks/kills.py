"""Does a kill at any moment lose work, or make finished work again? ``python -m benchmarks.kills --moments 10``.

A small drawn series is remastered once without faults. Then, each time in a new output folder: the driver is killed
with SIGKILL at seeded moments and started again; workers are killed every few seconds; one raylet of a cluster of
three nodes is killed in the middle. Each time the results must be the same bytes, and no finished scene may be done
again.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from benchmarks.soak_series import write_series
from benchmarks.workers import ray_workers

RESULTS = Path(__file__).parent / "results"
SCENE_FILES = ("scenes/*/*.mkv", "scenes/*/*.parquet", "metadata/plan/*.parquet")


class Runs:
    """One series, and runs over it into folders below ``root``."""

    def __init__(self, root: Path, cpus: int) -> None:
        self.root, self.cpus = root, cpus

    def start(self, name: str, *more: str) -> subprocess.Popen[bytes]:
        """The program as a process group of its own."""
        command = [
            sys.executable, "-m", "remaster.jobs.batch", f"dataset.path={self.root / 'in'}",
            f"output.dir={self.root / name}", "output.preset=ultrafast", *(more or (f"cluster.cpus={self.cpus}",)),
        ]  # fmt: skip
        with (self.root / f"{name}.log").open("a") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)

    def files(self, name: str) -> dict[str, int]:
        """Time of change of all that scenes leave, by name."""
        found = [path for pattern in SCENE_FILES for path in (self.root / name).glob(pattern)]
        return {path.name: path.stat().st_mtime_ns for path in found if not path.name.startswith((".", "shelf"))}

    def delivered(self, name: str) -> dict[str, bytes]:
        """The results by name."""
        return {path.name: path.read_bytes() for path in (self.root / name / "videos").glob("*.mp4")}


def finish(runs: Runs, name: str) -> None:
    """Run until it ends by itself; a busy machine may not get Ray up at once."""
    for _ in range(5):
        code = runs.start(name).wait()
        if code != 2:
            return
    raise RuntimeError(f"{name} never started; see {runs.root / name}.log")


def driver_killed(runs: Runs, number: int, chance: random.Random, clean: dict[str, bytes], most: int) -> dict[str, Any]:
    """Kill the driver once so many files are there, and a little later; then go on."""
    name, least, delay = f"driver-{number}", chance.randrange(most), chance.random()
    process = runs.start(name)
    while len(runs.files(name)) < least and process.poll() is None:
        time.sleep(0.01)
    time.sleep(delay)
    finished = runs.files(name)
    process.kill()
    process.wait()
    finish(runs, name)
    after = runs.files(name)
    redone = [file for file, changed in finished.items() if file.endswith(".mkv") and after.get(file) != changed]
    return {"killed with": len(finished), "of": most, "redone": len(redone), "same": runs.delivered(name) == clean}


def workers_killed(runs: Runs, chance: random.Random, clean: dict[str, bytes]) -> dict[str, Any]:
    """Kill a worker every three seconds, a few times."""
    process, killed = runs.start("workers"), 0
    while process.poll() is None:
        time.sleep(3)
        workers = ray_workers(process.pid)
        if workers and killed < 5 and runs.files("workers"):
            with suppress(psutil.NoSuchProcess):  # it ended by itself meanwhile
                chance.choice(workers).kill()
                killed += 1
    return {"workers killed": killed, "exit code": process.returncode, "same": runs.delivered("workers") == clean}


def raylet_killed(runs: Runs, clean: dict[str, bytes]) -> dict[str, Any]:
    """Three nodes, one of which dies with all its workers and what lies in its object store."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    nodes = [cluster.add_node(num_cpus=1), cluster.add_node(num_cpus=1)]
    cluster.wait_for_nodes()
    process = runs.start("raylet", f"cluster.address={cluster.address}")

    def kill_when(there: Callable[[], bool]) -> None:
        while not there() and process.poll() is None:
            time.sleep(0.05)
        if process.poll() is None:
            cluster.remove_node(nodes[0], allow_graceful=False)

    thread = threading.Thread(target=kill_when, args=(lambda: len(list(runs.root.glob("raylet/scenes/*/*.mkv"))) > 1,))
    thread.start()
    code = process.wait()
    thread.join()
    cluster.shutdown()
    return {"exit code": code, "same": runs.delivered("raylet") == clean}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--moments", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cpus", type=int, default=2)
    parser.add_argument("--videos", type=int, default=3)
    parser.add_argument("--length", type=float, default=0.4, help="minutes of each video")
    parser.add_argument("--work", type=Path, default=Path("outputs/kills"), help="a folder to work in, emptied first")
    options = parser.parse_args()
    shutil.rmtree(options.work, ignore_errors=True)
    root = options.work.absolute()
    write_series(root / "in", options.videos, options.length, options.seed)
    for path in (root / "in").glob("rubbish-*"):
        path.unlink()
    runs, chance = Runs(root, options.cpus), random.Random(options.seed)
    finish(runs, "clean")
    clean, most = runs.delivered("clean"), len(runs.files("clean"))
    told: dict[str, Any] = {"videos": len(clean), "files of a clean run": most}
    told["raylet"] = raylet_killed(runs, clean)
    told["workers"] = workers_killed(runs, chance, clean)
    told["drivers"] = []
    for number in range(options.moments):
        told["drivers"].append(driver_killed(runs, number, chance, clean, most))
        print(told["drivers"][-1], flush=True)
    (RESULTS / "kills.json").write_text(json.dumps(told, indent=1) + "\n")
    print(json.dumps(told, indent=1))
    same = [told["raylet"], told["workers"], *told["drivers"]]
    return int(not all(part["same"] for part in same) or any(part["redone"] for part in told["drivers"]))


if __name__ == "__main__":
    sys.exit(main())

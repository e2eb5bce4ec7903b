"""Does a long run lose anything, and does its memory grow? ``python -m benchmarks.soak --minutes 25 --faults 0.05``.

Remasters a drawn series while faults come at a rate: inpainters that raise or kill their worker, workers killed from
outside, drivers killed and started again, inputs that are rubbish. At the end every video must be complete or named
with its reason, and every planned scene must have its rows.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import pyarrow.parquet as pq

from benchmarks.soak_series import FPS, write_series
from benchmarks.workers import ray_workers

RESULTS = Path(__file__).parent / "results"
ENGINE = """name: soak
engine: {{_target_: soak_engine.SoakInpainter, folder: "{folder}", rate: {rate}}}
pool: null
"""
SAMPLE_SECONDS = 5.0


@dataclass
class Soak:
    """What was done to the run, and what was seen of it: times in seconds since the beginning."""

    root: Path
    options: argparse.Namespace
    chance: random.Random
    began: float = field(default_factory=time.monotonic)
    memory: list[tuple[float, float, float]] = field(default_factory=list)  # (when, all MiB, largest process' MiB)
    progress: list[tuple[float, int]] = field(default_factory=list)  # (when, scenes with a segment)
    drivers: list[float] = field(default_factory=list)
    workers: list[float] = field(default_factory=list)
    exits: list[int] = field(default_factory=list)

    @property
    def now(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self.began

    def command(self) -> list[str]:
        """The program, as a person would start it."""
        return [
            sys.executable, "-m", "remaster.jobs.batch", f"dataset.path={self.root / 'in'}",
            f"output.dir={self.root / 'out'}", "output.preset=ultrafast", "inpainter=soak",
            f"hydra.searchpath=[file://{self.root / 'conf'}]", f"cluster.cpus={self.options.cpus}",
        ]  # fmt: skip

    def run(self) -> bool:
        """Start the program until it ends by itself; False where the time was over before."""
        while True:
            # Workers import the engine by its own name: a namespace like "benchmarks" may be another's there.
            path = os.pathsep.join(filter(None, [str(Path(__file__).parent), os.environ.get("PYTHONPATH")]))
            with (self.root / "log").open("a") as log:
                process = subprocess.Popen(
                    self.command(),
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    env=os.environ | {"PYTHONPATH": path},
                )
            ended = self._watch(process)
            if ended is not None:
                self.exits.append(ended)
            if ended in (0, 1):  # 2: Ray did not get up in time on a busy machine
                return True
            if self.now > self.options.at_most * 60:
                return False

    def _watch(self, process: subprocess.Popen[bytes]) -> int | None:
        """Sample and disturb; the exit code, or None where the driver was killed or, out of time, told to stop."""
        until = self.now + self.chance.expovariate(1 / self.options.driver_seconds) + 30
        next_worker = self.now + self.chance.expovariate(1 / self.options.worker_seconds)
        while process.poll() is None:
            time.sleep(SAMPLE_SECONDS)
            driver = psutil.Process(process.pid)
            self._sample([driver, *driver.children(recursive=True)])
            if self.now > self.options.at_most * 60:
                process.send_signal(signal.SIGTERM)
                process.wait(30)
                return None
            if self.now > self.options.minutes * 60:
                continue
            if self.now > next_worker:
                next_worker = self.now + self.chance.expovariate(1 / self.options.worker_seconds)
                self._kill_worker(process.pid)
            if self.now > until:
                self.drivers.append(self.now)
                process.kill()
                process.wait()
                return None
        return process.returncode

    def _sample(self, processes: list[psutil.Process]) -> None:
        used = [_proportional_bytes(process) / 2**20 for process in processes]
        self.memory.append((self.now, sum(used), max(used, default=0.0)))
        self.progress.append((self.now, len(list(self.root.glob("out/scenes/*/*-0.mkv")))))

    def _kill_worker(self, driver: int) -> None:
        workers = ray_workers(driver)
        if workers:
            self.workers.append(self.now)
            with suppress(psutil.NoSuchProcess):  # it ended by itself meanwhile
                self.chance.choice(workers).kill()


def _proportional_bytes(process: psutil.Process) -> int:
    """The memory of a process (PSS): pages that several share count for each in part; 0 once it has ended."""
    try:
        return int(process.memory_full_info().pss)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0


def account(root: Path) -> dict[str, Any]:
    """What the output folder says of itself; raises ``AssertionError`` where its books do not balance."""
    shots = pq.read_table(root / "out/metadata/scenes").to_pylist()
    videos = pq.read_table(root / "out/metadata/videos").to_pylist()
    plan = pq.read_table(root / "out/metadata/plan", columns=["video", "scene_id"]).to_pylist()
    inputs = {path.name for path in (root / "in").iterdir()}
    assert {video["video"] for video in videos} == inputs, "a video is not named"
    assert {shot["scene_id"] for shot in shots} == {scene["scene_id"] for scene in plan}, "a scene has no rows"
    for video in videos:
        ends = sorted((s["start_frame"], s["end_frame"]) for s in shots if s["video"] == video["video"])
        assert all(a[1] == b[0] for a, b in pairwise(ends)), "rows do not tile"
        assert (video["status"] == "failed") == (video["error"] is not None)
        assert video["status"] == "failed" or (root / "out" / video["output"]).stat().st_size == video["output_bytes"]
    assert all(shot["error"] for shot in shots if shot["status"] != "ok"), "a fault without its reason"
    left = [p.name for p in (root / "out").rglob(".*") if ".part" in p.name or p.name.endswith(".tries")]
    assert not left, left
    count = {status: sum(v["status"] == status for v in videos) for status in ("ok", "fallback", "failed")}
    reasons: dict[str, int] = {}
    for scene in {s["scene_id"]: s for s in shots if s["status"] != "ok"}.values():
        reasons[scene["error"]] = reasons.get(scene["error"], 0) + 1
    frames = sum(video["frames"] or 0 for video in videos)
    return {"videos": count, "scenes": len(plan), "frames": frames, "hours": frames / FPS / 3600, "faults": reasons}


def observed(soak: Soak) -> dict[str, Any]:
    """What was done to the run and what it took; the peaks by thirds of the time tell whether memory grows."""
    third = max(len(soak.memory) // 3, 1)
    parts = soak.memory[:third], soak.memory[third:-third] or soak.memory, soak.memory[-third:]
    return {
        "exit codes": soak.exits,
        "minutes": round(soak.now / 60, 1),
        "drivers killed": len(soak.drivers),
        "workers killed": len(soak.workers),
        "peak MiB by third of the time": [round(max(sample[1] for sample in part)) for part in parts],
        "largest process MiB": round(max(sample[2] for sample in soak.memory)),
    }


def plot(soak: Soak, path: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, (upper, lower) = plt.subplots(2, 1, sharex=True, figsize=(9, 5.5), layout="constrained")
    when = [sample[0] / 60 for sample in soak.memory]
    upper.plot(when, [sample[1] for sample in soak.memory], label="driver, Ray and all workers (PSS)")
    upper.plot(when, [sample[2] for sample in soak.memory], label="largest process")
    for time_killed in soak.drivers:
        upper.axvline(time_killed / 60, color="tab:red", lw=0.8)
    for time_killed in soak.workers:
        upper.axvline(time_killed / 60, color="tab:gray", lw=0.4, ls=":")
    upper.set(ylabel="MiB", ylim=(0, None), title="red: the driver is killed, dotted: a worker is killed")
    upper.legend(loc="lower right")
    lower.plot([p[0] / 60 for p in soak.progress], [p[1] for p in soak.progress])
    lower.set(xlabel="minutes", ylabel="scenes with a segment")
    figure.savefig(path, dpi=110)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=25, help="how long faults go on")
    parser.add_argument("--at-most", type=float, default=60, help="when to stop, done or not")
    parser.add_argument("--videos", type=int, default=12)
    parser.add_argument("--length", type=float, default=10, help="minutes of each video")
    parser.add_argument("--faults", type=float, default=0.05, help="share of backgrounds with a fault")
    parser.add_argument("--driver-seconds", type=float, default=240, help="mean time between kills of the driver")
    parser.add_argument("--worker-seconds", type=float, default=60, help="mean time between kills of a worker")
    parser.add_argument("--cpus", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--work", type=Path, default=Path("outputs/soak"), help="a folder to work in, emptied first")
    options = parser.parse_args()
    shutil.rmtree(options.work, ignore_errors=True)
    root = options.work.absolute()
    write_series(root / "in", options.videos, options.length, options.seed)
    (root / "conf/inpainter").mkdir(parents=True)
    (root / "died").mkdir()
    (root / "conf/inpainter/soak.yaml").write_text(ENGINE.format(folder=root / "died", rate=options.faults))
    soak = Soak(root, options, random.Random(options.seed))
    whole = soak.run()
    told = observed(soak) | {"ended by itself": whole} | (account(root) if whole else {})
    told["options"] = {k: str(v) for k, v in vars(options).items() if k != "work"}
    plot(soak, RESULTS / "soak.png")
    (RESULTS / "soak.json").write_text(json.dumps(told, indent=1) + "\n")
    print(json.dumps(told, indent=1))
    return int(not whole)


if __name__ == "__main__":
    sys.exit(main())

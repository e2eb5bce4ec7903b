"""Draw the sample series: ``python -m remaster.jobs.sample``."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from remaster_sample.episodes import EPISODES
from remaster_sample.write import write_episode, write_truth


def parser() -> argparse.ArgumentParser:
    """The program's arguments."""
    p = argparse.ArgumentParser(prog="python -m remaster.jobs.sample", description="Draw the sample cartoon series.")
    p.add_argument("--out", type=Path, default=Path("data/series"), help="folder for the videos (%(default)s)")
    p.add_argument("--truth", action="store_true", help="also write each episode's 16:9 picture, masks and cameras")
    p.add_argument("--truth-out", type=Path, default=Path("data/series-truth"), help="folder for it (%(default)s)")
    names = [episode.name for episode in EPISODES]
    p.add_argument("--episodes", nargs="+", metavar="NAME", choices=names, default=names, help=", ".join(names))
    return p


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the chosen episodes, a line for each; returns the exit code."""
    options = parser().parse_args(arguments)
    for episode in EPISODES:
        if episode.name not in options.episodes:
            continue
        began = time.monotonic()
        path = write_episode(episode, options.out)
        truth = write_truth(episode, options.truth_out) if options.truth else ()
        seconds = float(episode.frames / episode.fps)
        print(
            f"{path}: {episode.title!r}, {len(episode.shots)} shots, {episode.frames} frames, {seconds:.1f} s, "
            f"{episode.width}x{episode.height} SAR {episode.sar}, drawn in {time.monotonic() - began:.0f} s"
        )
        for extra in truth:
            print(f"  {extra}")
    dataset = "+dataset=series" if options.out == parser().get_default("out") else f"dataset.path={options.out}"
    print(f"Next: python -m remaster.jobs.batch {dataset}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

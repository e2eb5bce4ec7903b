"""Do damaged files hang or crash a run, or harm a good video beside them?

Makes files of many kinds and damages them at random (seeded). Reads each one (probe, detect) in a process with a time
limit, then runs the whole program on a folder with all of them and one good video.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq

sys.path.append(str(Path(__file__).parent.parent / "tests" / "media"))
from kinds import KINDS
from mutations import read_all, write_mutations

GOOD = "zz-good.mkv"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=60.0, help="the limit for reading one file")
    parser.add_argument("--job-seconds", type=float, default=1800.0, help="the limit for the whole job")
    parser.add_argument("options", nargs="*", help="more keys for the job, as output.preset=ultrafast")
    arguments = parser.parse_intermixed_args()
    with tempfile.TemporaryDirectory() as root:
        folder, out = Path(root) / "in", Path(root) / "out"
        paths = write_mutations(folder, arguments.files, arguments.seed)
        readings = list(read_all(paths, arguments.seconds))
        for reading in readings:
            if reading.outcome not in ("read", "refused"):
                print(f"{reading.path.name}: {reading.outcome} {reading.detail}", flush=True)
        print("read alone:", dict(Counter(reading.outcome for reading in readings)), flush=True)
        next(kind for kind in KINDS if kind.name == "everything.mkv").make(folder / GOOD)
        started = time.monotonic()
        command = [sys.executable, "-m", "remaster.jobs.batch", f"dataset.path={folder}", f"output.dir={out}"]
        done = subprocess.run(
            [*command, *arguments.options], timeout=arguments.job_seconds, capture_output=True, text=True
        )
        rows = {row["video"]: row for row in pq.read_table(out / "metadata" / "videos").to_pylist()}
        facts = {
            "files": len(paths),
            "exit code": done.returncode,
            "seconds": round(time.monotonic() - started),
            "videos": dict(Counter(row["status"] for row in rows.values())),
            "without a row": [path.name for path in paths if path.name not in rows],
            "traceback shown": "Traceback" in done.stdout + done.stderr,
            "good video": rows.get(GOOD, {}).get("status"),
        }
        print(json.dumps(facts, indent=1))
        unnamed = [name for name, row in rows.items() if row["status"] == "failed" and not row["error"]]
    held = all(reading.outcome in ("read", "refused") for reading in readings) and not unnamed
    return int(not (held and facts["good video"] == "ok" and done.returncode in (0, 1) and not facts["without a row"]))


if __name__ == "__main__":
    raise SystemExit(main())

"""Programs that are interrupted while they still import their libraries leave in one line, as they do later."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

# The signal comes from within the first slow import, so that no timing is left to chance.
PROGRAM = """
import importlib.abc, os, sys
class Interrupting(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name in ("ray", "av", "cv2"):
            os.kill(os.getpid(), {signum})
sys.meta_path.insert(0, Interrupting())
from remaster.jobs.{job} import main
sys.argv = ["remaster"]
main()
"""


@pytest.mark.parametrize("job", ["batch", "evaluate", "plan", "review"])
@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_early_signal(job: str, signum: int, code: int) -> None:
    program = PROGRAM.format(signum=int(signum), job=job)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=200)
    assert done.returncode == code, done.stderr
    assert done.stderr == "remaster: interrupted; the same command starts again\n"

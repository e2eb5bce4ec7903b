"""Files damaged at random, repeatably, and reading them in a process of its own that may die or hang."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from kinds import KINDS

# Kinds of all containers and codecs; what is made by damaging another one is left out.
_NAMES = (
    *("ntsc.mkv", "10-bit.mkv", "rotated.mp4", "late.mp4", "edit-list.mp4", "no-times.m2v", "b-frames.avi", "jpeg.avi"),
    *("everything.mkv", "cover.mp4", "transport.ts", "program.mpg", "old.avi", "web.webm", "packed.avi"),
)
SOUND = tuple(kind for kind in KINDS if kind.name in _NAMES)
READER = """
import sys
from remaster.errors import MediaError
from remaster.media.decode import decode
from remaster.media.probe import probe
from remaster.detect.scenes import (DetectSettings, detect)
for line in sys.stdin:
    try:
        info = probe(line.rstrip())
        found = detect(decode(info), info, DetectSettings())
        print("read", len(found.pts), flush=True)
    except MediaError as error:
        print("refused", error, flush=True)
    except Exception as error:
        print("crashed", type(error).__name__, error, flush=True)
"""


@dataclass(frozen=True)
class Reading:
    """What came of a file: ``read``, ``refused`` (in one sentence), ``crashed``, ``died`` or ``hung``."""

    path: Path
    outcome: str
    detail: str


def mutated(data: bytes, rng: np.random.Generator) -> bytes:
    """A copy with some bytes changed, a run of them lost, doubled or overwritten, or its end missing."""
    result = bytearray(data)
    for _ in range(int(rng.integers(1, 4))):
        size = len(result)
        begin = int(rng.integers(0, size))
        end = min(begin + int(rng.integers(1, max(size // 8, 2))), size)
        match int(rng.integers(0, 6)):
            case 0:
                for place in rng.integers(0, size, int(rng.integers(1, 40))):
                    result[place] = int(rng.integers(0, 256))
            case 1:  # headers are at the start, and what they claim is believed
                for place in rng.integers(0, min(size, 600), int(rng.integers(1, 8))):
                    result[place] = int(rng.choice([0, 1, 127, 128, 255]))
            case 2:
                result[begin:end] = rng.integers(0, 256, end - begin, np.uint8).tobytes()
            case 3:
                del result[begin:end]
            case 4:
                result[begin:begin] = result[begin:end]
            case _:
                del result[max(begin, 1) :]
    return bytes(result) or b"\0"


def write_mutations(folder: Path, count: int, seed: int) -> list[Path]:
    """``count`` damaged files of all kinds in turn; the same seed gives the same files."""
    folder.mkdir(parents=True, exist_ok=True)
    originals = []
    for kind in SOUND:
        kind.make(folder / kind.name)
        originals.append((kind.name, (folder / kind.name).read_bytes()))
        (folder / kind.name).unlink()
    rng = np.random.default_rng(seed)
    paths = []
    for number in range(count):
        name, data = originals[number % len(originals)]
        path = folder / f"{number:03}-{name}"
        path.write_bytes(mutated(data, rng))
        paths.append(path)
    return paths


def read_all(paths: Sequence[Path], seconds: float) -> Iterator[Reading]:
    """Probe and detect every file, each within ``seconds``, in a process that is replaced where it dies or hangs."""
    waiting = list(paths)
    while waiting:
        process = subprocess.Popen(
            [sys.executable, "-c", READER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            for reading in _read_by(process, waiting, seconds):
                waiting.pop(0)
                yield reading
        finally:
            process.kill()
            process.communicate()


def _read_by(process: subprocess.Popen[str], paths: Iterable[Path], seconds: float) -> Iterator[Reading]:
    """Readings up to the first file that the process does not survive."""
    assert process.stdin is not None
    assert process.stdout is not None
    for path in list(paths):
        hung = threading.Event()

        def end(hung: threading.Event = hung) -> None:
            hung.set()
            process.kill()

        timer = threading.Timer(seconds, end)
        timer.start()
        try:
            process.stdin.write(f"{path}\n")
            process.stdin.flush()
            line = process.stdout.readline().rstrip()
        except BrokenPipeError:
            line = ""
        timer.cancel()
        if not line:
            yield Reading(path, "hung" if hung.is_set() else "died", "")
            return
        outcome, _, detail = line.partition(" ")
        yield Reading(path, outcome, detail)

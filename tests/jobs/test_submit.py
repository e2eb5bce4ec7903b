"""A real cluster of one node on the loopback interface, with token authentication, and a job submitted to it."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import pyarrow.parquet as pq
import pytest
import ray.dashboard.modules.job.cli
from clips import series_clip, still

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 120
STARTS = 3


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


@dataclass(frozen=True)
class Head:
    """A cluster's only node: its ``process``, where its job server and agent listen, and who may speak to it."""

    process: subprocess.Popen[bytes]
    server: str
    agent: str
    environment: dict[str, str]


@pytest.fixture
def cluster() -> Iterator[Head]:
    """Started again where a busy machine did not let it get up: Ray gives its node half a minute and then ends."""
    folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")  # short: sockets lie below it
    heads = []
    try:
        venv = Path(
            folder, "venv"
        )  # `ray start` runs its client server by a shell, which a space in the path cuts in two
        venv.symlink_to(sys.prefix)
        for number in range(STARTS):
            heads.append(_start(f"{folder}/{number}", venv / "bin"))
            if _is_up(heads[-1]):
                yield heads[-1]
                return
        raise TimeoutError(f"{STARTS} heads, and none had a job server within {START_SECONDS} s")
    finally:
        for head in heads:
            for pid in _processes_with(head.environment["RAY_AUTH_TOKEN"]):
                os.kill(pid, signal.SIGKILL)
            head.process.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


def _start(folder: str, programs: Path) -> Head:
    names = ("port", "dashboard-port", "ray-client-server-port", "dashboard-agent-listen-port", "metrics-export-port")
    ports = dict(zip(names, _free_ports(len(names)), strict=True))
    environment = {key: value for key, value in os.environ.items() if not key.startswith("RAY_")}
    environment |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32), "RAY_USAGE_STATS_ENABLED": "0"}
    environment |= {"PYTHONPATH": str(ROOT), "PATH": f"{programs}:{os.environ['PATH']}"}
    command = [str(programs / "python"), "-m", "ray.scripts.scripts", "start", "--head", "--block", "--num-cpus=2"]
    command += ["--node-ip-address=127.0.0.1", "--dashboard-host=127.0.0.1", f"--temp-dir={folder}"]
    command += [f"--{name}={port}" for name, port in ports.items()]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    server, agent = (f"http://127.0.0.1:{ports[name]}" for name in ("dashboard-port", "dashboard-agent-listen-port"))
    return Head(process, server, agent, environment)


def _is_up(head: Head) -> bool:
    """Whether the job server, and the agent that starts jobs, have answered before the head ended or time was up."""
    deadline = time.monotonic() + START_SECONDS
    headers = {"Authorization": f"Bearer {head.environment['RAY_AUTH_TOKEN']}"}
    while time.monotonic() < deadline and head.process.poll() is None:
        try:
            for url in (f"{head.server}/api/jobs/", f"{head.agent}/api/local_raylet_healthz"):
                with urlopen(Request(url, headers=headers), timeout=10) as answer:
                    answer.read()
            return True
        except (URLError, ConnectionError, TimeoutError):
            time.sleep(0.5)
    return False


def _processes_with(token: str) -> list[int]:
    """Ray's orderly end takes up to half a minute; its processes are known by the token in their environment."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdigit() and token.encode() in (process / "environ").read_bytes():
                found.append(int(process.name))
        except (FileNotFoundError, ProcessLookupError, PermissionError):  # gone by now, or somebody else's
            continue
    return found


def _submit(address: str, environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    """By the script; once more where Ray's job server, on a busy machine, drops the connection while it starts."""
    command = [str(ROOT / "jobs" / "submit.sh"), address, *words]
    for _ in range(3):
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)
        if "Connection aborted" not in done.stderr:
            break
        time.sleep(5)
    return done


NAMES = ("a;b $HOME.mkv", 'it\'s  a "film" \\" `x` & *.mkv', " コ\n", "", "a\\", "a\tb")


def test_names_come_to_the_job_as_they_are(tmp_path: Path) -> None:
    """Ray joins the words of a job's command by ``shlex.join``, and a shell reads it."""
    assert "shlex.join(entrypoint)" in Path(ray.dashboard.modules.job.cli.__file__).read_text()
    joined = "shlex.join(sys.argv[sys.argv.index('--') + 1 :])"
    programs = {
        "ray": f"sys.exit(subprocess.call({joined}, shell=True))",
        "python": "print(json.dumps(sys.argv[1:]))",
    }
    for name, code in programs.items():
        (tmp_path / name).write_text(f"#!{sys.executable}\nimport json, shlex, subprocess, sys\n{code}\n")
        (tmp_path / name).chmod(0o755)
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    words = [f"dataset.path={name}" for name in NAMES]
    done = _submit("http://head:8265", environment, *words, "")
    assert json.loads(done.stdout) == ["-m", "remaster.jobs.batch", "cluster=join", *words, ""]


@pytest.mark.timeout(600)
def test_a_submitted_job_delivers_and_needs_the_token(tmp_path: Path, cluster: Head) -> None:
    address, environment = cluster.server, cluster.environment
    clip = series_clip(tmp_path / "a;b  $HOME 'c'.mp4", [still(0, 8)])
    out = tmp_path / "out"
    with pytest.raises(HTTPError, match="401"):
        urlopen(f"{address}/api/jobs/", timeout=30)
    done = _submit(address, environment, f"dataset.path={clip}", f"output.dir={out}", "target.aspect=4:3")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    (row,) = pq.read_table(out / "metadata" / "videos").to_pylist()
    assert (row["status"], row["frames"]) == ("ok", 8)
    assert (out / "videos" / clip.name).is_file()

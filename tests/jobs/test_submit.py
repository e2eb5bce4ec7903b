"""A real cluster of one node on the loopback interface, with token authentication, and a job submitted to it."""

from __future__ import annotations

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
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import pyarrow.parquet as pq
import pytest
from clips import series_clip, still

ROOT = Path(__file__).resolve().parents[2]
RAY = Path(sys.executable).parent / "ray"
START_SECONDS = 240


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


@pytest.fixture
def cluster() -> Iterator[tuple[str, dict[str, str]]]:
    """(address of the job server, environment that may speak to it)."""
    names = ("port", "dashboard-port", "ray-client-server-port", "dashboard-agent-listen-port", "metrics-export-port")
    ports = dict(zip(names, _free_ports(len(names)), strict=True))
    folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")  # short: sockets lie below it
    environment = {key: value for key, value in os.environ.items() if not key.startswith("RAY_")}
    environment |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32), "RAY_USAGE_STATS_ENABLED": "0"}
    environment |= {"PYTHONPATH": str(ROOT), "PATH": f"{RAY.parent}:{os.environ['PATH']}"}
    command = [str(RAY), "start", "--head", "--block", "--num-cpus=2", "--node-ip-address=127.0.0.1"]
    command += ["--dashboard-host=127.0.0.1", f"--temp-dir={folder}", *(f"--{n}={p}" for n, p in ports.items())]
    held = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        server, agent = ports["dashboard-port"], ports["dashboard-agent-listen-port"]
        _wait_until_up(f"http://127.0.0.1:{server}", f"http://127.0.0.1:{agent}", environment)
        yield f"http://127.0.0.1:{server}", environment
    finally:
        for pid in _processes_with(environment["RAY_AUTH_TOKEN"]):
            os.kill(pid, signal.SIGKILL)
        held.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


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
    command = [str(ROOT / "jobs" / "submit.sh"), address, *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=200)


def _wait_until_up(address: str, agent: str, environment: dict[str, str]) -> None:
    """Until the job server and the agent have an answer."""
    deadline = time.monotonic() + START_SECONDS
    headers = {"Authorization": f"Bearer {environment['RAY_AUTH_TOKEN']}"}
    while time.monotonic() < deadline:
        try:
            # The server takes jobs once the node's agent, which starts them, is there too.
            for url in (f"{address}/api/jobs/", f"{agent}/api/local_raylet_healthz"):
                with urlopen(Request(url, headers=headers), timeout=10) as answer:
                    answer.read()
            return
        except (URLError, ConnectionError, TimeoutError):
            pass
        time.sleep(0.5)
    raise TimeoutError(f"no job server at {address} within {START_SECONDS} s")


@pytest.mark.timeout(600)
def test_a_submitted_job_delivers_and_needs_the_token(tmp_path: Path, cluster: tuple[str, dict[str, str]]) -> None:
    address, environment = cluster
    clip = series_clip(tmp_path / "clip.mp4", [still(0, 8)])
    out = tmp_path / "out"
    with pytest.raises(HTTPError, match="401"):
        urlopen(f"{address}/api/jobs/", timeout=30)
    done = _submit(address, environment, f"dataset.path={clip}", f"output.dir={out}", "output.preset=ultrafast")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    (row,) = pq.read_table(out / "metadata" / "videos").to_pylist()
    assert (row["status"], row["frames"]) == ("ok", 8)
    assert (out / "videos" / "clip.mp4").is_file()

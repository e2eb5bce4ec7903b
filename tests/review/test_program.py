"""The program's sentences and exit codes, as a shell sees them."""

from __future__ import annotations

import signal
import socket
from pathlib import Path

import pytest
from programs import run_function, run_program
from review_pages import served, without_nicegui

MODULE = "remaster.jobs.review"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "output.dir=DIR"),
        (["output.dir=nothing"], "holds no run"),
        (["output.dir=s3://bucket/out"], "object store"),
        (["output.dir=.", "review.hots=x"], "hots"),
        (["output.dir=.", "review.port=http"], "review.port"),
        (["output.dir=.", "review.host=0.0.0.0"], "review.names"),
    ],
)
def test_what_cannot_start_says_why_in_one_sentence(tmp_path: Path, arguments: list[str], said: str) -> None:
    ended = run_program(MODULE, arguments, tmp_path)
    assert ended.returncode == 2
    assert said in ended.stderr and ended.stderr.count("\n") == 1
    assert ended.stderr.startswith("remaster: ") and not ended.stdout


def test_a_port_in_use_is_named(finished: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run_program(MODULE, [f"output.dir={finished}", f"review.port={port}"], finished.parent)
    assert ended.returncode == 2
    assert f"review.port={port}" in ended.stderr


def test_without_the_extra_it_says_what_to_install(finished: Path) -> None:
    ended = run_function(without_nicegui, f"output.dir={finished}", cwd=finished.parent)
    assert ended.returncode == 2
    assert ended.stderr == (
        "remaster: the page needs NiceGUI, which is not installed: pip install 'remaster[review]'\n"
    )


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it(finished: Path, signum: int, code: int) -> None:
    with served(finished) as server:
        assert server.ask("/").status == 200
        server.process.send_signal(signum)
        _, stderr = server.process.communicate(timeout=100)
    assert server.process.returncode == code
    assert stderr.splitlines()[-1] == "remaster: interrupted; all decisions are kept"
    assert "Traceback" not in stderr


def test_the_help_names_the_keys(tmp_path: Path) -> None:
    ended = run_program(MODULE, ["--help"], tmp_path)
    assert ended.returncode == 0
    for key in ("output.dir", "review.host", "review.port", "review.names"):
        assert key in ended.stdout

"""The review program as a person runs it: a process of its own, asked by HTTP or by a real browser."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

REQUIRED = "REMASTER_BROWSER_TESTS"
"""The environment variable under which a missing Chromium is a failure."""
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
]
START_SECONDS = 120


@dataclass(frozen=True)
class Server:
    """A running review: its ``port`` on this machine, its ``token`` and its process."""

    port: int
    token: str
    process: subprocess.Popen[str]

    @property
    def address(self) -> str:
        """What a person opens."""
        return f"http://127.0.0.1:{self.port}/?token={self.token}"

    @property
    def cookie(self) -> str:
        """What a browser sends that has opened the address."""
        return f"remaster_review_{self.port}={self.token}"

    def ask(
        self,
        path: str,
        headers: Mapping[str, str] | None = None,
        cookie: bool = True,
        method: str = "GET",
        body: bytes | None = None,
    ) -> Answer:
        """A request with exactly these headers besides ``Host``, and the ``cookie``."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        given = {"Host": f"127.0.0.1:{self.port}", **({"Cookie": self.cookie} if cookie else {}), **(headers or {})}
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in given.items():
            connection.putheader(name, value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        return Answer(response.status, response.read(), dict(response.getheaders()))

    def picture(self, key: str, kind: str) -> Answer:
        """A picture of a shot."""
        return self.ask(f"/picture/{quote(key, safe='')}/{kind}")


@dataclass(frozen=True)
class Answer:
    """An answer with its body."""

    status: int
    body: bytes
    headers: Mapping[str, str]


@contextmanager
def served(out: Path, *settings: str) -> Iterator[Server]:
    """The review of an output folder, until the block ends."""
    command = [sys.executable, "-m", "remaster.jobs.review", f"output.dir={out}", *settings]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=out.parent)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:(\d+)/\?token=(\S+)", line)
        if found is None:
            process.wait(START_SECONDS)
            assert process.stderr is not None
            pytest.fail(f"the review did not start: {process.stderr.read()[-2000:]}")
        yield Server(int(found[1]), found[2], process)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.communicate(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()


def chromium() -> str:
    """The path of Debian's Chromium; skips where it is missing, and fails where the environment asks for it."""
    found = shutil.which("chromium")
    if found is None:
        said = "Chromium is not installed: apt-get install chromium"
        if os.environ.get(REQUIRED):
            pytest.fail(said)
        pytest.skip(f"{said}; with {REQUIRED}=1 this is a failure")
    return found


@contextmanager
def opened(server: Server, profile: Path, width: int, height: int) -> Iterator[Any]:
    """The page in a browser with an empty profile; errors on its console fail the test at the end."""
    path = chromium()
    from playwright.sync_api import sync_playwright

    errors: list[str] = []
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            profile,
            executable_path=path,
            args=FLAGS,
            viewport={"width": width, "height": height},
            has_touch=width < 500,
        )
        context.set_default_timeout(60_000)
        page = context.pages[0] if context.pages else context.new_page()
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(server.address)
        page.wait_for_selector(".cell")
        yield page
        context.close()
    assert not errors


def without_nicegui(*arguments: str) -> None:
    """The program where NiceGUI is not installed."""
    sys.modules["nicegui"] = None  # type: ignore[assignment]
    sys.argv = ["remaster.jobs.review", *arguments]
    from remaster.jobs.review import main

    main()

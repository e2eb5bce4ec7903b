"""The batch that the page starts: the folder's own settings, one at a time, and on its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from faulty_runs import descendants
from omegaconf import OmegaConf
from programs import run_program
from review_pages import opened, served

from remaster.errors import UserError
from remaster.review.making import Maker, configuration
from remaster.steering.overrides import read

HOLDER = """
import sys, time
from remaster.pipeline.lock import lock
from remaster.pipeline.store import Store
with lock(Store(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(own: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that works on the folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(own)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    yield process
    process.communicate()


def test_a_run_that_works_on_the_folder_is_named(own: Path, holder: subprocess.Popen[str]) -> None:
    maker = Maker(own)
    assert str(holder.pid) in str(maker.holder())
    with pytest.raises(UserError, match=str(holder.pid)):
        maker.start()
    assert maker.progress().code is None
    holder.communicate()
    assert maker.holder() is None


def test_a_lock_that_nobody_holds_is_none(own: Path) -> None:
    maker = Maker(own)
    assert maker.holder() is None
    for left in ("", "no json", f'{{"host": "{socket.gethostname()}", "pid": {os.getpid()}}}', "[]", '{"pid": "x"}'):
        (own / ".lock").write_text(left)
        assert maker.holder() is None


def test_the_batch_gets_the_settings_of_the_folders_run(own: Path, tmp_path: Path) -> None:
    run = OmegaConf.load(own / "run.yaml")
    run.target.framing, run.output.preset, run.resume = "left", r"\${odd}", False
    OmegaConf.save(run, own / "run.yaml")
    (tmp_path / "again.yaml").write_text(configuration(own))
    arguments = ["--config-dir", str(tmp_path), "-cn", "again", "--cfg", "job"]
    ended = run_program("remaster.jobs.batch", arguments, tmp_path)
    assert ended.returncode == 0, ended.stderr
    composed = OmegaConf.create(ended.stdout)
    del run["chosen"]
    run.resume = True
    assert OmegaConf.to_container(composed, resolve=True) == OmegaConf.to_container(run, resolve=True)


def test_a_folder_without_a_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"run\.yaml"):
        configuration(tmp_path)
    (tmp_path / "run.yaml").write_text("[]")
    with pytest.raises(UserError, match="no configuration"):
        configuration(tmp_path)


def picture(page: Any) -> str:
    return str(page.locator(".wipe .after").get_attribute("src"))


@pytest.mark.timeout(600)
def test_a_decision_survives_kills_of_server_and_run_and_is_made(own: Path, tmp_path: Path) -> None:
    with served(own) as server:
        with opened(server, tmp_path / "one", 1280, 720) as page:
            key = page.locator('.strip [aria-current="true"]').get_attribute("data-shot")
            before = picture(page)
            page.get_by_role("combobox", name="framing").click()
            page.get_by_role("option", name="original at the left").click()
            page.wait_for_selector('.strip [aria-current="true"] .mark')
            page.locator('[data-key="make"]').click()
            page.wait_for_function("document.querySelector('.making').innerText.startsWith('making')")
            page.keyboard.press("a")
            page.wait_for_selector('[data-key="accept"][aria-pressed="true"]')
        for process in [psutil.Process(server.process.pid), *descendants(server.process)]:  # the run is among them
            with suppress(psutil.NoSuchProcess):
                process.kill()
    (entry,) = read((own / "overrides.yaml").read_text(), "file").entries
    assert entry.decided == {"framing": "left", "review": "accepted"}
    with served(own) as server:
        with opened(server, tmp_path / "two", 1280, 720) as page:
            page.locator('[data-key="make"]').click()
            page.wait_for_function("document.querySelector('.making').innerText.startsWith('making')")
        with opened(server, tmp_path / "three", 1280, 720) as page:  # as after a reload
            page.wait_for_function("document.querySelector('.making').innerText.includes('made:')", timeout=500_000)
            page.locator(f'.strip [data-shot="{key}"]').click()
            page.wait_for_selector(f'.strip [data-shot="{key}"][aria-current="true"]')
            page.wait_for_function(f"document.querySelector('.wipe .after').getAttribute('src') !== {before!r}")
            assert picture(page).partition("?")[0] == before.partition("?")[0]
            numbers = page.locator(".numbers table").text_content()
            assert "framing0.00" in numbers
            assert "framing left" in page.locator(".form > .said").inner_text()
            lines = page.locator(".log pre").text_content()
            assert "report:" in lines


def test_takes_are_other_fills_and_one_is_chosen(own: Path, tmp_path: Path) -> None:
    with served(own) as server, opened(server, tmp_path / "one", 1280, 720) as page:
        key = page.locator('.strip [aria-current="true"]').get_attribute("data-shot")
        assert server.ask(f"/take/{key}/0").status == 404
        page.keyboard.press("t")
        page.wait_for_selector('[data-key="take-2"]', timeout=250_000)
        takes = {server.ask(f"/take/{key}/{number}").body for number in range(3)}
        assert len(takes) > 1
        assert server.ask(f"/take/{key}/3").status == 404
        page.locator('[data-key="take-0"]').click()
        page.wait_for_selector('[data-key="take-0"][aria-pressed="true"]')
        (entry,) = read((own / "overrides.yaml").read_text(), "file").entries
        assert entry.decided == {"inpainter": {"name": "exemplar", "mirror_cost": 20.0}}

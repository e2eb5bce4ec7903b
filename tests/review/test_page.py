"""The page in a real browser, wide and narrow: open, filter, wipe, keys, and no error on the console."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from review_pages import Server, opened, served

from remaster.steering.overrides import read
from remaster.tables import SHOTS

SIZES = [(1280, 720), (390, 844)]


def current(page: Any) -> str:
    return str(page.locator('.strip [aria-current="true"]').get_attribute("data-shot"))


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_a_person_looks_through_the_shots(server: Server, tmp_path: Path, width: int, height: int) -> None:
    with opened(server, tmp_path, width, height) as page:
        keys = [cell.get_attribute("data-shot") for cell in page.locator(".strip .cell").all()]
        assert len(keys) == 3 and current(page) == keys[0]
        assert "<img src=x" in page.locator(".strip").inner_text() and page.locator("img[src=x]").count() == 0
        assert page.evaluate("document.documentElement.scrollWidth") <= width

        page.keyboard.press("n")
        page.wait_for_selector(f'.strip [data-shot="{keys[1]}"][aria-current="true"]')
        page.keyboard.press("ArrowLeft")
        page.wait_for_selector(f'.strip [data-shot="{keys[0]}"][aria-current="true"]')
        page.locator(f'.strip [data-shot="{keys[2]}"]').click()
        page.wait_for_selector(f'.strip [data-shot="{keys[2]}"][aria-current="true"]')
        page.wait_for_selector(f'.wipe:not(.loading) img.after[src*="{quote(keys[2], safe="")}"]')

        page.keyboard.press("w")
        assert page.locator(".wipe input").input_value() == "100"
        page.keyboard.press("ArrowLeft")
        assert page.locator(".wipe input").input_value() == "99"
        box = page.locator(".wipe").bounding_box()
        page.mouse.click(box["x"] + box["width"] * 0.25, box["y"] + box["height"] / 2)
        assert abs(float(page.locator(".wipe input").input_value()) - 25) < 6
        at = page.locator(".wipe").evaluate("wipe => wipe.style.getPropertyValue('--at')")
        assert abs(float(at.rstrip("%")) - 25) < 6

        at = page.locator(".wipe input").input_value()
        page.keyboard.press("Tab")  # off the slider, whose own keys the arrows are
        page.keyboard.press("p")
        page.wait_for_selector(f'.wipe:not(.loading) img.after[src*="{quote(keys[1], safe="")}"]')
        assert page.locator(".wipe input").input_value() == at, "it stays from shot to shot"

        page.keyboard.press("3")
        page.wait_for_selector(".canvas.overlaid .over")
        page.keyboard.press("o")
        page.wait_for_selector(".canvas:not(.overlaid)")
        page.keyboard.press("?")
        page.wait_for_selector(".help dl")
        page.keyboard.press("Escape")
        page.wait_for_selector(".help", state="detached")


def test_filters_and_the_loop(server: Server, tmp_path: Path) -> None:
    with opened(server, tmp_path, 1280, 720) as page:
        page.keyboard.press("f")
        page.keyboard.type("mosaic")
        page.wait_for_function("document.querySelectorAll('.strip .cell').length === 1")
        assert "1 of 3 shots" in page.locator(".counts").inner_text()
        page.locator(".search input").fill("nothing like it")
        page.wait_for_selector(".strip .none")
        page.locator(".search input").fill("")
        page.wait_for_function("document.querySelectorAll('.strip .cell').length === 3")
        page.get_by_role("combobox", name="every method").click()
        page.get_by_role("option", name="still (2)").click()
        page.wait_for_function("document.querySelectorAll('.strip .cell').length === 2")
        page.keyboard.press("Escape")
        page.locator('[data-key="view-loop"]').click()
        page.wait_for_function("(document.querySelector('.loop video') || {}).currentTime > 0.05")


def test_every_control_has_a_name_and_shows_its_focus(server: Server, tmp_path: Path) -> None:
    with opened(server, tmp_path, 1280, 720) as page:
        nameless = "[...document.querySelectorAll('button, input')].filter(e => e.offsetParent && !(e.ariaLabel "
        nameless += "|| e.innerText || e.labels?.length || e.title || e.type === 'file')).map(e => e.outerHTML)"
        assert page.evaluate(nameless) == []
        ring = "(e => getComputedStyle(e.closest('.q-field')?.querySelector('.q-field__control')"
        ring += " ?? e.closest('.wipe') ?? e).boxShadow)(document.activeElement)"
        rings = []
        for _ in range(16):
            page.keyboard.press("Tab")
            rings.append(page.evaluate(ring))
        assert all("3px" in ring for ring in rings)


def test_decisions_are_kept_at_once_and_shown_on_every_page(own: Path, tmp_path: Path) -> None:
    file = own / "overrides.yaml"

    def is_decided(page: Any, key: str, value: Any) -> None:
        """The file has it once the page says so."""
        page.wait_for_function(f"document.querySelector('.form > .said').innerText.includes({json.dumps(key)})")
        assert [entry.decided.get(key) for entry in read(file.read_text(), "file").entries] == [value]

    with served(own) as server:
        with opened(server, tmp_path / "one", 1280, 720) as page:
            page.keyboard.press("a")
            page.wait_for_selector('[data-key="accept"][aria-pressed="true"]')
            assert "accepted" in file.read_text()
            page.wait_for_selector('.strip [aria-current="true"] .mark')
            page.keyboard.press("r")
            page.wait_for_selector('[data-key="reject"][aria-pressed="true"]')
            page.keyboard.press("r")
            page.wait_for_selector('[data-key="reject"][aria-pressed="false"]')
            assert not read(file.read_text(), "file").entries
            page.get_by_role("combobox", name="framing").click()
            page.get_by_role("option", name="original at the left").click()
            is_decided(page, "framing", "left")
            page.get_by_label("seed").fill("7")
            page.keyboard.press("Enter")
            is_decided(page, "seed", 7)
            page.get_by_label("cut before frame").fill("5")
            page.locator('[data-key="cut-add"]').click()
            page.wait_for_selector(".cuts .q-btn")
            assert read(file.read_text(), "file").cuts[0].frame == 5
        server.process.kill()
        assert [entry.decided for entry in read(file.read_text(), "file").entries] == [{"framing": "left", "seed": 7}]
    with served(own) as server, opened(server, tmp_path / "two", 1280, 720) as page:
        page.wait_for_selector(".strip .cell .mark")
        assert "framing left" in page.locator(".form > .said").inner_text()


def show_one_set(own: Path) -> None:
    """Change the run's rows: two of its shots show one set."""
    for path in (own / "metadata" / "scenes").glob("*.parquet"):
        rows = [row | {"set_id": "s.0", "linked": 1} for row in pq.read_table(path).to_pylist()]
        pq.write_table(pa.Table.from_pylist(rows, schema=SHOTS), path)


def test_two_pages_of_a_set_and_an_editor(own: Path, tmp_path: Path) -> None:
    show_one_set(own)
    file = own / "overrides.yaml"
    file.write_text("overrides: [{video: one.mp4, gate: keep}]\n")
    loaded = file.read_text()
    with served(own) as server, opened(server, tmp_path / "one", 1280, 720) as page:
        other = page.context.new_page()
        other.goto(f"http://127.0.0.1:{server.port}/")
        other.wait_for_selector(".cell")
        assert current(other) == current(page)
        other.get_by_role("spinbutton", name="seed").press_sequentially("12")
        other.get_by_label("cut before frame").fill("3")
        page.keyboard.press("a")
        other.wait_for_selector('[data-key="accept"][aria-pressed="true"]')
        assert other.get_by_role("spinbutton", name="seed").input_value() == "12"
        assert other.get_by_label("cut before frame").input_value() == "3"
        other.get_by_role("spinbutton", name="seed").press("Enter")
        page.wait_for_function("document.querySelector('.form > .said').innerText.includes('seed 12')")
        assert "accepted" in file.read_text() and page.get_by_role("spinbutton", name="seed").input_value() == "12"

        page.locator(".same-set .other .q-btn").first.click()
        page.wait_for_selector('[data-key="link-0"]')
        other.wait_for_selector('[data-key="link-0"]')
        (entry,) = (entry for entry in read(file.read_text(), "file").entries if "unlink" in entry.decided)
        apart = page.locator(".same-set .cell").first.get_attribute("data-shot")
        assert entry.decided["unlink"][0]["video"] in page.locator(f'.strip [data-shot="{apart}"]').inner_text()
        other.locator(f'.strip [data-shot="{apart}"]').click()
        other.locator('[data-key="link-0"]').click()
        page.wait_for_selector('[data-key="link-0"]', state="detached")
        assert "unlink" not in file.read_text()

        file.write_text(loaded)
        page.wait_for_selector('[data-key="put-back"]')
        assert "seed 12" in page.locator(".overwritten").inner_text()
        page.locator('[data-key="put-back"]').click()
        page.wait_for_selector('[data-key="put-back"]', state="hidden")
        kept = [entry.decided for entry in read(file.read_text(), "file").entries]
        assert kept == [{"gate": "keep"}, {"seed": 12, "review": "accepted"}]


def test_a_file_that_cannot_be_read_is_named(own: Path, tmp_path: Path) -> None:
    (own / "overrides.yaml").write_text("overrides: [{video: a.mp4, framing: up}]")
    with served(own) as server, opened(server, tmp_path / "one", 1280, 720) as page:
        page.wait_for_selector(".trouble")
        assert "framing" in page.locator(".trouble").inner_text()
        page.keyboard.press("a")
        page.wait_for_selector(".q-notification")
        assert "framing: up" in (own / "overrides.yaml").read_text()

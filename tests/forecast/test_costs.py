"""Costs fitted to the rows of a run give back what made them."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from remaster.media.types import ColorSpec, PixelFormat, VideoInfo
from remaster.tables import STAGES
from remaster_forecast.costs import fitted, megapixels
from remaster_forecast.workload import from_headers


def shot(scene: str, frames: int, seconds: float, status: str = "ok") -> dict[str, Any]:
    row: dict[str, Any] = {"scene_id": scene, "start_frame": 0, "end_frame": frames, "status": status}
    row |= {"out_width": 1000, "out_height": 500, "segment_bytes": frames * 5000}
    return row | {f"seconds_{stage}": seconds for stage in STAGES}


def test_a_line_is_found_again() -> None:
    rows = [shot(str(n), n, 2.0 + 0.1 * n) for n in (10, 50, 90, 200)]
    costs = fitted(rows)
    for stage in STAGES:
        assert costs.steps[stage].scene == pytest.approx(2.0, rel=1e-6)
        assert costs.steps[stage].seconds(megapixels(rows[1])) == pytest.approx(7.0, rel=1e-6)
    assert costs.bytes_per_megapixel == pytest.approx(10_000)


def test_the_sum_of_seconds_is_kept() -> None:
    rows = [shot(str(n), 10 + n, 3.0 + (7 * n) % 5) for n in range(12)]
    line = fitted(rows).steps["stitch"]
    total = sum(line.seconds(megapixels(row)) for row in rows)
    assert total == pytest.approx(sum(row["seconds_stitch"] for row in rows))
    assert min(line.scene, line.pixels) >= 0.0


def test_two_shots_of_a_scene_are_one_scene() -> None:
    rows = [shot("a", 30, 4.0), shot("a", 30, 4.0), shot("b", 30, 4.0)]
    line = fitted(rows).steps["stitch"]
    assert sum(line.seconds(pixels) for pixels in (30.0, 15.0)) == pytest.approx(8.0)


def test_failed_scenes_tell_nothing() -> None:
    with pytest.raises(ValueError, match="no scene"):
        fitted([shot("a", 30, 4.0, status="fallback")])


def test_a_run_that_linked_has_its_second_decoding_in_its_seconds() -> None:
    rows = [shot(str(n), n, 2.0 + 0.1 * n) for n in (10, 50, 90, 200)]
    alone, linked = fitted(rows), fitted(rows, linked=True)
    assert linked.work(True)["resample"] == linked.work(False)["resample"] == alone.work(False)["resample"]
    more = alone.work(True)["resample"].pixels - alone.work(False)["resample"].pixels
    assert more == pytest.approx(alone.link.reread) and more > 0
    assert list(alone.work(False)) == list(STAGES)
    assert list(alone.work(True)) == [*STAGES[:4], "describe", "link", *STAGES[4:]]


def info(frames: int | None, duration: float | None, width: int = 640) -> VideoInfo:
    pixels, color = PixelFormat("yuv420p", "yuv", 8, 1, 1), ColorSpec()
    rate, tick = Fraction(24), Fraction(1, 1000)
    place = ("/a.mkv", "matroska", "h264", width, 480, Fraction(1), pixels, color)
    return VideoInfo(*place, rate, tick, 0, frames, duration, 1, 0, 1, 1)


def test_headers_give_frames_scenes_and_pixels() -> None:
    (known,) = from_headers([info(2400, None)], Fraction(16, 9), 4.0)
    (timed,) = from_headers([info(None, 100.0)], Fraction(16, 9), 4.0)
    assert known == timed
    assert len(known.scenes) == 25
    assert known.megapixels == pytest.approx(2400 * 852 * 480 / 1e6)
    (wide,) = from_headers([info(2400, None, width=854)], Fraction(16, 9), 4.0)
    assert wide.passthrough


def test_headers_that_tell_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match=r"a\.mkv"):
        from_headers([info(None, None)], Fraction(16, 9), 4.0)

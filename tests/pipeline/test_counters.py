"""The time of all runs of a folder: kept there while a run lasts, because a killed one cannot say it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from remaster.pipeline import counters
from remaster.pipeline.counters import KEY, FrameCounter, RunClock
from remaster.pipeline.store import Store


def test_runs_add_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(str(tmp_path))
    with RunClock().keep(store, resume=True) as first:
        time.sleep(0.05)
    assert first.earlier == 0.0
    with RunClock().keep(store, resume=True) as second:
        pass
    assert second.earlier == pytest.approx(first.seconds, abs=1.0)
    assert second.earlier >= 0.05
    monkeypatch.setattr(counters, "WRITE_EVERY_SECONDS", 0.01)
    with RunClock().keep(store, resume=False) as third:
        before = store.files.read(KEY)
        while store.files.read(KEY) == before:  # as a run does that is killed later
            time.sleep(0.01)
    assert third.earlier == 0.0


def test_a_damaged_note_counts_as_none(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    store.files.write(KEY, b"\xff?")
    assert RunClock().keep(store, resume=True).earlier == 0.0


def test_a_scene_is_at_one_step_at_a_time() -> None:
    counter = FrameCounter()
    counter.add(12)
    counter.enter(["a", "b", "c"], "analyze")
    counter.leave(["a"], "analyze", False)
    counter.enter(["b"], "analyze")  # its worker was lost
    assert counter.state() == (12, {("analyze", True): 2, ("analyze", False): 1})
    counter.enter(["a"], "resample")
    counter.leave(["a"], "resample", True)
    counter.leave(["a"], "resample", True)
    assert counter.state() == (12, {("analyze", True): 2})

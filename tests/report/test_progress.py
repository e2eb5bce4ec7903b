from __future__ import annotations

import io
import threading

import pytest
from rich.console import Console

from remaster.report.progress import ProgressView

EVIL = "[/bold]\x1b[2J[link=x]\r\n\u202e\udcff.mkv"


class Clock:
    def __init__(self) -> None:
        self.time = 100.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def plain():
    out, clock = io.StringIO(), Clock()
    console = Console(file=out, force_terminal=False, width=40)
    return ProgressView(console, now=clock), out, clock


def lines(out):
    return out.getvalue().splitlines()


def test_plain_output_is_at_most_one_line_an_interval(plain):
    view, out, clock = plain
    with view:
        view.found(1)
        view.planned("a.mkv", 100, 1000)
        for _ in range(50):
            clock.time += 1.0
            view.scene_done("a.mkv", 10, {"stitch": 1.0}, "ok")
        assert len(lines(out)) == 5
    assert len(lines(out)) == 6  # where it stood at the end
    assert lines(out)[-1] == (
        "scenes 50/100, frames 500/1,000, videos 0/1, most time in stitch (100 %), 10.0 fps, eta 0:50"
    )


def test_totals_are_open_while_videos_are_being_detected(plain):
    view, out, clock = plain
    with view:
        view.found(3)
        view.planned("a.mkv", 4, 40)
        clock.time += 10
        view.scene_done("a.mkv", 10, {}, "ok")
        assert "scenes 1/4+, frames 10/40+, videos 0/3" in lines(out)[-1]
        view.planned("b.mkv", 2, 20)
        view.video_done("c.avi", None, "failed")
        assert lines(out)[-1] == "failed: c.avi (videos 1/3)"
        clock.time += 10
        view.scene_done("b.mkv", 10, {}, "ok")
        assert "scenes 2/6, frames 20/60, videos 1/3" in lines(out)[-1]


def test_a_plan_told_twice_counts_once(plain):
    view, out, _clock = plain
    with view:
        view.found(1)
        view.planned("a.mkv", 4, 40)
        view.planned("a.mkv", 5, 50)
    assert "scenes 0/5, frames 0/50" in lines(out)[-1]


def test_a_resumed_run_starts_where_it_stands_and_its_speed_is_its_own(plain):
    view, out, clock = plain
    with view:
        view.found(1)
        view.planned("a.mkv", 10, 1000)
        view.already("a.mkv", 8, 800)
        clock.time += 10
        view.scene_done("a.mkv", 100, {}, "ok")
        assert lines(out)[-1] == "scenes 9/10, frames 900/1,000, videos 0/1, 10.0 fps, eta 0:10"


def test_speed_and_busiest_step_are_those_of_the_last_minutes(plain):
    view, _, clock = plain
    with view:
        view.planned("a.mkv", 400, 40000)
        for second in range(1, 401):
            clock.time += 1
            early = second <= 200
            view.scene_done("a.mkv", 100 if early else 5, {"analyze" if early else "stitch": 3.0, "detect": 1.0}, "ok")
        assert view.note() == "videos 0/0, most time in stitch (75 %), 5.00 fps, eta 1:03:20"
        clock.time += 120  # nothing comes: the speed sinks
        assert ", 2.50 fps" in view.note()


def test_frames_of_unfinished_scenes_count_but_never_twice(plain):
    view, out, clock = plain
    with view:
        view.planned("a.mkv", 2, 100)
        view.already("a.mkv", 1, 20)
        for frames, expected in ((12, 32), (60, 80), (96, 100)):
            clock.time += 10
            view.encoded(frames)
            assert lines(out)[-1].startswith(f"scenes 1/2, frames {expected}/100,")
        clock.time += 10
        view.scene_done("a.mkv", 80, {}, "ok")
        assert lines(out)[-1].startswith("scenes 2/2, frames 100/100,")
        assert lines(out)[-1].endswith("eta 0:00")


def test_nothing_new_says_nothing(plain):
    view, out, clock = plain
    with view:
        view.planned("a.mkv", 2, 100)
        for _ in range(100):
            clock.time += 1
            view.encoded(12)
        assert len(lines(out)) == 1


def test_failures_are_counted(plain):
    view, out, _ = plain
    with view:
        view.planned("a.mkv", 3, 30)
        for status in ("ok", "fallback", "failed"):
            view.scene_done("a.mkv", 10, {}, status)
    assert lines(out)[-1].endswith("1 fallback, 1 failed")


def test_messages_and_ends_come_at_once_and_on_one_line(plain):
    view, out, _ = plain
    with view:
        view.message("a message that is longer than the forty columns of this console")
        view.video_done("a.mkv", "videos/a.mkv", "ok")
    assert lines(out)[0] == "a message that is longer than the forty columns of this console"
    assert lines(out)[1] == "ok: a.mkv -> videos/a.mkv (videos 1/0)"


def test_notes_follow_their_video_a_short_line_each(plain):
    view, out, _ = plain
    with view:
        view.video_done("a.mkv", "videos/a.mkv", "incomplete", ["data stream 2 is left out", "long\n" + "x" * 999])
    assert lines(out)[0].startswith("incomplete: a.mkv")
    assert lines(out)[1:3] == ["  data stream 2 is left out", "  long"]


def test_odd_names_neither_format_nor_crash(plain):
    view, out, _ = plain
    with view:
        drive(view, EVIL)
    assert all(c.isprintable() or c == "\n" for c in out.getvalue())
    assert "[/bold]?[2J[link=x]? ??.mkv" in out.getvalue()


def test_the_remaining_time_follows_from_what_each_step_has_cost():
    clock = Clock()
    view = ProgressView(Console(file=io.StringIO(), force_terminal=False), now=clock, workers=2)
    with view:
        view.found(1)
        view.planned("a.mkv", 10, 1000)
        clock.time += 10
        for _ in range(4):
            view.described({"detect": 9.0, "analyze": 1.0, "stitch": 2.0}, 100)
        assert view.note().endswith("eta 0:09+")  # 600 frames of 0.03 s on two cores; what comes later is not known
        for _ in range(6):
            view.described({"detect": 9.0, "analyze": 1.0, "stitch": 2.0}, 100)
        assert view.note().endswith("eta 0:00+")
        view.scene_done("a.mkv", 100, {"detect": 9.0, "analyze": 1.0, "stitch": 2.0, "resample": 8.0}, "ok")
        assert view.note().endswith("eta 0:36")  # 900 frames of 0.08 s on two
        for _ in range(8):
            view.scene_done("a.mkv", 100, {"resample": 8.0}, "ok")
        assert view.note().endswith("eta 0:08")  # one scene is left, and works on one core


def test_without_links_a_scene_has_left_all_steps_when_it_is_done():
    clock = Clock()
    view = ProgressView(Console(file=io.StringIO(), force_terminal=False), now=clock, workers=1)
    with view:
        view.planned("a.mkv", 4, 400)
        clock.time += 1
        view.scene_done("a.mkv", 100, {"analyze": 1.0, "outpaint": 2.0, "resample": 3.0}, "ok")
        assert view.note().endswith("eta 0:18")
        view.encoded(250)  # 150 frames of scenes that are not done: their last steps are half over
        assert view.note().endswith("eta 0:10")


def test_a_terminal_shows_where_scenes_are_and_what_went_wrong_last():
    out = io.StringIO()
    with ProgressView(Console(file=out, force_terminal=True, width=160)) as view:
        drive(view, "a.mkv")
        view.at_steps({("analyze", True): 2, ("stitch", False): 1234, ("resample", True): 1})
        for number in range(5):
            view.trouble(f"fallback: a.mkv, frame {number}, stitch: {EVIL}")
    shown = out.getvalue()
    assert "steps  analyze 2, stitch 0 (1,234 wait behind it), resample 1" in shown
    last = shown[shown.rindex("steps  ") :]
    assert [number for number in range(5) if f"frame {number}" in last] == [2, 3, 4]
    assert "\x1b[2J" not in last


def test_plain_lines_count_what_went_wrong_and_say_no_more(plain):
    view, out, _ = plain
    with view:
        view.at_steps({("analyze", True): 2})
        view.trouble("fallback: a.mkv, frame 1")
    assert len(lines(out)) == 1 and "frame 1" not in out.getvalue() and "steps" not in out.getvalue()


def drive(view, name):
    view.found(2)
    view.planned(name, 2, 20)
    view.already(name, 1, 10)
    view.scene_done(name, 10, {"stitch": 0.5, "detect": 0.0}, "fallback")
    view.message(name)
    view.video_done(name, "videos/" + name, "fallback")


@pytest.mark.parametrize("width", [20, 120])
def test_a_terminal_shows_bars(width):
    out = io.StringIO()
    with ProgressView(Console(file=out, force_terminal=True, width=width)) as view:
        drive(view, EVIL)
    shown = out.getvalue()
    assert "\x1b[2J" not in shown
    if width == 120:
        assert "scenes" in shown
        assert "frames" in shown
        assert "2/2+" in shown
        assert "20/20+" in shown
        assert "videos 1/2" in shown


def test_a_terminal_of_few_letters_gets_no_others():
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    with ProgressView(Console(file=stream, force_terminal=True, width=100)) as view:
        drive(view, "été–\udcff.mkv")
    stream.flush()
    assert b"?t?-?.mkv" in raw.getvalue()


def test_a_dumb_terminal_gets_plain_lines():
    out = io.StringIO()
    with ProgressView(Console(file=out, force_terminal=True, _environ={"TERM": "dumb"})) as view:
        drive(view, "a.mkv")
    assert "\x1b" not in out.getvalue()
    assert "fallback: a.mkv -> videos/a.mkv (videos 1/2)" in out.getvalue()


def test_bars_end_when_the_run_is_interrupted():
    out = io.StringIO()
    before = set(threading.enumerate())
    with (
        pytest.raises(KeyboardInterrupt),
        ProgressView(Console(file=out, force_terminal=True, width=100)) as view,
    ):
        view.found(1)
        raise KeyboardInterrupt
    started = set(threading.enumerate()) - before
    for thread in started:
        thread.join(timeout=10)
    assert not any(thread.is_alive() for thread in started)
    assert out.getvalue().endswith("\x1b[?25h")  # the cursor is back

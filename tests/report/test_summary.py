from __future__ import annotations

import io

import pytest
from rich.console import Console

from remaster.report.console import MAX_LISTED, render_summary
from remaster.report.summary import EngineChoice, SetSummary, summarize
from remaster.report.wing_use import WingUse, lent_pixels, wing_use, wing_uses


def rendered(summary, terminal=False, engines=(), width=160, **options):
    out = io.StringIO()
    render_summary(summary, Console(file=out, force_terminal=terminal, width=width, **options), engines)
    return out.getvalue()


def test_rows_without_shares_go_by_method_and_coverage(shots_table):
    wing = 14 * 30
    shots = shots_table(
        {"coverage": 0.75},  # 10 frames: 3/4 recovered, the rest generated
        {"scene_id": "s1", "start_frame": 10, "end_frame": 40, "method": "ambient", "coverage": 0.4},
        {"scene_id": "s2", "coverage": 0.5, "generated_pixels": 0, "inpaint_calls": 0},  # holes that nobody filled
        {"scene_id": "s3", "status": "failed", "coverage": None},
        {"scene_id": "s4", "method": "passthrough", "out_width": 40, "coverage": None, "generated_pixels": None},
    )
    use = wing_use(shots)
    assert use == WingUse(int(12.5 * wing), 0, int(2.5 * wing), 35 * wing)
    assert use.pixels == 50 * wing
    assert use.share("recovered") == 0.25
    assert WingUse().share("recovered") is None


def test_wings_are_shared_out_by_pixels_not_by_shots(shots_table):
    shares = {"propagated": 0.5, "generated": 0.25, "soft": 0.25}
    shots = shots_table(
        {"method": "propagated", "recovered": 0.0, **shares, "coverage": 0.5},
        {"scene_id": "s1", "end_frame": 30, "recovered": 1.0, **dict.fromkeys(shares, 0.0), "coverage": 1.0},
    )
    one = 10 * 14 * 30
    assert wing_uses(shots) == [WingUse(0, one // 2, one // 4, one // 4), WingUse(3 * one, 0, 0, 0)]
    assert wing_use(shots) == WingUse(3 * one, one // 2, one // 4, one // 4)


def test_rounded_pixels_of_all_kinds_are_all_pixels(shots_table):
    shares = dict.fromkeys(("recovered", "propagated", "generated", "soft"), 0.25)
    (use,) = wing_uses(shots_table({"end_frame": 1, "width": 53, **shares}))
    assert use.pixels == 30
    assert {use.recovered, use.propagated, use.generated, use.soft} == {7, 8}


def test_what_a_scene_repeats_on_its_rows_counts_once(shots_table, videos_table):
    shots = shots_table(
        {"seconds_stitch": 3.0},
        {"shot": 1, "start_frame": 10, "end_frame": 20, "seconds_stitch": 3.0},
        {"scene_id": "s1", "inpaint_calls": 1, "generated_pixels": 40, "seconds_stitch": 1.0, "seconds_outpaint": 6.0},
    )
    (video,) = summarize(videos_table({}), shots, 2.0).videos
    assert (video.calls, video.generated_pixels) == (3, 140)
    assert video.frame_calls == 30
    assert video.call_factor == 10
    assert video.pixel_factor == 30 * 14 * 30 / 140
    summary = summarize(videos_table({}), shots, 2.0)
    assert summary.stage_seconds["stitch"] == 4.0
    assert summary.slowest == ("outpaint", 0.6)
    assembled = summarize(videos_table({"seconds_assemble": 30.0}), shots, 2.0)
    assert assembled.slowest == ("assemble", 0.75)


def test_frames_without_wings_need_no_call(shots_table, videos_table):
    shots = shots_table({}, {"scene_id": "s1", "method": "passthrough", "out_width": 40, "generated_pixels": 0})
    (video,) = summarize(videos_table({}), shots, 1.0).videos
    assert (video.frames, video.frame_calls) == (20, 10)
    assert dict(video.methods) == {"mosaic": 1, "passthrough": 1}


def test_the_total_is_the_sum_and_speed_is_video_time_over_wall_time(shots_table, videos_table):
    shots = shots_table({}, {"video": "b.mkv", "end_frame": 30}, {"video": "c.mkv"})
    videos = videos_table(
        {}, {"video": "b.mkv", "duration": 3.0}, {"video": "d.mkv", "output": None, "status": "failed"}
    )
    summary = summarize(videos, shots, 2.5)
    assert [(v.video, v.status, v.frames) for v in summary.videos] == [
        ("a.mkv", "ok", 10),
        ("b.mkv", "ok", 30),
        ("d.mkv", "failed", 0),
        ("c.mkv", "unfinished", 10),
    ]
    total = summary.total
    assert (total.frames, total.shots, total.calls) == (50, 3, 6)
    assert total.wings.pixels == 50 * 14 * 30
    assert total.duration == pytest.approx(1.0 + 3.0 + 1.0)  # the unfinished one's from its frames
    assert summary.speed == pytest.approx(2.0)
    assert summary.delivered == 2


def test_failures_name_video_step_and_message_with_alike_shots_together(shots_table, videos_table):
    fault = {"status": "fallback", "error_stage": "outpaint", "error": "out of memory"}
    shots = shots_table(
        {"start_frame": 20, "end_frame": 30, "scene_id": "s2", **fault},
        {"start_frame": 10, "end_frame": 20, "scene_id": "s1", **fault},
        {"start_frame": 30, "end_frame": 40, "scene_id": "s3", "status": "failed", "error_stage": "resample"},
    )
    videos = videos_table(
        {"status": "fallback"}, {"video": "b.avi", "output": None, "status": "failed", "error": "no moov"}
    )
    failures = summarize(videos, shots, 1.0).failures
    assert [(f.video, f.status, f.stage, f.message, f.shots, f.first_frame) for f in failures] == [
        ("b.avi", "failed", None, "no moov", 0, None),
        ("a.mkv", "fallback", "outpaint", "out of memory", 2, 10),
        ("a.mkv", "failed", "resample", "no reason recorded", 1, 30),
    ]
    plain = rendered(summarize(videos, shots, 1.0))
    assert "failed: b.avi: no moov\n" in plain
    assert "fallback: a.mkv, 2 shots from frame 10, outpaint: out of memory\n" in plain


def test_nothing_at_all(shots_table, videos_table):
    summary = summarize(videos_table(), shots_table(), 0.0)
    assert summary.videos == summary.failures == ()
    assert summary.speed is None
    assert summary.slowest is None
    assert "0 of 0 videos delivered" in rendered(summary)
    assert "0 of 0 videos delivered" in rendered(summary, terminal=True)


def test_plain_lines_carry_no_control_characters_and_the_numbers(shots_table, videos_table):
    name = "[bold]\x1b[31m\u202eevil\n.mkv"
    summary = summarize(videos_table({"video": name}), shots_table({"video": name}), 0.5)
    plain = rendered(summary, engines=[EngineChoice("inpainter", "exemplar", "auto: no GPU")])
    assert all(c.isprintable() or c == "\n" for c in plain)
    assert plain.startswith(
        "[bold]?[31m?evil .mkv: ok, 10 frames (0:01), shots: mosaic 1, wings: 75.0 % recovered, 0.0 % propagated"
    )
    assert "1 of 1 video delivered: 10 frames (0:01) in 0:00, 2.00 times real time\n" in plain
    assert "generator calls: 2, one a frame would be 10 (5.00 times as many)\n" in plain
    assert "generated pixels: 100, frame by frame would be 4.20 k (42.0 times as many)\n" in plain
    assert "inpainter: exemplar (auto: no GPU)\n" in plain


@pytest.mark.parametrize(
    ("width", "present", "absent"),
    [(140, "calls", "@"), (80, "propagated", "calls "), (76, "soft", "calls "), (40, "ok, 10", "┃")],
)
def test_a_terminal_gets_the_columns_it_has_room_for(shots_table, videos_table, width, present, absent):
    name = "[red]x[/].mkv"
    summary = summarize(videos_table({"video": name}), shots_table({"video": name}), 1.0)
    shown = rendered(summary, terminal=True, width=width, color_system=None)
    head = shown[: shown.index("1 of 1 video delivered")]
    assert name in head
    assert present in head
    assert absent not in head
    assert max(map(len, head.splitlines())) <= width or width == 40


def test_an_ascii_stream_gets_ascii(shots_table, videos_table):
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    summary = summarize(videos_table({"video": "été.mkv"}), shots_table({"video": "été.mkv", "coverage": None}), 1.0)
    render_summary(summary, Console(file=stream, force_terminal=False, width=200))
    render_summary(summary, Console(file=stream, force_terminal=True, width=200))
    stream.flush()
    assert b"?t?.mkv: ok" in raw.getvalue()


def test_of_very_many_videos_only_the_bad_are_listed(shots_table, videos_table):
    names = [f"e{i:03d}.mkv" for i in range(MAX_LISTED + 5)]
    rows = [{"video": n, "status": "fallback" if n == "e007.mkv" else "ok"} for n in names]
    plain = rendered(summarize(videos_table(*rows), shots_table(*[{"video": n} for n in names]), 1.0))
    assert "e007.mkv: fallback" in plain
    assert "e008.mkv" not in plain
    assert f"{MAX_LISTED + 4} more videos, all ok" in plain


def test_a_resumed_run_tells_its_own_time_and_all_runs(shots_table, videos_table):
    summary = summarize(videos_table({"duration": 30.0}), shots_table({}), 5.0, earlier=55.0)
    assert summary.speed == pytest.approx(0.5)
    assert "in 1:00, 0:05 of it in this run" in rendered(summary)
    assert "of it in this run" not in rendered(summarize(videos_table({}), shots_table({}), 5.0))


def test_notes_are_told_last_losses_first_and_alike_ones_once(shots_table, videos_table):
    kept, lost = "interlaced (99 %): left as it is", "no wording tells a loss"
    names = [f"{n}.mkv" for n in range(6)]
    rows = [{"video": name, "status": "ok", "notes": [kept]} for name in names[:5]]
    rows += [{"video": names[5], "status": "incomplete", "notes": [kept, lost], "losses": [lost]}]
    out = rendered(summarize(videos_table(*rows), shots_table(), 1.0)).splitlines()
    assert out.index(f"incomplete: 5.mkv: {lost}") + 1 == out.index(f"note: 0.mkv, 1.mkv, 2.mkv and 3 more: {kept}")
    assert any(line.startswith("6 of 6 videos delivered (1 with something left out): ") for line in out)


def test_very_many_notes_are_cut_off_and_counted(shots_table, videos_table):
    rows = [{"video": f"{n}.mkv", "notes": [f"{n + 2} frames had no timestamp"]} for n in range(MAX_LISTED + 3)]
    out = rendered(summarize(videos_table(*rows), shots_table(), 1.0)).splitlines()
    assert sum(line.startswith("note: ") for line in out) == MAX_LISTED
    assert "3 more notes, in the report and in metadata/videos" in out


def test_sets_are_counted_over_videos_by_their_number_of_shots(shots_table, videos_table):
    seen = {"recovered": 0.5, "propagated": 0.0, "generated": 0.5, "soft": 0.0}
    shots = shots_table(
        {"set_id": "b-0.000", "linked": 1, "recovered_from_other_scenes": 0.4, **seen},
        {"set_id": "a-0.000", "linked": 2, "recovered_from_other_scenes": 0.0, **seen},
        {
            "video": "b.mkv",
            "set_id": "b-0.000",
            "linked": 1,
            "recovered_from_other_scenes": 0.2,
            "end_frame": 30,
            **seen,
        },
        {"scene_id": "s2", "set_id": "b-0.000", "status": "failed"},
        {"scene_id": "s3", **seen},
    )
    summary = summarize(videos_table({}, {"video": "b.mkv"}), shots, 1.0)
    one = 10 * 14 * 30
    assert summary.sets == (
        SetSummary("b-0.000", 2, 2, WingUse(2 * one, 0, 2 * one, 0), one),
        SetSummary("a-0.000", 1, 1, WingUse(one // 2, 0, one // 2, 0), 0),
    )
    assert summary.sets[0].lent_share == 0.25
    assert summary.set_shots == 3
    assert summary.lent_share == pytest.approx(1 / 6)
    line = (
        "sets that return: 2, in 3 of 5 shots; 16.7 % of the wings recovered from other scenes instead of generated\n"
    )
    assert line in rendered(summary) and line in rendered(summary, terminal=True)


def test_without_sets_no_line_is_printed(shots_table, videos_table):
    summary = summarize(videos_table({}), shots_table({}), 1.0)
    assert summary.sets == () and summary.lent_share == 0.0
    assert "sets" not in rendered(summary)
    nothing = summarize(videos_table(), shots_table(), 1.0)
    assert nothing.sets == () and nothing.lent_share is None


def test_what_is_lent_is_a_part_of_what_is_recovered(shots_table):
    seen = {"recovered": 1 / 3, "propagated": 0.0, "generated": 2 / 3, "soft": 0.0, "width": 53}
    shots = shots_table(
        {"recovered_from_other_scenes": 0.3334, **seen},
        {"recovered_from_other_scenes": float("nan"), **seen},
        {"recovered_from_other_scenes": 0.2, "status": "failed", **seen},
        {**seen},
    )
    assert lent_pixels(shots).tolist() == [100, 0, 0, 0]
    assert wing_uses(shots)[0].recovered == 100

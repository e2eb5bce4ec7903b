from __future__ import annotations

import base64
import dataclasses
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from remaster.report import page as report_page
from remaster.report.page import write_page

VOID = {"meta", "link", "img", "br", "input", "hr"}
EVIL = "<script>alert(1)</script>&\"'.mkv"
JPEG = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 4


class Page(HTMLParser):
    """A page's elements, text and order; fails on tags that do not balance."""

    def __init__(self, path: Path) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.source = path.read_text("utf-8")
        self.feed(self.source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        assert len({name for name, _ in attrs}) == len(attrs)
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("script", "style"):
            self.text += data

    def all(self, tag, **attributes):
        return [a for t, a in self.elements if t == tag and attributes.items() <= a.items()]


def written(folder, run, videos, shots):
    path = folder / "report" / "index.html"
    write_page(path, run, videos, shots, folder)
    return Page(path)


def previews(folder, n, content=JPEG):
    (folder / "scenes").mkdir()
    names = [f"scenes/{i:04d}.jpg" for i in range(n)]
    for name in names:
        (folder / name).write_bytes(content)
    return names


def test_the_run_its_videos_and_shots_are_there(tmp_path, run_facts, videos_table, shots_table):
    (name,) = previews(tmp_path, 1)
    shots = shots_table({"preview": name, "start_pts": 1007, "end_pts": 1107, "time_base": "1/100"})
    page = written(tmp_path, run_facts, videos_table({"width": 40, "height": 30}), shots)
    for words in (
        *("remaster dataset.path='a & b'", "data/series", "2 CPUs, no GPU", "2026-11-22 10:30 UTC", "1:15"),
        *("exemplar", "auto: no GPU that Ray can see", "target.aspect=16:9", "remaster 0.1.0"),
        *("finished with failures", "40x30 to –", "mosaic 1", "75.0 %", "0:00.00 – 0:01.00", "0.90", "2 calls"),
    ):
        assert words in page.text
    (image,) = page.all("img")
    assert image["src"] == "data:image/jpeg;base64," + base64.b64encode(JPEG).decode()
    assert image["alt"] == "a.mkv, frames 0 to 10, before and after"
    assert all("scope" in a for _, a in page.elements if _ == "th")
    assert "../videos/a.mkv#t=0.000,1.000" in {a.get("href") for a in page.all("a")}
    assert "All pictures are part of this page." in page.text


def test_every_kind_of_wing_has_its_bar_for_the_run_its_videos_and_its_shots(
    tmp_path, run_facts, videos_table, shots_table
):
    shares = {"recovered": 0.0, "propagated": 0.6, "generated": 0.3, "soft": 0.1}
    page = written(tmp_path, run_facts, videos_table({}), shots_table({"method": "propagated", **shares}))
    for kind, share in shares.items():
        strips = [a for a in page.all("i", **{"class": kind}) if "style" in a]
        assert [a["style"] for a in strips] == [f"width:{100 * share:.2f}%"] * 3
        assert f".{kind} {{ background: var(--" in page.source
        rows = page.text[page.text.index("Generated pixels") :]
        assert rows.count(f"{100 * share:.1f} % {kind}") == (2 if share else 0)


def test_nothing_comes_from_elsewhere(tmp_path, run_facts, videos_table, shots_table):
    names = previews(tmp_path, 2)
    shots = shots_table({"preview": names[0], "video": "http://x/a b#?.mkv"}, {"preview": names[1], "video": EVIL})
    videos = videos_table(
        {"video": "http://x/a b#?.mkv", "output": "videos/http:/x/a b#?.mkv"},
        {"video": EVIL, "output": "videos/" + EVIL},
    )
    page = written(tmp_path, run_facts, videos, shots)
    targets = [a[name] for _, a in page.elements for name in ("src", "href", "action", "srcset") if name in a]
    assert targets
    assert all(t.startswith(("data:image/jpeg;base64,", "#", "../videos/")) for t in targets)
    assert "../videos/http%3A/x/a%20b%23%3F.mkv" in targets
    assert not page.all("link")
    assert not page.all("script", src=None)
    style = page.source[page.source.index("<style>") : page.source.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style


def test_what_is_lost_stands_out_among_the_notes(tmp_path, run_facts, videos_table, shots_table):
    videos = videos_table({"status": "incomplete", "notes": ["kept", "gone"], "losses": ["gone"]})
    page = written(tmp_path, run_facts, videos, shots_table())
    assert '<small class="warn">gone</small>' in page.source and "<small>kept</small>" in page.source


def test_names_and_messages_are_text(tmp_path, run_facts, videos_table, shots_table):
    run = dataclasses.replace(run_facts, dataset=EVIL, command=EVIL, source=EVIL, settings={EVIL: EVIL})
    (name,) = previews(tmp_path, 1)
    bad = {
        "preview": name,
        "video": EVIL,
        "scene_id": EVIL,
        "status": "fallback",
        "error_stage": EVIL,
        "error": EVIL,
        "method": EVIL,
    }
    videos = videos_table({"video": EVIL, "error": EVIL, "status": EVIL, "notes": [EVIL]})
    page = written(tmp_path, run, videos, shots_table(bad))
    assert len(page.all("script")) == 1
    assert "alert(1)</script>" not in page.source
    assert page.text.count(EVIL) >= 10
    assert page.all("tr", **{"data-method": EVIL})
    assert page.all("img")[0]["alt"] == f"{EVIL}, frames 0 to 10, before and after"


def test_what_is_unknown_is_a_dash(tmp_path, run_facts, videos_table, shots_table):
    nothing = dict.fromkeys(("coverage", "generated_pixels", "inpaint_calls", "confidence", "preview"))
    shots = shots_table({**nothing, "time_base": "0/0"}, {**nothing, "confidence": float("nan"), "shot": 1})
    page = written(tmp_path, run_facts, videos_table({"duration": None}), shots)
    cells = [a["data-label"] for a in page.all("td")]
    assert cells.count("Confidence") == 2
    assert page.text.count("no picture") == 2
    assert not {"None", "nan", "null"} & set(page.text.replace("–", " ").split())
    assert "– – –" in page.text  # no time without a time base


def test_an_empty_run(tmp_path, run_facts, videos_table, shots_table):
    page = written(tmp_path, run_facts, videos_table(), shots_table())
    assert "No video." in page.text
    assert "No shot." in page.text
    assert not page.all("table")


def test_a_video_without_a_row_and_one_without_shots(tmp_path, run_facts, videos_table, shots_table):
    videos = videos_table({"video": "b.avi", "status": "failed", "output": None, "error": "not a video"})
    page = written(tmp_path, run_facts, videos, shots_table({"video": "late.mkv"}))
    assert "unfinished" in page.text
    assert page.text.count("not a video") == 2  # among the failures and in its row
    assert [a["id"] for a in page.all("details")] == ["video-1"]
    assert {"href": "#video-1"} in page.all("a")


def test_shots_stand_in_order_under_their_video(tmp_path, run_facts, videos_table, shots_table):
    shots = shots_table(
        {"video": "b.mkv", "start_frame": 90, "end_frame": 95, "scene_id": "b2"},
        {"video": "a.mkv", "scene_id": "a1"},
        {"video": "b.mkv", "start_frame": 5, "end_frame": 90, "scene_id": "b1"},
    )
    page = written(tmp_path, run_facts, videos_table({"video": "b.mkv"}, {"video": "a.mkv"}), shots)
    text = page.text[page.text.index("Method") :]
    assert sorted(("b1shot", "b2shot", "a1shot"), key=text.index) == ["b1shot", "b2shot", "a1shot"]


def test_the_pictures_of_many_shots_are_files_beside_the_page(tmp_path, run_facts, videos_table, shots_table):
    names = previews(tmp_path, 500, JPEG + bytes(40_000))
    rows = [{"preview": n, "scene_id": n, "start_frame": 10 * i, "end_frame": 10 * i + 10} for i, n in enumerate(names)]
    page = written(tmp_path, run_facts, videos_table({}), shots_table(*rows))
    assert [a["src"] for a in page.all("img")] == [f"../{n}" for n in names]
    assert len(page.source) < 2_000 * len(names) + 20_000
    assert "500 pictures are files beside this page" in page.text


@pytest.mark.parametrize(("limit", "value"), [("MAX_EMBEDDED", 5), ("MAX_EMBEDDED_BYTES", 5 * 4 * 343)])
def test_pictures_are_part_of_the_page_where_all_of_them_fit(
    limit, value, tmp_path, run_facts, videos_table, shots_table, monkeypatch
):
    monkeypatch.setattr(report_page, limit, value)
    names = previews(tmp_path, 6)
    for number, embedded in ((5, True), (6, False)):
        rows = [{"preview": name, "start_frame": 10 * i} for i, name in enumerate(names[:number])]
        page = written(tmp_path, run_facts, videos_table({}), shots_table(*rows))
        assert [a["src"].startswith("data:") for a in page.all("img")] == [embedded] * number


def test_too_many_shots_keep_the_bad_ones(tmp_path, run_facts, videos_table, shots_table, monkeypatch):
    monkeypatch.setattr(report_page, "MAX_SHOTS", 4)
    rows = [
        {"start_frame": 10 * i, "end_frame": 10 * i + 10, "start_pts": 10 * i, "end_pts": 10 * i + 10} for i in range(9)
    ]
    rows[0]["status"] = "ok"
    rows[7]["status"], rows[8]["status"] = "fallback", "failed"
    page = written(tmp_path, run_facts, videos_table({}), shots_table(*rows))
    assert [a["data-status"] for a in page.all("tr") if "data-status" in a] == ["ok", "ok", "fallback", "failed"]
    assert "This page lists 4 of 9 shots" in page.text
    assert "0:07.00 – 0:08.00" in page.text  # counted from the video's beginning, listed or not


def test_a_page_is_replaced_whole_and_leaves_nothing_beside_it(
    tmp_path, run_facts, videos_table, shots_table, monkeypatch
):
    written(tmp_path, run_facts, videos_table({}), shots_table({}))
    path = tmp_path / "report" / "index.html"
    before = path.read_bytes()

    def broken(self: Path, target: Path) -> Path:
        raise OSError("no space")

    monkeypatch.setattr(Path, "replace", broken)
    with pytest.raises(OSError, match="no space"):
        write_page(path, run_facts, videos_table(), shots_table(), tmp_path)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_name_that_is_no_unicode_does_not_stop_the_page(tmp_path, run_facts, videos_table, shots_table):
    run = dataclasses.replace(run_facts, command="remaster dataset.path=\udcff.mkv")
    assert "dataset.path=?.mkv" in written(tmp_path, run, videos_table({}), shots_table({})).text


@pytest.mark.parametrize(
    ("code", "word"), [(0, "finished"), (130, "interrupted"), (143, "interrupted"), (2, "failed"), (None, "running")]
)
def test_the_end_of_a_run_in_words(run_facts, code, word):
    assert dataclasses.replace(run_facts, exit_code=code).state == word


def test_what_of_the_inputs_was_not_taken_is_there(tmp_path, run_facts, videos_table, shots_table):
    run = dataclasses.replace(run_facts, left_out=("dead link (1): <a>.mkv -> /b",))
    page = written(tmp_path, run, videos_table({}), shots_table({})).text
    assert "dead link (1): <a>.mkv -> /b" in page
    assert "not taken" in page


def visits(page):
    """Where the shots of sets link to."""
    start = page.source.index('id="sets"')
    return re.findall(r'href="(#shot-[0-9]+)"', page.source[start : page.source.index('id="shots"')])


def test_failures_come_first_and_lead_to_their_shots(tmp_path, run_facts, videos_table, shots_table):
    run = dataclasses.replace(run_facts, left_out=("no video (1): a.txt",))
    bad = {"start_frame": 10, "end_frame": 20, "status": "failed", "error": "no keyframe"}
    videos = videos_table({"notes": ["kept", "gone"], "losses": ["gone"], "status": "incomplete"})
    page = written(tmp_path, run, videos, shots_table({}, bad))
    order = ("What went wrong", "no keyframe", "What was left out", "no video (1): a.txt", "gone", "Methods over time")
    assert [page.text.index(words) for words in order] == sorted(page.text.index(words) for words in order)
    assert page.text.count("no video (1)") == 1
    fault = page.source[page.source.index("What went wrong") : page.source.index("What was left out")]
    assert 'href="#shot-1"' in fault and page.all("tr", id="shot-1")


def test_a_timeline_has_a_link_for_each_shot(tmp_path, run_facts, videos_table, shots_table, monkeypatch):
    monkeypatch.setattr(report_page, "MAX_SHOTS", 3)
    rows = [
        {"start_frame": 10 * i, "end_frame": 10 * i + 10 + i, "method": method, "status": status}
        for i, (method, status) in enumerate(
            [("mosaic", "ok"), ("still", "ok"), ("ambient", "fallback"), ("still", "ok"), ("still", "ok")]
        )
    ]
    page = written(tmp_path, run_facts, videos_table({}), shots_table(*rows))
    (line,) = page.all("div", **{"class": "timeline few"})
    assert line["aria-label"] == "Methods over time: ambient 1 shot, mosaic 1 shot, still 3 shots"
    links = [a for a in page.all("a") if (a.get("class") or "").startswith("m-")]
    assert [(a["class"].strip(), a["href"], a["style"]) for a in links] == [
        ("m-mosaic", "#shot-0", "flex-grow:10"),
        ("m-still", "#shot-1", "flex-grow:11"),
        ("m-ambient trouble", "#shot-2", "flex-grow:12"),
    ]
    assert links[2]["title"] == "frame 20: ambient, fallback"
    assert [a["style"] for a in page.all("span") if "style" in a] == ["flex-grow:27"]


def test_what_was_previewed_or_decided_by_hand_is_no_trouble(tmp_path, run_facts, videos_table, shots_table):
    shots = [("still", "preview"), ("leave", "ok"), ("blur", "ok")]
    rows = [
        {"start_frame": 10 * i, "end_frame": 10 * i + 10, "method": method, "status": status}
        for i, (method, status) in enumerate(shots)
    ]
    page = written(tmp_path, run_facts, videos_table({}), shots_table(*rows))
    links = [a["class"].strip() for a in page.all("a") if (a.get("class") or "").startswith("m-")]
    assert links == ["m-still", "m-leave", "m-blur"]
    legend = [i["class"] for i in page.all("i") if (i.get("class") or "").startswith("m-")]
    assert legend[:3] == ["m-still", "m-leave", "m-blur"]


def test_confidence_is_drawn_with_its_numbers(tmp_path, run_facts, videos_table, shots_table):
    rows = [{"confidence": value} for value in (0.0, 0.45, 0.45, 1.0, None)]
    rows += [{"confidence": 0.9, "status": "failed"}, {"confidence": 0.9, "method": "passthrough"}]
    page = written(tmp_path, run_facts, videos_table({}), shots_table(*rows))
    heights = [a["style"] for a in page.all("i") if "height" in (a.get("style") or "")]
    expected = ["50.0", "0.0", "0.0", "0.0", "100.0", "0.0", "0.0", "0.0", "0.0", "50.0"]
    assert heights == [f"height:{value}px" for value in expected]
    assert "4 of 7 shots have one." in page.text


def test_the_shots_of_long_runs_are_folded_up(tmp_path, run_facts, videos_table, shots_table, monkeypatch):
    shots = shots_table({}, {"start_frame": 10, "end_frame": 20})
    assert "open" in written(tmp_path, run_facts, videos_table({}), shots).all("details", id="video-0")[0]
    monkeypatch.setattr(report_page, "MAX_UNFOLDED_SHOTS", 1)
    assert "open" not in written(tmp_path, run_facts, videos_table({}), shots).all("details", id="video-0")[0]


def test_pictures_wait_until_they_are_looked_at_and_keep_their_room(tmp_path, run_facts, videos_table, shots_table):
    page = written(tmp_path, run_facts, videos_table({}), shots_table({"preview": previews(tmp_path, 1)[0]}))
    (image,) = page.all("img")
    assert (image["loading"], image["width"], image["height"]) == ("lazy", "108", "30")


def test_a_set_shows_its_shots_without_a_second_copy_of_their_pictures(tmp_path, run_facts, videos_table, shots_table):
    names = previews(tmp_path, 4)
    shots = shots_table(
        {"video": "b.mkv", "preview": names[0], "set_id": "a-1.000", "recovered_from_other_scenes": 0.25},
        {"start_frame": 10, "end_frame": 20, "preview": names[1], "set_id": "a-1.000"},
        {"start_frame": 20, "end_frame": 30, "preview": names[2]},
        {"start_frame": 30, "end_frame": 40, "preview": names[3], "set_id": "a-1.000", "status": "failed"},
    )
    page = written(tmp_path, run_facts, videos_table({}, {"video": "b.mkv"}), shots)
    assert page.source.count("base64") == len(page.all("img")) == 4
    assert "1 set returns, in 2 of 4 shots." in page.text
    assert "8.3 % of the wings are recovered from other scenes" in page.text
    assert "2 shots in 2 videos set a-1.000" in page.text and "12.5 % recovered from other scenes" in page.text
    assert visits(page) == ["#shot-0", "#shot-3"]
    rows = {"#" + a["id"]: a for a in page.all("tr") if "id" in a}
    assert len(rows) == 4 and set(visits(page)) <= rows.keys()
    assert len(page.all("a", href="#set-0")) == 3  # each of its shots names it, also the one that failed
    assert page.all("details", id="set-0")
    assert page.text.count("25.0 % recovered from other scenes") == 1


def test_a_shot_names_the_recording_whose_frames_it_shows(tmp_path, run_facts, videos_table, shots_table):
    shots = shots_table({}, {"start_frame": 10, "end_frame": 20, "donor": "donor:<wide>.mkv"})
    page = written(tmp_path, run_facts, videos_table({}), shots).text
    assert page.count("same frames of donor:<wide>.mkv") == page.count("same frames of") == 1


def test_of_many_sets_the_largest_are_shown(tmp_path, run_facts, videos_table, shots_table, monkeypatch):
    monkeypatch.setattr(report_page, "MAX_SETS", 2)
    monkeypatch.setattr(report_page, "MAX_UNFOLDED", 1)
    shown = [name for name, shots in (("x", 1), ("y", 3), ("z", 2)) for _ in range(shots)]
    page = written(tmp_path, run_facts, videos_table({}), shots_table(*({"set_id": name} for name in shown)))
    sets = page.all("details", **{"class": "set card"})
    assert [(a["id"], "open" in a) for a in sets] == [("set-0", True), ("set-1", False)]
    assert page.text.index("3 shots in 1 video set y") < page.text.index("2 shots in 1 video set z")
    assert "1 shot in 1 video set x" not in page.text
    assert "3 sets return, in 6 of 6 shots." in page.text
    assert "This page shows the 2 sets with most shots; the others are in metadata/scenes." in page.text
    assert page.text.count("set x") == 1 and len(page.all("a", href="#set-1")) == 2  # x is named, but leads nowhere


def test_a_set_says_how_many_of_its_shots_the_page_has_no_room_for(
    tmp_path, run_facts, videos_table, shots_table, monkeypatch
):
    monkeypatch.setattr(report_page, "MAX_SHOTS", 3)
    rows = [{"start_frame": 10 * i, "end_frame": 10 * i + 10, "set_id": "a-1.000"} for i in range(5)]
    page = written(tmp_path, run_facts, videos_table({}), shots_table(*rows))
    assert "5 shots in 1 video" in page.text and "3 of the shots are on this page" in page.text
    assert len(visits(page)) == 3


def test_without_sets_nothing_is_said_of_them(tmp_path, run_facts, videos_table, shots_table):
    page = written(tmp_path, run_facts, videos_table({}), shots_table({}))
    assert not page.all("h2", id="sets") and "other scenes" not in page.text


def test_the_name_of_a_set_is_text(tmp_path, run_facts, videos_table, shots_table):
    page = written(tmp_path, run_facts, videos_table({"video": EVIL}), shots_table({"video": EVIL, "set_id": EVIL}))
    assert len(page.all("script")) == 1 and "alert(1)</script>" not in page.source
    assert page.text.count(f"set {EVIL}") == 2
    assert page.all("a", href="#set-0") and page.all("a", href="#shot-0")

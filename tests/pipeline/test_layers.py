"""The layers of shots: read back, laid over the original, resumed, and removed with what they showed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest
from clips import HEIGHT, WIDTH, Picture, painting, pan, still
from faulty_runs import Case
from stage_runs import EXEMPLAR, filmed, run_stages

from remaster.media.decode import decode
from remaster.media.planes import crop
from remaster.media.probe import probe
from remaster.media.types import PixelFormat, Rect
from remaster.report.preview import MAP_COLORS

FRAMES = 12
SETTINGS = ("output.codec=ffv1", *EXEMPLAR, "output.layers=true")
Planes = tuple[np.ndarray, ...]


def dissolve(first: int, second: int, rest: int = 12, change: int = 10) -> Iterator[Picture]:
    """A painted set at rest that becomes another one."""
    before, after = (painting(seed, WIDTH).astype(np.float32) for seed in (first, second))
    for share in np.clip((np.arange(2 * rest + change) - rest + 1) / (change + 1), 0, 1):
        yield np.rint(before * (1 - share) + after * share).astype(np.uint8)


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """A still scene, a pan, a pan that is propagated, and a dissolve, remastered without loss, with layers."""
    scenes = [still(3, FRAMES), pan(4, FRAMES), pan(6, FRAMES), dissolve(7, 8)]
    case = filmed(tmp_path_factory.mktemp("layers"), scenes)
    case.out.mkdir()
    decided = f"{{video: a.mp4, frames: [{2 * FRAMES}, {3 * FRAMES}], method: propagated}}"
    (case.out / "overrides.yaml").write_text(f"overrides: [{decided}]")
    row = run_stages(case, *SETTINGS, suffix=".mkv")
    assert row["error"] is None
    return case


def index_of(case: Case) -> dict[str, Any]:
    return dict(json.loads((folder(case) / "index.json").read_text()))


def folder(case: Case) -> Path:
    return case.out / "layers" / "a.mp4"


def planes_of(path: Path) -> Iterator[tuple[float, Planes]]:
    """Each frame's time and planes, alpha included."""
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            rows = [np.frombuffer(plane, np.uint8).reshape(plane.height, -1) for plane in frame.planes]
            cut = tuple(row[:, : plane.width] for row, plane in zip(rows, frame.planes, strict=True))
            yield float(frame.pts * frame.time_base), cut


def over(layer: Planes, original: Planes, place: Rect, form: PixelFormat) -> Planes:
    """The layer over the original: a sample is the layer's where any of its pixels is opaque."""
    result = []
    for number, plane in enumerate(layer[:-1]):
        step = 2 if number else 1
        ground = np.zeros_like(plane)
        x, y = place.x // step, place.y // step
        ground[y : y + original[number].shape[0], x : x + original[number].shape[1]] = original[number]
        opaque = cv2.dilate(layer[-1], np.ones((step, step), np.uint8), anchor=(0, 0))[::step, ::step] > 0
        result.append(np.where(opaque, plane, ground))
    return tuple(result)


def test_the_layer_over_the_original_is_the_frame_that_was_encoded(case: Case) -> None:
    source, result = (probe(str(path)) for path in (case.source / "a.mp4", case.out / "videos" / "a.mkv"))
    before, after = list(decode(source)), list(decode(result))
    index = index_of(case)
    assert (index["video"], index["output"]) == ("a.mp4", "videos/a.mkv")
    shots = index["shots"]
    assert shots[0]["frames"][0] == 0 and shots[-1]["frames"][1] == len(before) > 3 * FRAMES
    for shot in shots:
        start, end = shot["frames"]
        place, active = Rect(*shot["place"]), Rect(*shot["crop"])
        layer = list(planes_of(folder(case) / shot["wings"]["file"]))
        assert len(layer) == end - start and shot["wings"]["pixel_format"] == "yuva420p"
        assert shot["pts"] == [frame.pts for frame in before[start:end]]
        first = shot["pts"][0] * source.time_base
        assert [time for time, _ in layer] == pytest.approx(
            [float(pts * source.time_base - first) for pts in shot["pts"]], abs=0.0011
        )
        for (_, cut), old, new in zip(layer, before[start:end], after[start:end], strict=True):
            assert cut[0].shape == new.planes[0].shape == (shot["size"][1], shot["size"][0])
            hidden = cut[-1] == 0
            assert hidden.sum() == WIDTH * HEIGHT
            assert hidden[place.y : place.y + place.height, place.x : place.x + place.width].all()
            assert set(np.unique(cut[0][hidden])) == {16}
            assert np.array_equal(cut[0][~hidden], new.planes[0][~hidden])
            whole = over(cut, crop(old.planes, source.format, active), place, source.format)
            assert all(map(np.array_equal, whole, new.planes))


def test_the_map_tells_where_each_pixel_comes_from(case: Case) -> None:
    index, rows = index_of(case), pq.read_table(case.out / "metadata" / "scenes").to_pylist()
    values = {entry["color"]: entry["value"] for entry in index["legend"]}
    assert sorted(values.values()) == list(range(len(MAP_COLORS)))
    names = {entry["value"]: entry["name"] for entry in index["legend"]}
    kinds, propagated = {}, []
    for shot, row in zip(index["shots"], sorted(rows, key=lambda row: row["start_frame"]), strict=True):
        path, frames = folder(case) / shot["map"]["file"], shot["map"]["frames"]
        kinds[shot["method"]] = path.suffix
        if path.suffix == ".png":
            maps = [cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)]
        else:
            with av.open(str(path)) as container:
                maps = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        assert len(maps) == frames and frames in (1, shot["frames"][1] - shot["frames"][0])
        layer = next(planes_of(folder(case) / shot["wings"]["file"]))[1]
        found: dict[str, int] = dict.fromkeys(names.values(), 0)
        for picture in maps:
            colours = [f"#{r:02x}{g:02x}{b:02x}" for r, g, b in picture.reshape(-1, 3).tolist()]
            for colour in colours:
                found[names[values[colour]]] += 1
            assert np.array_equal(picture.any(axis=2), layer[-1] > 0)
        wings = sum(found.values()) - found.pop("original")
        assert (found["recovered"] + found["lent"]) / wings == pytest.approx(row["recovered"], abs=0.02)
        assert found["generated"] / wings == pytest.approx(row["generated"], abs=0.02)
        assert found["propagated"] / wings == pytest.approx(row["propagated"], abs=0.02)
        assert found["soft"] / wings == pytest.approx(row["soft"], abs=0.02)
        propagated += [found["propagated"] / wings] if shot["method"] == "propagated" else []
    assert kinds["still"] == ".png" and kinds["mosaic"] == ".mkv", kinds
    # The pan, and the dissolve, whose wings are a mix of those of the shots around it.
    assert len(propagated) == 2 and propagated[0] > 0.3 and propagated[1] == 0, propagated
    assert pq.read_table(case.out / "metadata" / "scenes").column("status").unique().to_pylist() == ["ok"]


def contents(case: Case) -> dict[str, tuple[int, bytes]]:
    """The time of change and the content of each file of the layers."""
    paths = [path for path in case.out.glob("layers/**/*") if path.is_file()]
    return {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in paths}


def test_what_is_missing_is_made_again_and_nothing_else(case: Case) -> None:
    before, video = contents(case), (case.out / "videos" / "a.mkv").read_bytes()
    lost = sorted(name for name in before if name.endswith(".wings.mkv"))[0]
    assert run_stages(case, *SETTINGS, suffix=".mkv")["error"] is None
    assert {name: file for name, file in contents(case).items() if name != "index.json"} == {
        name: file for name, file in before.items() if name != "index.json"
    }
    (folder(case) / lost).unlink()
    assert run_stages(case, *SETTINGS, suffix=".mkv")["error"] is None
    after = contents(case)
    assert {name: content for name, (_, content) in after.items()} == {
        name: content for name, (_, content) in before.items()
    }
    untouched = {name for name, (time, _) in after.items() if time == before[name][0]}
    assert untouched and untouched < set(before) - {lost, "index.json"}
    assert (case.out / "videos" / "a.mkv").read_bytes() == video


def test_layers_never_outlive_what_they_showed(case: Case) -> None:
    root = case.root / "other"
    case_there = Case(root, case.source)
    case_there.engine()
    few = (*EXEMPLAR, "scenes.limit=1")
    assert run_stages(case_there, *few, "output.layers=true", "output.crf=40")["error"] is None
    assert contents(case_there)
    assert run_stages(case_there, *few, "output.crf=40")["error"] is None
    assert len(contents(case_there)) > 1, "they still show what the segments show"
    assert run_stages(case_there, *few, "output.crf=41")["error"] is None
    assert not contents(case_there)


def test_a_picture_that_fills_the_target_has_no_layers(case: Case) -> None:
    root = case.root / "filled"
    there = Case(root, case.source)
    there.engine()
    row = run_stages(there, *SETTINGS, "target.aspect=4:3", "scenes.limit=1", suffix=".mkv")
    assert row["error"] is None
    assert [path.name for path in folder(there).iterdir()] == ["index.json"]
    assert {shot["wings"] for shot in index_of(there)["shots"]} == {None}

"""Input and output on the APIs of object stores: the same job, the same bytes, killed and resumed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import ray
from clips import series_clip, still
from faulty_runs import Case, unchanged, wait_for
from object_store import BUCKET, ObjectStore, object_store
from stage_runs import run_stages

from remaster.errors import UserError
from remaster.pipeline import lock as locks
from remaster.pipeline.inputs import dataset_name, find_videos
from remaster.pipeline.lock import Superseded, lock, working
from remaster.pipeline.store import Store
from remaster.remote import joined, locate, open_ranges
from remaster.storage import folder

SCENES = 3
LAYERS = "output.layers=true"
ODD = "a b/ü?#%41.mp4"


@dataclass(frozen=True)
class RemoteCase(Case):
    """A test whose input and output lie in the bucket."""

    store: ObjectStore

    def arguments(self) -> list[str]:
        local = super().arguments()
        return [f"dataset.path={self.store.address('in')}", f"output.dir={self.address}", *local[2:], LAYERS]

    @property
    def address(self) -> str:
        return self.store.address(f"out/{self.root.name}")

    def rows(self) -> list[dict[str, Any]]:
        where = f"{BUCKET}/out/{self.root.name}/metadata/scenes"
        if not folder(self.address).names("metadata/scenes"):
            return []
        table: list[dict[str, Any]] = pq.read_table(where, filesystem=self.store.system).to_pylist()
        return table

    def finished(self) -> dict[str, int]:
        names = [row["segment"] for row in self.rows()]
        infos = self.store.system.get_file_info([f"{BUCKET}/out/{self.root.name}/{name}" for name in names])
        return {name: info.mtime_ns for name, info in zip(names, infos, strict=True)}

    def results(self) -> dict[str, bytes | None]:
        """All that a person takes away: the videos and the layers."""
        there = folder(self.address)
        return {key: there.read(key) for top in ("videos", "layers") for key in there.names(top, True)}


@pytest.fixture(scope="module", params=["s3", "gs"])
def store(request: pytest.FixtureRequest) -> Iterator[ObjectStore]:
    with object_store(request.param) as running:
        yield running


@pytest.fixture(scope="module")
def source(store: ObjectStore, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("objects") / "in" / ODD
    path.parent.mkdir(parents=True)
    series_clip(path, [still(seed, 5) for seed in (1, 2, 3)])
    store.upload(path, f"in/{ODD}")
    return path.parents[1]


@pytest.fixture(scope="module")
def local(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Case:
    """The same videos remastered on a disk."""
    case = Case(tmp_path_factory.mktemp("local"), source)
    case.engine()
    assert run_stages(case, LAYERS)["error"] is None
    return case


def test_a_killed_run_goes_on_and_ends_as_on_a_disk(
    source: Path, store: ObjectStore, local: Case, tmp_path: Path, ray_cluster: None
) -> None:
    case = RemoteCase(tmp_path, source, store)
    case.engine(seconds=1.5)
    run = case.forked(ray.get_runtime_context().gcs_address)
    wait_for(lambda: bool(case.finished()))
    finished = case.finished()
    run.kill()
    run.join()
    case.engine()
    code, printed = case.run()
    assert code == 0, printed
    assert len(case.finished()) == SCENES
    assert unchanged(finished, case.finished())

    made = [path for top in ("videos", "layers") for path in (local.out / top).rglob("*") if path.is_file()]
    assert len(made) == 2 + 2 * SCENES, "the video, the index, and wings and map of each shot"
    assert case.results() == {path.relative_to(local.out).as_posix(): path.read_bytes() for path in made}
    assert [row["status"] for row in case.rows()] == ["ok"] * SCENES
    page = folder(case.address).read("report/index.html")
    assert page is not None
    assert b"data:image/jpeg;base64," in page
    names = folder(case.address).names("", recursive=True)
    assert not [name for name in names if name.endswith(".tries") or name.startswith(".runs/")]


def test_every_stage_reads_and_writes_there(source: Path, store: ObjectStore, local: Case, tmp_path: Path) -> None:
    case = Case(tmp_path, source)
    case.engine()
    there = folder(store.address("stages"))
    remote = {"root": store.address("stages"), "path": store.address("in")}
    assert run_stages(case, **remote)["error"] is None
    result = f"videos/{ODD}"
    assert there.read(result) == (local.out / result).read_bytes()
    segments = [name for name in there.names("scenes", recursive=True) if name.endswith(".mkv")]
    assert len(segments) == SCENES
    calls = sum(case.begun().values())
    there.remove(segments[0])
    there.remove(result)
    assert run_stages(case, **remote)["error"] is None  # what was generated is kept, that segment alone is made again
    assert sum(case.begun().values()) == calls
    assert there.read(result) == (local.out / result).read_bytes()


def test_one_run_at_a_time(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    place = Store(store.address("locked"))
    with lock(place) as old:
        with pytest.raises(UserError, match="in use by another run"), lock(place):
            pytest.fail("two runs at once")
        with working(old):
            pass
    dead = json.dumps({"host": "elsewhere", "pid": 1}).encode()
    place.files.write(".runs/dead.json", dead)
    with pytest.raises(UserError, match="elsewhere"), lock(place):
        pytest.fail("it may be alive")
    monkeypatch.setattr(locks, "STALE_SECONDS", 0.5)
    time.sleep(2.0)  # the store's clock counts whole seconds
    with lock(place) as new:
        with pytest.raises(Superseded), working(old):
            pytest.fail("a worker of the old run got in")
        with working(new):
            pass
    assert not place.files.names(".runs")


def test_the_note_of_a_run_that_was_killed_here_is_stale_at_once(store: ObjectStore) -> None:
    place = Store(store.address("killed"))
    with lock(place):
        note = place.files.read(place.files.names(".runs")[0])
    holder = json.loads(note or b"") | {"pid": 2**22 + 1}  # above the largest that Linux gives
    place.files.write(".runs/killed.json", json.dumps(holder).encode())
    with lock(place) as held, working(held):
        assert place.files.names(".runs") == [f".runs/{held.run}.json"]
    assert not place.files.names(".runs")


def test_names_and_ranges(store: ObjectStore) -> None:
    place = folder(store.address("any/where"))
    for name in (ODD, "y.mp4", ".hidden.mkv", "notes.txt"):
        place.write(name, name.encode() * 1000)
    videos = find_videos(store.address("any"), store.address("out"))
    assert [video.name for video in videos] == [f"where/{ODD}", "where/y.mp4"]
    with open_ranges(videos[0].path) as file:
        file.seek(-4, 2)
        assert file.read() == b".mp4"
    assert find_videos(videos[0].path, "/out")[0].name == ODD.rpartition("/")[2]
    with pytest.raises(UserError, match="no video in it"):
        find_videos(store.address("any"), store.address("any/where"))
    assert dataset_name(store.address("any/where")) == "where"


@pytest.mark.parametrize("user", ["key:secret", "secret", "anonymous:secret"])
def test_credentials_in_an_address_are_refused(user: str) -> None:
    with pytest.raises(UserError, match=r"\*\*\*@bucket/x has credentials") as refused:
        locate(f"s3://{user}@bucket/x")
    assert "secret" not in str(refused.value)


def test_keys_that_look_like_climbing(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tools can write such keys; this client cannot, so they are made up here."""
    keys = ["../../x.mp4", "/etc/y.mp4", "a/../../z.mp4", "./w.mp4"]
    monkeypatch.setattr(type(folder(store.address("any"))), "names", lambda *_, **__: keys)
    names = [video.name for video in find_videos(store.address("any"), "/out")]
    assert names == ["%2F/etc/y.mp4"]  # parts that begin with a dot are hidden


def test_an_upload_appears_whole_or_not_at_all(store: ObjectStore, tmp_path: Path) -> None:
    place = folder(store.address("uploads"))
    with place.view() as view:
        (view / "big.mkv").write_bytes(bytes(range(256)) * 100_000)  # several parts
        place.put(view / "big.mkv", "big.mkv")
        with pytest.raises(OSError, match="missing"):
            place.put(view / "missing.mkv", "missing.mkv")
    assert not view.exists()
    assert place.names("") == ["big.mkv"]
    with place.view(["big.mkv"]) as view:
        assert (view / "big.mkv").read_bytes() == bytes(range(256)) * 100_000
    with pytest.raises(OSError, match="films"):
        open_ranges(joined(store.address("uploads"), "none"))

"""The output folder: no kill between two file operations leaves a half-truth behind the next run."""

from __future__ import annotations

import fcntl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from remaster.errors import UserError
from remaster.pipeline import lock as locks
from remaster.pipeline import store as files
from remaster.pipeline.failures import MAX_DEATHS, WorkerLost, attempt
from remaster.pipeline.lock import Superseded, lock, working
from remaster.pipeline.store import Store
from remaster.tables import SHOTS

VIDEO = "a.part1.mkv-0123abcd"  # names as videos have them, temporary-looking ones among them
SCENES = [f"{VIDEO}-{start:07d}" for start in (0, 10, 20)]


class Killed(BaseException):
    """What a kill is to the code under test: nothing after it runs."""


def row(scene: str, start: int, shot: int = 0) -> dict[str, Any]:
    values: dict[str, Any] = {
        f.name: 0 if pa.types.is_integer(f.type) else 0.0 if pa.types.is_floating(f.type) else f.name for f in SHOTS
    }
    return values | {
        "labels": [("person", 1)],
        "overrides": ["seed"],
        "scene_id": scene,
        "shot": shot,
        "start_frame": start,
        "end_frame": start + 5,
    }


def rows_of(scene: str) -> list[dict[str, Any]]:
    start = int(scene[-7:])
    return [row(scene, start), row(scene, start + 5, 1)]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(str(tmp_path))
    for scene in SCENES:
        files.write_shots(store, scene, rows_of(scene))
    return store


def readers_rows(store: Store) -> list[tuple[str, int]]:
    table = pq.read_table(Path(store.root) / "metadata" / "scenes").to_pylist()
    return sorted((r["scene_id"], r["shot"]) for r in table)


def killed_after(operations: int, work: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> bool:
    """Run ``work`` until it has done so many renames and removals, then no further; False where it did fewer."""
    left = [operations]

    def counted(real: Callable[..., Any]) -> Callable[..., Any]:
        def step(*arguments: Any, **options: Any) -> Any:
            if not left[0]:
                raise Killed
            left[0] -= 1
            return real(*arguments, **options)

        return step

    with monkeypatch.context() as patch:
        for name in ("replace", "unlink"):
            patch.setattr(Path, name, counted(getattr(Path, name)))
        try:
            work()
        except Killed:
            return True
    return False


def next_run(store: Store, keep: list[str]) -> None:
    """What planning does with a video that has nothing left to do, or else works on what is not kept."""
    known = files.read_shots(store, VIDEO)
    if keep != SCENES or not files.holds_exactly(store, VIDEO, {scene: rows_of(scene) for scene in SCENES}):
        files.uncompact(store, VIDEO, {scene: known[scene] for scene in keep})
    for scene in SCENES:
        if scene not in keep:
            files.write_shots(store, scene, rows_of(scene))
    files.compact(store, VIDEO, SCENES)


@pytest.mark.parametrize("operations", range(10))
def test_a_kill_within_compact(operations: int, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    killed_after(operations, lambda: files.compact(store, VIDEO, SCENES), monkeypatch)
    assert files.read_shots(store, VIDEO) == {scene: rows_of(scene) for scene in SCENES}
    next_run(store, SCENES)
    assert readers_rows(store) == [(scene, shot) for scene in SCENES for shot in (0, 1)]


@pytest.mark.parametrize("operations", range(12))
def test_a_kill_within_scatter(operations: int, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    files.compact(store, VIDEO, SCENES)
    keep = {scene: rows_of(scene) for scene in SCENES[:2]}
    killed_after(operations, lambda: files.uncompact(store, VIDEO, keep), monkeypatch)
    assert files.read_shots(store, VIDEO).items() >= keep.items()
    next_run(store, SCENES[:2])
    assert readers_rows(store) == [(scene, shot) for scene in SCENES for shot in (0, 1)]


def test_a_kill_within_scatter_and_the_old_settings_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    files.compact(store, VIDEO, SCENES)
    keep = {scene: rows_of(scene) for scene in SCENES[:2]}
    assert killed_after(3, lambda: files.uncompact(store, VIDEO, keep), monkeypatch)
    assert not files.holds_exactly(store, VIDEO, {scene: rows_of(scene) for scene in SCENES})
    next_run(store, SCENES)
    assert files.holds_exactly(store, VIDEO, {scene: rows_of(scene) for scene in SCENES})
    assert readers_rows(store) == [(scene, shot) for scene in SCENES for shot in (0, 1)]


def test_what_is_finished_is_not_written_again(store: Store) -> None:
    before = {path: path.stat().st_mtime_ns for path in (Path(store.root) / "metadata" / "scenes").iterdir()}
    files.uncompact(store, VIDEO, files.read_shots(store, VIDEO))
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_a_damaged_file_counts_as_none(store: Store) -> None:
    store.files.write(store.shard(SCENES[1]), b"PAR1 but not for long")
    store.files.write(store.shard(SCENES[2]), b"")
    assert set(files.read_shots(store, VIDEO)) == {SCENES[0]}


def test_only_temporaries_are_cleared_away(store: Store) -> None:
    good = [store.output(f"{VIDEO[:11]}.mkv"), store.output(".part.mkv"), store.segment(VIDEO, SCENES[0], 0)]
    for key in good:
        store.files.write(key, b"kept")
    half: list[Path] = []

    def die(path: Path) -> None:
        half.append(path)
        raise Killed

    for key in good:
        with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
            patch.setattr(Path, "replace", lambda self, target: die(self))
            patch.setattr(Path, "unlink", lambda self, missing_ok=False: None)
            store.files.write(key, b"half")
    assert all(path.is_file() for path in half)
    assert len(readers_rows(store)) == 6
    files.remove_temporaries(store)
    assert not any(path.exists() for path in half)
    assert [store.files.read(key) for key in good] == [b"kept"] * 3


def test_one_run_at_a_time(tmp_path: Path) -> None:
    refused = pytest.raises(UserError, match="in use by another run")
    with lock(Store(str(tmp_path))), refused, lock(Store(str(tmp_path))):
        pytest.fail("two runs at once")
    with lock(Store(str(tmp_path))):
        pass


def test_workers_of_an_earlier_run_write_nothing_more(tmp_path: Path) -> None:
    with lock(Store(str(tmp_path))) as old, working(old):
        pass
    with lock(Store(str(tmp_path))) as new:
        with pytest.raises(Superseded), attempt(old, VIDEO, "stitch"):
            pytest.fail("a worker of the old run got in")
        with attempt(new, VIDEO, "stitch"):
            pass


def test_a_new_run_waits_for_workers_that_still_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "WORKERS_END_SECONDS", 0.3)
    with lock(Store(str(tmp_path))) as old:
        pass
    refused = pytest.raises(UserError, match="workers of an earlier run")
    with working(old), refused, lock(Store(str(tmp_path))):
        pytest.fail("the old run's workers still write")
    with lock(Store(str(tmp_path))), (tmp_path / ".workers").open() as fence:
        fcntl.flock(fence, fcntl.LOCK_SH | fcntl.LOCK_NB)


def test_deaths_are_counted_and_exceptions_are_not(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    for _ in range(MAX_DEATHS + 2):
        with pytest.raises(ZeroDivisionError), attempt(store, VIDEO, "stitch"):
            raise ZeroDivisionError
    for death in range(MAX_DEATHS):
        with attempt(store, VIDEO, "stitch"):
            tries = store.files.read(store.tries(VIDEO, "stitch"))
        assert tries is not None
        assert len(tries) == death + 1
        store.files.write(store.tries(VIDEO, "stitch"), tries)  # as a kill leaves it
    with pytest.raises(WorkerLost, match=f"died {MAX_DEATHS} times"), attempt(store, VIDEO, "stitch"):
        pytest.fail("a fourth try")
    with attempt(store, VIDEO, "stitch"):
        pass

"""What is kept of a scene between its stages, and given back to a later run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from faulty_runs import Case
from full_rows import assert_same, full_scene, scene_rows
from hydra import compose, initialize_config_dir

from remaster.config import config_dir, register_schema, to_config
from remaster.imaging.geometry import parse_aspect
from remaster.pipeline.engines import choose
from remaster.pipeline.job import Job
from remaster.pipeline.scene_cache import cache_scene, drop, restored
from remaster.pipeline.stages import refuse_unstitched
from remaster.pipeline.store import Store
from remaster.records import Background, Borrowed, Shot
from remaster.rows import ANALYZED, SEGMENTED, FailedScene, FilledScene, PlannedScene, StitchedScene
from remaster.tables import OutpaintColumns


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return job_of(tmp_path)


def job_of(root: Path, *overrides: str) -> Job:
    case = Case(root, root / "in", link="off")
    case.engine()
    register_schema()
    with initialize_config_dir(str(config_dir()), version_base="1.3"):
        config = to_config(compose("batch", overrides=[*case.overrides(), *overrides]))
    engines = choose("segmenter", config.segmenter, 0), choose("inpainter", config.inpainter, 0)
    return Job(config, Store(str(case.out)), parse_aspect(config.target.aspect), 0.5, *engines)


def painted(picture: Background) -> Background:
    """The picture with other colours in its holes, as an inpainter leaves it."""
    return replace(picture, image=np.where(picture.holes[..., None], np.uint8(201), picture.image))


def stages() -> tuple[PlannedScene, StitchedScene, FilledScene]:
    """A scene before ``stitch``, after it, and after ``outpaint``."""
    *_, row, _ = scene_rows()
    shots = tuple(shot.repainted(lambda picture: replace(picture, borrowed=None)) for shot in row.shots)
    stitched = replace(row, shots=shots)
    filled = tuple(shot.repainted(painted) for shot in shots)
    planned = PlannedScene(replace(full_scene(), gate=None, framing=0.5, seconds={}, attempts=7))
    return planned, stitched, stitched.filled(filled, OutpaintColumns(5, 4, 2))


def lent(picture: Background) -> Background:
    """The picture with other colours in a hole, which another scene saw: it is none any more."""
    mask = np.zeros_like(picture.holes)
    mask.flat[np.flatnonzero(picture.holes)[:2]] = True
    return replace(
        picture,
        image=np.where(mask[..., None], np.uint8(77), picture.image),
        coverage=picture.coverage | mask,
        holes=picture.holes & ~mask,
        fine=None if picture.fine is None else np.where(mask[..., None], np.int8(0), picture.fine),
        borrowed=Borrowed("a-1-0000000.000", 3, mask),
    )


def kinds(shots: tuple[Shot, ...]) -> list[str]:
    return [shot.method for shot in shots]


def test_what_stitch_and_outpaint_left_comes_back_whole(job: Job) -> None:
    planned, stitched, filled = stages()
    assert kinds(stitched.shots) == ["mosaic", "ambient", "propagated", "propagated"]
    cache_scene(stitched, job)
    assert_same(restored(planned, job), replace(stitched, scene=replace(stitched.scene, attempts=7)))
    cache_scene(filled, job)
    back = restored(planned, job)
    assert isinstance(back, FilledScene)
    assert_same(back.shots, filled.shots)
    assert back.outpaint == OutpaintColumns(5, 4, 2)
    assert_same(back.frames, filled.frames)
    assert_same(back.scene, replace(filled.scene, attempts=7))


def test_what_was_generated_alone_is_kept_of_the_pictures_a_second_time(job: Job) -> None:
    planned, stitched, filled = stages()
    cache_scene(stitched, job)
    other = replace(
        filled, shots=tuple(s.repainted(lambda p: replace(p, image=np.full_like(p.image, 201))) for s in filled.shots)
    )
    cache_scene(other, job)
    back = restored(planned, job)
    assert isinstance(back, FilledScene)
    assert_same(back.shots, filled.shots)


def test_what_other_scenes_lent_comes_back_with_what_was_generated(job: Job) -> None:
    planned, stitched, filled = stages()
    shots = tuple(shot.repainted(lent).repainted(painted) for shot in stitched.shots)
    cache_scene(stitched, job)
    cache_scene(replace(filled, shots=shots), job)
    back = restored(planned, job)
    assert isinstance(back, FilledScene)
    assert_same(back.shots, shots)


def test_a_scene_whose_cache_is_gone_fails_where_no_segmenter_is_loaded(job: Job) -> None:
    analyzed = scene_rows()[1]
    described = Path(job.store.root) / job.store.cached(analyzed.scene.video_id, analyzed.scene.scene_id, "describe")
    described.parent.mkdir(parents=True)
    described.write_bytes(b"of no use any more")
    (row,) = SEGMENTED.read(refuse_unstitched(ANALYZED.write([analyzed]), job))
    assert isinstance(row, FailedScene)
    assert "start again" in row.failure.error
    assert not described.exists()  # so that it is stitched again


def test_nothing_that_was_made_otherwise_comes_back(job: Job, tmp_path: Path) -> None:
    planned, stitched, filled = stages()
    cache_scene(stitched, job)
    cache_scene(filled, job)
    wider = job_of(tmp_path, "target.aspect=2.4")
    assert restored(planned, wider) is planned
    drop(planned.scene, job)
    assert restored(planned, job) is planned


def test_what_an_older_version_kept_is_made_anew_though_only_a_part_of_a_column_differs(job: Job) -> None:
    planned, stitched, _ = stages()
    cache_scene(stitched, job)
    assert isinstance(restored(planned, job), StitchedScene)
    (path,) = Path(job.store.root).rglob("*.stitch.parquet")
    table = pq.read_table(path)
    shots = table.schema.field("shots")
    parts = [part for part in shots.type.value_type if part.name != "mix"]
    older = pa.list_(pa.struct(parts))
    column = pa.array([[{k: v for k, v in shot.items() if k != "mix"} for shot in table["shots"][0].as_py()]], older)
    at = table.schema.get_field_index("shots")
    pq.write_table(table.set_column(at, pa.field("shots", older), column), path)
    assert restored(planned, job) is planned

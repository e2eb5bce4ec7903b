"""Dataclasses survive Arrow: every dtype, missing values, pictures, and what a file of another version would hold."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pytest
from full_rows import INFO, assert_same, scene_rows

from remaster.arrays import Mask
from remaster.arrow import RowTable, codec_of, info_from_json, info_to_json, pack, pack_picture, unpack
from remaster.media.types import Rect, Treatment
from remaster.rows import FilledScene


@dataclass(frozen=True)
class Small:
    name: str
    masks: Mask | None = None
    numbers: tuple[int, ...] = ()
    counts: Mapping[str, float] | None = None
    rect: Rect | None = None


SMALL = RowTable(Small)


def test_types_come_from_the_declaration_and_never_from_data() -> None:
    table = SMALL.write([Small("a")])
    assert table.schema == SMALL.schema == SMALL.write([]).schema
    assert table.schema.field("numbers").type == pa.list_(pa.int64())
    assert table.schema.field("counts").type == pa.map_(pa.string(), pa.float64())
    assert_same(SMALL.read(table)[0], Small("a"))
    full = Small("b", np.zeros((0, 3, 4), bool), (1, 2), {"x": 1.0}, Rect(0, 1, 2, 3))
    for a, b in zip(SMALL.read(SMALL.write([full, Small("c")])), (full, Small("c")), strict=True):
        assert_same(a, b)


def test_a_row_for_a_file_comes_back_whole_and_smaller() -> None:
    row, table = scene_rows()[-1], RowTable(FilledScene)
    assert_same(table.read(table.write([row], compact=True))[0], row)
    ramp = np.repeat(np.arange(200, dtype=np.uint8)[None, :, None], 3, axis=2)
    packed = pack_picture(ramp)
    assert set(packed["data"]) == {0, 1}
    np.testing.assert_array_equal(unpack(packed), ramp)


def test_arrays_are_let_go_of_once_they_are_in_a_table() -> None:
    masks = np.zeros((2, 6, 8), bool)
    alive = weakref.ref(masks)
    row = Small("a", masks)
    table = SMALL.write([row])
    del row, masks
    assert table.num_rows == 1 and alive() is None


def test_objects_never_travel() -> None:
    with pytest.raises(TypeError, match="object"):
        pack(np.array([object()]))
    with pytest.raises(TypeError, match="does not travel"):
        codec_of(object)


def test_video_info_survives_json() -> None:
    assert info_from_json(info_to_json(INFO)) == INFO
    treated = replace(INFO, treatment=Treatment("bwdif", True, False, replace(INFO, visible=Rect(0, 0, 2, 2)), (4, 3)))
    assert info_from_json(info_to_json(treated)) == treated

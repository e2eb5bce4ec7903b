"""Dataclasses as Arrow tables: the schema is derived from the declaration, and rows go there and back unchanged.

A field's type comes from its annotation alone, never from data, so that an empty list or a missing value does not
change it, and nothing is pickled. ``codec_of`` has the rules: dataclasses become structs, tuples lists, mappings maps,
arrays their raw bytes with dtype and shape, ``X | None`` a value that may be null; ``Annotated[..., type]`` names an
Arrow type itself.
"""

from __future__ import annotations

import json
import types
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass
from fractions import Fraction
from functools import cache
from typing import Annotated, Any, Generic, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from remaster.media.types import ColorSpec, PixelFormat, Rect, Treatment, VideoInfo

T = TypeVar("T")
ARRAY = pa.struct([("dtype", pa.string()), ("shape", pa.list_(pa.int32())), ("data", pa.large_binary())])
DTYPES = ("|b1", "|i1", "|u1", "<f4", "<f8", "<i8")
DIFFERENCES = "differences"
"""In place of a dtype: ``data`` is a picture as ``pack_picture`` writes it."""
SCALARS = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_(), bytes: pa.large_binary()}


@dataclass(frozen=True)
class Codec:
    """The Arrow ``type`` of an annotation; ``encode(value, compact)`` and ``decode`` go there and back."""

    type: pa.DataType
    encode: Callable[[Any, bool], Any]
    decode: Callable[[Any], Any]


@dataclass(frozen=True)
class RowTable(Generic[T]):
    """Tables whose rows are of one dataclass, a column for each of its fields."""

    kind: type[T]

    @property
    def schema(self) -> pa.Schema:
        """The explicit schema."""
        return pa.schema(list(codec_of(self.kind).type))

    def write(self, rows: Iterable[T], compact: bool = False) -> pa.Table:
        """Rows as a table; ``compact``: pictures as files compress them best."""
        encode = codec_of(self.kind).encode
        return pa.Table.from_pylist([encode(row, compact) for row in rows], schema=self.schema)

    def read(self, table: pa.Table) -> list[T]:
        """The rows of a table; arrays are read-only views of its buffers."""
        decode = codec_of(self.kind).decode
        return [decode(row) for row in table.to_pylist(maps_as_pydicts="strict")]


@dataclass(frozen=True)
class MixedTable:
    """Tables whose rows are each of one of several dataclasses: a column for each class, all but one of them null."""

    kinds: tuple[type, ...]

    @property
    def schema(self) -> pa.Schema:
        """The explicit schema; it does not depend on which kinds a table has rows of."""
        return pa.schema([(kind.__name__, codec_of(kind).type) for kind in self.kinds])

    def write(self, rows: Iterable[Any]) -> pa.Table:
        """Rows as a table; raises ``TypeError`` for one of another kind."""
        return pa.Table.from_pylist([self._encoded(row) for row in rows], schema=self.schema)

    def read(self, table: pa.Table) -> list[Any]:
        """The rows of a table; arrays are read-only views of its buffers."""
        kinds = {kind.__name__: kind for kind in self.kinds}
        return [
            codec_of(kinds[name]).decode(value)
            for row in table.to_pylist(maps_as_pydicts="strict")
            for name, value in row.items()
            if value is not None
        ]

    def _encoded(self, row: Any) -> dict[str, Any]:
        if type(row) not in self.kinds:
            raise TypeError(
                f"no {type(row).__name__} comes here, but {', '.join(kind.__name__ for kind in self.kinds)}"
            )
        return {type(row).__name__: codec_of(type(row)).encode(row, False)}


def codec_of(annotation: Any) -> Codec:
    """How values of a type travel; raises ``TypeError`` for a type that has no business in a row."""
    return _codec(annotation)


@cache
def _codec(annotation: Any) -> Codec:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation in SCALARS or origin is Literal:
        return _plain(SCALARS.get(annotation, pa.string()))
    if origin is Annotated:
        return _plain(arguments[1])
    if annotation is VideoInfo:  # it holds another one: Arrow has no recursive types
        return Codec(pa.string(), lambda info, _: info_to_json(info), info_from_json)
    if origin is np.ndarray:
        return Codec(ARRAY, lambda array, compact: (pack_picture if compact else pack)(array), unpack)
    if origin in (Union, types.UnionType) and arguments[1:] == (type(None),):
        return _optional(codec_of(arguments[0]))
    if origin is tuple and (arguments[1:] == (...,) or len(set(arguments)) == 1):
        return _list(codec_of(arguments[0]))
    if origin is Mapping or getattr(origin, "__name__", "") == "Mapping":
        return _plain(pa.map_(codec_of(arguments[0]).type, codec_of(arguments[1]).type))
    if is_dataclass(annotation) and isinstance(annotation, type):
        return _struct(annotation)
    raise TypeError(f"{annotation} does not travel in rows")


def _plain(kind: pa.DataType) -> Codec:
    return Codec(kind, lambda value, _: value, lambda value: value)


def _optional(inner: Codec) -> Codec:
    return Codec(
        inner.type,
        lambda value, compact: None if value is None else inner.encode(value, compact),
        lambda value: None if value is None else inner.decode(value),
    )


def _list(inner: Codec) -> Codec:
    return Codec(
        pa.list_(inner.type),
        lambda values, compact: [inner.encode(value, compact) for value in values],
        lambda values: tuple(inner.decode(value) for value in values),
    )


def _struct(kind: type) -> Codec:
    hints = get_type_hints(kind, include_extras=True)
    parts = {f.name: codec_of(hints[f.name]) for f in fields(kind)}
    return Codec(
        pa.struct([(name, part.type) for name, part in parts.items()]),
        lambda value, compact: {name: part.encode(getattr(value, name), compact) for name, part in parts.items()},
        lambda values: kind(**{name: part.decode(values[name]) for name, part in parts.items()}),
    )


def pack(array: npt.NDArray[Any]) -> dict[str, Any]:
    """An array as the ``ARRAY`` struct; raises ``TypeError`` for a dtype that has no business in a row."""
    if array.dtype.str not in DTYPES:
        raise TypeError(f"arrays of {array.dtype} do not travel in rows")
    # Bytes, although they are a copy more: PyArrow 26 never lets go of a memoryview's memory.
    return {"dtype": array.dtype.str, "shape": list(array.shape), "data": np.ascontiguousarray(array).tobytes()}


def pack_picture(array: npt.NDArray[Any]) -> dict[str, Any]:
    """``pack``, but a picture (h, w, 3) uint8 ready to be compressed: each sample less the one left of it.

    With the compression of Parquet (zstd) as small as PNG, whose filter "Sub" this is, in a sixth of its time.
    """
    if array.dtype != np.uint8 or array.ndim != 3:
        return pack(array)
    differences = array.copy()
    differences[:, 1:] -= array[:, :-1]
    return {"dtype": DIFFERENCES, "shape": list(array.shape), "data": differences.tobytes()}


def unpack(struct: Mapping[str, Any]) -> Any:
    """The inverse of ``pack``, without a copy, and of ``pack_picture``; Any: only run time knows the dtype."""
    if struct["dtype"] == DIFFERENCES:
        differences = np.frombuffer(struct["data"], np.uint8).reshape(struct["shape"])
        return np.cumsum(differences, axis=1, dtype=np.uint8)
    if struct["dtype"] not in DTYPES:
        raise TypeError(f"arrays of {struct['dtype']} do not travel in rows")
    return np.frombuffer(struct["data"], struct["dtype"]).reshape(struct["shape"])


def info_to_json(info: VideoInfo) -> str:
    """A ``VideoInfo`` as JSON; fractions are written as ``"30000/1001"``."""
    return json.dumps(asdict(info), default=str, sort_keys=True)


def info_from_json(text: str) -> VideoInfo:
    """The inverse of ``info_to_json``."""
    return _info(json.loads(text))


def _info(values: dict[str, Any]) -> VideoInfo:
    treatment = values["treatment"]
    if treatment is not None:
        frame = tuple(treatment["frame"]) if treatment["frame"] else None
        values["treatment"] = Treatment(**(treatment | {"stored": _info(treatment["stored"]), "frame": frame}))
    values |= {name: Fraction(values[name]) for name in ("sar", "fps", "time_base")}
    values |= {"display": tuple(values["display"]), "visible": Rect(**values["visible"]) if values["visible"] else None}
    values["span"] = tuple(values["span"]) if values["span"] else None
    values |= {"format": PixelFormat(**values["format"]), "color": _color(values["color"])}
    return VideoInfo(**values)


def _color(values: dict[str, Any]) -> ColorSpec:
    return ColorSpec(**(values | {name: tuple(values[name]) for name in ("mastering", "light", "dynamic")}))

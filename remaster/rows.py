"""The Arrow form of what streams between the stages: one row a scene (or a video's plan), under one explicit schema.

Every field has a fixed type, so an empty list or a missing value never changes it, and nothing is ever pickled. Arrays
travel as their raw bytes with dtype and shape.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from remaster.arrays import Mask
from remaster.media.types import ColorSpec, Entry, PixelFormat, Rect, Treatment, VideoInfo
from remaster.notes import Note, texts
from remaster.records import Analysis, Background, Key, Propagation, Shot
from remaster.tables import SHOTS, STAGES

ARRAY = pa.struct([("dtype", pa.string()), ("shape", pa.list_(pa.int32())), ("data", pa.large_binary())])
DTYPES = ("|b1", "|i1", "|u1", "<f4", "<f8", "<i8")
LINES = "lines"  # in place of a dtype: ``data`` is the picture as ``pack_lines`` writes it

Packer = Callable[[npt.NDArray[Any] | None], dict[str, Any] | None]
BACKGROUND = ("image", "coverage", "holes", "figures", "fine")
RECT = pa.struct([(name, pa.int32()) for name in ("x", "y", "width", "height")])
ENTRY = pa.struct([("pts", pa.int64()), ("skip", pa.int32())])
RUN = pa.struct([("start_frame", pa.int64()), ("pts", pa.list_(pa.int64())), ("entry", ENTRY)])
ANALYSIS = pa.struct(
    [
        *[
            (name, ARRAY)
            for name in ("keyframes", "proxies", "motion", "explained", "holds", "luma", "turning", "valid")
        ],
        ("noise", pa.float64()),
    ]
)
KEY = pa.struct(
    [
        *[(name, pa.int64()) for name in ("start", "end", "frame")],
        *[(name, ARRAY) for name in BACKGROUND],
    ]
)
PROPAGATION = pa.struct([*[(name, ARRAY) for name in ("cameras", "own", "lives")], ("keys", pa.list_(KEY))])
SHOT = pa.struct(
    [
        ("start", pa.int64()),
        ("end", pa.int64()),
        ("method", pa.string()),
        ("cameras", ARRAY),
        *[(name, ARRAY) for name in BACKGROUND],
        ("confidence", pa.float64()),
        ("registered", pa.int32()),
        ("inliers", pa.int64()),
        ("propagation", PROPAGATION),
        ("mix", ARRAY),
    ]
)
NOTE_KIND = pa.struct([("loss", pa.bool_()), ("encoded", pa.bool_())])
SCENE = pa.schema(
    [
        pa.field("video", pa.string(), nullable=False),
        pa.field("video_id", pa.string(), nullable=False),
        pa.field("scene_id", pa.string()),  # null: this row is the video itself
        pa.field("info", pa.string()),  # VideoInfo as JSON
        pa.field("runs", pa.list_(RUN)),
        pa.field("active", RECT),
        pa.field("gate", ARRAY),
        pa.field("noise", pa.float64()),
        pa.field("framing", pa.float64()),
        pa.field("seed", pa.int64()),
        pa.field("attempts", pa.int32()),
        pa.field("fingerprint", pa.string()),
        pa.field(
            "copyable", pa.list_(pa.string())
        ),  # the kinds of file that could take the video's packets as they are
        pa.field("copied", pa.bool_()),
        pa.field("analysis", ANALYSIS),
        pa.field("grain", ARRAY),
        pa.field("masks", ARRAY),
        pa.field("labels", pa.map_(pa.string(), pa.int32())),
        pa.field("shots", pa.list_(SHOT)),
        pa.field("keyframes", pa.int32()),
        pa.field("cut_foreground", pa.float64()),
        pa.field("hole_pixels", pa.int64()),
        pa.field("generated_pixels", pa.int64()),
        pa.field("inpaint_calls", pa.int32()),
        pa.field("error_stage", pa.string()),
        pa.field("error", pa.string()),
        pa.field("seconds", pa.map_(pa.string(), pa.float64())),
        pa.field("results", pa.list_(pa.struct(list(SHOTS)))),  # what metadata/scenes got; only after the last stage
        pa.field("planned", pa.list_(pa.string())),  # scene ids; only in a video's own row
        pa.field("notes", pa.list_(pa.string())),  # of the whole video: what was found, repaired, left alone
        pa.field("note_kinds", pa.list_(NOTE_KIND)),  # of each of the notes
    ]
)


@dataclass(frozen=True)
class Run:
    """Frames of a video that follow each other: ``pts`` int64 (n + 1,) are the times of its n, then the last's end.

    ``entry`` is where decoding begins that leads to the first of them; None: at the frame itself.
    """

    start_frame: int
    pts: npt.NDArray[np.int64]
    entry: Entry | None = None

    @property
    def frames(self) -> int:
        """How many there are."""
        return len(self.pts) - 1

    @property
    def end_frame(self) -> int:
        """The first frame after them."""
        return self.start_frame + self.frames


@dataclass(frozen=True)
class SceneRow:
    """One row between stages. ``scene_id`` None marks a video's own row, whose scenes are named in ``planned``.

    ``runs`` are the scene's frames in the order of time: more than one where the video comes back to a camera set-up
    (``setups``). The steps number them through, across the runs. ``seconds`` are worker seconds by stage.
    ``noise`` is the grain of the whole video as ``Detection.noise``, ``grain`` float32 (n,) that about each of the
    scene's frames, in the same levels, as it shows: none on a black card.
    ``copied``: the video fills the target, and its packets go over as they are; nothing is encoded.
    ``error`` is set by the first step that failed; the later ones pass the row on, and the last delivers it by a lower
    step of the ladder.
    """

    video: str
    video_id: str
    scene_id: str | None = None
    info: VideoInfo | None = None
    runs: tuple[Run, ...] = ()
    active: Rect | None = None
    gate: Mask | None = None
    noise: float = 0.0
    framing: float = 0.5
    seed: int = 0
    attempts: int = 1
    fingerprint: str = ""
    copyable: tuple[str, ...] = ()
    copied: bool = False
    analysis: Analysis | None = None
    grain: npt.NDArray[np.float32] | None = None
    masks: Mask | None = None
    labels: Mapping[str, int] | None = None
    shots: tuple[Shot, ...] = ()
    keyframes: int | None = None
    cut_foreground: float | None = None
    hole_pixels: int | None = None
    generated_pixels: int | None = None
    inpaint_calls: int | None = None
    error_stage: str | None = None
    error: str | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)
    results: tuple[dict[str, Any], ...] = ()
    planned: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()

    @property
    def frames(self) -> int:
        """Number of the scene's frames."""
        return sum(run.frames for run in self.runs)

    @property
    def start_frame(self) -> int:
        """The scene's first frame in its video."""
        return self.runs[0].start_frame if self.runs else 0

    def failed(self, stage: str, error: BaseException) -> SceneRow:
        """The same row, marked with what went wrong; the payload of the failed step's input is kept."""
        return replace(self, error_stage=stage, error=f"{type(error).__name__}: {error}")


def to_table(rows: Iterable[SceneRow], compact: bool = False) -> pa.Table:
    """Rows as an Arrow table under ``SCENE``; ``compact``: backgrounds as files compress them best."""
    return pa.Table.from_pylist([_to_dict(row, pack_lines if compact else pack) for row in rows], schema=SCENE)


def from_table(table: pa.Table) -> list[SceneRow]:
    """The rows of a table under ``SCENE``; arrays are read-only views of its buffers."""
    return [_from_dict(row) for row in table.to_pylist(maps_as_pydicts="strict")]


def pack(array: npt.NDArray[Any] | None) -> dict[str, Any] | None:
    """An array as the ``ARRAY`` struct; raises ``TypeError`` for a dtype that has no business in a row."""
    if array is None:
        return None
    if array.dtype.str not in DTYPES:
        raise TypeError(f"arrays of {array.dtype} do not travel in rows")
    # Bytes, although they are a copy more: PyArrow 26 never lets go of a memoryview's memory.
    return {"dtype": array.dtype.str, "shape": list(array.shape), "data": np.ascontiguousarray(array).tobytes()}


def pack_lines(image: npt.NDArray[Any] | None) -> dict[str, Any] | None:
    """A picture (h, w, 3) uint8 as the ``ARRAY`` struct, ready to be compressed: each sample less the one left of it.

    With the compression of Parquet (zstd) as small as PNG, whose filter "Sub" this is, in a sixth of its time.
    """
    if image is None:
        return None
    lines = image.copy()
    lines[:, 1:] -= image[:, :-1]
    return {"dtype": LINES, "shape": list(image.shape), "data": lines.tobytes()}


def unpack(struct: Mapping[str, Any] | None) -> Any:
    """The inverse of ``pack``, without a copy, and of ``pack_lines``; Any: only run time knows the dtype."""
    if struct is None:
        return None
    if struct["dtype"] == LINES:
        lines = np.frombuffer(struct["data"], np.uint8).reshape(struct["shape"])
        return np.cumsum(lines, axis=1, dtype=np.uint8)
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
        frame = tuple(treatment["frame"]) if treatment.get("frame") else None
        values["treatment"] = Treatment(**(treatment | {"stored": _info(treatment["stored"]), "frame": frame}))
    values |= {name: Fraction(values[name]) for name in ("sar", "fps", "time_base")}
    shown = values.get("shown")  # plans of older versions have neither
    values |= {"display": tuple(values.get("display", ())), "shown": Rect(**shown) if shown else None}
    values["span"] = tuple(values["span"]) if values.get("span") else None
    values |= {"format": PixelFormat(**values["format"]), "color": _color(values["color"])}
    return VideoInfo(**values)


def _color(values: dict[str, Any]) -> ColorSpec:
    return ColorSpec(**(values | {name: tuple(values[name]) for name in ("mastering", "light", "dynamic")}))


def _to_dict(row: SceneRow, pack_image: Packer) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in SCENE.names if name != "note_kinds"}
    values["info"] = info_to_json(row.info) if row.info else None
    values["runs"] = [_run_to_dict(run) for run in row.runs]
    values["active"] = asdict(row.active) if row.active else None
    values["gate"] = pack(row.gate)
    values["analysis"] = _analysis_to_dict(row.analysis) if row.analysis else None
    values["grain"] = pack(row.grain)
    values["masks"] = pack(row.masks)
    values["shots"] = [_shot_to_dict(shot, pack_image) for shot in row.shots]
    values["seconds"] = list(row.seconds.items())
    values["notes"] = texts(row.notes)
    values["note_kinds"] = [{"loss": note.loss, "encoded": note.encoded} for note in row.notes]
    return values


def _from_dict(values: dict[str, Any]) -> SceneRow:
    values["info"] = info_from_json(values["info"]) if values["info"] else None
    values["runs"] = tuple(_run_from_dict(run) for run in values["runs"])
    values["active"] = Rect(**values["active"]) if values["active"] else None
    values["gate"] = unpack(values["gate"])
    values["analysis"] = _analysis_from_dict(values["analysis"]) if values["analysis"] else None
    values["grain"] = unpack(values["grain"])
    values["masks"] = unpack(values["masks"])
    values["shots"] = tuple(_shot_from_dict(shot) for shot in values["shots"])
    values["copyable"] = tuple(values["copyable"])
    values["results"] = tuple(values["results"])
    values["planned"] = tuple(values["planned"])
    kinds = values.pop("note_kinds")
    values["notes"] = tuple(Note(text, **kind) for text, kind in zip(values["notes"], kinds, strict=True))
    return SceneRow(**values)


def _run_to_dict(run: Run) -> dict[str, Any]:
    entry = asdict(run.entry) if run.entry else None
    return {"start_frame": run.start_frame, "pts": run.pts.tolist(), "entry": entry}


def _run_from_dict(values: dict[str, Any]) -> Run:
    entry = Entry(**values["entry"]) if values["entry"] else None
    return Run(values["start_frame"], np.array(values["pts"], np.int64), entry)


def _analysis_to_dict(analysis: Analysis) -> dict[str, Any]:
    return {f.name: pack(getattr(analysis, f.name)) if f.type == ARRAY else analysis.noise for f in ANALYSIS}


def _analysis_from_dict(values: dict[str, Any]) -> Analysis:
    return Analysis(**{f.name: unpack(values[f.name]) if f.type == ARRAY else values[f.name] for f in ANALYSIS})


def _shot_to_dict(shot: Shot, pack_image: Packer) -> dict[str, Any]:
    names = ("start", "end", "method", "confidence", "registered", "inliers")
    values = {name: getattr(shot, name) for name in names}
    values |= {"cameras": pack(shot.cameras), "mix": pack(shot.mix)}
    made = shot.propagation
    values["propagation"] = None if made is None else _propagation_to_dict(made, pack_image)
    return values | _background_to_dict(shot.background, pack_image)


def _shot_from_dict(values: dict[str, Any]) -> Shot:
    background, made = _background_from_dict(values), values.pop("propagation")
    propagation = None if made is None else _propagation_from_dict(made)
    arrays = {name: unpack(values[name]) for name in ("cameras", "mix")}
    return Shot(**(values | arrays), background=background, propagation=propagation)


def _propagation_to_dict(made: Propagation, pack_image: Packer) -> dict[str, Any]:
    arrays = {name: pack(getattr(made, name)) for name in ("cameras", "own", "lives")}
    keys = [
        {"start": key.start, "end": key.end, "frame": key.frame} | _background_to_dict(key.picture, pack_image)
        for key in made.keys
    ]
    return arrays | {"keys": keys}


def _propagation_from_dict(values: dict[str, Any]) -> Propagation:
    keys = []
    for key in values["keys"]:
        picture = _background_from_dict(key)
        keys.append(Key(**key, picture=picture))
    cameras, own, lives = (unpack(values[name]) for name in ("cameras", "own", "lives"))
    return Propagation(cameras, own, lives, tuple(keys))


def _background_to_dict(background: Background | None, pack_image: Packer) -> dict[str, Any]:
    parts = {name: getattr(background, name, None) for name in BACKGROUND}
    masks = {name: pack(parts[name]) for name in BACKGROUND if name != "image"}
    return masks | {"image": pack_image(parts["image"])}


def _background_from_dict(values: dict[str, Any]) -> Background | None:
    """The background whose parts are taken out of ``values``."""
    parts = {name: unpack(values.pop(name)) for name in BACKGROUND}
    return None if parts["image"] is None else Background(**parts)


def stage_seconds(row: SceneRow) -> dict[str, float | None]:
    """``seconds_<stage>`` for every stage; None where the row never went through it."""
    return {f"seconds_{stage}": row.seconds.get(stage) for stage in STAGES}

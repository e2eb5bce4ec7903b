"""The Parquet tables that a run leaves behind: one row a shot, one row a video. Names and types are a contract.

``SHOTS`` and ``VIDEOS`` are the tables. Columns of ``SHOTS`` that a step before the last one fills stand in that step's
dataclass too, which travels with the scene from stage to stage. The others are filled in ``pipeline.delivery``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

import pyarrow as pa

Int32 = Annotated[int, pa.int32()]

STAGES = ("detect", "analyze", "segment", "stitch", "outpaint", "resample")

SHOTS = pa.schema(
    [
        pa.field("video", pa.string(), nullable=False),  # the input's name relative to the dataset, with extension
        pa.field("scene_id", pa.string(), nullable=False),
        pa.field("shot", pa.int32(), nullable=False),
        pa.field("start_frame", pa.int64(), nullable=False),
        pa.field("end_frame", pa.int64(), nullable=False),  # one past the last
        pa.field("start_pts", pa.int64(), nullable=False),
        pa.field("end_pts", pa.int64(), nullable=False),
        pa.field("time_base", pa.string(), nullable=False),  # "1/24000", the unit of the two before
        pa.field("fps", pa.float64(), nullable=False),
        pa.field("width", pa.int32(), nullable=False),  # the active picture's, in stored pixels
        pa.field("height", pa.int32(), nullable=False),
        pa.field("out_width", pa.int32(), nullable=False),
        pa.field("out_height", pa.int32(), nullable=False),
        pa.field(
            "method", pa.string(), nullable=False
        ),  # mosaic, still, propagated, ambient, passthrough; by decision leave, blur
        pa.field("keyframes", pa.int32()),
        pa.field("registered", pa.int32()),  # keyframes with a camera
        pa.field("inliers", pa.int64()),
        pa.field("coverage", pa.float64()),  # share of the shot's wing pixels, over its frames, that some frame shows
        pa.field("hole_pixels", pa.int64()),  # of the scene's backgrounds
        pa.field("generated_pixels", pa.int64()),
        pa.field("inpaint_calls", pa.int32()),
        pa.field("confidence", pa.float64()),
        pa.field("cut_foreground", pa.float64()),  # share of the join's rows where a character touches it
        pa.field("framing", pa.float64()),  # share of the wings that lies left of (above) the original
        pa.field("gate_pixels", pa.int64()),  # of the original replaced in every frame, because they are gate
        pa.field("segmenter", pa.string()),
        pa.field("labels", pa.map_(pa.string(), pa.int32())),  # instances masked on the scene's keyframes, by class
        pa.field("inpainter", pa.string()),
        pa.field("seed", pa.int64(), nullable=False),
        pa.field("segment", pa.string()),  # path relative to the output folder
        pa.field("segment_bytes", pa.int64()),
        pa.field("segment_crc32", pa.int64()),
        pa.field("preview", pa.string()),  # a before/after JPEG, path relative to the output folder
        pa.field("status", pa.string(), nullable=False),  # ok, fallback, failed
        pa.field("error_stage", pa.string()),
        pa.field("error", pa.string()),
        pa.field("attempts", pa.int32(), nullable=False),
        *[pa.field(f"seconds_{stage}", pa.float64()) for stage in STAGES],
        pa.field("fingerprint", pa.string(), nullable=False),
        pa.field("continued", pa.float64()),  # of the cuts through characters, the share continued from other frames
        pa.field("grain", pa.float64()),  # its standard deviation in the shot's luma, in 8-bit levels
        pa.field("recovered", pa.float64()),  # shares of the wing pixels that sum to 1: the shot's background, seen
        pa.field("propagated", pa.float64()),  # carried from the frames near in time
        pa.field("generated", pa.float64()),  # made by the inpainter
        pa.field("soft", pa.float64()),  # soft fill
        pa.field("set_id", pa.string()),  # the set that the shot's background shows with those of other scenes
        pa.field("linked", pa.int32()),  # how many other backgrounds show it
        pa.field("recovered_from_other_scenes", pa.float64()),  # share of the wing pixels, part of ``recovered``
        pa.field("donor", pa.string()),  # the recording whose same frames the wings are drawn from
        pa.field("overrides", pa.list_(pa.string())),  # the keys of overrides.yaml that hold for the shot, sorted
    ]
)


Tables = Literal["metadata", "metadata/preview", "metadata/triage"]
"""The folder of a run's tables: of what was delivered, or of what was previewed or triaged, where nothing is."""
OTHER_TABLES: tuple[Tables, ...] = ("metadata/preview", "metadata/triage")

PREVIEWS = pa.schema(
    [
        *SHOTS,  # ``preview`` is the middle one of the stills; ``status``: preview, triage, fallback, failed
        pa.field("stills", pa.list_(pa.string())),  # JPEGs of the first, middle and last frame, relative paths
        pa.field("loop", pa.string()),  # an MP4 of up to two seconds around the middle, relative path
    ]
)
"""The rows of shots that are not delivered: those of ``SHOTS`` as far as they are known, and pictures."""

TRIAGE = pa.schema(
    [
        *(SHOTS.field(name) for name in ("video", "scene_id", "shot", "start_frame", "end_frame")),
        pa.field("start_seconds", pa.float64()),  # since the video's first frame
        pa.field("end_seconds", pa.float64()),
        pa.field("verdict", pa.string(), nullable=False),  # recover, generate, give_up, keep (no wings), failed
        *(SHOTS.field(name) for name in ("method", "confidence")),
        pa.field("wing_pixels", pa.int64(), nullable=False),  # over all frames of the shot
        *(SHOTS.field(name) for name in ("recovered", "propagated", "generated", "soft")),
        *(SHOTS.field(name) for name in ("recovered_from_other_scenes", "set_id", "linked")),
        *(SHOTS.field(name) for name in ("hole_pixels", "cut_foreground")),
        pa.field("seconds_spent", pa.float64()),  # of one core, up to ``stitch``; the shot's part of its scene's
        pa.field("seconds_outpaint", pa.float64()),  # predicted; null: nothing is known of such an engine
        pa.field("seconds_resample", pa.float64()),  # predicted
        *(SHOTS.field(name) for name in ("segmenter", "inpainter", "status", "error_stage", "error")),
    ]
)
"""The rows of ``triage.parquet``: one a shot, the worst first."""


@dataclass(frozen=True)
class SegmentColumns:
    """What ``segment`` fills."""

    labels: Annotated[Mapping[str, int], pa.map_(pa.string(), pa.int32())] | None = None
    cut_foreground: float = 0.0


@dataclass(frozen=True)
class StitchColumns:
    """What ``stitch`` fills."""

    keyframes: Int32 = 0


@dataclass(frozen=True)
class OutpaintColumns:
    """What ``outpaint`` fills."""

    hole_pixels: int = 0
    generated_pixels: int = 0
    inpaint_calls: Int32 = 0


VIDEOS = pa.schema(
    [
        pa.field("video", pa.string(), nullable=False),
        pa.field("output", pa.string()),  # path relative to the output folder
        pa.field(
            "status", pa.string(), nullable=False
        ),  # ok, incomplete (a note names what was left out), fallback, failed
        pa.field("error", pa.string()),
        pa.field("partial", pa.bool_(), nullable=False),  # trimmed by scenes.limit
        pa.field("frames", pa.int64()),
        pa.field("duration", pa.float64()),  # seconds
        pa.field("fps", pa.float64()),
        pa.field("source_width", pa.int32()),  # stored, bars included
        pa.field("source_height", pa.int32()),
        pa.field("width", pa.int32()),  # active
        pa.field("height", pa.int32()),
        pa.field("out_width", pa.int32()),
        pa.field("out_height", pa.int32()),
        pa.field("sar", pa.string()),
        pa.field("source_filter", pa.string()),  # what ran before any step: bwdif, ivtc, square, bwdif+square, ...
        pa.field("scenes", pa.int32()),
        pa.field("shots", pa.int32()),
        pa.field("wing_pixels", pa.int64()),  # over all frames: what a frame-by-frame method would have to generate
        pa.field("recovered_share", pa.float64()),  # of wing_pixels, as for shots; the four shares sum to 1
        pa.field("generated_pixels", pa.int64()),  # once per scene
        pa.field("inpaint_calls", pa.int64()),
        pa.field("notes", pa.list_(pa.string()), nullable=False),  # what was repaired, left out or left alone
        pa.field("seconds_assemble", pa.float64()),
        pa.field("output_bytes", pa.int64()),
        pa.field("fingerprint", pa.string()),  # of its scenes and its container: whether it must be assembled again
        *[pa.field(f"{kind}_share", pa.float64()) for kind in ("propagated", "generated", "soft")],
        pa.field("losses", pa.list_(pa.string())),  # those of the notes that name what the result lacks of the source
    ]
)

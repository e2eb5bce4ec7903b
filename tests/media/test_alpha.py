"""Planes with an alpha channel: nothing that is visible changes, in any format, and FFV1 gives it back."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from remaster.media.alpha import Cutout, alpha_format
from remaster.media.encode import SegmentWriter
from remaster.media.encoders import Codec, EncoderSettings
from remaster.media.formats import planar_format
from remaster.media.types import ColorSpec

EVEN, ODD = (48, 28), (45, 27)
LEFT = 13
"""Columns of wing at the left: the mask's edge lies inside a chroma sample."""
COLOR = ColorSpec(1, 1, 1)
CASES = {
    "yuv420p": ("yuva420p", 1), "yuv422p": ("yuva422p", 1), "yuv444p": ("yuva444p", 1), "yuv440p": ("yuva444p", 1),
    "yuv411p": ("yuva422p", 1), "yuv410p": ("yuva420p", 1), "gray": ("yuva420p", 1), "gbrp": ("gbrap", 1),
    "yuv420p10le": ("yuva420p10le", 1), "yuv420p12le": ("yuva420p16le", 16), "yuv422p12le": ("yuva422p12le", 1),
    "yuv444p14le": ("yuva444p16le", 4), "gray12le": ("yuva420p16le", 16), "gbrp9le": ("gbrap10le", 2),
    "gbrp12le": ("gbrap12le", 1),
}  # fmt: skip
"""Source format -> (the format with alpha, by what its samples are multiplied)."""


def stored(path: Path, frame: int) -> list[np.ndarray]:
    """The planes of a frame of a file; of packed B, G, R, A those that are stored planar elsewhere."""
    with av.open(str(path)) as container:
        found = list(container.decode(video=0))[frame]
    dtype = np.dtype(np.uint16 if found.format.components[0].bits > 8 else np.uint8)
    rows = [np.frombuffer(plane, dtype).reshape(plane.height, -1) for plane in found.planes]
    if found.format.name == "bgra":
        packed = rows[0].reshape(found.height, -1, 4)[:, : found.width]
        return [packed[..., 1], packed[..., 0], packed[..., 2], packed[..., 3]]
    return [row[:, : plane.width] for row, plane in zip(rows, found.planes, strict=True)]


@pytest.mark.parametrize(
    ("name", "size", "expected", "factor"),
    [
        *((name, EVEN, *found) for name, found in CASES.items()),
        *((name, ODD, "yuva444p", 1) for name in ("yuv420p", "yuv422p", "yuv411p", "gray")),
    ],
)
def test_what_is_visible_is_exact_and_the_rest_is_gone(
    name: str, size: tuple[int, int], expected: str, factor: int, tmp_path: Path
) -> None:
    source, (width, height) = planar_format(name), size
    target = alpha_format(source, width, height)
    assert target.name == expected
    opaque = np.zeros((height, width), bool)
    opaque[:, :LEFT] = True
    rng = np.random.default_rng(1)
    dtype = np.uint8 if source.depth == 8 else np.uint16
    pictures = [
        tuple(rng.integers(0, 1 << source.depth, shape).astype(dtype) for shape in source.plane_shapes(width, height))
        for _ in range(2)
    ]
    cutout, path = Cutout(opaque, source, COLOR), tmp_path / "a.mkv"
    with SegmentWriter(
        path, width, height, Fraction(1), target, COLOR, Fraction(25), Fraction(1, 1000),
        EncoderSettings(Codec.ffv1), timed=True,
    ) as writer:  # fmt: skip
        for index, picture in enumerate(pictures):
            writer.write(cutout.planes(picture), (0, 70)[index])
    for number, picture in enumerate(pictures):
        *planes, alpha = stored(path, number)
        assert np.array_equal(alpha > 0, opaque) and alpha.max() == (1 << target.depth) - 1
        for given, found, shape in zip(picture, planes, source.plane_shapes(width, height), strict=False):
            down, across = (-(-height // shape[0]), -(-width // shape[1]))
            to_down, to_across = (-(-height // found.shape[0]), -(-width // found.shape[1]))
            thinned = found[:: down // to_down, :: across // to_across][: shape[0], : shape[1]]
            shown = -(-LEFT // across)
            assert np.array_equal(thinned[:, :shown].astype(int), given[:, :shown].astype(int) * factor)
            assert len(np.unique(found[:, shown * across // to_across :])) == 1
    with av.open(str(path)) as container:
        assert [float(frame.pts * frame.time_base) for frame in container.decode(video=0)] == [0.0, 0.07]

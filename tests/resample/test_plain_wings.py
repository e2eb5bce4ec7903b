"""Wings that a person decided for: black, or the picture itself, enlarged and blurred."""

from __future__ import annotations

import numpy as np
import pytest
from resample_scene import COLOR, FULL, GBRP, GRAY, YUV420P, YUV444P10, picture_of, whole_window, window_of

from remaster.arrays import Plane
from remaster.imaging import camera as cam
from remaster.imaging.geometry import Window
from remaster.media.types import ColorSpec, PixelFormat
from remaster.resample.layout import FrameFormat
from remaster.resample.origins import ORIGINAL, SOFT
from remaster.resample.plain_wings import PlainRenderer

LOOK = cam.translation(60.0, 22.0)
BLACK = {"yuv420p": (16, 128, 128), "yuv444p10le": (64, 512, 512), "gray": (16,), "gbrp": (0, 0, 0)}


def picture(shown: Window, pixel_format: PixelFormat, color: ColorSpec) -> tuple[Plane, ...]:
    return picture_of(whole_window(shown, LOOK, pixel_format, color), shown, pixel_format)


@pytest.mark.parametrize(
    ("pixel_format", "color"),
    [(YUV420P, COLOR), (YUV444P10, COLOR), (GRAY, COLOR), (GBRP, FULL)],
    ids=lambda value: getattr(value, "name", ""),
)
@pytest.mark.parametrize("aspect", ["16/9", "9/16"])
def test_the_picture_stays_between_black_or_blurred_wings(
    pixel_format: PixelFormat, color: ColorSpec, aspect: str
) -> None:
    shown = window_of(96, 72, pixel_format, aspect)
    planes = picture(shown, pixel_format, color)
    form = FrameFormat(shown, pixel_format, color)
    for kind in ("leave", "blur"):
        renderer = PlainRenderer(kind, form, None, 1)  # type: ignore[arg-type]
        out = renderer.render(0, planes, False)
        for kept, source in zip(picture_of(out, shown, pixel_format), planes, strict=True):
            np.testing.assert_array_equal(kept, source)
            assert kept.dtype == source.dtype
        corners = [int(plane[0, 0]) for plane in out]
        assert (tuple(corners) == BLACK[pixel_format.name]) == (kind == "leave")
        origins = renderer.origins()
        assert set(np.unique(origins)) == {ORIGINAL, SOFT}
        assert int((origins == SOFT).sum()) == shown.wing_pixels


def test_blurred_wings_show_the_colours_of_the_picture_and_no_outline() -> None:
    shown = window_of(160, 120, YUV420P)
    planes = picture(shown, YUV420P, COLOR)
    out = PlainRenderer("blur", FrameFormat(shown, YUV420P, COLOR), None, 1).render(0, planes, False)
    for wide, plane in zip(out, planes, strict=True):
        wing = wide[:, : wide.shape[1] // 9].astype(float)
        assert abs(float(wing.mean()) - float(plane.mean())) < 25
        assert np.abs(np.diff(wing, axis=0)).max() < np.abs(np.diff(plane.astype(float), axis=0)).max() / 3


def test_a_hold_keeps_its_wings_and_another_picture_has_others() -> None:
    shown = window_of(160, 120, YUV420P)
    planes = picture(shown, YUV420P, COLOR)
    noisy = tuple(np.clip(p.astype(int) + 3, 0, 255).astype(np.uint8) for p in planes)
    renderer = PlainRenderer("blur", FrameFormat(shown, YUV420P, COLOR), None, 1)
    first = renderer.render(0, planes, False)[0][:, :20]
    np.testing.assert_array_equal(renderer.render(1, noisy, True)[0][:, :20], first)
    assert (renderer.render(2, noisy, False)[0][:, :20] != first).any()


def test_a_gate_is_replaced_under_blurred_wings_alone() -> None:
    shown = window_of(160, 120, YUV420P)
    planes = tuple(p.copy() for p in picture(shown, YUV420P, COLOR))
    gate = np.zeros((120, 160), bool)
    gate[:, :8] = True
    planes[0][:, :8] = 0
    form = FrameFormat(shown, YUV420P, COLOR)
    left = picture_of(PlainRenderer("leave", form, gate, 0).render(0, planes, False), shown, YUV420P)
    np.testing.assert_array_equal(left[0], planes[0])
    blurred = picture_of(PlainRenderer("blur", form, gate, 0).render(0, planes, False), shown, YUV420P)
    assert blurred[0][:, :6].min() > 16
    np.testing.assert_array_equal(blurred[0][:, 16:], planes[0][:, 16:])

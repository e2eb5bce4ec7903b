"""Wings from the same frames of another recording: the truth, in motion, in other formats, sizes and colours."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from resample_scene import (
    COLOR,
    FULL,
    GBRP,
    YUV420P,
    YUV422P,
    YUV444P10,
    canvas,
    picture_of,
    seen,
    shot_of,
    whole_window,
    window_of,
)

from remaster.imaging import camera as cam
from remaster.media.planes import from_rgb
from remaster.media.types import ColorSpec, PixelFormat, Rect
from remaster.records import Shot
from remaster.resample.exact_wings import DonorFrame, DonorReader
from remaster.resample.layout import FrameFormat
from remaster.resample.origins import LENT, ORIGINAL
from remaster.resample.rendering import FilmTraces, ShotDonors, WingRenderer
from remaster.resample.tuning import ResampleSettings

GAIN, OFFSET = 0.8, 20.0
LOOKS = [cam.translation(60.0 + 7 * i, 22.0) for i in range(6)]
"""What moves: the frames look at a scene ever further right, as nothing but these frames themselves say."""
FORMATS = [(YUV420P, COLOR), (YUV422P, COLOR), (YUV444P10, COLOR), (GBRP, FULL)]


def donor(scale: float, pixel_format: PixelFormat, color: ColorSpec, active: Rect) -> Callable[[int], DonorFrame]:
    """Frames that show what lies 40 pixels around ``active``, too: larger, in another format and light."""
    side, light = 40, np.column_stack([np.eye(3) / GAIN, np.full(3, -OFFSET / GAIN)])
    shrink = np.array([[1 / scale, 0, 0.5 / scale - 0.5 - side], [0, 1 / scale, 0.5 / scale - 0.5 - side]])
    rect = Rect(0, 0, round((active.width + 2 * side) * scale), round((active.height + 2 * side) * scale))

    def read(index: int) -> DonorFrame:
        rgb = seen(cam.compose(LOOKS[index], shrink), rect).astype(np.float32) * GAIN + OFFSET
        planes = from_rgb(rgb.astype(np.float32), pixel_format, color)
        return DonorFrame(planes, pixel_format, color, rect.height, cam.invert(shrink), light)

    return read


def renderer(shot: Shot, form: FrameFormat, read: DonorReader | None = None, noise: float = 0.0) -> WingRenderer:
    return WingRenderer(shot, form, FilmTraces(noise), ResampleSettings(), 5, ShotDonors(exact=read))


@pytest.mark.parametrize(("pixel_format", "color"), FORMATS, ids=lambda value: getattr(value, "name", ""))
@pytest.mark.parametrize("scale", [1.0, 1.5, 2.3])
@pytest.mark.parametrize(("width", "height", "aspect"), [(96, 72, "16/9"), (95, 71, "16/9"), (64, 48, "9/16")])
def test_wings_are_what_the_donor_shows(
    pixel_format: PixelFormat, color: ColorSpec, scale: float, width: int, height: int, aspect: str
) -> None:
    shown = window_of(width, height, pixel_format, aspect)
    shot = shot_of([cam.IDENTITY] * len(LOOKS), canvas())
    read = donor(scale, YUV420P, COLOR, shown.active)
    drawn = renderer(shot, FrameFormat(shown, pixel_format, color), read)
    unit = 1 << (pixel_format.depth - 8)
    for index, look in enumerate(LOOKS):
        whole = whole_window(shown, look, pixel_format, color)
        # A hold, as far as the picture shows: what lies outside may move all the same.
        out = drawn.render(index, picture_of(whole, shown, pixel_format), hold=True)
        for plane, truth, kept, original in zip(
            out, whole, picture_of(out, shown, pixel_format), picture_of(whole, shown, pixel_format), strict=True
        ):
            assert np.array_equal(kept, original)
            off = np.abs(plane.astype(float) - truth) / unit
            assert off.mean() < 1.5 and np.quantile(off, 0.98) < 12
    origins = drawn.origins()
    assert set(np.unique(origins)) == {ORIGINAL, LENT}
    assert drawn.continued is None


def test_frames_that_no_donor_shows_are_drawn_as_before() -> None:
    shown = window_of(96, 72, YUV420P)
    shot = shot_of(LOOKS, canvas())
    read = donor(1.5, YUV420P, COLOR, shown.active)
    form = FrameFormat(shown, YUV420P, COLOR)
    plain, partly = renderer(shot, form), renderer(shot, form, lambda index: read(index) if index > 2 else None)
    for index, look in enumerate(LOOKS):
        picture = picture_of(whole_window(shown, look, YUV420P), shown, YUV420P)
        one, two = (r.render(index, picture, hold=False) for r in (plain, partly))
        assert all(map(np.array_equal, one, two)) == (index <= 2)


def test_the_donor_has_its_own_grain() -> None:
    shown = window_of(96, 72, YUV420P)
    shot = shot_of([LOOKS[0]] * 2, canvas())
    read = donor(1.5, YUV420P, COLOR, shown.active)
    picture = picture_of(whole_window(shown, LOOKS[0], YUV420P), shown, YUV420P)
    form = FrameFormat(shown, YUV420P, COLOR)
    noise = [renderer(shot, form, read, level).render(0, picture, False) for level in (0.0, 4.0)]
    assert np.abs(noise[0][0].astype(int) - noise[1][0]).max() <= 4

"""The original stays to the bit, and wings of a known background and camera are the truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from resample_scene import (
    COLOR,
    FULL,
    GBRP,
    GRAY,
    YUV420P,
    YUV422P,
    YUV444P10,
    canvas,
    noisy,
    outside,
    paint,
    picture_of,
    renderer,
    shot_of,
    whole_window,
    window_of,
    with_figure,
)

from remaster.arrays import Plane
from remaster.imaging import camera as cam
from remaster.imaging.geometry import Window
from remaster.media.types import ColorSpec, PixelFormat, Rect
from remaster.resample.tuning import Grain, ResampleSettings

Planes = tuple[Plane, ...]
FORMATS = [(YUV420P, COLOR), (YUV422P, COLOR), (YUV444P10, COLOR), (GRAY, COLOR), (GBRP, FULL)]
LOOK = cam.translation(60.0, 22.0)


def psnr(a: np.ndarray, b: np.ndarray, peak: float = 255.0) -> float:
    return float(10 * np.log10(peak**2 / max(np.mean((a - b) ** 2), 1e-9)))


def faded(planes: Planes, gain: float, to: int = 16) -> Planes:
    """YUV planes faded towards a luma level."""
    pairs = zip(planes, (to, 128, 128), strict=True)
    return tuple(np.rint(level + gain * (p.astype(float) - level)).astype(np.uint8) for p, level in pairs)


@pytest.mark.parametrize(("pixel_format", "color"), FORMATS, ids=lambda value: getattr(value, "name", ""))
@pytest.mark.parametrize("method", ["mosaic", "ambient"])
@pytest.mark.parametrize(("width", "height", "aspect"), [(96, 72, "16/9"), (95, 71, "16/9"), (64, 48, "9/16")])
def test_the_original_is_copied_to_the_bit(
    pixel_format: PixelFormat, color: ColorSpec, method: str, width: int, height: int, aspect: str
) -> None:
    shown = window_of(width, height, pixel_format, aspect)
    rng = np.random.default_rng(1)
    kind = np.uint8 if pixel_format.depth == 8 else np.uint16
    shapes = pixel_format.plane_shapes(width, height)
    picture = tuple(rng.integers(0, 1 << pixel_format.depth, shape).astype(kind) for shape in shapes)
    shot = shot_of([LOOK] * 2, canvas() if method == "mosaic" else None, method)  # type: ignore[arg-type]
    out = renderer(shot, shown, pixel_format, color, noise=2.0).render(0, picture, False)
    assert [p.shape for p in out] == list(pixel_format.plane_shapes(shown.width, shown.height))
    assert {p.dtype for p in out} == {np.dtype(kind)}
    assert max(int(p.max()) for p in out) < 1 << pixel_format.depth
    for kept, source in zip(picture_of(out, shown, pixel_format), picture, strict=True):
        np.testing.assert_array_equal(kept, source)


@pytest.mark.parametrize(("pixel_format", "color"), FORMATS, ids=lambda value: getattr(value, "name", ""))
def test_wings_of_a_known_pan_and_zoom_are_the_truth(pixel_format: PixelFormat, color: ColorSpec) -> None:
    shown = window_of(160, 120, pixel_format)
    cameras = [
        np.array([[1 + 0.003 * i, 0.001 * i, 60 + 3.37 * i], [0, 1 + 0.003 * i, 22 + 0.21 * i]]) for i in (0, 1, 4)
    ]
    wings = renderer(shot_of(cameras, canvas()), shown, pixel_format, color)
    for i, camera in enumerate(cameras):
        truth = whole_window(shown, camera, pixel_format, color)
        out = wings.render(i, picture_of(truth, shown, pixel_format), False)
        for p in range(len(truth)):
            peak = (1 << pixel_format.depth) - 1
            assert psnr(outside(out, shown, p), outside(truth, shown, p), peak) > 49


@pytest.mark.parametrize("location", [1, 2, 3])
def test_chroma_lies_where_its_siting_says(location: int) -> None:
    """A camera shifted by a third of a sample: chroma read at the wrong siting would be a quarter sample off."""
    color = ColorSpec(matrix=6, chroma_location=location)
    shown, camera = window_of(160, 120, YUV420P), np.array([[1.3, 0, 40.3], [0, 1.3, 10.4]])
    truth = whole_window(shown, camera, YUV420P, color)
    picture = picture_of(truth, shown, YUV420P)
    # Beside the join its differences are taken away, whatever they come from.
    beyond = replace(shown, active=Rect(0, 0, 160 + 24, 120), x=shown.x - 12)
    error = {}
    for said in (1, 2, 3):
        wings = renderer(shot_of([camera], canvas()), shown, YUV420P, ColorSpec(matrix=6, chroma_location=said))
        error[said] = psnr(outside(wings.render(0, picture, False), beyond, 1), outside(truth, beyond, 1))
    assert error.pop(location) > max(error.values()) + 4


@pytest.mark.parametrize(
    ("width", "height", "aspect", "framing"),
    [
        (160, 120, "16/9", 0.0),
        (160, 120, "16/9", 1.0),
        (96, 72, "9/16", 0.5),
        (96, 72, "9/16", 0.0),
        (54, 96, "16/9", 0.5),
    ],
)
def test_any_target_shows_the_truth(width: int, height: int, aspect: str, framing: float) -> None:
    shown = window_of(width, height, YUV420P, aspect, framing)
    camera = cam.translation(130.0, 60.5)
    truth = whole_window(shown, camera, YUV420P)
    shot = shot_of([camera], canvas(420, 240))
    out = renderer(shot, shown).render(0, picture_of(truth, shown, YUV420P), False)
    assert psnr(outside(out, shown), outside(truth, shown)) > 45


def test_outside_the_canvas_its_edge_repeats() -> None:
    shown = window_of(160, 120, YUV420P)
    background = canvas(160, 120)
    camera = cam.translation(0.0, 0.0)
    truth = whole_window(shown, camera, YUV420P)
    out = renderer(shot_of([camera], background), shown).render(0, picture_of(truth, shown, YUV420P), False)
    for column in (0, shown.x - 3):
        np.testing.assert_allclose(out[0][:, column].astype(float), out[0][:, shown.x].astype(float), atol=2)


@pytest.mark.parametrize("to", [16, 235])
@pytest.mark.parametrize("figure", [False, True], ids=["clear", "figure at the join"])
def test_fades_extend_into_the_wings(to: int, figure: bool) -> None:
    shown = window_of(160, 120, YUV420P)
    truth = whole_window(shown, LOOK, YUV420P)
    picture = picture_of(truth, shown, YUV420P)
    if figure:
        picture = with_figure(picture, 0, 30, 40, 60)
    gains = [1.0, 0.8, 0.5, 0.2, 0.0, 0.3, 0.9]
    wings = renderer(shot_of([LOOK] * len(gains), canvas()), shown)
    for i, gain in enumerate(gains):
        out = wings.render(i, faded(picture, gain, to), False)
        for p in range(3):
            right = out[p].shape[1] * (shown.x + 160) // shown.width  # of the figure and what is behind it
            error = np.abs(out[p].astype(float) - faded(truth, gain, to)[p])[:, right if figure else 0 :]
            assert error.mean() < 0.8
            if gain == 0.0:
                assert out[p].max() - out[p].min() <= 1


def test_a_shot_that_begins_black_or_flashes_is_followed() -> None:
    shown = window_of(160, 120, YUV420P)
    truth = whole_window(shown, LOOK, YUV420P)
    picture = picture_of(truth, shown, YUV420P)
    levels = [(0.0, 16), (0.4, 16), (1.0, 16), (0.3, 235), (1.0, 16)]
    wings = renderer(shot_of([LOOK] * len(levels), canvas()), shown)
    for i, (gain, to) in enumerate(levels):
        out = wings.render(i, faded(picture, gain, to), False)
        assert np.abs(outside(out, shown) - outside(faded(truth, gain, to), shown)).mean() < 0.8


def test_a_figure_at_the_join_colours_only_what_is_beside_it() -> None:
    shown = window_of(160, 120, YUV420P)
    truth = whole_window(shown, LOOK, YUV420P)
    picture = with_figure(picture_of(truth, shown, YUV420P), 0, 10, 50, 100)
    out = renderer(shot_of([LOOK], canvas()), shown).render(0, picture, False)
    for p, step in enumerate((1, 2, 2)):
        error = np.abs(out[p].astype(float) - truth[p])
        assert error[:, (shown.x + 160) // step :].mean() < 1.0
        assert error[:, : 6 // step].mean() < 1.5


def test_the_wings_of_a_resting_camera_do_not_flicker() -> None:
    """A figure walks out of the frame under noise: not one sample of the wings may move by more than a level."""
    shown = window_of(160, 120, YUV420P)
    picture = picture_of(whole_window(shown, LOOK, YUV420P), shown, YUV420P)
    frames = [noisy(with_figure(picture, 40 - 8 * i, 30, 40, 60) if i < 5 else picture, 3, i) for i in range(10)]
    wings = renderer(shot_of([LOOK] * 10, canvas()), shown, settings=ResampleSettings(grain=Grain.none), noise=3.0)
    drawn = [wings.render(i, frame, False) for i, frame in enumerate(frames)]
    for p in range(3):
        stack = np.stack([outside(out, shown, p) for out in drawn])
        assert np.abs(np.diff(stack, axis=0)).max() <= 1
        assert np.abs(np.diff(stack, axis=0)).mean() < 0.05


def test_equal_frames_get_equal_wings() -> None:
    shown = window_of(160, 120, YUV420P)
    picture = noisy(picture_of(whole_window(shown, LOOK, YUV420P), shown, YUV420P), 3, 0)
    jitter = [LOOK, cam.translation(60.004, 22.0), cam.translation(60.3, 22.0)]
    for shot in (shot_of(jitter, canvas()), shot_of(jitter, None, "ambient")):
        wings = renderer(shot, shown, noise=3.0)
        first = [p.copy() for p in wings.render(0, picture, False)]
        for i in (1, 2):
            again = wings.render(i, tuple(p.copy() for p in picture), False)
            assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))


def test_a_hold_keeps_the_wings_under_grain_of_its_own() -> None:
    shown = window_of(160, 120, YUV420P)
    picture = picture_of(whole_window(shown, LOOK, YUV420P), shown, YUV420P)
    for grain, same in ((Grain.none, True), (Grain.match, False)):
        wings = renderer(shot_of([LOOK] * 2, canvas()), shown, noise=3.0, settings=ResampleSettings(grain=grain))
        first = outside(wings.render(0, noisy(picture, 3, 0), False), shown)
        second = outside(wings.render(1, noisy(picture, 3, 1), True), shown)
        assert np.array_equal(first, second) == same
        assert abs(first.mean() - second.mean()) < 0.2


def test_a_hold_in_another_light_follows_the_light() -> None:
    shown = window_of(160, 120, YUV420P)
    truth = whole_window(shown, LOOK, YUV420P)
    wings = renderer(shot_of([LOOK] * 4, canvas()), shown)
    for i, gain in enumerate([1.0, 0.95, 0.9, 0.85]):
        out = wings.render(i, faded(picture_of(truth, shown, YUV420P), gain), i > 0)
        assert np.abs(outside(out, shown) - outside(faded(truth, gain), shown)).mean() < 1.0


def test_the_same_shot_gives_the_same_bytes() -> None:
    shown = window_of(160, 120, YUV420P)
    cameras = [cam.translation(60 + 1.7 * i, 22) for i in range(3)]
    frames = [noisy(picture_of(whole_window(shown, c, YUV420P), shown, YUV420P), 2, i) for i, c in enumerate(cameras)]
    runs = []
    for seed in (5, 5, 6):
        wings = renderer(shot_of(cameras, canvas()), shown, noise=2.0, seed=seed)
        runs.append(b"".join(p.tobytes() for i, f in enumerate(frames) for p in wings.render(i, f, False)))
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


def test_a_window_without_wings_passes_the_picture_through() -> None:
    shown = Window(Rect(0, 0, 64, 36), 64, 36, 0, 0)
    rng = np.random.default_rng(0)
    picture = tuple(rng.integers(0, 255, shape, np.uint8) for shape in YUV420P.plane_shapes(64, 36))
    out = renderer(shot_of([LOOK], None, "passthrough"), shown).render(0, picture, False)
    assert all(np.array_equal(a, b) for a, b in zip(out, picture, strict=True))


def test_a_camera_far_away_does_not_alias() -> None:
    """A fine checkerboard seen at a third of its size is a flat grey, not a moire."""
    shown = window_of(96, 72, GRAY)
    background = canvas(420, 240)
    y, x = np.indices((240, 420))
    checks = np.where((x + y) % 2, 200, 56).astype(np.uint8)
    checked = type(background)(np.dstack([checks] * 3), background.coverage, background.holes, background.figures)
    grey = np.full((72, 96), 16 + round(128 * 219 / 255), np.uint8)
    camera = np.array([[3.03, 0, 40.0], [0, 3.03, 8.0]])
    out = renderer(shot_of([camera], checked), shown, GRAY).render(0, (grey,), False)
    assert outside(out, shown).std() < 12


def test_paint_is_no_flat_picture() -> None:
    """The scene must have detail, or the truths above would prove nothing."""
    assert canvas().image.std() > 25
    assert paint(np.zeros((1, 1)), np.zeros((1, 1))).shape == (1, 1, 3)

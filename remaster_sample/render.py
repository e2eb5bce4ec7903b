"""Draws frames of the series with all that is known of them: the 16:9 picture, the foreground and the camera."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Affine, Mask, Rgb, Rgba
from remaster.imaging import camera
from remaster_sample.backgrounds import background, near_plane
from remaster_sample.brush import noise
from remaster_sample.characters import Design, Pose, cel, feet
from remaster_sample.script import Episode, Shot, View, act, camera_of, view_at

GRAIN_SIGMA = 2.0
GATE_MARGIN = 6.5
GATE_RADIUS = 38.0
GATE_SOFTNESS = 7.0
GATE_BLACK = 0.035
SHUTTER = 0.5  # share of a frame's time that a whip pan is exposed
NEAR_START = 620.0  # x of the view of a near plane where a multiplane shot is leftmost


def add_grain(picture: Rgb, rng: np.random.Generator, sigma: float = GRAIN_SIGMA) -> Rgb:
    """Add white luma grain of standard deviation ``sigma`` (8-bit levels), the same in R, G and B."""
    grain = rng.standard_normal(picture.shape[:2], dtype=np.float32) * np.float32(sigma)
    return np.asarray(cv2.add(picture, cv2.merge([grain] * 3), dtype=cv2.CV_8U), np.uint8)


@lru_cache(maxsize=2)
def gate(width: int, height: int, seed: int) -> npt.NDArray[np.float32]:
    """Transmission of a projector's gate, float32 (height, width), 0-1, read-only; it is the same in each frame.

    A rounded rectangle a few pixels inside the frame; its edge is soft and varies by about a pixel.
    """
    rng = np.random.default_rng(seed)
    x = np.abs(np.arange(width, dtype=np.float32) - (width - 1) / 2)[None]
    y = np.abs(np.arange(height, dtype=np.float32) - (height - 1) / 2)[:, None]
    inner_x, inner_y = width / 2 - GATE_MARGIN - GATE_RADIUS, height / 2 - GATE_MARGIN - GATE_RADIUS
    dx, dy = x - inner_x, y - inner_y
    corner = np.hypot(np.maximum(dx, 0), np.maximum(dy, 0))
    outside = corner + np.minimum(np.maximum(dx, dy), 0) - GATE_RADIUS
    outside = outside + 1.1 * noise(height, width, 90, rng) + 0.4 * noise(height, width, 12, rng)
    t = np.clip(0.5 - outside / GATE_SOFTNESS, 0, 1)
    light = np.asarray(GATE_BLACK + (1 - GATE_BLACK) * t * t * (3 - 2 * t), np.float32)
    light.setflags(write=False)
    return light


Figure = tuple[Design, Pose, float, float, float, int]


@dataclass(frozen=True)
class Truth:
    """A frame and its ground truth, in stored (not square) pixels; arrays are read-only.

    ``wide`` uint8 (h, W, 3) is the whole window (``episode.window``) without grain and gate; ``frame`` uint8
    (h, w, 3) its part inside the 4:3 frame, with the gate where the episode has one, without grain. ``foreground``
    bool (h, W) is True wherever the picture is not the shot's painted background: characters, their contact shadows,
    and the near plane of a multiplane shot. ``camera`` (2, 3) takes pixels of the frame to those of
    ``background(shot.background)``. ``opacity`` is the share of the shot's own picture: 1 outside fades and dissolves.
    ``blur`` is the length, in pixels, of the motion blur (of whip pans), 1 for none.
    """

    shot: Shot
    wide: Rgb
    frame: Rgb
    foreground: Mask
    camera: Affine
    opacity: float
    blur: int


def render(episode: Episode, frame_index: int) -> Truth:
    """Draw one frame of the episode. Raises ``IndexError`` outside it.

    Painted sets, cels and the last pictures are cached, so that frames in order are cheap (about 10 ms).
    """
    shot = episode.shot_at(frame_index)
    wide, mask, blur = _picture(episode, shot, frame_index)
    opacity = 1.0
    share, other = _dissolving(episode, shot, frame_index)
    if other is not None:
        other_wide, other_mask, _ = _picture(episode, other, frame_index)
        wide = cv2.addWeighted(wide, share, other_wide, 1 - share, 0).astype(np.uint8)
        mask, opacity = mask | other_mask, share
    light = _fading(shot, frame_index)
    if light < 1:
        wide = (wide * np.float32(light) + np.float32(0.5)).astype(np.uint8)
        opacity *= light
    window = episode.window
    frame = wide[window.y : window.y + episode.height, window.x : window.x + episode.width]
    if episode.gate:
        light_share = gate(episode.width, episode.height, episode.seed)[..., None]
        frame = (frame * light_share + np.float32(0.5)).astype(np.uint8)
    for array in (wide, mask, frame):
        array.setflags(write=False)
    view = view_at(shot.keys, frame_index - shot.start)
    frame_camera = camera_of(view, episode.width, episode.height, episode.sar)
    return Truth(shot, wide, frame, mask, frame_camera, opacity, blur)


def _dissolving(episode: Episode, shot: Shot, frame: int) -> tuple[float, Shot | None]:
    """(the shot's own share, the shot it is mixed with) at a frame inside a dissolve, else (1, None)."""
    at = episode.shots.index(shot)
    if shot.dissolve and frame >= shot.end - shot.dissolve // 2:
        mixed_in = (frame - (shot.end - shot.dissolve // 2) + 1) / (shot.dissolve + 1)
        return 1 - mixed_in, episode.shots[at + 1]
    if at and (mixed := episode.shots[at - 1].dissolve) and frame < shot.start + mixed - mixed // 2:
        return (frame - (shot.start - mixed // 2) + 1) / (mixed + 1), episode.shots[at - 1]
    return 1.0, None


def _fading(shot: Shot, frame: int) -> float:
    """The brightness of a fade: 1 outside of it, 0 in the first and last frame of a shot that fades."""
    since, until = frame - shot.start, shot.end - 1 - frame
    light_in = since / shot.fade_in if shot.fade_in else 1.0
    light_out = until / shot.fade_out if shot.fade_out else 1.0
    return float(np.clip(min(light_in, light_out), 0, 1))


def _picture(episode: Episode, shot: Shot, frame: int) -> tuple[Rgb, Mask, int]:
    """The shot's own wide picture at a frame (also just outside it, for dissolves), its foreground and its blur."""
    at = min(max(frame - shot.start, 0), shot.length - 1)
    scale = min(key.view.scale for key in shot.keys)
    figures: list[Figure] = []
    for actor in shot.actors:
        x, pose = act(actor, at)
        figures.append((actor.design, pose, x, actor.y, actor.height, max(round(actor.height / scale), 8)))
    blur = 1
    if shot.kind == "whip":
        # Other moves are photographed frame by frame and stay sharp.
        moved = view_at(shot.keys, at + 0.5).x - view_at(shot.keys, at - 0.5).x
        blur = max(round(abs(moved) * SHUTTER / (scale * float(episode.sar))), 1)
    frame_size = replace(episode, shots=())
    wide, mask = _compose(
        frame_size, shot.background, view_at(shot.keys, at), near_view(shot, at), tuple(figures), blur
    )
    return wide, mask, blur


def near_view(shot: Shot, at: int) -> View | None:
    """The view of the near plane in a multiplane shot; its leftmost position is ``NEAR_START``."""
    if not shot.near:
        return None
    view = view_at(shot.keys, at)
    leftmost = min(key.view.x for key in shot.keys)
    return View(NEAR_START + shot.near * (view.x - leftmost), view.y, view.scale)


@lru_cache(maxsize=3)
def _compose(
    episode: Episode, name: str, view: View, near: View | None, figures: tuple[Figure, ...], blur: int
) -> tuple[Rgb, Mask]:
    """Compose background, near plane and figures over the whole window; holds come from the cache."""
    wide = _plate(episode, name, view).copy()
    mask = np.zeros(wide.shape[:2], np.bool_)
    if near is not None:
        overlay = cv2.warpAffine(near_plane(), _wide_camera(episode, near), wide.shape[1::-1], flags=_SAMPLING)
        _blend_over(wide, mask, overlay.clip(0, overlay[..., 3:]), 0, 0)
    onto_set = _wide_camera(episode, near or view)
    for design, pose, x, y, height, pixels in figures:
        _put(wide, mask, cel(design, pose, pixels), onto_set, (x, y), height / pixels, feet(pixels))
    if blur > 1:
        wide = cv2.blur(wide, (blur, 1)).astype(np.uint8)
        mask = cv2.dilate(mask.astype(np.uint8), np.ones((1, blur + 1), np.uint8)) > 0
    wide.setflags(write=False)
    mask.setflags(write=False)
    return wide, mask


_SAMPLING = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP


@lru_cache(maxsize=4)
def _plate(episode: Episode, name: str, view: View) -> Rgb:
    """The painted set, resampled to the window."""
    window = episode.window
    size, border = (window.width, window.height), cv2.BORDER_REPLICATE
    plate = cv2.warpAffine(background(name), _wide_camera(episode, view), size, flags=_SAMPLING, borderMode=border)
    return plate.astype(np.uint8, copy=False)


def _wide_camera(episode: Episode, view: View) -> Affine:
    """The camera from pixels of the window (not of the frame) to those of the set."""
    window = episode.window
    frame_camera = camera_of(view, episode.width, episode.height, episode.sar)
    return camera.compose(frame_camera, camera.translation(-window.x, -window.y))


def _put(
    wide: Rgb,
    mask: Mask,
    figure: Rgba,
    onto_set: Affine,
    at: tuple[float, float],
    size: float,
    foot: tuple[float, float],
) -> None:
    """Draw a cel with its foot at the set's point ``at``; ``size`` is set pixels per pixel of the cel."""
    cel_to_set = np.array([[size, 0, at[0] - size * foot[0]], [0, size, at[1] - size * foot[1]]])
    cel_to_window = camera.compose(camera.invert(onto_set), cel_to_set)
    h, w = figure.shape[:2]
    corners = camera.apply(cel_to_window, camera.corners(w, h))
    x0, y0 = np.maximum(np.floor(corners.min(axis=0)).astype(int) - 1, 0)
    x1, y1 = np.minimum(np.ceil(corners.max(axis=0)).astype(int) + 2, wide.shape[1::-1])
    if x1 <= x0 or y1 <= y0:
        return
    local = camera.compose(camera.translation(-x0, -y0), cel_to_window)
    cut = cv2.warpAffine(figure, local, (int(x1 - x0), int(y1 - y0)), flags=cv2.INTER_LINEAR)
    _blend_over(wide, mask, np.asarray(cut, np.uint8), int(x0), int(y0))


def _blend_over(wide: Rgb, mask: Mask, rgba: Rgba, x: int, y: int) -> None:
    """Blend a premultiplied picture over the window, in place, and mark it in the mask."""
    h, w = rgba.shape[:2]
    part, marked = wide[y : y + h, x : x + w], mask[y : y + h, x : x + w]
    alpha = rgba[..., 3]
    clear = (255 - alpha)[..., None].astype(np.float32) * np.float32(1 / 255)
    part[:] = (rgba[..., :3] + part * clear + np.float32(0.5)).clip(0, 255)
    marked |= alpha > 0

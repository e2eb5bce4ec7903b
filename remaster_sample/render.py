"""Frames of the series with all that is known of them: the whole 16:9 picture, the foreground and the camera."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numpy as np

from remaster.arrays import Affine, Mask, Rgb, Rgba
from remaster.imaging import camera
from remaster_sample.backgrounds import background, near_plane
from remaster_sample.cameras import View, camera_of, view_at
from remaster_sample.cast import Design, Pose
from remaster_sample.characters import cel, feet
from remaster_sample.film import gate
from remaster_sample.script import Episode, Shot, act

SHUTTER = 0.5
NEAR_START = 620.0

Figure = tuple[Design, Pose, float, float, float, int]


@dataclass(frozen=True)
class Truth:
    """One frame and what is known of it. All pixels are stored (not square) ones; arrays are read-only.

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
        beyond, their_mask, _ = _picture(episode, other, frame_index)
        wide = cv2.addWeighted(wide, share, beyond, 1 - share, 0).astype(np.uint8)
        mask, opacity = mask | their_mask, share
    light = _fading(shot, frame_index)
    if light < 1:
        wide = (wide * np.float32(light) + np.float32(0.5)).astype(np.uint8)
        opacity *= light
    window = episode.window
    frame = wide[window.y : window.y + episode.height, window.x : window.x + episode.width]
    if episode.gate:
        frame = (frame * gate(episode.width, episode.height, episode.seed)[..., None] + np.float32(0.5)).astype(
            np.uint8
        )
    for array in (wide, mask, frame):
        array.setflags(write=False)
    view = view_at(shot.keys, frame_index - shot.start)
    place = camera_of(view, episode.width, episode.height, episode.sar)
    return Truth(shot, wide, frame, mask, place, opacity, blur)


def _dissolving(episode: Episode, shot: Shot, frame: int) -> tuple[float, Shot | None]:
    """(the shot's own share, the shot it is mixed with) at a frame inside a dissolve, else (1, None)."""
    at = episode.shots.index(shot)
    if shot.dissolve and frame >= shot.end - shot.dissolve // 2:
        gone = (frame - (shot.end - shot.dissolve // 2) + 1) / (shot.dissolve + 1)
        return 1 - gone, episode.shots[at + 1]
    if at and (mixed := episode.shots[at - 1].dissolve) and frame < shot.start + mixed - mixed // 2:
        return (frame - (shot.start - mixed // 2) + 1) / (mixed + 1), episode.shots[at - 1]
    return 1.0, None


def _fading(shot: Shot, frame: int) -> float:
    """How much light a fade lets through: 1 outside of it, and 0 in the first and last frame of a shot that fades."""
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
        # Other moves are shot frame by frame on the rostrum, each as sharp as the next.
        way = view_at(shot.keys, at + 0.5).x - view_at(shot.keys, at - 0.5).x
        blur = max(round(abs(way) * SHUTTER / (scale * float(episode.sar))), 1)
    frame_size = replace(episode, shots=())
    wide, mask = _compose(frame_size, shot.background, view_at(shot.keys, at), _near(shot, at), tuple(figures), blur)
    return wide, mask, blur


def _near(shot: Shot, at: int) -> View | None:
    """Where the near plane of a multiplane shot is seen from; it begins at ``NEAR_START`` or ends there."""
    if not shot.near:
        return None
    view = view_at(shot.keys, at)
    leftmost = min(key.view.x for key in shot.keys)
    return View(NEAR_START + shot.near * (view.x - leftmost), view.y, view.scale)


@lru_cache(maxsize=3)
def _compose(
    episode: Episode, name: str, view: View, near: View | None, figures: tuple[Figure, ...], blur: int
) -> tuple[Rgb, Mask]:
    """Background, near plane and figures over the whole window. Holds come from the cache."""
    wide = _plate(episode, name, view).copy()
    mask = np.zeros(wide.shape[:2], np.bool_)
    if near is not None:
        overlay = cv2.warpAffine(near_plane(), _wide_camera(episode, near), wide.shape[1::-1], flags=_SAMPLING)
        _over(wide, mask, overlay.clip(0, overlay[..., 3:]), 0, 0)
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
    """The painted set as the window shows it."""
    window = episode.window
    plate = cv2.warpAffine(
        background(name),
        _wide_camera(episode, view),
        (window.width, window.height),
        flags=_SAMPLING,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return plate.astype(np.uint8, copy=False)


def _wide_camera(episode: Episode, view: View) -> Affine:
    """From pixels of the window (not of the frame) to those of the set."""
    window = episode.window
    place = camera_of(view, episode.width, episode.height, episode.sar)
    return camera.compose(place, camera.translation(-window.x, -window.y))


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
    place = np.array([[size, 0, at[0] - size * foot[0]], [0, size, at[1] - size * foot[1]]])
    drawn = camera.compose(camera.invert(onto_set), place)
    h, w = figure.shape[:2]
    spots = camera.apply(drawn, camera.corners(w, h))
    x0, y0 = np.maximum(np.floor(spots.min(axis=0)).astype(int) - 1, 0)
    x1, y1 = np.minimum(np.ceil(spots.max(axis=0)).astype(int) + 2, wide.shape[1::-1])
    if x1 <= x0 or y1 <= y0:
        return
    local = camera.compose(camera.translation(-x0, -y0), drawn)
    cut = cv2.warpAffine(figure, local, (int(x1 - x0), int(y1 - y0)), flags=cv2.INTER_LINEAR)
    _over(wide, mask, np.asarray(cut, np.uint8), int(x0), int(y0))


def _over(wide: Rgb, mask: Mask, rgba: Rgba, x: int, y: int) -> None:
    """Lay a premultiplied picture over the window, in place, and mark it in the mask."""
    h, w = rgba.shape[:2]
    part, marked = wide[y : y + h, x : x + w], mask[y : y + h, x : x + w]
    alpha = rgba[..., 3]
    clear = (255 - alpha)[..., None].astype(np.float32) * np.float32(1 / 255)
    part[:] = (rgba[..., :3] + part * clear + np.float32(0.5)).clip(0, 255)
    marked |= alpha > 0

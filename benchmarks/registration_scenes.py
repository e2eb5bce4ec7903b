"""Drawn scenes with known cameras: every kind of camera motion of a cartoon, on the sample series' painted sets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Affine, Mask, Rgb
from remaster.imaging.camera import IDENTITY, compose, translation
from remaster.imaging.geometry import Window, window
from remaster.media.types import PixelFormat, Rect
from remaster_sample.backgrounds import background
from remaster_sample.characters import CAST, WALK_POSES, Pose, cel, feet
from remaster_sample.script import View, camera_of

YUV420 = PixelFormat("yuv420p", "yuv", 8, 1, 1)
Figure = tuple[float, float, float]
"""(x, y) of the feet as shares of the frame's width and height, and the height as a share of the frame's."""


@dataclass(frozen=True)
class Setting:
    """One scene: what is filmed, from where, by how much light, and what stands before it; all as functions of t, 0-1.

    ``near`` is the speed of a second plane over the lower third, 0 for none; ``logo`` a mark that is on every frame.
    ``textured`` and ``plane`` say whether an exact camera can be asked for.
    """

    name: str
    world: str
    view: Callable[[float], View]
    angle: Callable[[float], float] = lambda t: 0.0
    figures: Callable[[float], Sequence[Figure]] = lambda t: ()
    light: Callable[[float], float] = lambda t: 1.0
    near: float = 0.0
    logo: bool = False
    blur: bool = False
    textured: bool = True
    plane: bool = True
    shake: float = 0.0


@dataclass(frozen=True)
class Scene:
    """A drawn scene: clean ``frames`` with all in them, ``masks`` bool (h, w) of figures, ``cameras`` to the world."""

    setting: Setting
    frames: list[Rgb]
    masks: list[Mask]
    cameras: Affine
    window: Window
    world: Rgb = field(repr=False)

    def wide(self, index: int) -> Rgb:
        """The window's background at a frame, without figures, in full light."""
        view = translation(-self.window.x, -self.window.y)
        picture = _shot(self.world, compose(self.cameras[index], view), (self.window.width, self.window.height))
        if self.setting.near:
            _near_plane(picture, self.cameras[index], self.cameras[0], self.setting.near, view)
        return picture


def _between(a: View, b: View) -> Callable[[float], View]:
    def at(t: float) -> View:
        s = t * t * (3 - 2 * t)
        return View(a.x + (b.x - a.x) * s, a.y + (b.y - a.y) * s, a.scale * (b.scale / a.scale) ** s)

    return at


def _whip(t: float) -> View:
    return View(500 + 1300 * float(np.clip((t - 0.4) / 0.2, 0, 1)), 420, 1.3)


PAN = _between(View(560, 420, 1.3), View(1160, 420, 1.3))
STILL = _between(View(640, 420, 1.3), View(640, 420, 1.3))
SETTINGS = (
    Setting("hold", "village", STILL, figures=lambda t: [(0.2 + 0.6 * t, 0.9, 0.5)]),
    Setting("pan", "village", PAN, figures=lambda t: [(0.8 - 0.6 * t, 0.9, 0.5)]),
    Setting("whip pan", "village", _whip, blur=True),
    Setting(
        "tilt", "headland", _between(View(620, 1100, 1.2), View(620, 500, 1.2)), figures=lambda t: [(0.5, 0.95, 0.4)]
    ),
    Setting(
        "zoom", "village", _between(View(900, 420, 1.5), View(1000, 430, 0.9)), figures=lambda t: [(0.4, 0.9, 0.5)]
    ),
    Setting("rotation", "village", PAN, angle=lambda t: 7 * t),
    Setting("follow", "village", PAN, figures=lambda t: [(0.5 + 0.02 * np.sin(9 * t), 0.93, 0.65)]),
    Setting("camera shake", "village", STILL, shake=5.0, figures=lambda t: [(0.3 + 0.4 * t, 0.9, 0.5)]),
    Setting("fade in a pan", "village", PAN, light=lambda t: 0.15 + 0.85 * min(t / 0.6, 1)),
    Setting("flashes", "village", PAN, light=lambda t: 2.2 if round(t * 40) in (13, 14, 27) else 1.0),
    Setting("low texture", "sky", PAN, textured=False, figures=lambda t: [(0.5, 0.9, 0.4)]),
    Setting("repeated texture", "fence", PAN, textured=False),
    Setting("half the frame", "village", PAN, figures=lambda t: [(0.45 + 0.1 * t, 1.3, 1.3), (0.75, 1.2, 0.9)]),
    Setting("two speeds", "valley", PAN, near=1.9, plane=False),
    Setting("static logo", "village", PAN, logo=True, figures=lambda t: [(0.7 - 0.4 * t, 0.9, 0.5)]),
)
UNSEEN = (
    Setting(
        "unseen: hold",
        "parlour",
        _between(View(700, 430, 1.1), View(700, 430, 1.1)),
        figures=lambda t: [(0.7 - 0.5 * t, 0.95, 0.6)],
    ),
    Setting(
        "unseen: pan",
        "autumn",
        _between(View(1700, 370, 1.1), View(1000, 370, 1.1)),
        figures=lambda t: [(0.2 + 0.5 * t, 0.92, 0.6)],
    ),
    Setting(
        "unseen: slow pan",
        "valley",
        _between(View(900, 360, 1.2), View(1010, 380, 1.2)),
        figures=lambda t: [(0.6, 0.9, 0.4)],
    ),
    Setting(
        "unseen: zoom",
        "autumn",
        _between(View(1300, 360, 1.0), View(1240, 350, 1.6)),
        figures=lambda t: [(0.5, 0.95, 0.5)],
    ),
    Setting("unseen: rotation", "parlour", _between(View(700, 430, 1.2), View(1000, 430, 1.2)), angle=lambda t: -5 * t),
    Setting(
        "unseen: camera shake",
        "valley",
        _between(View(800, 360, 1.3), View(800, 360, 1.3)),
        shake=8.0,
        figures=lambda t: [(0.8 - 0.3 * t, 0.9, 0.6)],
    ),
    Setting(
        "unseen: fade in a pan",
        "autumn",
        _between(View(900, 370, 1.2), View(1500, 370, 1.2)),
        light=lambda t: 1.0 - 0.8 * t,
    ),
    Setting(
        "unseen: half the frame",
        "valley",
        _between(View(700, 360, 1.3), View(1200, 360, 1.3)),
        figures=lambda t: [(0.5 - 0.1 * t, 1.3, 1.3), (0.2, 1.2, 0.9)],
    ),
    Setting(
        "unseen: nearly one speed",
        "village",
        _between(View(700, 420, 1.2), View(1150, 420, 1.2)),
        near=1.15,
        plane=False,
    ),
    Setting(
        "unseen: slower below", "parlour", _between(View(700, 430, 1.1), View(1050, 430, 1.1)), near=0.6, plane=False
    ),
)
"""Other sets, other courses: nothing was ever chosen by looking at these."""


def draw(setting: Setting, width: int, height: int, count: int) -> Scene:
    """Film a setting with ``count`` frames of ``width x height`` pixels."""
    world, zoom = _world(setting.world), 360 / height
    shakes = np.random.default_rng(7).normal(0, setting.shake, (count, 2))
    cameras = np.array([_camera(setting, i / (count - 1), shakes[i], zoom, width, height) for i in range(count)])
    frames, masks = [], []
    for i, camera in enumerate(cameras):
        picture = _shot(world, camera, (width, height)).copy()
        if setting.near:
            _near_plane(picture, camera, cameras[0], setting.near)
        step = abs(float((cameras[min(i + 1, count - 1)] - cameras[max(i - 1, 0)])[0, 2])) / 2 / camera[0, 0]
        if setting.blur and step > 4:
            picture = np.asarray(cv2.blur(picture, (round(step / 2) + 1, 1)), np.uint8)
        mask = np.zeros((height, width), bool)
        t = i / (count - 1)
        for number, figure in enumerate(setting.figures(t)):
            _put(picture, mask, figure, number, (i // 2) % WALK_POSES)
        picture = np.clip(np.rint(picture * setting.light(t)), 0, 255).astype(np.uint8)
        if setting.logo:
            cv2.putText(picture, "TV", (width - 60, 36), cv2.FONT_HERSHEY_DUPLEX, 1, (255, 255, 255), 2, cv2.LINE_AA)
        frames.append(picture)
        masks.append(mask)
    shown = window(Rect(0, 0, width, height), Fraction(1), YUV420, Fraction(16, 9))
    return Scene(setting, frames, masks, cameras, shown, world)


def _camera(setting: Setting, t: float, shake: npt.NDArray[np.float64], zoom: float, width: int, height: int) -> Affine:
    view = setting.view(t)
    place = camera_of(View(view.x + shake[0], view.y + shake[1], view.scale * zoom), width, height, Fraction(1))
    turn = np.deg2rad(setting.angle(t))
    middle = (width - 1) / 2, (height - 1) / 2
    spin = np.array([[np.cos(turn), -np.sin(turn), 0.0], [np.sin(turn), np.cos(turn), 0.0]])
    about = compose(compose(translation(*middle), spin), translation(-middle[0], -middle[1]))
    return compose(place, about)


def _shot(world: Rgb, camera: Affine, size: tuple[int, int]) -> Rgb:
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(world, camera, size, flags=flags, borderMode=cv2.BORDER_REFLECT), np.uint8)


def _near_plane(picture: Rgb, camera: Affine, first: Affine, speed: float, view: Affine = IDENTITY) -> None:
    """The lower third is another set, which passes at its own speed."""
    moved = camera.copy()
    moved[0, 2] = first[0, 2] + speed * (camera[0, 2] - first[0, 2])
    height, width = picture.shape[:2]
    third = 2 * height // 3
    picture[third:] = _shot(_world("autumn"), compose(moved, view), (width, height))[third:]


def _put(picture: Rgb, mask: Mask, figure: Figure, number: int, walk: int) -> None:
    height, width = picture.shape[:2]
    tall = max(round(figure[2] * height), 8)
    drawn, foot = cel(CAST[number % len(CAST)], Pose(walk=walk), tall), feet(tall)
    shift = translation(figure[0] * width - foot[0], figure[1] * height - foot[1])
    over = np.asarray(cv2.warpAffine(drawn, shift, (width, height)), np.uint8)
    alpha = over[..., 3:].astype(np.float32) / 255
    picture[:] = np.clip(np.rint(over[..., :3] + picture * (1 - alpha)), 0, 255)
    mask |= over[..., 3] > 0


def _world(name: str) -> Rgb:
    if name == "sky":
        return _sky()
    return _fence() if name == "fence" else np.asarray(background(name), np.uint8)


def _sky() -> Rgb:
    """A soft gradient with faint clouds."""
    rng = np.random.default_rng(3)
    rows = np.linspace(0, 1, 780)[:, None, None]
    picture = np.array([110.0, 160.0, 225.0]) * (1 - rows) + np.array([215.0, 225.0, 235.0]) * rows
    clouds = cv2.GaussianBlur(rng.normal(0, 1, (780, 2600)).astype(np.float32), (0, 0), 45)
    picture = picture + 22 * np.clip(clouds / clouds.std(), 0, 2)[..., None]
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


def _fence() -> Rgb:
    """Equal planks, but for faint stains, under a plain sky."""
    rng = np.random.default_rng(4)
    picture = np.full((780, 2600, 3), (170, 205, 235), np.uint8)
    for x in range(0, 2600, 52):
        cv2.rectangle(picture, (x, 250), (x + 44, 779), (176, 132, 88), -1)
        cv2.line(picture, (x + 22, 260), (x + 22, 779), (150, 108, 70), 2)
    stains = cv2.GaussianBlur(rng.normal(0, 1, (780, 2600)).astype(np.float32), (0, 0), 30)
    return np.clip(np.rint(picture + 5 * (stains / stains.std())[..., None]), 0, 255).astype(np.uint8)

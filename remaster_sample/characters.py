"""Draws the cast: a cel of a character in any pose, with its walk cycle.

Figures are drawn in units of 1/200 of their height, the origin between the feet, y downwards, facing right in a
three-quarter view; facing left is the mirror image.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt

from remaster_sample.brush import Color, smooth, tone
from remaster_sample.pen import INK, Pen, rotation

Hair = Literal["tuft", "braids", "cap"]
Mouth = Literal["smile", "small", "wide", "round"]
Eyes = Literal["open", "half", "closed"]
Arms = Literal["rest", "wave", "explain"]


@dataclass(frozen=True)
class Design:
    """The model sheet of a character; ``girth`` widens the body, ``skirt`` replaces trousers."""

    name: str
    skin: Color
    hair_color: Color
    hair: Hair
    top: Color
    legs: Color
    shoes: Color
    accent: Color
    girth: float = 1.0
    skirt: bool = False
    moustache: bool = False


@dataclass(frozen=True)
class Pose:
    """One drawing: ``walk`` is the phase 0..``WALK_POSES`` - 1 of the walk cycle, or None for standing.

    ``nod`` tilts the head by that many degrees.
    """

    walk: int | None = None
    mouth: Mouth = "smile"
    eyes: Eyes = "open"
    arms: Arms = "rest"
    nod: int = 0
    left: bool = False


PIP = Design("Pip", (250, 208, 172), (150, 76, 40), "tuft", (226, 72, 60), (58, 84, 132), (92, 56, 44), (250, 214, 92))
MOLLY = Design(
    "Molly",
    (240, 190, 150),
    (62, 44, 50),
    "braids",
    (64, 150, 142),
    (236, 178, 72),
    (150, 62, 66),
    (246, 236, 214),
    0.95,
    True,
)
OTTO = Design(
    "Otto",
    (246, 196, 162),
    (232, 230, 226),
    "cap",
    (48, 76, 118),
    (96, 92, 104),
    (60, 48, 50),
    (244, 226, 188),
    1.28,
    False,
    True,
)
CAST = (PIP, MOLLY, OTTO)


HEIGHT = 200.0
LEFT, TOP, WIDE, TALL = 84.0, 216.0, 168.0, 228.0
WALK_POSES = 12
STRIDE = 92.0
THIGH, SHIN, HIP = 27.0, 27.0, -56.0


@lru_cache(maxsize=96)
def cel(design: Design, pose: Pose, height: int) -> npt.NDArray[np.uint8]:
    """The character in the pose, ``height`` pixels tall: premultiplied RGBA uint8, read-only.

    The point between its feet lies at ``feet(height)``. Cels are cached: one on twos is drawn once a pose.
    """
    pen = Pen(WIDE, TALL, LEFT, TOP, height / HEIGHT)
    bob = _bob(pose)
    pen.ground_shadow(0, 1, 34 * design.girth, 5.5)
    _leg(pen, design, pose, bob, far=True)
    _arm(pen, design, pose, bob, far=True)
    _leg(pen, design, pose, bob, far=False)
    _body(pen, design, bob)
    lean = 3 if pose.walk is not None else 0
    pen.place(lean + pose.nod, (0, -112), (0, bob))
    draw_head(pen, design, pose)
    pen.place()
    _arm(pen, design, pose, bob, far=False)
    drawn = pen.finished()
    return np.ascontiguousarray(drawn[:, ::-1]) if pose.left else drawn


def feet(height: int) -> tuple[float, float]:
    """Where the ground point lies in a cel of ``height``, in pixels; the same for both directions."""
    return LEFT * height / HEIGHT - 0.5, TOP * height / HEIGHT - 0.5


def _bob(pose: Pose) -> float:
    if pose.walk is None:
        return 0.0
    return float(2.6 * np.cos(4 * np.pi * pose.walk / WALK_POSES))


def _leg(pen: Pen, d: Design, pose: Pose, bob: float, far: bool) -> None:
    """Thigh, shin and shoe; in the walk the foot's path is drawn first and the knee bends to reach it."""
    color = tone(d.skin if d.skirt else d.legs, 0.8 if far else 1.0)
    shoe = tone(d.shoes, 0.8 if far else 1.0)
    hip = np.array([(5.0 if far else -5.0) * d.girth, HIP + bob])
    if pose.walk is None:
        foot, toe = np.array([9.0 if far else -9.0, -5.0]), 0.0
    else:
        foot, toe = _foot(pose.walk / WALK_POSES + (0.5 if far else 0.0))
    knee = _knee(hip, foot)
    pen.limb([tuple(hip), tuple(knee), tuple(foot)], 10.5 if d.skirt else 13.5, color)
    if d.skirt:
        pen.limb([(foot[0], foot[1] - 7), tuple(foot)], 10.5, d.accent)
    a = np.radians(toe)
    sole = np.array([(-8, -6), (0, -9), (9, -5), (16, -2), (17, 5), (-8, 5), (-10, 0)], float)
    pen.shape(foot + sole @ rotation(a).T, shoe, shade=2.5, rounds=2)


def _foot(phase: float) -> tuple[npt.NDArray[np.float64], float]:
    """The ankle and the toe's pitch: half the cycle back along the ground, half forward through the air."""
    p = phase % 1.0
    half = STRIDE / 4
    if p < 0.5:
        x = half - 4 * half * p
        return np.array([x, -5.0]), float(np.interp(p, [0, 0.08, 0.4, 0.5], [-18, 0, 0, 24]))
    s = (p - 0.5) * 2
    x = -half + 2 * half * (0.5 - 0.5 * np.cos(np.pi * s))
    return np.array([x, -5.0 - 15 * np.sin(np.pi * s)]), float(np.interp(s, [0, 0.5, 1], [34, 6, -18]))


def _knee(hip: npt.NDArray[np.float64], foot: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The joint of two bones between hip and foot, bent forward."""
    leg = foot - hip
    length = min(float(np.hypot(*leg)), THIGH + SHIN - 0.1)
    along = (THIGH**2 - SHIN**2 + length**2) / (2 * length)
    out = np.sqrt(max(THIGH**2 - along**2, 0.0))
    unit = leg / np.hypot(*leg)
    return np.asarray(hip + unit * along + np.array([unit[1], -unit[0]]) * out)


def _arm(pen: Pen, d: Design, pose: Pose, bob: float, far: bool) -> None:
    """A sleeve and a mitten-like hand."""
    side = 1 if far else -1
    shoulder = (17.0 * side * d.girth, -104.0 + bob)
    if pose.walk is not None:
        swing = np.sin(2 * np.pi * (pose.walk / WALK_POSES + (0.25 if far else 0.75)))
        elbow = (shoulder[0] + 15 * swing - 3, -84.0 + bob - 2 * abs(swing))
        hand = (shoulder[0] + 30 * swing + 6, -66.0 + bob - 7 * abs(swing))
    elif pose.arms == "wave" and far:
        elbow, hand = (43.0 * d.girth, -108.0), (56.0 * d.girth, -136.0)
    elif pose.arms == "explain":
        elbow, hand = (32.0 * side * d.girth, -86.0), (50.0 * side * d.girth + 4, -98.0 if far else -90.0)
    else:
        elbow, hand = (29.0 * side * d.girth, -84.0 + bob), (27.0 * side * d.girth + 2, -62.0 + bob)
    pen.limb([shoulder, elbow, hand], 12, tone(d.top, 0.84 if far else 1.0))
    pen.shape(_mitten(elbow, hand), tone(d.skin, 0.93 if far else 1.0), rounds=3)


def _mitten(elbow: tuple[float, float], hand: tuple[float, float]) -> npt.NDArray[np.float64]:
    a = np.arctan2(hand[1] - elbow[1], hand[0] - elbow[0])
    palm = np.array([(-4, -7), (3, -8), (5, -14), (10, -12), (10, -7), (16, -5), (17, 3), (10, 8), (-4, 7)], float)
    return np.asarray(np.array(hand) + palm @ rotation(a).T)


def _body(pen: Pen, d: Design, bob: float) -> None:
    """Trunk, collar and buttons; a skirt flares below the waist."""
    g = d.girth
    pen.place(shift=(0, bob))
    if d.skirt:
        skirt = [(-19, -74), (19, -74), (34, -36), (20, -32), (0, -31), (-20, -32), (-34, -36)]
        pen.shape(skirt, d.legs, shade=6, rounds=2)
        for x in (-12, 2, 16):
            pen.stroke([(x * 0.7, -66), (x * 1.3, -36)], 1.3, tone(d.legs, 0.72))
    else:
        pen.shape([(-20 * g, -72), (20 * g, -72), (19 * g, -46), (2, -42), (-19 * g, -46)], d.legs, shade=5, rounds=2)
    chest = [(-14 * g, -116), (14 * g, -116), (23 * g, -106), (24 * g, -80), (21 * g, -62), (0, -58)]
    pen.shape([*chest, (-21 * g, -62), (-24 * g, -80), (-23 * g, -106)], d.top, shade=8, rounds=2)
    if d.hair == "tuft":
        for y in (-92, -78):
            band = [(-24 * g, y), (24 * g, y - 2), (24 * g, y + 6), (-24 * g, y + 8)]
            pen.shape(band, d.accent, rounds=0, within=[*chest, (-21 * g, -62), (-24 * g, -80), (-23 * g, -106)])
    else:
        for y in (-98, -84, -70):
            pen.oval(7, y, 2.6, 2.6, d.accent, 1.2)
    pen.shape(
        [(-13, -118), (13, -118), (17, -110), (5, -104), (1, -109), (-5, -104), (-16, -110)], d.accent, 1.8, rounds=1
    )
    pen.place()


def draw_head(pen: Pen, d: Design, pose: Pose) -> None:
    """Draw skull, face and hair about (0, -150), in the figure's units, where the pen is placed."""
    if d.hair == "braids":
        for side in (-1, 1):
            for k in range(4):
                pen.oval(side * (34 + 3 * k) - 2, -132 + 12 * k, 8 - k * 0.7, 8, d.hair_color, shade=3)
            pen.oval(side * 45 - 2, -88, 5, 6, d.top)
    skull = [(-34, -168), (-20, -186), (4, -190), (26, -184), (37, -166), (38, -146), (34, -128), (20, -114), (0, -111)]
    skull += [(-22, -115), (-35, -130), (-38, -148)]
    if d.hair == "braids":
        back = [(x * 1.1 - 1, (y + 150) * 1.08 - 152) for x, y in skull]
        pen.shape(back, d.hair_color, shade=4)
    pen.oval(-36, -144, 7, 9, d.skin, shade=2)
    pen.shape(skull, d.skin, shade=7)
    pen.stroke([(-38, -147), (-34, -144), (-37, -140)], 1.4)
    _face(pen, d, pose)
    _hair(pen, d)


def _face(pen: Pen, d: Design, pose: Pose) -> None:
    """Eyes, brows, cheeks, nose and mouth, set towards the right for the three-quarter view."""
    for x in (-9.0, 23.0):
        pen.shape([(x - 7, -131), (x + 5, -131), (x + 5, -126), (x - 7, -126)], tone(_blush(d.skin), 1.0), 0, rounds=2)
    for x, rx in ((-3.0, 10.0), (22.0, 8.6)):
        if pose.eyes == "closed":
            pen.stroke([(x - rx, -148), (x - rx / 2, -143.5), (x + rx / 2, -143.5), (x + rx, -148)], 2.4)
            continue
        pen.oval(x, -150, rx, 13.0, (255, 253, 248), 1.8)
        pen.oval(x + 3, -148.5, 5.0, 7.2, INK, 0)
        pen.oval(x + 4.8, -151.5, 1.9, 2.3, (255, 255, 255), 0)
        if pose.eyes == "half":
            lid = [(x - rx - 1.5, -165), (x + rx + 1.5, -165), (x + rx + 1.5, -153), (x, -156), (x - rx - 1.5, -153)]
            pen.shape(lid, d.skin, 0, rounds=0)
            pen.stroke([(x - rx, -152), (x, -156), (x + rx, -152)], 2.0)
    raised = 2.0 if pose.mouth in ("wide", "round") else 0.0
    brow = tone(d.hair_color, 0.75)
    pen.stroke([(-14, -167 - raised), (-4, -171 - raised), (6, -168 - raised)], 3.2, brow)
    pen.stroke([(16, -169 - raised), (23, -172 - raised), (30, -168 - raised)], 3.2, brow)
    if d.moustache:
        _mouth(pen, pose.mouth, -122)
        whiskers = [(11, -136), (24, -137), (36, -128), (30, -125), (12, -129), (-6, -125), (-13, -128), (-1, -137)]
        pen.shape(whiskers, d.hair_color, 1.8, shade=2, rounds=2)
        pen.oval(13, -139, 8, 7, _blush(d.skin), 2, shade=2)
    else:
        _mouth(pen, pose.mouth, -126)
        pen.stroke([(11, -143), (16, -138), (11, -135)], 2.0)


def _blush(skin: Color) -> Color:
    return (min(skin[0] + 4, 255), int(skin[1] * 0.84), int(skin[2] * 0.84))


def _mouth(pen: Pen, mouth: Mouth, y: float) -> None:
    inside: Color = (112, 32, 40)
    if mouth == "smile":
        pen.stroke([(-4, y), (4, y + 6), (16, y + 6), (23, y)], 2.4)
        return
    outlines: dict[str, list[tuple[float, float]]] = {
        "small": [(2, y + 1), (10, y), (19, y + 1), (15, y + 7), (6, y + 7)],
        "wide": [(-4, y - 2), (10, y - 1), (24, y - 2), (21, y + 8), (10, y + 12), (0, y + 8)],
        "round": [(5, y), (11, y - 3), (17, y), (17, y + 8), (11, y + 11), (5, y + 8)],
    }
    outline = outlines[mouth]
    pen.shape(outline, inside, 2, rounds=3)
    if mouth != "small":
        tongue = [(2, y + 6), (10, y + 4), (20, y + 6), (18, y + 12), (4, y + 12)]
        pen.shape(tongue, (222, 104, 100), 0, rounds=2, within=outline)
    if mouth == "wide":
        pen.shape(
            [(-4, y - 4), (24, y - 4), (24, y + 1.5), (-4, y + 1.5)], (255, 253, 248), 0, rounds=0, within=outline
        )


def _hair(pen: Pen, d: Design) -> None:
    {"tuft": _tuft, "braids": _fringe, "cap": _cap}[d.hair](pen, d)


def _tuft(pen: Pen, d: Design) -> None:
    mop = [(-40, -150), (-42, -172), (-28, -192), (-6, -198), (2, -212), (10, -199), (26, -202), (24, -194)]
    mop += [(38, -184), (40, -166), (30, -176), (20, -172), (10, -180), (-2, -172), (-14, -178), (-24, -164)]
    pen.shape([*mop, (-32, -166), (-34, -150)], d.hair_color, shade=5, rounds=2)
    pen.stroke([(-30, -180), (-14, -190), (4, -192)], 2.4, tone(d.hair_color, 1.35))


def _fringe(pen: Pen, d: Design) -> None:
    """Hair over the forehead, with a bow; the braids lie behind the head."""
    fringe = [(-41, -144), (-44, -172), (-26, -194), (4, -199), (30, -190), (42, -168), (41, -148), (35, -166)]
    fringe += [(22, -178), (8, -172), (2, -180), (-16, -172), (-30, -162), (-35, -146)]
    pen.shape(fringe, d.hair_color, shade=5, rounds=2)
    pen.stroke([(-30, -178), (-12, -190), (8, -191)], 2.4, tone(d.hair_color, 1.4))
    bow = [(-40, -178), (-28, -186), (-22, -178), (-12, -184), (-14, -170), (-26, -172), (-36, -166)]
    pen.shape(bow, d.legs, 1.8, rounds=2)


def _cap(pen: Pen, d: Design) -> None:
    """A captain's cap over white sideburns."""
    for x, y, rx, ry in ((-37, -152, 7, 12), (-34, -138, 5, 7)):
        pen.oval(x, y, rx, ry, d.hair_color, 1.8, shade=2)
    crown = [(-41, -164), (-44, -186), (-30, -203), (4, -208), (34, -202), (44, -184), (40, -164)]
    pen.shape(crown, d.top, shade=8, rounds=2)
    band = [(-41, -172), (0, -177), (40, -172), (40, -161), (0, -166), (-41, -161)]
    pen.shape(band, tone(d.top, 0.72), 2, rounds=1)
    peak = [(0, -171), (40, -168), (57, -161), (51, -157), (24, -162), (2, -163)]
    pen.shape(peak, tone(d.shoes, 0.8), 2, shade=2, rounds=2)
    pen.shape(smooth([(-6, -192), (4, -198), (14, -192), (4, -180)], 1), d.accent, 1.6, rounds=1)

"""Characters: a cel of any of the cast in any pose, with its walk cycle.

Figures are drawn in units of 1/200 of their height, the origin between the feet, y downwards, facing right in a
three-quarter view; facing left is the mirror image.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from remaster_sample.brush import tone
from remaster_sample.cast import Design, Pose
from remaster_sample.heads import draw_head
from remaster_sample.pen import Pen

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
    drawn = pen.lift()
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
    turn = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
    sole = np.array([(-8, -6), (0, -9), (9, -5), (16, -2), (17, 5), (-8, 5), (-10, 0)], float)
    pen.shape(foot + sole @ turn.T, shoe, shade=2.5, rounds=2)


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
    way = foot - hip
    reach = min(float(np.hypot(*way)), THIGH + SHIN - 0.1)
    along = (THIGH**2 - SHIN**2 + reach**2) / (2 * reach)
    out = np.sqrt(max(THIGH**2 - along**2, 0.0))
    unit = way / np.hypot(*way)
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
    turn = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
    palm = np.array([(-4, -7), (3, -8), (5, -14), (10, -12), (10, -7), (16, -5), (17, 3), (10, 8), (-4, 7)], float)
    return np.asarray(np.array(hand) + palm @ turn.T)


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

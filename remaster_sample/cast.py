"""The cast: each character's model sheet, and what a drawing of it can show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from remaster_sample.brush import Color

Hair = Literal["tuft", "braids", "cap"]
Mouth = Literal["smile", "small", "wide", "round"]
Eyes = Literal["open", "half", "closed"]
Arms = Literal["rest", "wave", "explain"]


@dataclass(frozen=True)
class Design:
    """One character's model sheet; ``girth`` widens the body, ``skirt`` replaces trousers."""

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

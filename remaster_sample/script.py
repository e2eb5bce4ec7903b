"""What an episode is made of: shots, the actors in them and what they say."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

import numpy as np

from remaster.imaging import geometry
from remaster.media.types import PixelFormat, Rect
from remaster_sample.cameras import Key
from remaster_sample.cast import Arms, Design, Eyes, Mouth, Pose
from remaster_sample.characters import HEIGHT, STRIDE, WALK_POSES

ShotKind = Literal["title", "still", "dialogue", "pan", "tilt", "zoom", "follow", "multiplane", "whip"]

YUV420P = PixelFormat("yuv420p", "yuv", 8, 1, 1)
MOUTHS: tuple[Mouth, ...] = ("small", "wide", "round", "small", "wide", "smile", "round")
NODS = (0, -2, -3, -1, 1, 2)
BLINK_EVERY = 62


@dataclass(frozen=True)
class Line:
    """Words spoken in frames ``[start, end)`` of the shot."""

    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Actor:
    """A character in a shot, animated on twos.

    ``path`` holds (frame, x) on the set: it walks where x changes and stands where not; ``y`` is the ground under its
    feet and ``height`` its size, in the set's pixels. ``left`` is where it looks while standing.
    """

    design: Design
    height: float
    y: float
    path: tuple[tuple[int, float], ...]
    left: bool = False
    lines: tuple[Line, ...] = ()
    arms: Arms = "rest"


@dataclass(frozen=True)
class Shot:
    """Frames ``[start, end)`` of an episode on one painted set (``background``).

    ``keys`` and ``actors`` count frames from the shot's start. ``near`` is the speed of the near plane, relative to the
    set's, in a multiplane shot (its actors walk on that plane), and 0 elsewhere. ``fade_in`` and ``fade_out`` are
    frames from and to black inside the shot; ``dissolve`` frames, centred on its end, mix with the next shot.
    """

    name: str
    kind: ShotKind
    background: str
    length: int
    keys: tuple[Key, ...]
    actors: tuple[Actor, ...] = ()
    near: float = 0.0
    fade_in: int = 0
    fade_out: int = 0
    dissolve: int = 0
    chapter: str = ""
    start: int = 0

    @property
    def end(self) -> int:
        """The first frame after the shot."""
        return self.start + self.length


@dataclass(frozen=True)
class Episode:
    """One video of the series. Sizes are stored pixels; ``gate`` tells of a projector gate's dark, round corners."""

    name: str
    suffix: str
    title: str
    fps: Fraction
    width: int
    height: int
    sar: Fraction
    seed: int
    shots: tuple[Shot, ...]
    gate: bool = False
    audio_codec: str = "aac"
    subtitles: bool = False

    @property
    def frames(self) -> int:
        """How many frames the episode has."""
        return self.shots[-1].end

    @property
    def cuts(self) -> tuple[int, ...]:
        """First frames of the shots that begin with a hard cut: all but the first and those dissolved into."""
        pairs = zip(self.shots, self.shots[1:], strict=False)
        return tuple(after.start for before, after in pairs if not before.dissolve)

    @property
    def window(self) -> geometry.Window:
        """The 16:9 window of the truth, with the frame at its centre."""
        active = Rect(0, 0, self.width, self.height)
        return geometry.window(active, self.sar, YUV420P, Fraction(16, 9))

    def shot_at(self, frame: int) -> Shot:
        """The shot that frame belongs to. Raises ``IndexError`` outside the episode."""
        for shot in self.shots:
            if shot.start <= frame < shot.end:
                return shot
        raise IndexError(f"{self.name} has frames 0 to {self.frames - 1}, not {frame}")


def splice(*shots: Shot) -> tuple[Shot, ...]:
    """The shots one after the other, each with its ``start``."""
    starts = np.cumsum([0, *(shot.length for shot in shots)]).tolist()
    return tuple(replace(shot, start=start) for shot, start in zip(shots, starts, strict=False))


def pace(height: float) -> float:
    """The speed, in set pixels a frame, at which a walking actor's feet do not slide: one pose on twos."""
    return STRIDE * height / HEIGHT / (2 * WALK_POSES)


def act(actor: Actor, frame: int) -> tuple[float, Pose]:
    """Where the actor's feet are (x on the set) and its pose, at a frame of the shot."""
    frame -= frame % 2
    frames, places = zip(*actor.path, strict=True)
    x = float(np.interp(frame, frames, places))
    ahead = float(np.interp(frame + 1, frames, places))
    if ahead != x:
        walked = abs(x - places[0])
        phase = round(walked / (2 * pace(actor.height))) % WALK_POSES
        return x, Pose(walk=phase, eyes=_eyes(actor, frame), left=ahead < x)
    line = next((line for line in actor.lines if line.start <= frame < line.end), None)
    if line is None:
        return x, Pose(eyes=_eyes(actor, frame), arms=actor.arms, left=actor.left)
    since = frame - line.start
    mouth = MOUTHS[(3 * (since // 4) + len(line.text)) % len(MOUTHS)]
    arms: Arms = "explain" if (since // 20) % 3 == 1 else actor.arms
    return x, Pose(None, mouth, _eyes(actor, frame), arms, NODS[(since // 6) % len(NODS)], actor.left)


def _eyes(actor: Actor, frame: int) -> Eyes:
    beat = (frame + 17 * len(actor.design.name) + 23) % BLINK_EVERY
    if beat < 6:
        return "closed" if 2 <= beat < 4 else "half"
    return "open"

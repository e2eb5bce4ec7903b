"""What an episode is made of: shots, camera moves over a painted set, actors and what they say."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

import numpy as np

from remaster.arrays import Affine
from remaster.imaging import geometry
from remaster.media.types import PixelFormat, Rect
from remaster_sample.characters import HEIGHT, STRIDE, WALK_POSES, Arms, Design, Eyes, Mouth, Pose

ShotKind = Literal["title", "still", "dialogue", "pan", "tilt", "zoom", "follow", "multiplane", "whip"]
YUV420P = PixelFormat("yuv420p", "yuv", 8, 1, 1)
MOUTHS: tuple[Mouth, ...] = ("small", "wide", "round", "small", "wide", "smile", "round")
NODS = (0, -2, -3, -1, 1, 2)
BLINK_EVERY = 62  # frames


@dataclass(frozen=True)
class View:
    """What the frame shows: its centre in the set's pixels, and ``scale``, set pixels per square display pixel."""

    x: float
    y: float
    scale: float = 1.0


@dataclass(frozen=True)
class Key:
    """The view at a frame of the shot; ``ease`` accelerates and brakes the moves from and to it."""

    frame: int
    view: View
    ease: bool = True


def hold(view: View) -> tuple[Key, ...]:
    """A camera that does not move."""
    return (Key(0, view),)


def move(start: View, end: View, first: int, last: int, ease: bool = True) -> tuple[Key, ...]:
    """Hold ``start`` until frame ``first``, move, and hold ``end`` from frame ``last`` on."""
    return (Key(first, start, ease), Key(last, end, ease))


def view_at(keys: tuple[Key, ...], frame: float) -> View:
    """Interpolate the view at a frame, which may be fractional; outside the keys the nearest one holds.

    Centres are interpolated linearly, scales geometrically, so that the speed of a zoom looks constant.
    """
    if frame <= keys[0].frame or len(keys) == 1:
        return keys[0].view
    if frame >= keys[-1].frame:
        return keys[-1].view
    after = next(i for i, key in enumerate(keys) if key.frame > frame)
    a, b = keys[after - 1], keys[after]
    t = (frame - a.frame) / (b.frame - a.frame)
    if a.ease and b.ease:
        t = t * t * (3 - 2 * t)
    elif a.ease:
        t = t * t
    elif b.ease:
        t = t * (2 - t)
    u, v = a.view, b.view
    return View(u.x + (v.x - u.x) * t, u.y + (v.y - u.y) * t, float(u.scale * (v.scale / u.scale) ** t))


def camera_of(view: View, width: int, height: int, sar: Fraction) -> Affine:
    """The (2, 3) camera that takes stored pixels of a ``width x height`` frame to the set's pixels."""
    sx, sy = view.scale * float(sar), view.scale
    return np.array(
        [[sx, 0.0, view.x - 0.5 + sx * (0.5 - width / 2)], [0.0, sy, view.y - 0.5 + sy * (0.5 - height / 2)]]
    )


@dataclass(frozen=True)
class Line:
    """Words spoken in frames ``[start, end)`` of the shot."""

    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Actor:
    """A character in a shot, animated on twos.

    ``path`` holds (frame, x) on the set: the actor walks where x changes and stands elsewhere; ``y`` is the ground
    under its feet and ``height`` its size, in the set's pixels. ``left`` is where it looks while standing.
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
    """One video of the series. Sizes are stored pixels; ``gate`` adds a projector gate's dark, round corners."""

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
        """Number of frames."""
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
        """The shot that a frame belongs to. Raises ``IndexError`` outside the episode."""
        for shot in self.shots:
            if shot.start <= frame < shot.end:
                return shot
        raise IndexError(f"{self.name} has frames 0 to {self.frames - 1}, not {frame}")


def splice(*shots: Shot) -> tuple[Shot, ...]:
    """Put shots one after the other: sets the ``start`` of each."""
    starts = np.cumsum([0, *(shot.length for shot in shots)]).tolist()
    return tuple(replace(shot, start=start) for shot, start in zip(shots, starts, strict=False))


def pace(height: float) -> float:
    """The speed, in set pixels a frame, at which a walking actor's feet do not slide: one pose on twos."""
    return STRIDE * height / HEIGHT / (2 * WALK_POSES)


def act(actor: Actor, frame: int) -> tuple[float, Pose]:
    """The position of the actor's feet (x on the set) and its pose at a frame of the shot."""
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

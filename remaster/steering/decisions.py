"""What a person's decisions mean for one scene of a video, and what of them fits no scene.

In come ``Overrides`` and the frames of scenes; out go ``Steering`` s, which travel with scenes. The narrower entry
wins, key by key: frames over a set, a set over a whole video. An entry for frames touches a scene where more than half
of one of its runs lies inside them, or more than half of them inside one of its runs: a shot may be a part of a run.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from remaster.steering.checking import STEP_METHODS
from remaster.steering.overrides import Frames, Override, Overrides

RANGED = ("method", "background")
"""Keys that may differ from shot to shot of one scene."""
STITCH = ("framing", "gate", "mask", "unmask")
OUTPAINT = ("seed", "prompt", "negative_prompt", "inpainter")
OF_SCENES = (*STITCH, *OUTPAINT, "link", "unlink")
"""Keys that hold for a whole scene."""


@dataclass(frozen=True)
class Ranged:
    """A value for the shots of which more than half lies in frames ``[start, end)`` of the video.

    ``digest`` is that of the file's content where the value is a path.
    """

    start: int
    end: int
    value: str
    digest: str = ""


@dataclass(frozen=True)
class Picture:
    """A file in the output folder by its path, and a ``digest`` of its content."""

    path: str
    digest: str


@dataclass(frozen=True)
class Place:
    """Frames ``[start, end)`` of another video; ``end`` None: all of it."""

    video: str
    start: int = 0
    end: int | None = None


@dataclass(frozen=True)
class Steering:
    """What a person decided for a scene; None and () where nothing is decided.

    ``framing`` and ``gate`` as the configuration has them, ``inpainter`` is the JSON of its name and settings. The last
    of the ``methods`` and ``backgrounds`` (paths) that fits a shot holds for it. ``link`` False: the scene takes part
    in no set; ``unlink``: in none with the scenes of these places.
    """

    framing: str | None = None
    gate: str | None = None
    mask: Picture | None = None
    unmask: Picture | None = None
    methods: tuple[Ranged, ...] = ()
    seed: int | None = None
    prompt: str | None = None
    negative_prompt: str | None = None
    inpainter: str | None = None
    backgrounds: tuple[Ranged, ...] = ()
    link: bool | None = None
    unlink: tuple[Place, ...] = ()

    def method(self, start: int, end: int) -> str | None:
        """The method decided for the shot of frames ``[start, end)``; None: the program's choice."""
        return _last_fitting(self.methods, (start, end))

    def background(self, start: int, end: int) -> str | None:
        """The path of the picture that replaces the background of the shot of frames ``[start, end)``; None: none."""
        return _last_fitting(self.backgrounds, (start, end))

    def keys(self, start: int, end: int) -> list[str]:
        """The names of the keys that are decided for the shot of frames ``[start, end)``, sorted."""
        names = [key for key in (*STITCH, *OUTPAINT, "link") if getattr(self, key) is not None]
        names += ["unlink"] if self.unlink else []
        names += ["method"] if self.method(start, end) is not None else []
        names += ["background"] if self.background(start, end) is not None else []
        return sorted(names)

    def stitching(self) -> list[Any]:
        """What touches the pixels of ``stitch``: part of its fingerprint, empty without decisions."""
        forced = [(one.start, one.end, one.value) for one in self.methods if one.value in STEP_METHODS]
        return [*self._named(STITCH), *([("method", forced)] if forced else [])]

    def outpainting(self) -> list[Any]:
        """What touches the pixels of ``outpaint``, the same way."""
        return self._named(OUTPAINT)

    def resampling(self) -> list[Any]:
        """What touches the pixels of ``resample``, the same way."""
        drawn = [(one.start, one.end, one.value) for one in self.methods]
        drawn = drawn if any(value not in STEP_METHODS for _, _, value in drawn) else []
        edited = [(one.start, one.end, one.digest) for one in self.backgrounds]
        return [*([("method", drawn)] if drawn else []), *([("background", edited)] if edited else [])]

    def _named(self, keys: Iterable[str]) -> list[Any]:
        values = [(key, getattr(self, key)) for key in keys]
        return [(key, v.digest if isinstance(v, Picture) else v) for key, v in values if v is not None]


@dataclass(frozen=True)
class Decisions:
    """The decisions of a run; ``digests`` are those of the files that they name, by path."""

    overrides: Overrides = field(default_factory=Overrides)
    digests: Mapping[str, str] = field(default_factory=dict)

    def of(self, video: str, runs: Sequence[Frames], sets: Collection[str] = ()) -> Steering:
        """What holds for the scene of these ``runs`` of frames, which shows ``sets``."""
        levels = _levels(self.overrides, video, runs, sets)
        single = {key: _single(key, levels, runs) for key in OF_SCENES}
        found: dict[str, Any] = {key: self._value(key, value) for key, value in single.items() if value is not None}
        found |= {f"{key}s": tuple(_ranged(key, levels, runs, self.digests)) for key in RANGED}
        return Steering(**found)

    def of_set(self, set_id: str) -> Steering:
        """What is decided for a set itself."""
        entries = [entry for entry in self.overrides.entries if entry.set_id == set_id]
        found = {key: self._value(key, _single(key, [entries], ())) for key in OUTPAINT}
        return Steering(**{key: value for key, value in found.items() if value is not None})

    def _value(self, key: str, value: Any) -> Any:
        if value is None:
            return None
        if key in ("mask", "unmask"):
            return Picture(value, self.digests.get(value, ""))
        if key == "framing":
            return str(value)
        if key == "inpainter":
            return json.dumps(value, sort_keys=True)
        if key == "unlink":
            return tuple(Place(one["video"], *one.get("frames", ())) for one in value)
        return value


def misfits(overrides: Overrides, video: str, scenes: Sequence[Sequence[Frames]]) -> list[str]:
    """What of the entries for a video fits none of its ``scenes`` (the runs of each), or is outvoted; one line each."""
    found = []
    for entry in overrides.entries:
        if entry.video == video and entry.frames and not any(touches(entry.frames, runs) for runs in scenes):
            found.append(f"{entry} fits no shot of this video any more")
    for runs in scenes:
        touching = [e for e in overrides.entries if e.video == video and e.frames and touches(e.frames, runs)]
        for key in OF_SCENES:
            having = [entry for entry in touching if key in entry.decided]
            used = _winner(having, runs)
            for entry in having:
                if entry.decided[key] != used.decided[key]:
                    found.append(f"{key} holds for a whole scene: that of {used} is used, and not that of {entry}")
    return found


def touches(frames: Frames, runs: Sequence[Frames]) -> bool:
    """Whether a range of frames holds for the scene of these runs."""
    length = frames[1] - frames[0]
    return any(2 * overlap(frames, run) > min(run[1] - run[0], length) for run in runs)


def overlap(one: Frames, other: Frames) -> int:
    """How many frames two ranges share."""
    return max(min(one[1], other[1]) - max(one[0], other[0]), 0)


def is_at(place: Place, video: str, runs: Sequence[Frames]) -> bool:
    """Whether the scene of these runs of a video is at a place."""
    return place.video == video and (place.end is None or touches((place.start, place.end), runs))


def _last_fitting(values: Sequence[Ranged], shot: Frames) -> str | None:
    """The last value whose frames have more than half of the shot."""
    fitting = [one.value for one in values if 2 * overlap((one.start, one.end), shot) > shot[1] - shot[0]]
    return fitting[-1] if fitting else None


def _levels(
    overrides: Overrides, video: str, runs: Sequence[Frames], sets: Collection[str]
) -> tuple[list[Override], list[Override], list[Override]]:
    """The entries that hold for a scene: those of its whole video, of its sets, and of frames."""
    own = [entry for entry in overrides.entries if entry.video == video]
    return (
        [entry for entry in own if entry.frames is None],
        [entry for entry in overrides.entries if entry.set_id is not None and entry.set_id in sets],
        [entry for entry in own if entry.frames is not None and touches(entry.frames, runs)],
    )


def _single(key: str, levels: Sequence[Sequence[Override]], runs: Sequence[Frames]) -> Any:
    """The value of a key that holds for a whole scene; None where nothing is decided."""
    for level in reversed(levels):
        having = [entry for entry in level if key in entry.decided]
        if having:
            return _winner(having, runs).decided[key]
    return None


def _winner(entries: Sequence[Override], runs: Sequence[Frames]) -> Any:
    """The entry that has most of the scene's frames, the first of equal ones; None without any."""

    def share(entry: Override) -> int:
        return 0 if entry.frames is None else sum(overlap(entry.frames, run) for run in runs)

    return max(entries, key=share, default=None)


def _ranged(
    key: str, levels: Sequence[Sequence[Override]], runs: Sequence[Frames], digests: Mapping[str, str]
) -> Iterable[Ranged]:
    """The values of a key that may differ from shot to shot, the widest first, within the scene's frames."""
    first, last = runs[0][0], runs[-1][1]
    for level in levels:
        for entry in level:
            if key in entry.decided:
                start, end = entry.frames or (first, last)
                value = entry.decided[key]
                yield Ranged(max(start, first), min(end, last), value, digests.get(value, ""))

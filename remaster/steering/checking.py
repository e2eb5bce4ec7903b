"""The keys of a decision and the values that they may have; what is wrong is said in one sentence.

In comes what YAML read; out goes the value in the one form in which the rest of the program knows it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import Any

from remaster.errors import UserError

FRAMINGS = ("center", "left", "right", "auto")
STEP_METHODS = ("mosaic", "still", "propagated")
"""Methods of the ladder that ``stitch`` is told to use."""
DRAWN_METHODS = ("leave", "blur", "ambient")
"""Methods that need no background: black wings, wings of the enlarged blurred picture, the soft fill."""
MAX_SEED = 2**31
Check = Callable[[Any], Any]


def checked(key: str, value: Any, where: str) -> Any:
    """The value of a key; raises ``UserError`` that begins with ``where`` for an unknown key or a wrong value."""
    if key not in CHECKS:
        raise UserError(f"{where}: unknown key {key}; known are {', '.join(CHECKS)}")
    try:
        return CHECKS[key](value)
    except ValueError as error:
        raise UserError(f"{where}: {key}: {error}") from None


def frame_range(value: Any) -> tuple[int, int]:
    """``[first, end)`` as a pair; raises ``ValueError`` where it is none."""
    whole = isinstance(value, list | tuple) and len(value) == 2 and all(_is_whole(number) for number in value)
    if not whole or not 0 <= value[0] < value[1]:
        raise ValueError(f"{value} is no range of frames; write [first, end) as [120, 240], end above first")
    return int(value[0]), int(value[1])


def frame(value: Any) -> int:
    """The number of a frame before which a cut can be; raises ``ValueError``."""
    if not _is_whole(value) or value < 1:
        raise ValueError(f"{value} is no number of a frame from 1 on")
    return int(value)


def name(value: Any) -> str:
    """A name that is no empty text; raises ``ValueError``."""
    if not isinstance(value, str) or not value:
        raise ValueError(f"{value} is no name")
    return value


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _framing(value: Any) -> str | float:
    if isinstance(value, str) and value in FRAMINGS:
        return value
    if isinstance(value, int | float) and not isinstance(value, bool) and 0.0 <= value <= 1.0:
        return float(value)
    raise ValueError(f"{value} is none of {', '.join(FRAMINGS)} or a number from 0.0 to 1.0")


def _one_of(*allowed: str) -> Check:
    def check(value: Any) -> str:
        if value not in allowed:
            raise ValueError(f"{value} is none of {', '.join(allowed)}")
        return str(value)

    return check


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value} is no text")
    return value


def _inpainter(value: Any) -> dict[str, Any]:
    """A name, or a mapping with a name and settings of the engine, as a mapping."""
    found = {"name": value} if isinstance(value, str) else value
    if not isinstance(found, Mapping) or not all(isinstance(key, str) for key in found):
        raise ValueError(f"{value} is neither a name nor a mapping with a name and settings")
    if not isinstance(found.get("name"), str) or found["name"] == "auto":
        raise ValueError("it needs the name of one engine, such as name: exemplar")
    return dict(sorted(found.items(), key=lambda item: (item[0] != "name", item[0])))


def _seed(value: Any) -> int:
    if not _is_whole(value) or not 0 <= value < MAX_SEED:
        raise ValueError(f"{value} is no whole number from 0 to {MAX_SEED - 1}")
    return int(value)


def _picture(value: Any) -> str:
    """A PNG's path relative to the file's folder."""
    path = PurePosixPath(value) if isinstance(value, str) and value else None
    if path is None or path.is_absolute() or ".." in path.parts or "\\" in str(value) or "://" in str(value):
        raise ValueError(f"{value} is no path inside the output folder, such as masks/a.png")
    if path.suffix.lower() != ".png":
        raise ValueError(f"{value} is no PNG")
    return path.as_posix()


def _link(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{value} is neither true nor false")
    return value


def _unlink(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not value:
        raise ValueError("it is a list such as [{video: b.mp4, frames: [0, 50]}]")
    found = []
    for item in value:
        if not isinstance(item, Mapping) or set(item) - {"video", "frames"} or "video" not in item:
            raise ValueError(f"{item} is no place such as {{video: b.mp4, frames: [0, 50]}}")
        place: dict[str, Any] = {"video": name(item["video"])}
        if "frames" in item:
            place["frames"] = list(frame_range(item["frames"]))
        found.append(place)
    return found


CHECKS: Mapping[str, Check] = {
    "framing": _framing,
    "method": _one_of(*DRAWN_METHODS, *STEP_METHODS),
    "prompt": _text,
    "negative_prompt": _text,
    "inpainter": _inpainter,
    "seed": _seed,
    "mask": _picture,
    "unmask": _picture,
    "background": _picture,
    "gate": _one_of("fill", "keep"),
    "link": _link,
    "unlink": _unlink,
    "review": _one_of("accepted", "rejected"),
}
"""Each key, in the order in which the file has them, with what checks its value."""
OF_SETS = ("method", "prompt", "negative_prompt", "inpainter", "seed", "review")
"""Keys that an entry for a set may have: all others are needed before it is known which shots show the set."""

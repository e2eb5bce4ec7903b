"""The file ``overrides.yaml``: decisions for shots, videos and sets, and changes of cuts, as a person wrote them.

``read`` checks the whole file, ``to_yaml`` writes it, and ``Overrides.with_decision`` and ``with_cut`` edit it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

import yaml  # type: ignore[import-untyped]

from remaster.errors import UserError
from remaster.steering.checking import CHECKS, DRAWN_METHODS, OF_SETS, checked, frame, frame_range, name

Frames = tuple[int, int]


@dataclass(frozen=True)
class Override:
    """Decisions, by key, for frames ``[first, end)`` of a video, for all of it (None), or for the shots of a set.

    ``number`` is its place in the file, from 1 on; 0 where it has none. It takes no part in comparisons.
    """

    video: str | None = None
    frames: Frames | None = None
    set_id: str | None = None
    decided: Mapping[str, Any] = field(default_factory=dict)
    number: int = field(default=0, compare=False)

    @property
    def scope(self) -> tuple[str | None, Frames | None, str | None]:
        """What it holds for."""
        return self.video, self.frames, self.set_id

    @property
    def place(self) -> str:
        """What it holds for, for a person."""
        if self.set_id is not None:
            return f"set {self.set_id}"
        return str(self.video) if self.frames is None else f"{self.video}, frames {self.frames[0]}-{self.frames[1]}"

    def __str__(self) -> str:
        """The entry, for a person."""
        return f"entry {self.number} ({self.place})" if self.number else f"the entry for {self.place}"


@dataclass(frozen=True)
class CutChange:
    """A cut before frame ``frame`` that is added, or (``add`` False) one that is none."""

    video: str
    frame: int
    add: bool

    def __str__(self) -> str:
        """The change, for a person."""
        return f"cuts ({self.video}, {'add' if self.add else 'remove'} {self.frame})"


@dataclass(frozen=True)
class Overrides:
    """All that the file says."""

    entries: tuple[Override, ...] = ()
    cuts: tuple[CutChange, ...] = ()

    @property
    def videos(self) -> dict[str, str]:
        """The videos that are named, each with who names it first."""
        named: dict[str, str] = {}
        for entry in self.entries:
            if entry.video is not None:
                named.setdefault(entry.video, str(entry))
            for place in entry.decided.get("unlink", ()):
                named.setdefault(place["video"], f"{entry}: unlink")
        for cut in self.cuts:
            named.setdefault(cut.video, str(cut))
        return named

    def decision(
        self, video: str | None = None, frames: Frames | None = None, set_id: str | None = None
    ) -> Mapping[str, Any]:
        """What the entry for exactly this scope decides; nothing where there is none."""
        return next((e.decided for e in self.entries if e.scope == (video, frames, set_id)), {})

    def with_decision(
        self,
        video: str | None = None,
        frames: Sequence[int] | None = None,
        set_id: str | None = None,
        **keys: Any,
    ) -> Overrides:
        """The file with ``keys`` of the entry for exactly this scope set, or removed where a value is None.

        The entry is made where there is none, and goes with its last key. Raises ``UserError`` where the result could
        not be read again.
        """
        scope = video, None if frames is None else (int(frames[0]), int(frames[1])), set_id
        decided = {key: value for key, value in {**self.decision(*scope), **keys}.items() if value is not None}
        entries = list(self.entries)
        at = next((n for n, one in enumerate(entries) if one.scope == scope), len(entries))
        if decided:
            item = {"video": video, "set": set_id, "frames": None if frames is None else list(scope[1] or ())}
            item = {key: value for key, value in item.items() if value is not None} | decided
            entries[at : at + 1] = [_entry(item, "decision")]
        else:
            del entries[at : at + 1]
        return _checked(replace(self, entries=_numbered(entries)), "")

    def with_cut(self, video: str, frame: int, add: bool | None) -> Overrides:
        """The file with a cut before ``frame`` added or removed; ``add`` None: as it is detected."""
        others = tuple(cut for cut in self.cuts if (cut.video, cut.frame) != (video, frame))
        return replace(self, cuts=others if add is None else (*others, CutChange(video, frame, add)))


class _UniqueLoader(yaml.SafeLoader):  # type: ignore[misc]
    """Refuses a mapping that has a key twice, of which YAML would take the last."""


def _mapping(loader: Any, node: Any) -> dict[Any, Any]:
    keys = [loader.construct_object(key, deep=True) for key, _ in node.value]
    for key in keys:
        if keys.count(key) > 1:
            raise yaml.constructor.ConstructorError(None, None, f"the key {key} stands here twice", node.start_mark)
    return dict(zip(keys, (loader.construct_object(value, deep=True) for _, value in node.value), strict=True))


_UniqueLoader.add_constructor("tag:yaml.org,2002:map", _mapping)


def read(text: str, where: str) -> Overrides:
    """Read a file; raises ``UserError``: one sentence that begins with ``where`` and names the entry and the key."""
    try:
        content = yaml.load(text, _UniqueLoader)
    except (yaml.YAMLError, ValueError, TypeError) as error:
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        mark = getattr(error, "problem_mark", None)
        line = "" if mark is None else f", line {mark.line + 1}"
        raise UserError(f"{where}{line}: this is no YAML: {problem}") from None
    content = {} if content is None else content
    if not isinstance(content, dict) or set(content) - {"overrides", "cuts"}:
        raise UserError(f"{where}: the file has the keys overrides and cuts, and no others")
    parts = {key: [] if content.get(key) is None else content[key] for key in ("overrides", "cuts")}
    for key, part in parts.items():
        if not isinstance(part, list):
            raise UserError(f"{where}: {key} is no list")
    entries = [_entry(item, f"{where}, entry {n}") for n, item in enumerate(parts["overrides"], 1)]
    cuts = [_cut(item, f"{where}, cut {n}") for n, item in enumerate(parts["cuts"], 1)]
    return _checked(Overrides(_numbered(entries), tuple(cuts)), f"{where}: ")


def to_yaml(overrides: Overrides) -> str:
    """Write a file that ``read`` reads as the same, in the entries' order and a fixed order of keys."""
    content: dict[str, Any] = {}
    if overrides.entries:
        content["overrides"] = [_written(entry) for entry in overrides.entries]
    if overrides.cuts:
        content["cuts"] = [{"video": cut.video, "add" if cut.add else "remove": cut.frame} for cut in overrides.cuts]
    if not content:
        return ""
    return str(yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120))


class _Dumper(yaml.SafeDumper):  # type: ignore[misc]
    """Writes ranges on one line, and no anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _sequence(dumper: Any, data: list[Any]) -> Any:
    return dumper.represent_sequence(
        "tag:yaml.org,2002:seq", data, flow_style=all(isinstance(item, int) for item in data)
    )


_Dumper.add_representer(list, _sequence)


def _written(entry: Override) -> dict[str, Any]:
    found: dict[str, Any] = {} if entry.set_id is None else {"set": entry.set_id}
    if entry.video is not None:
        found["video"] = entry.video
    if entry.frames is not None:
        found["frames"] = list(entry.frames)
    for key in CHECKS:
        if key in entry.decided:
            value = entry.decided[key]
            found[key] = value["name"] if key == "inpainter" and len(value) == 1 else value
    return found


def _entry(item: Any, where: str) -> Override:
    """One entry of the list; raises ``UserError``."""
    if not isinstance(item, dict):
        raise UserError(f"{where}: {item} is no mapping such as {{video: a.mp4, framing: left}}")
    where = f"{where} ({item.get('video', item.get('set', 'of nothing'))})"
    if ("video" in item) == ("set" in item):
        raise UserError(f"{where}: it needs either video or set")
    video = _part(item, "video", name, where)
    set_id = _part(item, "set", name, where)
    frames = _part(item, "frames", frame_range, where)
    if set_id is not None and frames is not None:
        raise UserError(f"{where}: frames: a set has none; give video and frames, or set alone")
    decided = {str(k): checked(str(k), v, where) for k, v in item.items() if k not in ("video", "set", "frames")}
    if not decided:
        raise UserError(f"{where}: it decides nothing; known keys are {', '.join(CHECKS)}")
    if set_id is not None:
        _refuse_early(decided, where)
    return Override(video, frames, set_id, {key: decided[key] for key in CHECKS if key in decided})


def _refuse_early(decided: Mapping[str, Any], where: str) -> None:
    """Raise ``UserError`` for what must be known before it is known which shots show a set."""
    early = next((key for key in decided if key not in OF_SETS), None)
    if early is None and decided.get("method", "leave") not in DRAWN_METHODS:
        early = "method"
    if early is not None:
        value = f"{early}={decided[early]}" if early == "method" else early
        raise UserError(f"{where}: {value} is used before sets are found; give video and frames of each shot instead")


def _cut(item: Any, where: str) -> CutChange:
    if not isinstance(item, dict) or set(item) not in ({"video", "add"}, {"video", "remove"}):
        raise UserError(f"{where}: {item} is no change of a cut such as {{video: a.mp4, add: 131}}")
    add = "add" in item
    video, number = _part(item, "video", name, where), _part(item, "add" if add else "remove", frame, where)
    return CutChange(video, number, add)


def _part(item: Mapping[str, Any], key: str, check: Any, where: str) -> Any:
    """The value of a key that says what an entry is for; None where it has none."""
    if key not in item:
        return None
    try:
        return check(item[key])
    except ValueError as error:
        raise UserError(f"{where}: {key}: {error}") from None


def _numbered(entries: Iterator[Override] | Sequence[Override]) -> tuple[Override, ...]:
    return tuple(replace(entry, number=number) for number, entry in enumerate(entries, 1))


def _checked(overrides: Overrides, where: str) -> Overrides:
    """The same; raises ``UserError`` where two entries of one scope give one key two values for the same frames."""
    for one, other in combinations(overrides.entries, 2):
        if one.video != other.video or one.set_id != other.set_id or (one.frames is None) != (other.frames is None):
            continue
        shared = _shared(one.frames, other.frames)
        if shared is None:
            continue
        for key in one.decided:
            if key in other.decided and one.decided[key] != other.decided[key]:
                of = f" for {shared}" if shared else ""
                raise UserError(
                    f"{where}{one} and {other} give {key} two values{of}: "
                    f"{one.decided[key]} and {other.decided[key]}; leave one of them"
                )
    by_place: dict[tuple[str, int], bool] = {}
    for cut in overrides.cuts:
        if by_place.setdefault((cut.video, cut.frame), cut.add) != cut.add:
            raise UserError(f"{where}cuts: the cut before frame {cut.frame} of {cut.video} is both added and removed")
    return overrides


def _shared(one: Frames | None, other: Frames | None) -> str | None:
    """The frames that two ranges share, for a person; None for none, empty where both are everything."""
    if one is None or other is None:
        return ""
    start, end = max(one[0], other[0]), min(one[1], other[1])
    return f"frames {start}-{end}" if start < end else None

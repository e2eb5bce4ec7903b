"""The drawn sample's sets that return: which of its true pairs were linked, and is what was linked true?

Used by ``benchmarks.linking --sample``. Shots of the scripts (``remaster_sample.visits``) are laid beside the
backgrounds that were recovered of them. A true pair counts as linked where both backgrounds lie in one set and the
camera between them is right; ``prove`` is asked about every pair besides, true or not, to see its margins.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, pairwise

import numpy as np

from remaster.arrays import Affine, Mask, Points
from remaster.imaging.camera import apply, compose, invert
from remaster.records import Shot
from remaster.sets.descriptor import SetDescriptor
from remaster.sets.linking import SceneSet
from remaster.sets.proof import Link, prove
from remaster_sample.visits import TruePair, Visit, true_pairs

MIN_OVERLAP = 0.2
"""Share of the smaller view from which a true pair should be linked."""
SCALES = (0.5, 0.67, 0.9, 1.01)
"""Bounds of the groups of scales; which of a pair is the nearer one does not matter."""
MAX_CAMERA_ERROR = 8.0
"""Pixels of 480 rows at the corners of what both show: more is a wrong link."""


@dataclass(frozen=True)
class Located:
    """A recovered background and the shot that it is of. ``camera`` takes its canvas to the painted set's pixels.

    ``box`` (2, 2) are two corners of what it knows, on the painted set.
    """

    key: str
    visit: Visit
    camera: Affine
    box: Points


@dataclass(frozen=True)
class Judged:
    """A pair of backgrounds. ``true`` is its truth, None where they show no set in common.

    ``linked``: both are in one set, and ``error`` is what the camera of that set is wrong by, in pixels (NaN where
    nothing tells). ``strength`` is that of a proof of this pair alone, None where it fails.
    """

    one: Located
    two: Located
    true: TruePair | None
    linked: bool
    error: float
    strength: float | None

    @property
    def right(self) -> bool:
        """Whether the two were linked by a right camera."""
        return self.linked and self.true is not None and self.error <= MAX_CAMERA_ERROR


def located(key: str, first: int, shot: Shot, coverage: Mask, visits: Sequence[Visit]) -> Located | None:
    """Where a background lies on the set of its shot, which begins at frame ``first`` of its video.

    Its visit is cut to the shot's own frames. None where it covers nothing.
    """
    middle = len(shot.cameras) // 2
    frame, video = first + middle, key.split(":")[0]
    whole = next((v for v in visits if v.video == video and v.start <= frame < v.end), None)
    if whole is None or not coverage.any():
        return None
    camera = compose(whole.cameras[frame - whole.start], invert(shot.cameras[middle]))
    start, end = max(first, whole.start), min(first + len(shot.cameras), whole.end)
    visit = replace(whole, start=start, end=end, cameras=whole.cameras[start - whole.start : end - whole.start])
    rows, columns = (np.flatnonzero(coverage.any(axis=axis))[[0, -1]] for axis in (1, 0))
    return Located(key, visit, camera, apply(camera, np.stack([columns, rows], axis=1)))


def _name(visit: Visit) -> str:
    return f"{visit.video}:{visit.start:06d}"


def _shot(visit: Visit) -> str:
    return f"{visit.video}: {visit.shot}"


def judged(places: Sequence[Located], described: Mapping[str, SetDescriptor], sets: Sequence[SceneSet]) -> list[Judged]:
    """All pairs of backgrounds, judged."""
    truth = {(_name(p.one), _name(p.two)): p for p in true_pairs([p.visit for p in places])}
    member = {key: found for found in sets for key in found.members}
    result = []
    for one, two in combinations(places, 2):
        true = truth.get((_name(one.visit), _name(two.visit)))
        found = member.get(one.key)
        linked = found is not None and two.key in found.members
        error = camera_error(found.camera(one.key, two.key), one, two) if linked and found and true else np.nan
        link = prove(described[one.key], described[two.key])
        result.append(Judged(one, two, true, linked, error, None if link is None else link.strength))
    return result


def camera_error(camera: Affine, one: Located, two: Located) -> float:
    """What a camera between two canvases is wrong by, in pixels of the second: the worst corner of what both show."""
    low, high = np.maximum(one.box[0], two.box[0]), np.minimum(one.box[1], two.box[1])
    if (high <= low).any():
        return float("nan")
    corners = np.array([low, (high[0], low[1]), high, (low[0], high[1])])
    found = apply(camera, apply(invert(one.camera), corners))
    return float(np.linalg.norm(found - apply(invert(two.camera), corners), axis=1).max())


def same_setup(pair: TruePair) -> bool:
    """Whether a run makes one scene of both: shots of one video from the same place in the same light."""
    return pair.one.video == pair.two.video and pair.same_light and pair.overlap > 0.98 and abs(pair.scale - 1) < 0.01


def _group(pair: TruePair) -> str | None:
    """The row of the table that counts a pair."""
    ratio = min(pair.scale, 1 / pair.scale)
    if pair.overlap < MIN_OVERLAP:
        return "overlap under a fifth"
    if same_setup(pair):
        return "the same set-up"
    if ratio < SCALES[0] - 1e-6:
        return f"scale under {SCALES[0]}"
    low, high = next((a, b) for a, b in pairwise(SCALES) if ratio < b)
    return f"{'same' if pair.same_light else 'other'} light, scale {low}-{min(high, 1.0)}"


def tables(pairs: Sequence[Judged], links: Sequence[Link], visits: Sequence[Visit]) -> Iterator[str]:
    """The lines of the report, as Markdown: recall by light and scale, then precision."""
    groups: dict[str, list[Judged]] = {}
    for pair in pairs:
        if pair.true is not None and (name := _group(pair.true)):
            groups.setdefault(name, []).append(pair)
    wanted = {name: found for name, found in sorted(groups.items()) if "light" in name}
    sums = {
        f"**{light} light**": [p for name, found in wanted.items() if name.startswith(light) for p in found]
        for light in ("same", "other")
    }
    rest = {name: found for name, found in sorted(groups.items()) if "light" not in name}
    yield "| true pairs | pairs | linked | recall | proved alone | camera error, px: median / max |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: |"
    for name, found in {**wanted, **sums, **rest}.items():
        yield _row(name, found)
    yield ""
    yield from _precision(pairs, links)
    having = {_shot(place.visit) for p in pairs for place in (p.one, p.two)}
    lost = [p for p in true_pairs(visits, MIN_OVERLAP) if not {_shot(p.one), _shot(p.two)} <= having]
    names = sorted({_shot(v) for p in lost for v in (p.one, p.two) if _shot(v) not in having})
    yield f"True pairs beside these, of shots without a background of their own: {len(lost)} ({', '.join(names)})."
    yield ""


def _row(name: str, found: Sequence[Judged]) -> str:
    right = [p for p in found if p.right]
    proved = sum(p.strength is not None for p in found)
    errors = [p.error for p in right]
    off = f"{np.median(errors):.2f} / {max(errors):.2f}" if errors else ""
    share = f"{len(right) / len(found):.2f}" if found else ""
    return f"| {name} | {len(found)} | {len(right)} | {share} | {proved} | {off} |"


def _precision(pairs: Sequence[Judged], links: Sequence[Link]) -> Iterator[str]:
    by_keys = {(p.one.key, p.two.key): p for p in pairs}
    direct = [by_keys[min(k.a, k.b), max(k.a, k.b)] for k in links]
    together = [p for p in pairs if p.linked]
    for name, found in (("links", direct), ("pairs within sets", together)):
        false = [p for p in found if p.one.visit.set is None or p.one.visit.set != p.two.visit.set]
        wrong = [p for p in found if p.true is not None and not p.right and p.linked]
        good = len(found) - len(false) - len(wrong)
        yield f"{len(found)} {name}, {good} true: precision {good / max(len(found), 1):.3f}."
        for p in [*false, *wrong]:
            yield f"- wrong: {p.one.key} ({p.one.visit.shot}) and {p.two.key} ({p.two.visit.shot}), {p.error:.1f} px"
    apart = [p for p in pairs if p.one.visit.set is None or p.one.visit.set != p.two.visit.set]
    proved = [p for p in apart if p.strength is not None]
    yield f"Of {len(apart)} pairs of different sets, each asked alone, {len(proved)} were proved."
    thin = min((p for p in pairs if p.true and p.strength), key=lambda p: p.strength or 0.0, default=None)
    if thin is not None:
        yield f"The thinnest true proof is {thin.strength:.3f} ({thin.one.visit.shot}, {thin.two.visit.shot})."


def missed(pairs: Sequence[Judged]) -> Iterator[str]:
    """A line for each true pair that should have been linked and was not."""
    for p in pairs:
        if p.true is not None and p.true.overlap >= MIN_OVERLAP and not p.right:
            proof = "no proof alone" if p.strength is None else f"proof {p.strength:.2f}"
            state = f"linked, {p.error:.1f} px off" if p.linked else "not linked"
            yield (
                f"- {p.one.visit.shot} ({p.one.visit.light}), {p.two.visit.shot} ({p.two.visit.light}): scale "
                f"{p.true.scale:.2f}, overlap {p.true.overlap:.2f}; {state}, {proof}"
            )

"""Splits a scene into spans where registration breaks (hidden cuts, whips, flashes), and finds the weakest cut."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from remaster.imaging.camera import IDENTITY, corner_error
from remaster.imaging.camera_motion import whip_frames
from remaster.records import Analysis
from remaster.stitch.keyframe_pairs import Pair
from remaster.stitch.tuning import TUNING


@dataclass(frozen=True)
class Span:
    """Frames ``[start, end)`` of a scene; ``steady``: the motion from frame to frame holds together."""

    start: int
    end: int
    steady: bool


def split_spans(
    analysis: Analysis, pairs: Sequence[Pair], broken_share: float, min_frames: int, same_share: float
) -> list[Span]:
    """Split ``[0, n)`` where the motion explains less than ``broken_share`` of the picture; the spans tile it exactly.

    A gradual transition is a span that is not steady: its picture belongs to neither set. So is what is shorter than
    ``min_frames`` between two breaks. Two steady spans are joined again where nothing or a flash lies between them and
    their nearest keyframes show the same background: a pair that explains at least ``same_share``.
    """
    broken = set(_broken_links(analysis, pairs, broken_share, same_share)) - _fade_frames(analysis, min_frames)
    pieces = _pieces(analysis, broken, min_frames)
    joined = [pieces[0]]
    for piece in pieces[1:]:
        before = joined[-1]
        flash = not before.steady and before.end - before.start <= TUNING.split.max_flash_frames and len(joined) > 1
        partner = joined[-2] if flash else before
        if piece.steady and partner.steady and _same_background(analysis, pairs, partner, piece, same_share):
            joined = joined[: -2 if flash else -1]
            joined.append(Span(partner.start, piece.end, True))
        else:
            joined.append(piece)
    return joined


def weakest_cut(analysis: Analysis, pairs: Sequence[Pair], span: Span, min_frames: int) -> int | None:
    """The frame inside a span at which to cut it: where its keyframes agree least across the cut.

    A place is as strong as the best pair that spans it. None where ``min_frames`` would not remain on both sides.
    """
    frames = analysis.keyframes[keyframes_of(analysis, span)]
    places = [
        (_agreement_across(analysis, pairs, int(a), int(b), span), cut)
        for a, b in itertools.pairwise(frames)
        if min_frames
        <= (cut := _cut_between(analysis, int(a), int(b))) - span.start
        <= span.end - span.start - min_frames
    ]
    return min(places)[1] if places else None


def _agreement_across(analysis: Analysis, pairs: Sequence[Pair], before: int, after: int, span: Span) -> float:
    """The largest area explained by a pair of the span's keyframes that spans two neighbouring ones."""
    at = analysis.keyframes
    across = (p.share for p in pairs if span.start <= at[p.first] <= before and after <= at[p.second] < span.end)
    return max(across, default=0.0)


def _cut_between(analysis: Analysis, before: int, after: int) -> int:
    """The first frame of a new shot between two keyframes: where the motion explains least, or else halfway."""
    links = analysis.explained[before + 1 : after + 1]
    dip = int(links.argmin())
    clear = links[dip] < TUNING.split.clear_dip * float(np.median(analysis.explained))
    return before + 1 + dip if clear else (before + after + 2) // 2


def keyframes_of(analysis: Analysis, span: Span) -> npt.NDArray[np.int64]:
    """Indices (into ``analysis.keyframes``) of a span's keyframes."""
    return np.flatnonzero((analysis.keyframes >= span.start) & (analysis.keyframes < span.end))


def _broken_links(analysis: Analysis, pairs: Sequence[Pair], broken_share: float, same_share: float) -> list[int]:
    """First frames after a broken link, ascending.

    Links from frame to frame know no masks, so that a large character can break one. The pair of the keyframes before
    and after mends it where they show the same background. A whip is broken though it can be tracked: its frames are
    smeared.
    """
    floor = min(broken_share, TUNING.split.typical_share * float(np.median(analysis.explained)))
    weak = (analysis.explained < floor) & ~analysis.holds
    found = np.flatnonzero(whip_frames(analysis)).tolist()
    slow = (p for p in pairs if p.share >= same_share and _speed(analysis, p) <= TUNING.split.max_speed)
    mending = {(p.first, p.second) for p in slow}
    for frame in np.flatnonzero(weak):
        after = int(np.searchsorted(analysis.keyframes, frame))
        if (after - 1, after) not in mending:
            found.append(int(frame))
    return sorted(set(found))


def _fade_frames(analysis: Analysis, longest: int) -> set[int]:
    """Frames in the dark of a fade at the scene's start or end, whose links break nothing: they show no picture.

    A dark run of ``longest`` frames or more is a picture of its own, and not among them.
    """
    bright = np.quantile(analysis.luma, TUNING.split.bright_quantile)
    lit = np.flatnonzero(analysis.luma >= TUNING.split.fade_luma * bright)
    n, first, last = len(analysis.luma), int(lit[0]), int(lit[-1])
    leading = range(first + 1) if first < longest else range(0)
    trailing = range(last + 1, n) if n - 1 - last < longest else range(0)
    return {*leading, *trailing}


def _speed(analysis: Analysis, pair: Pair) -> float:
    """How far the camera moves a frame between two keyframes, in widths of the picture."""
    height, width = analysis.valid.shape
    frames = int(analysis.keyframes[pair.second] - analysis.keyframes[pair.first])
    return float(corner_error(pair.camera, IDENTITY, width, height) / (max(frames, 1) * width))


def _pieces(analysis: Analysis, broken: set[int], min_frames: int) -> list[Span]:
    """Runs between broken links and transitions; neighbouring runs that are not steady are one."""
    n, turning = len(analysis.motion), analysis.turning
    edges = np.flatnonzero(turning[1:] != turning[:-1]) + 1
    bounds = sorted({0, *broken, *edges.tolist(), n})
    pieces: list[Span] = []
    for start, end in itertools.pairwise(bounds):
        steady = (end - start >= min_frames or len(bounds) == 2) and not turning[start]
        if pieces and not steady and not pieces[-1].steady:
            pieces[-1] = Span(pieces[-1].start, end, False)
        else:
            pieces.append(Span(start, end, steady))
    return pieces


def _same_background(analysis: Analysis, pairs: Sequence[Pair], before: Span, after: Span, same_share: float) -> bool:
    """Whether a pair of the nearest keyframes of two spans says that they show one background."""
    first, second = keyframes_of(analysis, before), keyframes_of(analysis, after)
    if not len(first) or not len(second):
        return False
    across = [p for p in pairs if p.first in first[-2:] and p.second in second[:2]]
    return any(p.share >= same_share for p in across)

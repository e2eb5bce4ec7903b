"""What streams and is kept where scenes show one set: one class of row for each boundary between stages (see ``rows``).

Sets are found among ``DescribedScene`` s. A set is a ``SetTask``, a ``ComposedSet`` whose holes are to be filled, and a
``LentSet`` when it is done. What it gives each of its backgrounds is a ``LentBackground`` in a file of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from remaster.arrays import Mask, Rgb
from remaster.arrow import MixedTable, RowTable
from remaster.records import Borrowed
from remaster.sets.candidates import Signature
from remaster.sets.linking import SceneSet
from remaster.sets.set_canvas import SetCanvas
from remaster.steering.decisions import Steering


@dataclass(frozen=True)
class DescribedBackground:
    """What the search for sets needs of the background of shot number ``shot``; its descriptor is in the store.

    ``size`` is the (width, height) of its canvas.
    """

    shot: int
    size: tuple[int, int]
    signature: Signature


@dataclass(frozen=True)
class DescribedScene:
    """A scene whose backgrounds are stitched, cached and described; none where it shows none.

    ``stitched`` is the fingerprint under which they are cached, ``error`` why they could not be described.
    """

    video: str
    video_id: str
    scene_id: str
    seconds: Mapping[str, float]
    stitched: str
    backgrounds: tuple[DescribedBackground, ...] = ()
    error: str | None = None
    ranges: tuple[tuple[int, int], ...] = ()
    steering: Steering = field(default_factory=Steering)

    @property
    def frames(self) -> int:
        """The scene's number of frames."""
        return sum(end - start for start, end in self.ranges)


@dataclass(frozen=True)
class SetTask:
    """A set to lend within. ``stitched`` are the fingerprints of its members' caches; ``receivers`` are the members
    that borrow: not those of videos that are only looked at.
    """

    found: SceneSet
    stitched: tuple[str, ...]
    receivers: tuple[str, ...]

    @property
    def set_id(self) -> str:
        """The set's name: its first background's."""
        return self.found.members[0]


@dataclass(frozen=True)
class LentBackground:
    """What a set gives a background, whose name is ``key``: see ``Borrowed``.

    ``image`` uint8 (H, W, 3) is black where nothing was given. ``made`` bool (H, W) are holes that were filled for the
    whole set, ``figures`` bool (H, W) what other visits to the set do not show. ``generated_pixels`` and ``calls`` of
    the engine count for the whole set, with one of its members.
    """

    key: str
    borrowed: Borrowed
    image: Rgb
    made: Mask
    figures: Mask
    generated_pixels: int = 0
    calls: int = 0


@dataclass(frozen=True)
class ComposedSet:
    """A set whose members have what others saw; the holes of its ``canvas`` are still to be filled, by this ``seed``.

    ``calls`` are those to the engine. ``fingerprint`` is of all that the set's results depend on.
    """

    task: SetTask
    fingerprint: str
    canvas: SetCanvas
    seed: int
    calls: int = 0

    @property
    def generated_pixels(self) -> int:
        """Pixels that are filled once for the whole set."""
        return int(self.canvas.holes.sum())


@dataclass(frozen=True)
class LentSet:
    """A set that was lent within: ``digests`` of what each of the ``receivers`` was given, empty for nothing.

    ``members`` counts the set's backgrounds. ``errors``: what went wrong, where nothing was lent.
    """

    set_id: str
    members: int
    receivers: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()


SETS = RowTable(SetTask)
LENT = MixedTable((LentSet, ComposedSet))
LENT_BACKGROUND = RowTable(LentBackground)

"""From candidate pairs to sets: which pairs are proved, and which links hold together.

Proofs are asked for in rounds, so that they can run anywhere and in any order; what is asked next depends on the
results alone. A set of n scenes costs proofs in proportion to n. Then the links, strongest first, are joined to sets as
long as the cameras around every cycle agree. ``donor_links`` are those by which a scene borrows from its set.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from remaster.arrays import Affine, Float64, Mask
from remaster.imaging.camera import IDENTITY, compose, corner_error, invert
from remaster.sets.candidates import Candidate
from remaster.sets.descriptor import SetDescriptor, small_picture
from remaster.sets.light import SAME_LIGHT, relit
from remaster.sets.overlap import resizing
from remaster.sets.proof import Link, prove
from remaster.sets.tuning import TUNING

Pair = tuple[str, str]
ProveAll = Callable[[Sequence[Pair]], Sequence[Link | None]]
Apart = Callable[[str, str], bool]
"""Whether two scenes' backgrounds (keys) must not come into one set."""


@dataclass(frozen=True)
class SceneSet:
    """Backgrounds of one set.

    ``members`` are their keys, sorted; the first names the set. ``representative`` is the one with most links.
    ``cameras`` take canvas pixels of each member to those of the representative. ``links`` are those that agree.
    """

    members: tuple[str, ...]
    representative: str
    cameras: tuple[Affine, ...]
    links: tuple[Link, ...]

    def camera(self, key: str, other: str) -> Affine:
        """The camera from the canvas of ``key`` to that of ``other``, by way of the representative."""
        one, two = (self.cameras[self.members.index(k)] for k in (key, other))
        return compose(invert(two), one)


def link_scenes(pairs: Iterable[Candidate], prove_all: ProveAll) -> list[Link]:
    """The links among candidate pairs, given the most promising first.

    ``prove_all`` proves some pairs and keeps their order; no scene comes twice in one call. A pair whose scenes are in
    one set already is left out unless one of them has few links; so are pairs of sets between which proofs have failed,
    the more the more scenes the smaller of them has.
    """
    waiting = [(c.first, c.second) for c in pairs]
    root, degree = dict[str, str](), Counter[str]()
    # Links that made the set of a root: one less than its scenes.
    size = Counter[str]()
    failed, links, alone = list[Pair](), list[Link](), list[Link]()
    while waiting:
        failures = Counter(_joint(root, pair) for pair in failed)
        batch, waiting = _round(waiting, root, degree, size, failures)
        for pair, link in zip(batch, prove_all(batch) if batch else [], strict=True):
            if link is None:
                failed.append(pair)
                continue
            links.append(link)
            joint = _joint(root, pair)
            degree.update(pair)
            if joint[0] == joint[1]:
                continue
            several = size[joint[0]] > 0 and size[joint[1]] > 0
            second = any(_joint(root, (other.a, other.b)) == joint for other in alone)
            if several and link.strength < TUNING.linking.strong and not second:
                # As in ``sets_of``; more pairs of the two sets are proved until another link agrees.
                alone.append(link)
                continue
            # The smaller key stays the root, whatever the order.
            root[joint[1]] = joint[0]
            size[joint[0]] += size[joint[1]] + 1
    return sorted(links, key=lambda link: (link.a, link.b))


def _round(
    waiting: Sequence[Pair],
    root: dict[str, str],
    degree: Mapping[str, int],
    size: Mapping[str, int],
    failures: Mapping[Pair, int],
) -> tuple[list[Pair], list[Pair]]:
    """(the pairs to prove now, those that wait); what need not be proved is in neither."""
    tuning = TUNING.linking
    batch, later = [], []
    busy_scenes, busy_sets = set[str](), set[Pair]()
    for pair in waiting:
        joint = _joint(root, pair)
        same = joint[0] == joint[1]
        if same and min(degree[key] for key in pair) >= tuning.links_per_scene:
            continue
        if not same and failures[joint] >= tuning.max_failures * (1 + min(size[key] for key in joint)):
            continue
        if busy_scenes.isdisjoint(pair) and (same or joint not in busy_sets):
            batch.append(pair)
            busy_scenes.update(pair)
            busy_sets.add(joint)
        else:
            later.append(pair)
    return batch, later


def _joint(root: dict[str, str], pair: Pair) -> Pair:
    """The roots of a pair's sets, sorted."""
    one, two = (_find(root, key) for key in pair)
    return min(one, two), max(one, two)


def _find(root: dict[str, str], key: str) -> str:
    path = []
    while root.get(key, key) != key:
        path.append(key)
        key = root[key]
    for passed in path:
        root[passed] = key
    return key


def sets_of(
    links: Iterable[Link], sizes: Mapping[str, tuple[int, int]], apart: Apart = lambda first, second: False
) -> list[SceneSet]:
    """The sets that links make, sorted by name; ``sizes`` are the canvases' (width, height).

    Two scenes that are kept ``apart`` never come into one set, whatever links them.

    Two groups are joined by a link where no stronger evidence puts them elsewhere. Where both have several scenes, the
    link must be strong or a second one agree with it: chains of weak links end so. Links that disagree with the cameras
    of their set are left out.
    """
    ordered = sorted(links, key=lambda link: (-link.strength, link.a, link.b))
    groups = _Groups(ordered, sizes, apart)
    for link in ordered:
        groups.join(link)
    found = []
    for members in groups.members.values():
        if len(members) > 1:
            inside = set(members)
            held = [link for link in ordered if link.a in inside and link.b in inside and groups.agrees(link)]
            found.append(_scene_set(sorted(members), held, groups.camera))
    return sorted(found, key=lambda found_set: found_set.members)


class _Groups:
    """Scenes placed in groups: the camera of each to the canvas of its group's first scene."""

    def __init__(self, links: Sequence[Link], sizes: Mapping[str, tuple[int, int]], apart: Apart) -> None:
        self.apart = apart
        keys = sorted({key for link in links for key in (link.a, link.b)})
        self.sizes = sizes
        self.group = {key: key for key in keys}
        self.members = {key: [key] for key in keys}
        self.camera: dict[str, Affine] = dict.fromkeys(keys, IDENTITY)
        self._links: dict[str, list[Link]] = defaultdict(list)
        for link in links:
            self._links[link.a].append(link)
            self._links[link.b].append(link)

    def agrees(self, link: Link) -> bool:
        """Whether a link within a group agrees with the cameras of the group."""
        return self._near(link, compose(invert(self.camera[link.b]), self.camera[link.a]))

    def join(self, link: Link) -> None:
        """Join the groups of a link's scenes, unless other links speak against it."""
        one, two = self.group[link.a], self.group[link.b]
        if one == two or any(self.apart(a, b) for a in self.members[one] for b in self.members[two]):
            return
        placed = compose(self.camera[link.b], compose(link.camera, invert(self.camera[link.a])))
        few, target = (one, two) if len(self.members[one]) <= len(self.members[two]) else (two, one)
        moved = placed if few == one else invert(placed)
        if not self._supported(link, few, target, moved):
            return
        for key in self.members.pop(few):
            self.camera[key] = compose(moved, self.camera[key])
            self.group[key] = target
            self.members[target].append(key)

    def _supported(self, link: Link, few: str, target: str, moved: Affine) -> bool:
        """Whether the other links between two groups let this one join them."""
        for_it, against = 0.0, 0.0
        for key in self.members[few]:
            for other in self._links[key]:
                seen = other.seen_from(key)
                if other is link or self.group[seen.b] != target:
                    continue
                implied = compose(invert(self.camera[seen.b]), compose(moved, self.camera[key]))
                if self._near(seen, implied):
                    for_it += seen.strength
                else:
                    against += seen.strength
        several = len(self.members[few]) > 1 and len(self.members[target]) > 1
        if several and for_it == 0.0 and link.strength < TUNING.linking.strong:
            return False
        return link.strength + for_it > against

    def _near(self, link: Link, camera: Affine) -> bool:
        """Whether a camera a -> b is that of the link, but for a share of what ``a``'s diagonal is in ``b``."""
        width, height = self.sizes[link.a]
        scale = np.sqrt(abs(np.linalg.det(link.camera[:, :2])))
        error = float(corner_error(camera, link.camera, width, height))
        return error <= TUNING.linking.max_cycle_error * float(np.hypot(width, height) * scale)


def _scene_set(members: Sequence[str], links: Sequence[Link], camera: Mapping[str, Affine]) -> SceneSet:
    """The set of some scenes, seen from the one that has most links."""
    degree = Counter(key for link in links for key in (link.a, link.b))
    representative = min(members, key=lambda key: (-degree[key], key))
    home = invert(camera[representative])
    cameras = tuple(compose(home, camera[key]) for key in members)
    return SceneSet(tuple(members), representative, cameras, tuple(sorted(links, key=lambda k: (k.a, k.b))))


def light_to_representative(found: SceneSet) -> dict[str, Float64]:
    """The colour matrix (3, 4) that takes each member's colours to the representative's light.

    By the strongest links from the representative outwards (Prim's tree); the members come in that order.
    """
    lights = {found.representative: SAME_LIGHT}
    while len(lights) < len(found.members):
        edges = [link for link in found.links if (link.a in lights) != (link.b in lights)]
        best = min(edges, key=lambda link: (-link.strength, link.a, link.b))
        seen = best.seen_from(best.a if best.a in lights else best.b)
        # First the new scene's colours to its neighbour's light, then as those go.
        to_neighbour, onwards = seen.colour, lights[seen.a]
        lights[seen.b] = np.column_stack([onwards[:, :3] @ to_neighbour[:, :3], relit(to_neighbour[:, 3], onwards)])
    return lights


def donor_links(target: str, found: SceneSet, descriptors: Mapping[str, SetDescriptor]) -> list[Link]:
    """The links by which member ``target`` may borrow from its set, seen from it, the strongest first.

    Links of the set are used as they are. Other members are proved by way of the representative, those first that show
    most of what the target does not; ``max_lenders`` bounds proofs and links. Each link proves a side of the target.
    """
    own = descriptors[target]
    seen = (link.seen_from(target) for link in found.links if target in (link.a, link.b))
    links = {link.b: link for link in seen}
    others = [key for key in found.members if key != target and key not in links]
    unseen = ~small_picture(own).covered
    gains = {key: _gain(own, unseen, descriptors[key], found.camera(target, key)) for key in others}
    useful = sorted((key for key in others if gains[key] > 0), key=lambda key: (-gains[key], key))
    for key in useful[: max(TUNING.linking.max_lenders - len(links), 0)]:
        link = prove(own, descriptors[key], found.camera(target, key))
        if link is not None:
            links[key] = link
    usable = sorted((link for link in links.values() if link.sides_a), key=lambda link: (-link.strength, link.b))
    return usable[: TUNING.linking.max_lenders]


def _gain(own: SetDescriptor, unseen: Mask, other: SetDescriptor, camera: Affine) -> int:
    """Pixels of the small picture ``own`` that it shows not (``unseen``) and the other does."""
    small = compose(compose(resizing(other.size, other.small), camera), resizing(own.small, own.size))
    known = small_picture(other).background.astype(np.uint8)
    shown = cv2.warpAffine(known, small, own.small, flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP)
    return int(((np.asarray(shown) > 0) & unseen).sum())

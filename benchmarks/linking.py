"""Which backgrounds show one set, is it true, and how near to the truth is what they lend each other?

``python -m benchmarks.linking --inputs FILE ... [--truth FOLDER] [--cache FOLDER] [--draw FOLDER] [--simulate N]``
``python -m benchmarks.linking --sample FOLDER [--cache FOLDER] [--draw FOLDER] [--write FILE]``

``--inputs`` are 4:3 videos. ``--sample`` draws the sample series to a folder, where it is not there yet, and judges
links and lent wings by its truth (``linking_truth``). Backgrounds are recovered by steps 2 to 5 (kept in ``--cache``),
described, searched, proved and joined to sets; each link is drawn to ``--draw`` as a picture to be looked at: the first
background, the second on its canvas, and their difference. ``--truth`` has wide videos of the inputs' names whose
middle columns the inputs are, scaled to their height: then the wings that others lend are measured beside the embedded
fill and Telea's (PSNR, PSNR at 1/8 size, over lent pixels alone). ``--simulate`` prints what finding sets takes in
series of so many scenes, made of noisy copies of these backgrounds (CPU seconds of one core).
"""

from __future__ import annotations

import argparse
import pickle
import time
import tracemalloc
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from benchmarks.linking_truth import judged, located, missed, tables
from benchmarks.wings import Clip, restored, scenes
from remaster.arrays import Mask, Rgb
from remaster.detect.scenes import detect
from remaster.detect.tuning import DetectSettings
from remaster.imaging.camera import compose, translation
from remaster.imaging.geometry import Window, window
from remaster.media.decode import decode
from remaster.media.planes import to_rgb
from remaster.media.probe import probe
from remaster.records import Background, Shot
from remaster.sets.candidates import Signature, candidates
from remaster.sets.descriptor import SetDescriptor, describe
from remaster.sets.lending import Donor, Lent, lend, refined_donor
from remaster.sets.light import relit
from remaster.sets.linking import Pair, SceneSet, donor_links, link_scenes, sets_of
from remaster.sets.proof import Link, prove
from remaster.sets.tuning import TUNING
from remaster_sample.episodes import EPISODES
from remaster_sample.render import render
from remaster_sample.visits import visits_of
from remaster_sample.write import write_episode

COARSE = 8
TELEA_RADIUS = 5
SHARE = "share of the wings"


@dataclass(frozen=True)
class Scene:
    """A background of a video, filled by the embedded inpainter; its shot begins at frame ``first`` of the video."""

    key: str
    video: str
    first: int
    shot: Shot
    background: Background
    shown: Window
    sar: float

    @property
    def known(self) -> Mask:
        """What may be lent: covered, and no figure."""
        return self.background.coverage & ~self.background.figures


def backgrounds(path: Path, cache: Path | None) -> list[Scene]:
    """All backgrounds of a video. Key pictures of propagated shots may lie in a dissolve, which shows two sets."""
    kept = None if cache is None else cache / f"{path.stem}.backgrounds"
    if kept is not None and kept.exists():
        return list(pickle.loads(kept.read_bytes()))
    info = probe(str(path))
    found = detect(decode(info), info, DetectSettings())
    shown = window(found.active, info.sar, info.format, Fraction(16, 9))
    cuts = (*found.cuts, len(found.pts))
    clip = Clip(path.stem, info, shown, found.gate, found.noise, cuts, lambda _: np.zeros((1, 1), np.float32))
    made = []
    for first, pictures in scenes(clip):
        for shot in restored(clip, pictures)[2]:
            if shot.background is not None:
                key = f"{path.stem}:{first + shot.start:06d}"
                made.append(Scene(key, path.stem, first + shot.start, shot, shot.background, shown, float(info.sar)))
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(pickle.dumps(made))
    return made


def linked(described: Sequence[SetDescriptor]) -> tuple[list[Link], list[SceneSet]]:
    """The links and sets of some backgrounds, with what they cost printed."""
    by_key = {d.key: d for d in described}
    started = time.process_time()
    pairs = candidates([Signature.of(d) for d in described])
    searched = time.process_time()
    asked: list[Pair] = []

    def prove_all(batch: Sequence[Pair]) -> list[Link | None]:
        asked.extend(batch)
        return [prove(by_key[a], by_key[b]) for a, b in batch]

    links = link_scenes(pairs, prove_all)
    proved = time.process_time()
    sets = sets_of(links, {d.key: d.size for d in described})
    size = np.mean([d.nbytes for d in described]) / 1000
    print(
        f"{len(described)} backgrounds ({size:.0f} kB each), {len(pairs)} candidates in {searched - started:.2f} s, "
        f"{len(asked)} proofs of {(proved - searched) / max(len(asked), 1) * 1000:.0f} ms, {len(links)} links, "
        f"{len(sets)} sets"
    )
    for found in sets:
        print(f"  set of {len(found.members)}: {', '.join(found.members)}")
    return links, sets


def draw_link(link: Link, one: Scene, two: Scene, folder: Path) -> None:
    """The link as a picture: the first, the second on the first's canvas in its light, and their difference."""
    height, width = one.known.shape
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    warped = cv2.warpAffine(two.background.image, link.camera, (width, height), flags=flags)
    seen = cv2.warpAffine(two.background.coverage.astype(np.uint8), link.camera, (width, height), flags=flags) > 0
    lit = np.clip(relit(np.asarray(warped, np.uint8), link.colour), 0, 255).astype(np.uint8) * seen[..., None]
    first = one.background.image * one.background.coverage[..., None]
    off = np.abs(first.astype(int) - lit) * (seen & one.background.coverage)[..., None]
    sheet = np.hstack([first, lit, np.clip(3 * off, 0, 255).astype(np.uint8)])
    ratio = 1500 / sheet.shape[1]
    small = cv2.resize(sheet, None, fx=ratio, fy=ratio, interpolation=cv2.INTER_AREA)
    name = f"{link.strength:.2f} {link.a} {link.b}".replace(":", "_").replace(" ", "-")
    cv2.imwrite(str(folder / f"{name}.jpg"), cv2.cvtColor(small, cv2.COLOR_RGB2BGR))


def donors_of(
    target: Scene, found: SceneSet, by_key: dict[str, Scene], descriptors: dict[str, SetDescriptor], refine: bool
) -> list[Donor]:
    """Whom a background may borrow from: the scenes of its set that prove a side, the strongest first."""
    background, donors = target.background, []
    for link in donor_links(target.key, found, descriptors):
        other = by_key[link.b]
        donor = Donor(other.background.image, other.known, link.camera, link.colour, link.sides_a)
        if refine:
            donor = refined_donor(background.image, target.known, donor)
        donors.append(donor)
    return donors


def frame_of(path: Path, index: int, height: int) -> Rgb:
    """A frame of a wide video, scaled to so many rows."""
    info = probe(str(path))
    for number, frame in enumerate(decode(info)):
        if number == index:
            rgb = to_rgb(frame.planes, info.format, info.color, info.height)
            width = 2 * round(info.width * info.sar * height / info.height / 2)
            return np.asarray(cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    raise SystemExit(f"{path} has no frame {index}")


def errors(picture: Rgb, truth: Rgb, where: Mask) -> tuple[float, float]:
    """(PSNR, PSNR at 1/8 size) over a mask."""
    off = picture.astype(np.float32) - truth
    full = float((off[where] ** 2).mean())
    weight = where.astype(np.float32)
    size = -(-where.shape[1] // COARSE), -(-where.shape[0] // COARSE)
    share = cv2.resize(weight, size, interpolation=cv2.INTER_AREA)
    small = cv2.resize(off * weight[..., None], size, interpolation=cv2.INTER_AREA) / np.maximum(share, 1e-6)[..., None]
    coarse = float((small[share > 0.5] ** 2).mean()) if (share > 0.5).any() else full
    return _psnr(full), _psnr(coarse)


def _psnr(squared: float) -> float:
    return float(10 * np.log10(255**2 / max(squared, 1e-9)))


Truth = Callable[[Scene, int], tuple[Rgb, Mask] | None]
"""The wide picture of a frame of a scene's video, and what of it is figures; None where it is not known."""


def wide_videos(folder: Path) -> Truth:
    """The truth from wide videos of the inputs' names."""

    def truth(scene: Scene, index: int) -> tuple[Rgb, Mask] | None:
        path = next(iter(sorted(folder.glob(f"{scene.video}.*"))), None)
        if path is None:
            return None
        wide = frame_of(path, index, scene.shown.active.height)
        return wide, np.zeros(wide.shape[:2], bool)

    return truth


def drawn(scene: Scene, index: int) -> tuple[Rgb, Mask]:
    """The truth of the sample series."""
    truth = render(next(e for e in EPISODES if e.name == scene.video), index)
    return truth.wide, truth.foreground


def measured(target: Scene, lent: Lent, truth: Truth) -> dict[str, tuple[float, float]] | None:
    """The errors, over the lent pixels of the middle frame's wings, of what was lent and of fills."""
    shot, shown = target.shot, target.shown
    index = len(shot.cameras) // 2
    known = truth(target, target.first + index)
    if known is None:
        return None
    wide, hidden = known
    left = (wide.shape[1] - shown.active.width) // 2 - shown.x
    wide, hidden = wide[:, left : left + shown.width], hidden[:, left : left + shown.width]
    camera = compose(shot.cameras[index], translation(-shown.x, -shown.y))
    size = shown.width, shown.height

    def view(plane: Rgb, flags: int = cv2.INTER_CUBIC) -> Rgb:
        return np.asarray(cv2.warpAffine(plane, camera, size, flags=flags | cv2.WARP_INVERSE_MAP), np.uint8)

    where = view((lent.seen_by > 0).astype(np.uint8), cv2.INTER_NEAREST) > 0
    inside = np.s_[shown.y : shown.y + shown.active.height, shown.x : shown.x + shown.active.width]
    where[inside] = False
    where &= ~hidden
    if where.sum() < 500:
        return None
    outside = np.full(where.shape, 255, np.uint8)
    outside[inside] = 0
    telea = cv2.inpaint(wide, outside, TELEA_RADIUS, cv2.INPAINT_TELEA)
    pictures = {"lent": view(lent.image), "embedded fill": view(target.background.image), "Telea": telea}
    result = {name: errors(picture, wide, where) for name, picture in pictures.items()}
    result[SHARE] = (float(where.sum() / outside.astype(bool).sum()),) * 2
    return result


@dataclass
class _Crowd:
    """A series of ``count`` scenes, made of noisy copies of some descriptors; proofs between copies are done once."""

    described: Sequence[SetDescriptor]
    count: int
    proved: dict[Pair, tuple[Link | None, float]] = field(default_factory=dict)
    proofs: int = 0
    seconds: float = 0.0

    def signatures(self) -> list[Signature]:
        """What the search is given; each copy differs by about as much as two visits to one set do."""
        rng = np.random.default_rng(1)
        crowd = []
        for number in range(self.count):
            real = self._of(f"{number:06d}")
            words = real.words + rng.normal(0, 0.5 / np.sqrt(real.words.size), real.words.size)
            colours = np.abs(real.colours + rng.normal(0, 0.03, real.colours.size))
            vectors = [(v / np.linalg.norm(v)).astype(np.float32) for v in (words, colours)]
            crowd.append(Signature(f"{number:06d}", len(real.points), *vectors))
        return crowd

    def prove_all(self, pairs: Sequence[Pair]) -> list[Link | None]:
        """The links of some pairs; ``seconds`` counts what each proof takes."""
        return [self._prove(*pair) for pair in pairs]

    def sizes(self) -> dict[str, tuple[int, int]]:
        """The canvases' sizes by key."""
        return {f"{number:06d}": self._of(f"{number:06d}").size for number in range(self.count)}

    def _of(self, key: str) -> SetDescriptor:
        return self.described[int(key) % len(self.described)]

    def _prove(self, a: str, b: str) -> Link | None:
        kind = self._of(a).key, self._of(b).key
        if kind not in self.proved:
            started = time.process_time()
            link = prove(replace(self._of(a), key="a"), replace(self._of(b), key="b"))
            self.proved[kind] = link, time.process_time() - started
        link, seconds = self.proved[kind]
        self.proofs, self.seconds = self.proofs + 1, self.seconds + seconds
        return None if link is None else replace(link, a=a, b=b)


def simulated(described: Sequence[SetDescriptor], counts: Sequence[int]) -> Iterator[str]:
    """What finding sets in a series costs, in CPU seconds of one core, as lines of a table."""
    yield "| scenes | search, s | memory, MB | candidates | proofs | proofs, s | joining, s | sets |"
    yield "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    usable = [d for d in described if len(d.points) >= TUNING.candidates.min_features]
    for count in counts:
        crowd = _Crowd(usable, count)
        signatures = crowd.signatures()
        tracemalloc.start()
        candidates(signatures)
        memory = tracemalloc.get_traced_memory()[1] / 1e6
        tracemalloc.stop()
        started = time.process_time()
        pairs = candidates(signatures)
        searched = time.process_time()
        links = link_scenes(pairs, crowd.prove_all)
        sets = sets_of(links, crowd.sizes())
        measured_once = sum(seconds for _, seconds in crowd.proved.values())
        joining = time.process_time() - searched - measured_once
        yield (
            f"| {count:,} | {searched - started:.1f} | {memory:.0f} | {len(pairs):,} | {crowd.proofs:,} "
            f"| {crowd.seconds:.0f} | {joining:.1f} | {len(sets):,} |"
        )


def _timed(what: str, make: Callable[[], list[SetDescriptor]]) -> list[SetDescriptor]:
    started = time.process_time()
    made = make()
    print(f"{what}: {(time.process_time() - started) / max(len(made), 1) * 1000:.0f} ms each")
    return made


Row = dict[str, tuple[float, float]]


def _wings(sets: Sequence[SceneSet], by_key: dict[str, Scene], described: dict[str, SetDescriptor],
           truth: Truth) -> Iterator[tuple[str, Row]]:  # fmt: skip
    """(the key, the errors) of each background that wings were lent to; at last the mean, if any."""
    rows: list[Row] = []
    for found in sets:
        for key in found.members:
            background = by_key[key].background
            donors = donors_of(by_key[key], found, by_key, described, refine=True)
            lent = lend(background.image, background.coverage, background.holes, donors, background.figures)
            result = measured(by_key[key], lent, truth)
            if result is not None:
                rows.append(result)
                yield key, result
    if rows:
        yield "mean", {n: (float(np.mean([r[n][0] for r in rows])), float(np.mean([r[n][1] for r in rows])))
                       for n in rows[0]}  # fmt: skip


def _wing_table(rows: Iterable[tuple[str, Row]]) -> Iterator[str]:
    yield "| background | share of the wings | lent: PSNR / at 1/8 size | embedded fill | Telea |"
    yield "| --- | ---: | ---: | ---: | ---: |"
    for key, row in rows:
        cells = " | ".join(f"{row[n][0]:.1f} / {row[n][1]:.1f}" for n in ("lent", "embedded fill", "Telea"))
        yield f"| {key} | {row[SHARE][0]:.0%} | {cells} |"


def sample_series(folder: Path) -> list[Path]:
    """The videos of the sample series in a folder, drawn where they are not there."""
    files = [folder / f"{episode.name}{episode.suffix}" for episode in EPISODES]
    return [f if f.exists() else write_episode(e, folder) for f, e in zip(files, EPISODES, strict=True)]


def sample_report(
    by_key: dict[str, Scene], described: dict[str, SetDescriptor], links: Sequence[Link], sets: Sequence[SceneSet]
) -> str:
    """What the truth of the sample series says of its links and of its lent wings, as Markdown."""
    visits = [visit for episode in EPISODES for visit in visits_of(episode)]
    places = [located(k, s.first, s.shot, s.background.coverage, visits) for k, s in sorted(by_key.items())]
    pairs = judged([place for place in places if place is not None], described, sets)
    lines = ["## Links", "", *tables(pairs, links, visits), *missed(pairs), "", "## Lent wings", ""]
    return "\n".join([*lines, *_wing_table(_wings(sets, by_key, described, drawn)), ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", nargs="+", type=Path, default=[], help="4:3 videos")
    parser.add_argument("--sample", type=Path, help="a folder for the sample series, whose links are judged")
    parser.add_argument("--write", type=Path, help="a Markdown file for what is said of the sample series")
    parser.add_argument("--truth", type=Path, help="a folder of wide videos with the inputs' names")
    parser.add_argument("--cache", type=Path, help="a folder for recovered backgrounds")
    parser.add_argument("--draw", type=Path, help="a folder for a picture of each link")
    parser.add_argument("--simulate", nargs="+", type=int, default=[], help="scenes of imagined series, for its costs")
    options = parser.parse_args()
    if not options.inputs and options.sample is None:
        parser.error("pass --inputs or --sample")
    cv2.setNumThreads(1)
    inputs = [*options.inputs, *(sample_series(options.sample) if options.sample else ())]
    by_key = {scene.key: scene for path in inputs for scene in backgrounds(path, options.cache)}
    described = _timed(
        "descriptors", lambda: [describe(k, s.background.image, s.background.coverage, s.background.figures, s.sar)
                                for k, s in sorted(by_key.items())]
    )  # fmt: skip
    links, sets = linked(described)
    if options.draw is not None:
        options.draw.mkdir(parents=True, exist_ok=True)
        for link in links:
            draw_link(link, by_key[link.a], by_key[link.b], options.draw)
    if options.sample is not None:
        report = sample_report(by_key, {d.key: d for d in described}, links, sets)
        print(report)
        if options.write is not None:
            options.write.write_text(report)
    if options.truth is not None:
        for line in _wing_table(_wings(sets, by_key, {d.key: d for d in described}, wide_videos(options.truth))):
            print(line, flush=True)
    for line in simulated(described, options.simulate) if options.simulate else ():
        print(line, flush=True)


if __name__ == "__main__":
    # Not this module's own main: what is pickled must be found by other programs, too.
    from benchmarks import linking

    linking.main()

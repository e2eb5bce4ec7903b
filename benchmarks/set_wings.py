"""How near to the truth, and how much alike, are the wings of a set that is filled once, on one canvas?

``python -m benchmarks.set_wings --inputs FILE ... --truth FOLDER [--cache FOLDER] [--draw FOLDER]``

Inputs, truth and cache are those of ``benchmarks.linking``. Each set's members borrow from each other, what none saw is
filled once, and what the set's canvas does not show is filled alone. Beside it stand the present fill of each
background alone and Telea's, all over the whole wing of the shot's middle frame: PSNR, PSNR at 1/8 size. Then the mean
absolute difference between members on the representative's canvas, in the wings of both and in the picture of both;
and how many pixels the engine made, in how many calls. ``--draw`` keeps a sheet a set: truth, alone, from the set.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np

from benchmarks.linking import TELEA_RADIUS, Scene, backgrounds, donors_of, errors, frame_of, linked
from remaster.arrays import Mask, Rgb
from remaster.imaging.camera import compose, translation
from remaster.outpaint import FillTask
from remaster.outpaint.exemplar import ExemplarInpainter
from remaster.records import Background
from remaster.sets.descriptor import SetDescriptor, describe
from remaster.sets.lending import lend
from remaster.sets.linking import SceneSet
from remaster.sets.set_canvas import SetCanvas, compose_set, draw_from_set
from remaster.sets.visiting_figures import visiting_figures

SEED = 1
BESIDE = 80
"""Pixels beside the wings where pictures are compared: farther in stand the figures."""


@dataclass
class Cost:
    """What an engine did."""

    pixels: int = 0
    calls: int = 0

    def fill(self, task: FillTask) -> Rgb:
        """Fill a task, and count it."""
        if not task.holes.any():
            return task.image
        result = ExemplarInpainter().fill([task])[0]
        self.pixels += int(task.holes.sum())
        self.calls += result.calls
        return result.image


@dataclass(frozen=True)
class Member:
    """A background of a set: filled ``alone``, with what was ``lent``, and ``drawn`` wholly from the set."""

    scene: Scene
    alone: Rgb
    lent: Background
    drawn: Rgb
    origin: dict[str, Mask]


def completed(
    found: SceneSet, scenes: dict[str, Scene], descriptors: dict[str, SetDescriptor], together: Cost, apart: Cost
) -> tuple[list[Member], SetCanvas, Rgb]:
    """All members of a set filled both ways, the canvas, and the canvas filled."""
    lent: dict[str, Background] = {}
    for key in found.members:
        b = scenes[key].background
        donors = donors_of(scenes[key], found, scenes, descriptors, refine=True)
        figures = b.figures | visiting_figures(b.image, b.coverage, donors)
        got = lend(b.image, b.coverage, b.holes, donors, figures)
        lent[key] = replace(b, image=got.image, coverage=got.coverage, holes=b.holes & ~got.coverage, figures=figures)
    canvas = compose_set(found, lent.__getitem__)
    filled = together.fill(FillTask(canvas.image, canvas.holes, canvas.known, SEED, canvas.figures))
    members = []
    for key in found.members:
        b, place = lent[key], canvas.placement(key)
        image, made = b.image, {"lent": b.coverage & ~scenes[key].background.coverage}
        if place is not None:
            got_from_set = draw_from_set(b, place, canvas, filled)
            image = got_from_set.image
            made |= {"from the canvas": got_from_set.lent, "generated once": got_from_set.generated}
        known = scenes[key].background.coverage | np.logical_or.reduce(list(made.values()))
        left = b.holes & ~known
        made["generated alone"] = left
        image = together.fill(FillTask(image, left, known, SEED, b.figures))
        own = scenes[key].background
        alone = apart.fill(FillTask(own.image, own.holes, own.coverage, SEED, own.figures))
        members.append(Member(scenes[key], alone, b, image, made))
    return members, canvas, filled


def view(scene: Scene, plane: Rgb, flags: int = cv2.INTER_CUBIC) -> Rgb:
    """What the shot's middle frame shows of a canvas, wings and all."""
    shot, shown = scene.shot, scene.shown
    camera = compose(shot.cameras[len(shot.cameras) // 2], translation(-shown.x, -shown.y))
    return np.asarray(
        cv2.warpAffine(plane, camera, (shown.width, shown.height), flags=flags | cv2.WARP_INVERSE_MAP), np.uint8
    )


@lru_cache(maxsize=64)
def truth_of(scene_key: str, path: Path, number: int, height: int, width: int, x: int, active: int) -> Rgb:
    """The wide picture of a frame, cut to the window."""
    wide = frame_of(path, number, height)
    left = (wide.shape[1] - active) // 2 - x
    return wide[:, left : left + width]


def measured(member: Member, truth: Path) -> tuple[dict[str, tuple[float, float]], Rgb]:
    """(the errors over the middle frame's wings, the truth's picture)."""
    scene, shown = member.scene, member.scene.shown
    number = scene.first + len(scene.shot.cameras) // 2
    wide = truth_of(scene.key, truth, number, shown.active.height, shown.width, shown.x, shown.active.width)
    outside = np.ones(wide.shape[:2], bool)
    outside[shown.y : shown.y + shown.active.height, shown.x : shown.x + shown.active.width] = False
    telea = cv2.inpaint(wide, outside.astype(np.uint8) * 255, TELEA_RADIUS, cv2.INPAINT_TELEA)
    pictures = {"set": view(scene, member.drawn), "alone": view(scene, member.alone), "Telea": np.asarray(telea)}
    result = {name: errors(picture, wide, outside) for name, picture in pictures.items()}
    for name, mask in member.origin.items():
        where = view(scene, mask.astype(np.uint8), cv2.INTER_NEAREST) > 0
        where &= outside
        if where.sum() > 500:
            result |= {
                f"{name}: {kind}": errors(pictures[kind], wide, where) for kind in ("set", "alone")
            } | {f"{name}: share": (float(where.sum() / outside.sum()),) * 2}  # fmt: skip
    return result, wide


def likeness(found: SceneSet, members: Sequence[Member]) -> dict[str, float]:
    """Mean absolute difference in levels between members: in wings of both, by each fill, and beside them."""
    height, width = next(m for m in members if m.scene.key == found.representative).scene.known.shape
    pad = width // 4
    size = width + 2 * pad, height

    def moved(key: str, plane: Rgb, flags: int) -> Rgb:
        camera = compose(translation(pad, 0), found.cameras[found.members.index(key)])
        return np.asarray(cv2.warpAffine(plane, camera, size, flags=flags), np.uint8)

    planes = []
    for m in members:
        key, b = m.scene.key, m.scene.background
        near = cv2.dilate(b.holes.astype(np.uint8), np.ones((2 * BESIDE + 1,) * 2, np.uint8)) > 0
        inner = b.coverage & ~m.lent.figures & near
        masks = [moved(key, mask.astype(np.uint8), cv2.INTER_NEAREST) > 0 for mask in (b.holes, inner)]
        planes.append((masks, [moved(key, p, cv2.INTER_LINEAR).astype(np.int16) for p in (m.drawn, m.alone, b.image)]))
    found_levels: dict[str, list[float]] = {"set": [], "alone": [], "picture": []}
    for (masks, pictures), (other_masks, others) in combinations(planes, 2):
        wings, inside = (a & b for a, b in zip(masks, other_masks, strict=True))
        if wings.sum() < 2000 or inside.sum() < 2000:
            continue
        for name, where, a, b in zip(found_levels, (wings, wings, inside), pictures, others, strict=True):
            found_levels[name].append(float(np.abs(a - b)[where].mean()))
    return {name: float(np.mean(v)) for name, v in found_levels.items() if v}


def sheet(members: Sequence[Member], truths: Sequence[Rgb], path: Path) -> None:
    """A picture: one row a member, the truth, alone, from the set, where its pixels come from."""
    rows = []
    colours = np.array([[60, 160, 60], [60, 60, 200], [200, 160, 40], [200, 60, 60]])
    for member, truth in zip(members, truths, strict=True):
        origin = np.zeros_like(member.drawn)
        for colour, mask in zip(colours, member.origin.values(), strict=False):
            origin[mask] = colour
        parts = [truth, view(member.scene, member.alone), view(member.scene, member.drawn)]
        mixed = (view(member.scene, member.drawn) // 2 + view(member.scene, origin, cv2.INTER_NEAREST) // 2).astype(
            np.uint8
        )
        rows.append(np.hstack([*parts, mixed]))
    whole = np.vstack(rows)
    cv2.imwrite(
        str(path),
        cv2.cvtColor(cv2.resize(whole, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2BGR),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", nargs="+", type=Path, required=True, help="4:3 videos")
    parser.add_argument("--truth", type=Path, required=True, help="a folder of wide videos with the inputs' names")
    parser.add_argument("--cache", type=Path, help="a folder for recovered backgrounds")
    parser.add_argument("--draw", type=Path, help="a folder for a sheet of each set")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    scenes = {scene.key: scene for path in options.inputs for scene in backgrounds(path, options.cache)}
    descriptors = {
        k: describe(k, s.background.image, s.background.coverage, s.background.figures, s.sar)
        for k, s in scenes.items()
    }
    _, sets = linked([descriptors[k] for k in sorted(descriptors)])
    for found in sets:
        together, apart = Cost(), Cost()
        started = time.process_time()
        members, canvas, filled = completed(found, scenes, descriptors, together, apart)
        print(f"set {found.members[0]}, canvas {canvas.known.shape}, {time.process_time() - started:.0f} s")
        rows, truths = [], []
        for member in members:
            path = next(iter(sorted(options.truth.glob(f"{member.scene.video}.*"))))
            result, truth = measured(member, path)
            rows.append(result)
            truths.append(truth)
            print(f"  {member.scene.key}: " + ", ".join(f"{n} {a:.2f} / {b:.2f}" for n, (a, b) in result.items()))
        for name in sorted({name for row in rows for name in row}):
            values = [row[name] for row in rows if name in row]
            print(f"  mean of {name}: " + " / ".join(f"{np.mean([v[i] for v in values]):.2f}" for i in (0, 1)))
        print("  difference in levels: " + ", ".join(f"{n} {v:.2f}" for n, v in likeness(found, members).items()))
        for name, cost in (("set", together), ("alone", apart)):
            print(f"  generated {name}: {cost.pixels} pixels in {cost.calls} calls", flush=True)
        if options.draw is not None:
            options.draw.mkdir(parents=True, exist_ok=True)
            sheet(members, truths, options.draw / f"{found.members[0].replace(':', '_')}.png")
            both = np.hstack([canvas.image, filled])
            cv2.imwrite(
                str(options.draw / f"{found.members[0].replace(':', '_')}-canvas.png"),
                cv2.cvtColor(both, cv2.COLOR_RGB2BGR),
            )


if __name__ == "__main__":
    main()

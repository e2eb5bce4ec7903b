"""The step: which pixels change, what is counted, and that each background is filled once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from remaster.arrays import Affine
from remaster.imaging.camera import IDENTITY
from remaster.imaging.geometry import Window
from remaster.media.types import Rect
from remaster.outpaint import Filled, FillTask
from remaster.outpaint.exemplar import ExemplarInpainter
from remaster.outpaint.filling import outpaint
from remaster.records import Background, Key, Propagation, Shot

WINDOW = Window(Rect(0, 0, 58, 40), 82, 40, 12, 0)


@dataclass
class Painter:
    """Fills with one colour and remembers its tasks."""

    colour: tuple[int, int, int] = (200, 30, 30)
    spill: bool = False
    tasks: list[FillTask] = field(default_factory=list)

    def fill(self, tasks: Sequence[FillTask]) -> list[Filled]:
        self.tasks += tasks
        return [Filled(self.paint(task), 1) for task in tasks]

    def paint(self, task: FillTask) -> np.ndarray:
        image = task.image.copy()
        image[np.ones_like(task.holes) if self.spill else task.holes] = self.colour
        return image


def background(tone: int = 100, wing: int = 12) -> Background:
    rng = np.random.default_rng(tone)
    image = rng.integers(tone - 10, tone + 10, (40, 80, 3)).astype(np.uint8)
    holes, coverage = np.zeros((40, 80), bool), np.zeros((40, 80), bool)
    holes[:, :wing] = True
    coverage[:, wing:70] = True
    image[~coverage] = 0
    return Background(image, coverage, holes, np.zeros_like(holes))


def shot(start: int, found: Background | None) -> Shot:
    method = "still" if found else "ambient"
    return Shot(start, start + 5, method, np.repeat(IDENTITY[None], 5, axis=0), found, 1.0)


def test_holes_are_filled_and_still_recorded() -> None:
    source = background()
    done = outpaint([shot(0, source)], 3, WINDOW, ExemplarInpainter())
    found = done.shots[0].background
    assert found is not None
    assert (found.holes == source.holes).all()
    assert (found.image[~source.holes] == source.image[~source.holes]).all()
    assert np.abs(found.image[source.holes].astype(int) - 100).max() < 30
    assert done.hole_pixels == done.generated_pixels == 40 * 12
    assert done.calls == 1


def test_tasks_take_coverage_as_known_and_tell_figures() -> None:
    painter, source = Painter(), background()
    source.figures[5:20, 12:20] = True
    outpaint([shot(0, source)], 9, WINDOW, painter)
    assert (painter.tasks[0].known == source.coverage).all()
    assert painter.tasks[0].figures is not None and (painter.tasks[0].figures == source.figures).all()
    assert painter.tasks[0].seed == 9


def test_shots_without_background_or_holes_stay() -> None:
    painter = Painter()
    shots = [shot(0, None), shot(5, background(wing=0))]
    done = outpaint(shots, 0, WINDOW, painter)
    assert done.shots == tuple(shots)
    assert (done.hole_pixels, done.generated_pixels, done.calls) == (0, 0, 0)
    assert not painter.tasks


def test_a_shared_background_is_filled_once() -> None:
    painter, shared = Painter(), background()
    done = outpaint([shot(0, shared), shot(5, background(140)), shot(10, shared)], 0, WINDOW, painter)
    assert len(painter.tasks) == 2
    assert done.shots[0].background is done.shots[2].background
    assert done.hole_pixels == 2 * 40 * 12


def test_an_engine_that_paints_over_what_was_seen_is_refused() -> None:
    with pytest.raises(ValueError, match="outside the holes"):
        outpaint([shot(0, background())], 0, WINDOW, Painter(spill=True))


def zoom(nearest: float) -> tuple[Shot, Background]:
    """A camera that draws back to a view of the whole canvas: what is beside the holes is seen from there alone."""
    holes, coverage = np.zeros((160, 328), bool), np.zeros((160, 328), bool)
    holes[:, :40] = holes[:, -40:] = True
    coverage[:, 48:-48] = True
    image = np.random.default_rng(1).integers(90, 110, (160, 328, 3)).astype(np.uint8)
    image[~coverage] = 0
    scales = np.linspace(nearest, 4.0, 9)
    cameras: Affine = np.stack([[[k, 0, 164 - 29 * k], [0, k, 80 - 20 * k]] for k in scales])
    found = Background(image, coverage, holes, np.zeros_like(holes))
    return Shot(0, 9, "mosaic", cameras, found, 1.0), found


def test_a_zoom_is_filled_as_finely_as_the_picture_beside_its_holes_was_seen() -> None:
    painter = Painter()
    view, source = zoom(nearest=1.0)
    done = outpaint([view], 0, WINDOW, painter)
    assert painter.tasks[0].image.shape == (40, 82, 3), "four times smaller, as the farthest view"
    assert done.generated_pixels * 15 < done.hole_pixels == source.holes.sum()
    found = done.shots[0].background
    assert found is not None
    assert (found.image[~source.holes] == source.image[~source.holes]).all()
    assert (found.image[:, :30] == painter.colour).all()


def test_nothing_is_given_smaller_where_the_nearest_view_shows_it() -> None:
    painter = Painter()
    view, source = zoom(nearest=3.9)
    near = replace(view, cameras=np.repeat(IDENTITY[None], 9, axis=0))
    outpaint([near], 0, WINDOW, painter)
    assert painter.tasks[0].image.shape == source.image.shape


def test_the_pictures_of_a_propagated_shot_s_keys_are_filled_each_once() -> None:
    painter, first, second = Painter(), background(100), background(140, wing=8)
    keys = (Key(0, 2, 1, first), Key(2, 3, 2, None), Key(3, 5, 4, second))
    nothing = np.zeros((2, 5, 2, 4, 2), np.float32)
    made = Propagation(np.tile(IDENTITY, (2, 5, 1, 1)), nothing, nothing[..., 0], keys)
    moving = replace(shot(0, None), method="propagated", propagation=made)
    done = outpaint([moving], 0, WINDOW, painter)
    assert [task.image.shape for task in painter.tasks] == [first.image.shape, second.image.shape], "at full size"
    assert done.hole_pixels == first.holes.sum() + second.holes.sum()
    assert done.calls == 2
    found = done.shots[0].propagation
    assert found is not None and [(k.start, k.end, k.frame) for k in found.keys] == [(0, 2, 1), (2, 3, 2), (3, 5, 4)]
    assert found.keys[1].picture is None
    for key, source in ((found.keys[0], first), (found.keys[2], second)):
        assert key.picture is not None
        assert (key.picture.image[source.holes] != source.image[source.holes]).any(axis=-1).all()
        np.testing.assert_array_equal(key.picture.image[~source.holes], source.image[~source.holes])


def test_a_key_s_figures_are_never_given_to_be_copied() -> None:
    painter, source = Painter(), background()
    figures = np.zeros_like(source.holes)
    figures[5:30, 20:40] = True
    picture = replace(source, figures=figures)
    nothing = np.zeros((2, 5, 2, 4, 2), np.float32)
    made = Propagation(np.tile(IDENTITY, (2, 5, 1, 1)), nothing, nothing[..., 0], (Key(0, 5, 2, picture),))
    outpaint([replace(shot(0, None), method="propagated", propagation=made)], 0, WINDOW, painter)
    np.testing.assert_array_equal(painter.tasks[0].known, source.coverage)
    np.testing.assert_array_equal(painter.tasks[0].figures, figures)

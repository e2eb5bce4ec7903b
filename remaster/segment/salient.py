"""Segmenter ``salient``: whole figures by a network that finds salient objects, where ``motion`` sees a part move.

U^2-Net (Qin et al., Pattern Recognition 2020) or IS-Net trained on anime, as ONNX, by OpenCV on the CPU. ``motion``
masks a talking figure's mouth alone; the network outlines the figure, but takes trees, houses and titles for objects
too. So a region counts only where a part of it moves by itself in one of the keyframes that show it, and only where the
camera rests: under a moving one ``motion`` finds whoever walks, parallax moves parts of everything, and a house that is
masked is lost to the wings. What ``motion`` found is always kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property

import cv2
import numpy as np

from remaster.arrays import Float32, Mask, Rgb
from remaster.imaging.camera import chain
from remaster.imaging.difference import cleaned
from remaster.imaging.whole_figures import at_rest
from remaster.onnx_network import OnnxNetwork
from remaster.records import Analysis
from remaster.segment import Foreground
from remaster.segment.motion_segmenter import MotionSegmenter
from remaster.segment.tuning import TUNING
from remaster.weight_files.shelf import on_shelf
from remaster.weights import content

MEAN = np.array([0.485, 0.456, 0.406], np.float32)
DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)
"""ImageNet's, by which U^2-Net was trained."""


class Form(Enum):
    """What a network expects: U^2-Net a square of 320 pixels, stretched and normalised; IS-Net one of 1024, padded.
    ``auto``: by the file's name.
    """

    auto = "auto"
    u2net = "u2net"
    isnet = "isnet"


@dataclass(frozen=True)
class SalientSegmenter:
    """Masks of figures.

    ``weights``: a name from ``remaster.jobs.weights`` or a local ONNX file, of this ``form``. A region counts from
    ``probability`` on, if at least the share ``moving`` of it moves by itself in a keyframe, and if it is no larger
    than ``largest``, a share of the picture. The masks of ``motion`` are added, and regions grow by ``margin`` of the
    frame's height as those do.
    """

    weights: str = "u2netp"
    form: Form = Form.auto
    probability: float = 0.8
    moving: float = 0.04
    largest: float = 0.5
    margin: float = 0.012

    @property
    def cpu_only(self) -> bool:
        """No GPU is used."""
        return True

    def preflight(self) -> dict[str, str]:
        """The version of the weights' content; ``EngineUnavailable`` where they are missing or cannot be run."""
        path = on_shelf(self.weights, "salient", "segmenter.engine.weights")
        OnnxNetwork(path, "salient")
        return {"weights": content(path)}

    def segment(self, scenes: Sequence[Analysis]) -> list[Foreground]:
        """The foreground of each scene."""
        moving = MotionSegmenter(margin=self.margin).segment(scenes)
        return [
            replace(found, masks=found.masks | self._figures(scene, found.masks))
            for scene, found in zip(scenes, moving, strict=True)
        ]

    def probabilities(self, picture: Rgb) -> Float32:
        """The probability that each pixel of ``picture`` uint8 (h, w, 3) belongs to an object, float32 (h, w), 0-1."""
        height, width = picture.shape[:2]
        if self._form is Form.u2net:
            side = TUNING.salient.u2net_side
            small = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA).astype(np.float32)
            given = (small / max(float(small.max()), 1.0) - MEAN) / DEVIATION
            return np.asarray(cv2.resize(self._run(given), (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
        side = TUNING.salient.isnet_side
        scale = side / max(height, width)
        size = round(width * scale), round(height * scale)
        x, y = (side - size[0]) // 2, (side - size[1]) // 2
        padded = np.zeros((side, side, 3), np.float32)
        inside = padded[y : y + size[1], x : x + size[0]]
        inside[:] = cv2.resize(picture, size, interpolation=cv2.INTER_AREA) / np.float32(255)
        found = self._run(padded)[y : y + size[1], x : x + size[0]]
        return np.asarray(cv2.resize(found, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)

    @cached_property
    def network(self) -> OnnxNetwork:
        """The loaded network. It is loaded once, on first use."""
        return OnnxNetwork(on_shelf(self.weights, "salient", "segmenter.engine.weights"), "salient")

    @property
    def _form(self) -> Form:
        chosen = Form(self.form)
        if chosen is Form.auto:
            return Form.isnet if "isnet" in self.network.path.name else Form.u2net
        return chosen

    def _run(self, picture: Float32) -> Float32:
        blob = np.ascontiguousarray(picture.transpose(2, 0, 1)[None], np.float32)
        return np.asarray(self.network.run({"": blob})[0, 0])

    def _figures(self, scene: Analysis, moving: Mask) -> Mask:
        """The regions (k, h, w) that count, on all keyframes."""
        height, width = scene.valid.shape
        cameras = chain(scene.motion)[scene.keyframes]
        if not at_rest(cameras, width, height):
            return np.zeros_like(moving)
        regions = [self._regions(self.probabilities(picture), scene.valid) for picture in scene.proxies]
        found = np.zeros_like(moving)
        for track in tracks(regions):
            if any((regions[k][n] & moving[k]).sum() >= self.moving * regions[k][n].sum() for k, n in track):
                for k, n in track:
                    found[k] |= regions[k][n]
        return np.stack([cleaned(mask, self.margin * height) & scene.valid if mask.any() else mask for mask in found])

    def _regions(self, probability: Float32, valid: Mask) -> list[Mask]:
        """The connected regions of one picture that may be figures."""
        likely = ((probability >= self.probability) & valid).astype(np.uint8)
        count, labels, stats, _ = cv2.connectedComponentsWithStats(likely, connectivity=8)
        least, most = TUNING.salient.speck * valid.size, self.largest * valid.size
        return [np.asarray(labels == n) for n in range(1, count) if least <= stats[n, cv2.CC_STAT_AREA] <= most]


def tracks(regions: Sequence[Sequence[Mask]]) -> list[list[tuple[int, int]]]:
    """The same thing in successive pictures of a resting camera, as lists of (picture, number of its region).

    ``regions`` bool (h, w) of each picture: two of neighbouring pictures are the same if they lie on each other.
    """
    found: list[list[tuple[int, int]]] = []
    before: list[list[tuple[int, int]]] = []
    for k, here in enumerate(regions):
        now: list[list[tuple[int, int]]] = []
        for n, region in enumerate(here):
            like = [m for m, other in enumerate(regions[k - 1]) if _same(other, region)] if k else []
            now.append(before[like[0]] if like else [])
            now[n].append((k, n))
            if not like:
                found.append(now[n])
        before = now
    return found


def _same(earlier: Mask, later: Mask) -> bool:
    """Whether two regions share most of their area."""
    return int((earlier & later).sum()) >= TUNING.salient.same * max(int(earlier.sum()), int(later.sum()))

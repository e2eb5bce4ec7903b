"""The motion of a picture, measured densely inside it and extended into the wings beside it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Affine, Float32, Gray
from remaster.imaging.camera import IDENTITY, rescale

LINES = 240
"""Lines at which flow is measured. Finer flow cost four times as much and won nothing on the 13 cartoons."""
FINEST = 1
"""Finest level of the flow's pyramid: 1 is half of `LINES`. Level 2 cost 0.4 dB of the wings of three cartoons, the
preset MEDIUM in place of FAST a quarter more time for 0.05 dB less.
"""
BANDS = 32
"""Bands along a join that have a motion of their own."""
OUTER = 0.05
"""Depth of the strip inside the join that tells the bands' own motion, as a share of the height."""
SMOOTH = 1.0
"""Standard deviation, in bands, by which that motion is smoothed along the join."""
FADE = 0.42
"""Distance from the picture at which the bands' own motion has faded to 1/e, as a share of the height.

Of the fades tried on nine cartoon windows the slow ones were nearest to the wings' true flow: 2.35 px off at 0.42, 2.65
at 0.06, 2.9 with an affine motion a side and no bands.
"""
STEP, ROUNDS = 6, 6
"""Every so many pixels of the flow enter the affine fit, and how often its weights are renewed."""
TEXTURE = 4.0, 60.0
"""Gradient levels added to a pixel's weight, so that flat areas count a little, and at which it stops growing."""
INLIER = 0.15
"""Pixels of residual, at `LINES`, that count as exact at least."""


@dataclass(frozen=True)
class Motion:
    """How pixels of a frame move to another, inside the picture and beyond its joins; in pixels of the upright picture.

    ``camera`` float64 (2, 3) takes pixels of this frame to the other's. ``own`` float32 (2, b, 2) is what the left and
    the right side add to it at the middles of b equal bands, as (x, y).
    """

    camera: Affine
    own: Float32

    @property
    def at_rest(self) -> bool:
        """True where nothing moves at all."""
        return bool((self.camera == IDENTITY).all()) and not self.own.any()


REST = Motion(IDENTITY, np.zeros((2, BANDS, 2), np.float32))
"""No motion."""


class FlowMeter:
    """Measures the motion between pictures of one size.

    Dense flow by inverse search (DIS: Kroeger et al., "Fast Optical Flow using Dense Inverse Search", ECCV 2016); one
    robust affine motion over the whole picture; what each side's rows add to it.
    """

    def __init__(self, width: int, height: int, scale: tuple[float, float]):
        """For pictures of ``width`` x ``height``; ``scale`` (x, y) times as large is the picture that is meant."""
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
        self._flow.setFinestScale(FINEST)
        self._scale = np.array(scale)
        rows, columns = np.mgrid[0:height:STEP, 0:width:STEP]
        self._points = np.stack([np.ones(rows.size), columns.ravel(), rows.ravel()], axis=-1)
        depth = max(round(OUTER * height), 2)
        self._strips = (slice(0, depth), slice(width - depth, width))
        self._middles = (depth - 1) / 2, width - 1 - (depth - 1) / 2
        self._height = height

    def measure(self, first: Gray, second: Gray) -> Motion:
        """The motion of ``first`` to ``second``, both uint8 (height, width)."""
        flow = np.asarray(self._flow.calc(first, second, np.zeros((*first.shape, 2), np.float32)), np.float32)
        texture = _texture(first)
        fit = self._affine(flow, texture)
        own = np.stack([self._own(flow, texture, fit, side) for side in (0, 1)])
        camera = rescale(IDENTITY + np.column_stack([fit[1:].T, fit[0]]), *self._scale)
        return Motion(camera, (own * self._scale).astype(np.float32))

    def _affine(self, flow: Float32, texture: Float32) -> npt.NDArray[np.float64]:
        """(3, 2): constant, x and y terms of the flow, by iteratively reweighted least squares."""
        points = self._points
        values = flow[::STEP, ::STEP].reshape(-1, 2).astype(float)
        base = np.clip(texture[::STEP, ::STEP].ravel() + TEXTURE[0], 0, TEXTURE[1]).astype(float)
        weights = base
        for _ in range(ROUNDS):
            weighted = points * weights[:, None]
            fit = np.linalg.solve(weighted.T @ points + 1e-3 * np.eye(3), weighted.T @ values)
            residual = np.abs(points @ fit - values).sum(axis=1)
            spread = max(1.4826 * float(np.median(residual)), INLIER)
            weights = base / (1 + (residual / (2 * spread)) ** 2) ** 2
        return np.asarray(fit)

    def _own(self, flow: Float32, texture: Float32, fit: npt.NDArray[np.float64], side: int) -> Float32:
        """(b, 2): the bands' mean flow in a side's strip, less the affine motion there."""
        strip = self._strips[side]
        weight = texture[:, strip] + TEXTURE[0] / 2
        rows = np.concatenate([(flow[:, strip] * weight[..., None]).sum(axis=1), weight.sum(axis=1)[:, None]], axis=1)
        bands = cv2.resize(rows, (3, BANDS), interpolation=cv2.INTER_AREA)
        smooth = cv2.GaussianBlur(bands, (1, 0), sigmaX=SMOOTH, borderType=cv2.BORDER_REFLECT)
        y = (np.arange(BANDS) + 0.5) * self._height / BANDS - 0.5
        affine = fit[0] + self._middles[side] * fit[1] + y[:, None] * fit[2]
        return np.asarray(smooth[:, :2] / smooth[:, 2:] - affine, np.float32)


def _texture(picture: Gray) -> Float32:
    """How much gradient lies about each pixel, float32 (h, w), in levels a pixel."""
    across, down = cv2.Sobel(picture, cv2.CV_32F, 1, 0), cv2.Sobel(picture, cv2.CV_32F, 0, 1)
    return np.asarray(cv2.GaussianBlur(np.abs(across) + np.abs(down), (0, 0), 2.0), np.float32)

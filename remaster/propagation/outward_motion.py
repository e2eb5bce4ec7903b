"""The motion of a picture, measured densely inside it and extrapolated into the wings beside it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Affine, Float32, Gray
from remaster.imaging.camera import IDENTITY, rescale
from remaster.propagation.tuning import TUNING


@dataclass(frozen=True)
class Motion:
    """The motion of a frame's pixels to another frame, inside and outside the picture, in pixels of the upright
    picture.

    ``camera`` float64 (2, 3) takes pixels of this frame to the other's. ``own`` float32 (2, b, 2) is the motion (x, y)
    that the left and the right side have in addition, at the centres of b equal bands.
    """

    camera: Affine
    own: Float32

    @property
    def at_rest(self) -> bool:
        """True where nothing moves at all."""
        return bool((self.camera == IDENTITY).all()) and not self.own.any()


REST = Motion(IDENTITY, np.zeros((2, TUNING.flow.bands, 2), np.float32))
"""No motion."""


class FlowMeter:
    """Measures the motion between pictures of one size.

    Dense flow by inverse search (DIS: Kroeger et al., "Fast Optical Flow using Dense Inverse Search", ECCV 2016); one
    robust affine motion over the whole picture; the residual motion of each side by bands.
    """

    def __init__(self, width: int, height: int, scale: tuple[float, float]):
        """For pictures of ``width`` x ``height``; ``scale`` (x, y) is the full picture's size over theirs."""
        tuning = TUNING.flow
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
        self._flow.setFinestScale(tuning.finest_level)
        self._scale = np.array(scale)
        rows, columns = np.mgrid[0 : height : tuning.step, 0 : width : tuning.step]
        self._points = np.stack([np.ones(rows.size), columns.ravel(), rows.ravel()], axis=-1)
        depth = max(round(tuning.strip * height), tuning.min_strip)
        self._strips = (slice(0, depth), slice(width - depth, width))
        self._centres = (depth - 1) / 2, width - 1 - (depth - 1) / 2
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
        tuning, points = TUNING.flow, self._points
        every = np.s_[:: tuning.step, :: tuning.step]
        values = flow[every].reshape(-1, 2).astype(float)
        base = np.clip(texture[every].ravel() + tuning.min_texture, 0, tuning.max_texture).astype(float)
        weights = base
        for _ in range(tuning.rounds):
            weighted = points * weights[:, None]
            fit = np.linalg.solve(weighted.T @ points + 1e-3 * np.eye(3), weighted.T @ values)
            residual = np.abs(points @ fit - values).sum(axis=1)
            spread = max(1.4826 * float(np.median(residual)), tuning.min_residual)
            weights = base / (1 + (residual / (tuning.cutoff * spread)) ** 2) ** 2
        return np.asarray(fit)

    def _own(self, flow: Float32, texture: Float32, fit: npt.NDArray[np.float64], side: int) -> Float32:
        """(b, 2): the bands' mean flow in a side's strip, less the affine motion there."""
        tuning, bands = TUNING.flow, TUNING.flow.bands
        strip = self._strips[side]
        weight = texture[:, strip] + tuning.min_texture / 2
        rows = np.concatenate([(flow[:, strip] * weight[..., None]).sum(axis=1), weight.sum(axis=1)[:, None]], axis=1)
        means = cv2.resize(rows, (3, bands), interpolation=cv2.INTER_AREA)
        smooth = cv2.GaussianBlur(means, (1, 0), sigmaX=tuning.band_sigma, borderType=cv2.BORDER_REFLECT)
        y = (np.arange(bands) + 0.5) * self._height / bands - 0.5
        affine = fit[0] + self._centres[side] * fit[1] + y[:, None] * fit[2]
        return np.asarray(smooth[:, :2] / smooth[:, 2:] - affine, np.float32)


def _texture(picture: Gray) -> Float32:
    """The mean gradient around each pixel, float32 (h, w), in levels a pixel."""
    across, down = cv2.Sobel(picture, cv2.CV_32F, 1, 0), cv2.Sobel(picture, cv2.CV_32F, 0, 1)
    return np.asarray(cv2.GaussianBlur(np.abs(across) + np.abs(down), (0, 0), TUNING.flow.texture_sigma), np.float32)

"""Composes the untouched picture and the drawn patches, plane by plane.

In come the active picture's planes and the patches'; out go the window's planes, of the same type.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Plane
from remaster.imaging.geometry import Window
from remaster.media.types import PixelFormat, Rect
from remaster.resample.layout import Patch, gate_samples, on_plane, part, plane_steps


@dataclass(frozen=True)
class _GateSamples:
    """The gate samples that a patch replaces on one plane: indices in the window and in the patch, and opacity 0-1."""

    window: tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]
    patch: tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]
    alpha: npt.NDArray[np.float32]


class Composer:
    """Composes windows of one shot; ``feather`` is in pixels within the gate."""

    def __init__(self, window: Window, placed: Sequence[Patch], pixel_format: PixelFormat, feather: int):
        self._steps = plane_steps(pixel_format)
        self._shapes = pixel_format.plane_shapes(window.width, window.height)
        picture = Rect(window.x, window.y, window.active.width, window.active.height)
        self._active = [on_plane(picture, s) for s in self._steps]
        self._wings = [[on_plane(p.wing, s) for s in self._steps] for p in placed]
        self._rects = [[on_plane(p.rect, s) for s in self._steps] for p in placed]
        feathers = [_feather(placed, s, feather) for s in self._steps]
        self._gates = [
            [_gate(p, s, alpha, active) for s, alpha, active in zip(self._steps, feathers, self._active, strict=True)]
            for p in placed
        ]

    def compose(self, planes: Sequence[Plane], drawn: Sequence[Sequence[Plane]]) -> tuple[Plane, ...]:
        """Compose the window's planes from the active picture's and the patches' ``[patch][plane]``."""
        return tuple(self._plane(p, plane, [patch[p] for patch in drawn]) for p, plane in enumerate(planes))

    def _plane(self, p: int, plane: Plane, drawn: Sequence[Plane]) -> Plane:
        out: Plane = np.empty(self._shapes[p], plane.dtype)
        part(out, self._active[p])[...] = plane
        for i, patch in enumerate(drawn):
            wing = self._wings[i][p]
            if wing.width > 0 and wing.height > 0:
                part(out, wing)[...] = part(patch, wing, self._rects[i][p])
            gate = self._gates[i][p]
            if gate is not None:
                original = out[gate.window].astype(np.float32)
                out[gate.window] = np.rint(original + gate.alpha * (patch[gate.patch] - original))
        return out


def _feather(placed: Sequence[Patch], step: tuple[int, int], feather: int) -> npt.NDArray[np.float32] | None:
    """Return the opacity (0-1) with which each sample of the active plane is replaced; 0 outside the gate.

    None without gate. Only gate samples are feathered, so that the picture inside is untouched.
    """
    gates = [p.gate for p in placed if p.gate is not None]
    if not gates:
        return None
    gate = gate_samples(np.logical_or.reduce(gates), step)
    distance = cv2.distanceTransform(gate.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(np.clip(distance / (feather / max(step) + 1), 0, 1), np.float32)


def _gate(
    patch: Patch, step: tuple[int, int], alpha: npt.NDArray[np.float32] | None, active: Rect
) -> _GateSamples | None:
    """Return the gate samples that one patch replaces on one plane."""
    if patch.gate is None or alpha is None:
        return None
    owner = patch.gate[:: step[1], :: step[0]]
    y, x = np.nonzero(owner & (alpha > 0))
    rect = on_plane(patch.rect, step)
    window = (y + active.y, x + active.x)
    return _GateSamples(window, (window[0] - rect.y, window[1] - rect.x), alpha[y, x])

"""Counts the wing pixels of shots by where they come from.

In: rows of ``tables.SHOTS``. Out: ``WingUse`` of any shots, and numbers for each of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from remaster.report import text

WING_KINDS = ("recovered", "propagated", "generated", "soft")
WING_COLUMNS = (
    *("start_frame", "end_frame", "width", "height", "out_width", "out_height"),
    *("method", "coverage", "generated_pixels", "status", *WING_KINDS),
)
"""The columns of ``tables.SHOTS`` that wing pixels are counted from."""


@dataclass(frozen=True)
class WingUse:
    """Wing pixels summed over delivered frames, by origin.

    ``recovered``: from the shot's background where some frame saw it; ``propagated``: from frames near in time;
    ``generated``: made by an inpainter; ``soft``: the soft continuation of the border's colours.
    """

    recovered: int = 0
    propagated: int = 0
    generated: int = 0
    soft: int = 0

    @property
    def pixels(self) -> int:
        """Wing pixels of all kinds."""
        return self.recovered + self.propagated + self.generated + self.soft

    def share(self, kind: str) -> float | None:
        """The share of one of ``WING_KINDS`` in all wing pixels, 0-1; None without wings."""
        return getattr(self, kind) / self.pixels if self.pixels else None

    def shares(self) -> dict[str, str]:
        """The share of each of ``WING_KINDS``, as text in percent."""
        return {kind: text.share(self.share(kind)) for kind in WING_KINDS}

    def __add__(self, other: WingUse) -> WingUse:
        return WingUse(*(getattr(self, kind) + getattr(other, kind) for kind in WING_KINDS))


def wing_use(shots: pa.Table) -> WingUse:
    """Sum up the wing pixels of shots (rows of ``tables.SHOTS``) by origin; failed shots have none."""
    return WingUse(*wing_counts(shots).sum(axis=0).tolist())


def wing_uses(shots: pa.Table) -> list[WingUse]:
    """The wing pixels of each shot by origin."""
    return [WingUse(*counts) for counts in wing_counts(shots).tolist()]


def wing_pixels(shots: pa.Table) -> npt.NDArray[np.int64]:
    """Wing pixels of each shot over its frames, int64 (n,); 0 where it failed."""
    column = {n: np.asarray(shots[n], np.int64) for n in ("width", "height", "out_width", "out_height")}
    frames = np.asarray(shots["end_frame"], np.int64) - np.asarray(shots["start_frame"], np.int64)
    wings = column["out_width"] * column["out_height"] - column["width"] * column["height"]
    failed = np.asarray(pc.equal(shots["status"], "failed"))
    return np.where(failed, 0, frames * np.maximum(wings, 0))


def lent_pixels(shots: pa.Table) -> npt.NDArray[np.int64]:
    """Wing pixels of each shot over its frames that only other scenes of its set saw, int64 (n,)."""
    share = np.nan_to_num(np.asarray(pc.fill_null(shots["recovered_from_other_scenes"], 0.0), float)).clip(0, 1)
    recovered = wing_counts(shots)[:, WING_KINDS.index("recovered")]
    return np.asarray(np.minimum(np.rint(share * wing_pixels(shots)), recovered), np.int64)


def wing_counts(shots: pa.Table) -> npt.NDArray[np.int64]:
    """Each shot's wing pixels by kind, (n, 4), rounded so that they sum to all of its wing pixels."""
    pixels = wing_pixels(shots)
    recorded = np.stack([np.asarray(pc.fill_null(shots[kind], np.nan), float) for kind in WING_KINDS], axis=1)
    shares = np.where(np.isfinite(recorded).all(axis=1, keepdims=True), recorded, _derived_shares(shots))
    bounds = np.rint(pixels[:, None] * np.cumsum(shares[:, :-1], axis=1)).clip(0, pixels[:, None])
    return np.asarray(np.diff(bounds, axis=1, prepend=0, append=pixels[:, None]), np.int64)


def _derived_shares(shots: pa.Table) -> npt.NDArray[np.float64]:
    """Wing shares (n, 4) of rows written before the columns existed, from method and coverage.

    What no frame covered counts as generated where the scene has generated pixels, else as soft fill.
    """
    coverage = np.nan_to_num(np.asarray(pc.fill_null(shots["coverage"], 0.0), float)).clip(0, 1)
    ambient = np.asarray(pc.equal(shots["method"], "ambient"))
    recovered = np.where(ambient, 0.0, coverage)
    made = (np.asarray(pc.fill_null(shots["generated_pixels"], 0)) > 0) & ~ambient
    uncovered = 1 - recovered
    shares = [recovered, np.zeros_like(uncovered), np.where(made, uncovered, 0), np.where(made, 0, uncovered)]
    return np.stack(shares, axis=1)

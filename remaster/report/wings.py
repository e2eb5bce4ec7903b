"""Where the wings of a run came from: pixels by kind, summed over delivered frames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from remaster.report import text

KINDS = ("recovered", "propagated", "generated", "soft")
WING_COLUMNS = (
    *("start_frame", "end_frame", "width", "height", "out_width", "out_height"),
    *("method", "coverage", "generated_pixels", "status", *KINDS),
)
"""The columns of ``tables.SHOTS`` that tell of wings."""


@dataclass(frozen=True)
class WingUse:
    """Wing pixels summed over delivered frames, by where they came from.

    ``recovered`` show the shot's background where frames saw it, ``propagated`` what the frames near in time show,
    ``generated`` what an inpainter made, ``soft`` the soft fill.
    """

    recovered: int = 0
    propagated: int = 0
    generated: int = 0
    soft: int = 0

    @property
    def pixels(self) -> int:
        """All of them."""
        return self.recovered + self.propagated + self.generated + self.soft

    def share(self, kind: str) -> float | None:
        """What one of ``KINDS`` is of all wing pixels, 0-1; None where there are no wings."""
        return getattr(self, kind) / self.pixels if self.pixels else None

    def shares(self) -> dict[str, str]:
        """The share of each of ``KINDS`` in percent."""
        return {kind: text.share(self.share(kind)) for kind in KINDS}

    def __add__(self, other: WingUse) -> WingUse:
        return WingUse(*(getattr(self, kind) + getattr(other, kind) for kind in KINDS))


def wing_use(shots: pa.Table) -> WingUse:
    """Where the wing pixels of all these shots came from (rows of ``tables.SHOTS``); failed shots have none."""
    return WingUse(*_counts(shots).sum(axis=0).tolist())


def wing_uses(shots: pa.Table) -> list[WingUse]:
    """The same of each shot."""
    return [WingUse(*counts) for counts in _counts(shots).tolist()]


def wing_pixels(shots: pa.Table) -> npt.NDArray[np.int64]:
    """Wing pixels of each shot over its frames, int64 (n,); 0 where it failed."""
    column = {n: np.asarray(shots[n], np.int64) for n in ("width", "height", "out_width", "out_height")}
    frames = np.asarray(shots["end_frame"], np.int64) - np.asarray(shots["start_frame"], np.int64)
    wings = column["out_width"] * column["out_height"] - column["width"] * column["height"]
    failed = np.asarray(pc.equal(shots["status"], "failed"))
    return np.where(failed, 0, frames * np.maximum(wings, 0))


def _counts(shots: pa.Table) -> npt.NDArray[np.int64]:
    """Each shot's wing pixels by kind, (n, 4), rounded so that they sum to all of its wing pixels."""
    pixels = wing_pixels(shots)
    recorded = np.stack([np.asarray(pc.fill_null(shots[kind], np.nan), float) for kind in KINDS], axis=1)
    shares = np.where(np.isfinite(recorded).all(axis=1, keepdims=True), recorded, _derived(shots))
    bounds = np.rint(pixels[:, None] * np.cumsum(shares[:, :-1], axis=1)).clip(0, pixels[:, None])
    return np.asarray(np.diff(bounds, axis=1, prepend=0, append=pixels[:, None]), np.int64)


def _derived(shots: pa.Table) -> npt.NDArray[np.float64]:
    """The shares (n, 4) of rows that are older than the columns: what was not seen was generated, if anything was."""
    coverage = np.nan_to_num(np.asarray(pc.fill_null(shots["coverage"], 0.0), float)).clip(0, 1)
    ambient = np.asarray(pc.equal(shots["method"], "ambient"))
    recovered = np.where(ambient, 0.0, coverage)
    made = (np.asarray(pc.fill_null(shots["generated_pixels"], 0)) > 0) & ~ambient
    rest = 1 - recovered
    return np.stack([recovered, np.zeros_like(rest), np.where(made, rest, 0), np.where(made, 0, rest)], axis=1)

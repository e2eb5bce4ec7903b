"""Names for the array types that pass between functions, each with its element type; shapes stand in docstrings."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FINE = 256
Mask = npt.NDArray[np.bool_]
Gray = npt.NDArray[np.uint8]
Rgb = npt.NDArray[np.uint8]
FineRgb = npt.NDArray[np.uint16]
"""R'G'B' in 256ths of a level of 8 bits: `FINE` times what an `Rgb` has."""
Rgba = npt.NDArray[np.uint8]
Plane = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]
Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]
Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Points = Float64
"""(n, 2): x and y in pixels; pixel centres are integers."""
Affine = Float64
"""(2, 3) or (n, 2, 3): takes pixels of a frame to those of another grid."""

"""An ONNX model run by OpenCV on the CPU: no library beside the core's own.

Results do not depend on the number of threads (measured with U^2-Net and LaMa's architecture: equal bytes for one and
two threads), which is that of the process's own CPUs where Ray gave it some.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np

from remaster.arrays import Float32
from remaster.errors import EngineUnavailable


class OnnxNetwork:
    """A loaded model. Raises ``EngineUnavailable`` for a file that OpenCV cannot read as one."""

    def __init__(self, path: Path, engine: str) -> None:
        self.path, self.engine = path, engine
        threads = os.environ.get("OMP_NUM_THREADS", "")  # Ray sets it to the CPUs that the actor asked for
        if threads.isdigit():
            cv2.setNumThreads(int(threads))
        level = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
        try:
            self.net = cv2.dnn.readNetFromONNX(str(path))
        except cv2.error as error:
            raise EngineUnavailable(
                f"{engine}: {path} is no ONNX model that OpenCV {cv2.__version__} can run; pass another file as weights"
            ) from error
        finally:
            cv2.utils.logging.setLogLevel(level)
        self.output = self.net.getUnconnectedOutLayersNames()[0]

    def check_inputs(self, inputs: Mapping[str, Float32]) -> None:
        """Raise ``EngineUnavailable`` where the model lacks an input of one of these names; computes nothing."""
        for name, values in inputs.items():
            try:
                self.net.setInput(values, name)
            except cv2.error as error:
                raise EngineUnavailable(f"{self.engine}: {self.path} has no input {name}; pass another file") from error

    def run(self, inputs: Mapping[str, Float32]) -> Float32:
        """The first output for ``inputs`` by name; the only input of a model may be named ``""``."""
        for name, values in inputs.items():
            self.net.setInput(values, name)
        return np.array(self.net.forward(self.output), np.float32)

"""An inpainter that fails at a rate: it raises, kills its worker once, or kills it every time."""

from __future__ import annotations

import hashlib
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from remaster.outpaint import Filled, FillTask
from remaster.outpaint.exemplar import ExemplarInpainter


@dataclass(frozen=True)
class SoakInpainter:
    """``rate``: the share of backgrounds with a fault, which their pixels decide; ``folder`` remembers who died."""

    folder: str
    rate: float

    def fill(self, tasks: Sequence[FillTask]) -> list[Filled]:
        """Fill, or fail."""
        for task in tasks:
            mark = hashlib.sha256(task.image.tobytes()).hexdigest()
            if int(mark[:8], 16) / 0xFFFFFFFF < self.rate:
                self._fail(mark, int(mark[8], 16) % 3)
        return ExemplarInpainter().fill(tasks)

    def _fail(self, mark: str, kind: int) -> None:
        if kind == 0:
            raise ZeroDivisionError("an injected fault")
        died = Path(self.folder, mark)
        if kind == 1 or not died.exists():
            died.touch()
            os.kill(os.getpid(), signal.SIGKILL)

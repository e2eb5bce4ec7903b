"""The state of a review that all its pages share: the run and the decisions, read again where they change."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from remaster.errors import UserError
from remaster.pipeline.store import Store
from remaster.review.desk import Desk, decisions
from remaster.review.making import Maker
from remaster.review.model import Library, Run
from remaster.review.takes import Takes
from remaster.steering.overrides import Overrides

NOTHING = Overrides()


@dataclass
class Review:
    """The output folder ``root`` and what is known of it. ``trouble``: why the decisions cannot be read."""

    root: Path
    store: Store
    library: Library
    desk: Desk
    maker: Maker
    takes: Takes
    trouble: str = ""
    decided: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _run: Run | None = None
    _overrides: Overrides | None = None

    @classmethod
    def of(cls, root: Path) -> Review:
        """The review of an output folder."""
        store = Store(str(root))
        return cls(root, store, Library(store), Desk(store), Maker(root), Takes(root))

    @property
    def run(self) -> Run:
        """The run as it was read last."""
        return self._run if self._run is not None else self.read()

    def read(self) -> Run:
        """Read what has changed in the folder: rows of shots, and decisions (``decided``, by the keys of shots)."""
        with self._lock:
            run = self.library.run()
            try:
                overrides, self.trouble = self.desk.read(), ""
            except UserError as error:
                overrides, self.trouble = NOTHING, str(error)
            if run is not self._run or overrides is not self._overrides:
                self.decided = decisions(overrides, run.shots)
            self._run, self._overrides = run, overrides
            return run

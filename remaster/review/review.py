"""The state of a review that all its pages share: the run and the decisions, read again where they change."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from remaster.errors import UserError
from remaster.pipeline.store import Store
from remaster.review.desk import Desk, decisions
from remaster.review.making import RUN, Maker
from remaster.review.model import Library, Run
from remaster.review.takes import Takes
from remaster.steering.overrides import Overrides

NOTHING = Overrides()


@dataclass
class Review:
    """The output folder ``root`` and what is known of it.

    ``reads_prompts``: its run's inpainter does. ``trouble``: why the decisions cannot be read. ``lost``: decisions that
    another program has overwritten since.
    """

    root: Path
    store: Store
    library: Library
    desk: Desk
    maker: Maker
    takes: Takes
    reads_prompts: bool
    trouble: str = ""
    lost: tuple[str, ...] = ()
    decided: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _run: Run | None = None
    _overrides: Overrides | None = None

    @classmethod
    def of(cls, root: Path) -> Review:
        """The review of an output folder."""
        store = Store(str(root))
        name, reads_prompts = inpainter_of(store)
        return cls(root, store, Library(store), Desk(store), Maker(root), Takes(root, name), reads_prompts)

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
                self.lost = tuple(self.desk.lost())
            except UserError as error:
                overrides, self.trouble = NOTHING, str(error)
            if run is not self._run or overrides is not self._overrides:
                self.decided = decisions(overrides, run.shots)
            self._run, self._overrides = run, overrides
            return run


def inpainter_of(store: Store) -> tuple[str, bool]:
    """The name of the inpainter that the folder's run chose, and whether it reads prompts."""
    run = OmegaConf.create((store.files.read(RUN) or b"").decode())
    name, settings = OmegaConf.select(run, "chosen.inpainter.name"), OmegaConf.select(run, "inpainter")
    engines = [settings, *(OmegaConf.select(run, f"inpainter.{kind}") for kind in ("neural", "embedded"))]
    found = [one for one in engines if one is not None and one.get("name") == name]
    return str(name), any("prompt" in (one.get("engine") or {}) for one in found)

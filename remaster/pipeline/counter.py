"""The actor that counts; a module of its own, since its process imports what stands here and nothing else."""

from __future__ import annotations


class FrameCounter:
    """Counts frames that workers have encoded, so that long scenes show progress before they end."""

    def __init__(self) -> None:
        self.frames = 0

    def add(self, frames: int) -> None:
        """So many more."""
        self.frames += frames

    def total(self) -> int:
        """How many so far."""
        return self.frames

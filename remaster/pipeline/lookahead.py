"""Frames of a stream near the one that is at work: read once, some ahead, some kept behind."""

from __future__ import annotations

from collections.abc import Iterator

from remaster.media.types import Frame


class Lookahead:
    """Random access to a window of a stream of frames, numbered from 0 on.

    Frames are read when they are first asked for; those before what ``release`` names are let go.
    """

    def __init__(self, frames: Iterator[Frame]):
        self._frames = frames
        self._read = 0
        self._held: dict[int, Frame] = {}

    def __getitem__(self, index: int) -> Frame:
        """Frame ``index``; raises ``IndexError`` where it was let go, or where the stream ended before it."""
        while self._read <= index:
            frame = next(self._frames, None)
            if frame is None:
                raise IndexError(f"frame {index} of a stream of {self._read}")
            self._held[self._read] = frame
            self._read += 1
        if index not in self._held:
            raise IndexError(f"frame {index} was let go")
        return self._held[index]

    def release(self, before: int) -> None:
        """Let go of the frames before ``before``."""
        for index in [i for i in self._held if i < before]:
            del self._held[index]

    def finish(self) -> None:
        """Read the stream to its end, where it checks what it read; nothing more is kept."""
        self._held.clear()
        for _ in self._frames:
            pass

"""A full disk is no scene's fault: it ends the run, which goes on where it stopped once there is room again."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from remaster.pipeline.store import Store

_FULL = (errno.ENOSPC, errno.EDQUOT)


class OutOfSpace(Exception):
    """The output folder cannot take more. The program ends with exit code 1."""


def refuse_out_of_space(error: BaseException) -> None:
    """Raise ``OutOfSpace`` where a full disk is behind ``error``; to be called where errors become rows."""
    if out_of_space(error):
        raise OutOfSpace(f"no space left: {error}") from error


@contextmanager
def told_when_full(store: Store) -> Iterator[None]:
    """Whatever a full disk breaks, in the driver or in a worker, becomes one sentence."""
    try:
        yield
    except Exception as error:
        if not out_of_space(error):
            raise
        raise OutOfSpace(
            f"no space left in output.dir={store.root}; make room, and the same command goes on where it stopped"
        ) from error


def out_of_space(error: BaseException | None) -> bool:
    """True where a full disk is behind ``error``: itself or, however wrapped, its cause."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, OutOfSpace) or getattr(error, "errno", None) in _FULL or _TOLD in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


# What comes from a worker has its causes as text alone.
_TOLD = f"{OutOfSpace.__name__}: "

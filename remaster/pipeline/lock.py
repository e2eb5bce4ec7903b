"""Locks an output folder for one run at a time: ``lock`` is for its driver, ``working`` for its workers.

In a local folder the locks are the kernel's (``flock``), so they end with their holders. On an object store, which has
no locks, each run writes a note that it renews, and looks for notes of others.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

from remaster.errors import UserError
from remaster.pipeline.store import Store
from remaster.remote import is_remote, joined, status

WORKERS_END_SECONDS = 60.0
"""Seconds to wait for workers of an earlier run: Ray ends those of a dead driver within seconds."""
RENEW_SECONDS = 15.0
"""Seconds between two renewals of a run's note."""
STALE_SECONDS = 90.0
"""Seconds after which a note counts as that of a dead run: several renewals were missed."""
NOTES = ".runs"
HOLDER = ".workers"
"""The file that names the run whose workers may write."""


class Superseded(RuntimeError):
    """Another run has taken the output folder over: this run's workers must not write into it any more."""


@contextmanager
def lock(store: Store) -> Iterator[Store]:
    """Hold the output folder; yields the store with a name of this run.

    Workers of a killed driver outlive it for a moment: they cannot begin anything, and in a local folder their present
    work is awaited. Raises ``UserError`` where another live run holds the folder, or where workers of a dead run do not
    end.
    """
    held = replace(store, run=uuid4().hex)
    with _lock_remote(held) if is_remote(store.root) else _lock_local(held):
        yield held


@contextmanager
def working(store: Store) -> Iterator[None]:
    """Hold the folder while a worker writes into it; raises ``Superseded`` where another run has taken it over."""
    if not store.run:
        yield
    elif is_remote(store.root):
        _refuse_superseded(store, (store.files.read(HOLDER) or b"").decode())
        yield
    else:
        with _workers_file(store).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            _refuse_superseded(store, file.read().decode())
            yield


def _refuse_superseded(store: Store, holder: str) -> None:
    if holder != store.run:
        raise Superseded(f"another run works in {store.root}")


@contextmanager
def _lock_local(store: Store) -> Iterator[None]:
    """Hold a kernel lock; the file's content only names the holder, for a message."""
    Path(store.root).mkdir(parents=True, exist_ok=True)
    with Path(store.root, ".lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            raise _in_use(store, file.read()) from None
        file.truncate(0)
        file.write(_signature())
        file.flush()
        _fence(store)
        yield


@contextmanager
def _lock_remote(store: Store) -> Iterator[None]:
    """Write this run's note, then look for others: of two runs that start at once, at least one sees the other.

    A note counts while it is renewed, by the store's own clock, and while its process lives where that can be seen.
    """
    note = f"{NOTES}/{store.run}.json"
    _renew(store, note)
    try:
        for other in store.files.names(NOTES):
            if other == note:
                continue
            if _lives(store, other, note):
                raise _in_use(store, (store.files.read(other) or b"").decode())
            store.files.remove(other)
        store.files.write(HOLDER, store.run.encode())
        ended = threading.Event()
        threading.Thread(target=_keep_renewing, args=(store, note, ended), daemon=True).start()
        try:
            yield
        finally:
            ended.set()
    finally:
        store.files.remove(note)


def _keep_renewing(store: Store, note: str, ended: threading.Event) -> None:
    while not ended.wait(RENEW_SECONDS):
        try:
            _renew(store, note)
        except OSError:  # the next try comes before the note is stale
            continue


def _renew(store: Store, note: str) -> None:
    store.files.write(note, _signature().encode())


def _lives(store: Store, other: str, note: str) -> bool:
    theirs, ours = (status(joined(store.root, key)) for key in (other, note))
    if theirs is None or ours is None:
        return False
    holder = json.loads(store.files.read(other) or b"{}")
    if holder.get("host") == socket.gethostname() and not Path(f"/proc/{holder.get('pid')}").exists():
        return False
    return ours[1] - theirs[1] < STALE_SECONDS * 1e9


def _signature() -> str:
    return json.dumps({"host": socket.gethostname(), "pid": os.getpid()})


def _in_use(store: Store, holder: str) -> UserError:
    name = holder.strip() or "unknown"
    return UserError(f"output.dir={store.root} is in use by another run ({name}); wait for it or stop it")


def _fence(store: Store) -> None:
    """Wait until no worker of an earlier run works, then admit only this run's workers."""
    end = time.monotonic() + WORKERS_END_SECONDS
    with _workers_file(store).open("a+b") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if time.monotonic() > end:
                    raise UserError(
                        f"workers of an earlier run still write into output.dir={store.root}; end them and start again"
                    ) from None
                time.sleep(0.1)
        file.truncate(0)
        file.write(store.run.encode())
        file.flush()


def _workers_file(store: Store) -> Path:
    return Path(store.root) / HOLDER

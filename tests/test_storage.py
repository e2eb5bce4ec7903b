"""Local folders: what is written is on the disk before its name is, and names are whole files."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from remaster.storage import SCRATCH, folder, scratch


def test_content_is_synced_before_its_name_and_the_name_after(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    real_sync, real_replace = os.fsync, Path.replace

    def sync(descriptor: int) -> None:
        done.append(f"sync {Path(f'/proc/self/fd/{descriptor}').readlink().suffix or 'folder'}")
        real_sync(descriptor)

    def rename(self: Path, target: Path) -> Path:
        done.append("rename")
        return real_replace(self, target)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(Path, "replace", rename)
    folder(str(tmp_path)).write("metadata/a.parquet", b"x")
    assert done == ["sync .parquet", "rename", "sync folder"]
    folder(str(tmp_path)).write("metadata/b.tries", b"x", durable=False)
    assert done[3:] == ["rename"]


def test_a_folder_of_files(tmp_path: Path) -> None:
    place = folder(str(tmp_path))
    assert place.read("a/b") is None
    assert place.size("a/b") is None
    place.remove("a/b")
    place.write("a/b", b"1234")
    place.write("a/c/d", b"123456789")
    assert (place.read("a/b"), place.size("a/b")) == (b"1234", 4)
    assert place.names("a") == ["a/b"]
    assert place.names("a", recursive=True) == ["a/b", "a/c/d"]
    assert place.names("nowhere") == []
    assert place.checksum("a/c/d") == 0xCBF43926  # the CRC-32 check value of "123456789"
    with place.view() as view:
        (view / "e").write_bytes(b"5")
        place.put(view / "e", "e")
        with pytest.raises(ValueError, match="was not written"):
            place.put(view / "e", "f")
    assert place.read("e") == b"5"


def test_scratch_folders_of_the_dead_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    dead, alive, other = (
        tmp_path / name for name in (f"{SCRATCH}{2**22 + 1}-x", f"{SCRATCH}1-x", f"{SCRATCH}evaluate-x")
    )
    for path in (dead, alive, other):
        path.mkdir()
    with scratch() as mine:
        assert mine.is_dir()
        assert [path.exists() for path in (dead, alive, other)] == [False, True, True]
    assert not mine.exists()

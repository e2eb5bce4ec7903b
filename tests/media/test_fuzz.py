"""A seeded share of ``benchmarks/fuzz.py``: damaged files are read or refused, and never hang or kill their reader."""

from __future__ import annotations

from pathlib import Path

from mutations import read_all, write_mutations


def test_damaged_files_are_read_or_refused(tmp_path: Path) -> None:
    paths = write_mutations(tmp_path, 45, seed=7)
    readings = list(read_all(paths, seconds=120))
    assert [reading.path for reading in readings] == paths
    assert [reading for reading in readings if reading.outcome not in ("read", "refused")] == []
    assert {reading.outcome for reading in readings} == {"read", "refused"}


def test_the_same_seed_gives_the_same_files(tmp_path: Path) -> None:
    one, other = (write_mutations(tmp_path / name, 15, seed=3) for name in "ab")
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in other]

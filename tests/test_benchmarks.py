"""What one benchmark writes down, another can read."""

from __future__ import annotations

from benchmarks.throughput import RESULTS, STEPS_A_TILE, networks


def test_the_neural_engines_seconds_are_found_in_their_page() -> None:
    found = networks(RESULTS / "engines.md")
    assert found.mask > 0
    assert found.tile > STEPS_A_TILE * found.step > 0
    assert found.quick_tile > 0

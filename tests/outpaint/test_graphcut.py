"""Cuts and moves against all labellings of small problems."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from remaster.arrays import Float32, Int64
from remaster.outpaint.exemplar.graphcut import FORBIDDEN, Problem, edges, expand, minimum_cut


@pytest.mark.parametrize("seed", range(8))
def test_minimum_cut_is_the_least_of_all(seed: int) -> None:
    rng = np.random.default_rng(seed)
    linear = rng.integers(-20, 20, 8).astype(np.float32)
    p, q = rng.integers(0, 8, (2, 14))
    p, q = p[p != q], q[p != q]
    joint = rng.integers(0, 15, len(p)).astype(np.float32)

    def energy(x: np.ndarray) -> float:
        return float((linear * x).sum() + (joint * (1 - x[p]) * x[q]).sum())

    least = min(energy(np.array(x)) for x in itertools.product((0, 1), repeat=8))
    assert energy(minimum_cut(linear, p, q, joint).astype(int)) == pytest.approx(least)


def test_minimum_cut_prefers_zeros_among_equals() -> None:
    none = np.zeros(0, np.int64)
    assert not minimum_cut(np.zeros(3, np.float32), none, none, np.zeros(0, np.float32)).any()


def row(values: Float32, unary: Float32) -> Problem:
    """Labels that each show a constant value along a row of pixels."""

    def shown(labels: Int64, nodes: Int64) -> Float32:
        return values[labels][:, None] + 0 * nodes[:, None].astype(np.float32)

    return Problem(unary, edges(np.ones((1, unary.shape[1]), bool)), shown, 0.5)


def energy(problem: Problem, labels: Int64) -> float:
    p, q = problem.edges.T
    own = problem.unary[labels, np.arange(len(labels))].sum()
    return float(own + problem.pair_cost(p, q, labels[p], labels[q]).sum())


@pytest.mark.parametrize("seed", range(6))
def test_two_labels_reach_the_optimum(seed: int) -> None:
    rng = np.random.default_rng(seed)
    problem = row(np.array([0, 1.5], np.float32), rng.integers(0, 8, (2, 9)).astype(np.float32))
    found = expand(problem, np.zeros(9, np.int64), [0, 1] * 3)
    least = min(energy(problem, np.array(x)) for x in itertools.product((0, 1), repeat=9))
    assert energy(problem, found) == pytest.approx(least, abs=0.5)


def test_expansion_never_raises_the_energy_nor_gives_a_forbidden_label() -> None:
    rng = np.random.default_rng(2)
    unary = rng.integers(0, 30, (5, 40)).astype(np.float32)
    unary[3, ::2] = FORBIDDEN
    problem = row(np.array([0, 4, 8, 2, 6], np.float32), unary)
    start = np.zeros(40, np.int64)
    found = expand(problem, start, list(range(5)) * 4)
    assert energy(problem, found) < energy(problem, start)
    assert not (found[::2] == 3).any()

"""Chooses a label for each node of a graph by alpha expansion; each move is one minimum cut.

Boykov, Veksler, Zabih, "Fast Approximate Energy Minimization via Graph Cuts" (PAMI 2001); the graph of one move is that
of Kolmogorov and Zabih, "What Energy Functions Can Be Minimized via Graph Cuts?" (PAMI 2004).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.sparse import csgraph

from remaster.arrays import Float32, Int64, Mask
from remaster.outpaint.exemplar.poisson import neighbors
from remaster.outpaint.tuning import TUNING

FORBIDDEN = 1e5
"""A unary cost from which on a label is never given to a node."""

Sampler = Callable[[Int64, Int64], Float32]
"""``sampler(labels, nodes)`` returns the features that each label shows at each node: float32 (n, channels)."""


@dataclass(frozen=True)
class Problem:
    """One of L labels for each of n nodes, at the least energy.

    ``unary`` float32 (L, n) is what a label costs at a node, at least ``FORBIDDEN`` where it is not permitted.
    ``edges`` int64 (m, 2) are neighboring nodes. Two neighbors with different labels a and b cost ``seam`` plus the
    absolute difference between a and b at either of them, summed over the channels of ``sampler`` (a metric, so that
    every move is a graph cut).
    """

    unary: Float32
    edges: Int64
    sampler: Sampler
    seam: float

    def pair_cost(self, nodes_p: Int64, nodes_q: Int64, a: Int64, b: Int64) -> Float32:
        """The cost of neighbors p and q with labels a and b."""
        cost = np.zeros(len(a), np.float32)
        differ = np.flatnonzero(a != b)
        if len(differ):
            p, q, la, lb = nodes_p[differ], nodes_q[differ], a[differ], b[differ]
            at_p = np.abs(self.sampler(la, p) - self.sampler(lb, p)).sum(1)
            at_q = np.abs(self.sampler(la, q) - self.sampler(lb, q)).sum(1)
            cost[differ] = at_p + at_q + self.seam
        return cost


def edges(mask: Mask) -> Int64:
    """The pairs of neighboring pixels of a mask, numbered in raster order: int64 (m, 2), each pair once."""
    p, q = neighbors(mask, mask)
    number = np.cumsum(mask.ravel()) - 1
    return np.stack([number[p], number[q]], axis=1)[p < q]


def expand(problem: Problem, labels: Int64, alphas: Iterable[int]) -> Int64:
    """Lower the energy of ``labels`` (n,) by expanding each of ``alphas`` in turn."""
    labels = labels.copy()
    for alpha in alphas:
        labels[_expand_one(problem, labels, alpha)] = alpha
    return labels


def _expand_one(problem: Problem, labels: Int64, alpha: int) -> Int64:
    """The nodes that change to ``alpha`` in the best move; none where no move lowers the energy."""
    free = (problem.unary[alpha] < FORBIDDEN) & (labels != alpha)
    nodes = np.flatnonzero(free)
    if len(nodes) == 0:
        return nodes
    touching = problem.edges[free[problem.edges].any(axis=1)]
    p, q = touching[:, 0], touching[:, 1]
    a, b, new = labels[p], labels[q], np.full(len(p), alpha)
    stay = problem.pair_cost(p, q, a, b)
    p_changes, q_changes = problem.pair_cost(p, q, new, b), problem.pair_cost(p, q, a, new)
    gain = problem.unary[alpha, nodes] - problem.unary[labels[nodes], nodes]
    n, both = len(labels), free[p] & free[q]
    only_p, only_q = free[p] & ~free[q], free[q] & ~free[p]
    # E(x) = stay + (p_changes - stay) x_p + (q_changes - stay) x_q while at most one changes; where both do it is 0.
    linear = np.zeros(n)
    for ends, added in ((p[only_p], (p_changes - stay)[only_p]), (q[only_q], (q_changes - stay)[only_q])):
        linear += np.bincount(ends, added, n)
    linear += np.bincount(p[both], (p_changes - stay)[both], n)
    linear -= np.bincount(q[both], p_changes[both], n)
    linear[nodes] += gain
    joint = np.maximum(p_changes + q_changes - stay, 0)[both]
    index = np.cumsum(free) - 1
    changed = minimum_cut(linear[nodes].astype(np.float32), index[p[both]], index[q[both]], joint)
    return nodes[changed]


def minimum_cut(linear: Float32, p: Int64, q: Int64, joint: Float32) -> npt.NDArray[np.bool_]:
    """The x in {0, 1}^n that minimizes ``sum(linear * x) + sum(joint * (1 - x[p]) * x[q])``; ``joint`` >= 0.

    Of equal minima the one with the most zeros is returned, so that x is all zero unless it lowers the energy.
    """
    units = TUNING.graph_cut.units
    cost = np.rint(np.clip(linear, -FORBIDDEN, FORBIDDEN) * units).astype(np.int64)
    pairs = np.rint(np.minimum(joint, FORBIDDEN) * units).astype(np.int64)
    changed, open_nodes, cost, left = _fix_decided(cost, p, q, pairs)
    nodes = np.flatnonzero(open_nodes)
    if (cost[nodes] < 0).any():
        number = np.cumsum(open_nodes) - 1
        changed[nodes] = _flow_cut(cost[nodes], number[p[left]], number[q[left]], pairs[left])
    return changed


def _fix_decided(linear: Int64, p: Int64, q: Int64, pairs: Int64) -> tuple[Mask, Mask, Int64, Int64]:
    """Fix the nodes that stay or change independently of all others, until none is left. Most are; flows get small.

    (Dead-end elimination, Desmet et al. 1992.) Returns the nodes that change, those that are left open, the linear
    costs given what is fixed, and the numbers of the pairs between open nodes.
    """
    n = len(linear)
    changed, undecided = np.zeros(n, bool), np.ones(n, bool)
    left = np.flatnonzero(pairs)
    while True:
        lp, lq, cost = p[left], q[left], pairs[left]
        stay = undecided & (linear >= np.bincount(lp, cost, n))
        change = undecided & (linear + np.bincount(lq, cost, n) < 0)
        if not (stay.any() or change.any()):
            return changed, undecided, linear, left
        changed |= change
        undecided &= ~(stay | change)
        rises, falls = stay[lp], change[lq]
        linear = linear + np.bincount(lq[rises], cost[rises], n).astype(np.int64)
        linear -= np.bincount(lp[falls], cost[falls], n).astype(np.int64)
        left = left[undecided[lp] & undecided[lq]]


def _flow_cut(linear: Int64, p: Int64, q: Int64, pairs: Int64) -> Mask:
    """`minimum_cut` of integers, by maximum flow."""
    n = len(linear)
    costly, gainful = np.flatnonzero(linear > 0), np.flatnonzero(linear < 0)
    source, sink = n, n + 1
    # Backwards, from the nodes that gain by changing: what the source still reaches is the smallest set that changes.
    rows = np.concatenate([np.full(len(gainful), source), costly, q])
    columns = np.concatenate([gainful, np.full(len(costly), sink), p])
    capacity = np.concatenate([-linear[gainful], linear[costly], pairs]).astype(np.int32)
    # Each edge has an opposite one without capacity, as in the flow that SciPy returns.
    both = np.concatenate([rows, columns]), np.concatenate([columns, rows])
    capacity = np.concatenate([capacity, np.zeros_like(capacity)])
    residual = sparse.coo_matrix((capacity, both), shape=(n + 2, n + 2)).tocsr()
    residual.data -= csgraph.maximum_flow(residual, source, sink).flow.data
    residual.eliminate_zeros()
    reached = csgraph.breadth_first_order(residual, source, return_predecessors=False)
    changed = np.zeros(n + 2, bool)
    changed[reached] = True
    return changed[:n]

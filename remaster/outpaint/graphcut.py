"""Labelling a picture's pixels by alpha expansion, each move one minimum cut.

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
from remaster.outpaint.poisson import neighbours

FORBIDDEN = 1e5
"""A unary cost from which on a label is never given to a pixel."""

_UNITS = 16.0
"""Costs are rounded to 1 / this: SciPy's flow takes integers."""

Sampler = Callable[[Int64, Int64], Float32]
"""``sampler(labels, nodes)`` gives what each label shows at each node: float32 (n, channels)."""


@dataclass(frozen=True)
class Problem:
    """Give each of n nodes one of L labels at the least energy.

    ``unary`` float32 (L, n), at least ``FORBIDDEN`` where a label cannot be. ``edges`` int64 (m, 2) are neighbouring
    nodes. Two neighbours with labels a and b cost ``seam`` plus what a and b show differently at either of them, in
    absolute values summed over the channels of ``sampler`` (a metric, so that every move is a graph cut).
    """

    unary: Float32
    edges: Int64
    sampler: Sampler
    seam: float

    def pair_cost(self, nodes_p: Int64, nodes_q: Int64, a: Int64, b: Int64) -> Float32:
        """The cost of neighbours p and q with labels a and b."""
        cost = np.zeros(len(a), np.float32)
        differ = np.flatnonzero(a != b)
        if len(differ):
            p, q, la, lb = nodes_p[differ], nodes_q[differ], a[differ], b[differ]
            at_p = np.abs(self.sampler(la, p) - self.sampler(lb, p)).sum(1)
            at_q = np.abs(self.sampler(la, q) - self.sampler(lb, q)).sum(1)
            cost[differ] = at_p + at_q + self.seam
        return cost


def edges(mask: Mask) -> Int64:
    """Neighbouring pixels of a mask as pairs of numbers in raster order, int64 (m, 2), each pair once."""
    p, q = neighbours(mask, mask)
    number = np.cumsum(mask.ravel()) - 1
    return np.stack([number[p], number[q]], axis=1)[p < q]


def expand(problem: Problem, labels: Int64, alphas: Iterable[int]) -> Int64:
    """Lower the energy of ``labels`` (n,) by expanding each of ``alphas`` in turn."""
    labels = labels.copy()
    for alpha in alphas:
        labels[_expand_one(problem, labels, alpha)] = alpha
    return labels


def _expand_one(problem: Problem, labels: Int64, alpha: int) -> Int64:
    """The nodes that should turn to ``alpha``; none where that would not lower the energy."""
    free = (problem.unary[alpha] < FORBIDDEN) & (labels != alpha)
    nodes = np.flatnonzero(free)
    if len(nodes) == 0:
        return nodes
    touching = problem.edges[free[problem.edges].any(axis=1)]
    p, q = touching[:, 0], touching[:, 1]
    a, b, new = labels[p], labels[q], np.full(len(p), alpha)
    stay = problem.pair_cost(p, q, a, b)
    p_turns, q_turns = problem.pair_cost(p, q, new, b), problem.pair_cost(p, q, a, new)
    gain = problem.unary[alpha, nodes] - problem.unary[labels[nodes], nodes]
    n, both = len(labels), free[p] & free[q]
    only_p, only_q = free[p] & ~free[q], free[q] & ~free[p]
    # E(x) = stay + (p_turns - stay) x_p + (q_turns - stay) x_q while at most one turns; when both do it is 0.
    linear = np.zeros(n)
    for ends, added in ((p[only_p], (p_turns - stay)[only_p]), (q[only_q], (q_turns - stay)[only_q])):
        linear += np.bincount(ends, added, n)
    linear += np.bincount(p[both], (p_turns - stay)[both], n)
    linear -= np.bincount(q[both], p_turns[both], n)
    linear[nodes] += gain
    joint = np.maximum(p_turns + q_turns - stay, 0)[both]
    index = np.cumsum(free) - 1
    turned = minimum_cut(linear[nodes].astype(np.float32), index[p[both]], index[q[both]], joint)
    return nodes[turned]


def minimum_cut(linear: Float32, p: Int64, q: Int64, joint: Float32) -> npt.NDArray[np.bool_]:
    """The x in {0, 1}^n least in ``sum(linear * x) + sum(joint * (1 - x[p]) * x[q])``; ``joint`` is not negative.

    Of equal minima the one with most zeros is given, so that x is all zero unless it lowers the energy.
    """
    whole = np.rint(np.clip(linear, -FORBIDDEN, FORBIDDEN) * _UNITS).astype(np.int64)
    pairs = np.rint(np.minimum(joint, FORBIDDEN) * _UNITS).astype(np.int64)
    turned, open_nodes, whole, left = _settle(whole, p, q, pairs)
    nodes = np.flatnonzero(open_nodes)
    if (whole[nodes] < 0).any():
        number = np.cumsum(open_nodes) - 1
        turned[nodes] = _flow_cut(whole[nodes], number[p[left]], number[q[left]], pairs[left])
    return turned


def _settle(whole: Int64, p: Int64, q: Int64, pairs: Int64) -> tuple[Mask, Mask, Int64, Int64]:
    """Fix the nodes that stay or turn whatever the others do, again and again: most of them, so that flows are small.

    (Dead-end elimination, Desmet et al. 1992.) Returns the nodes that turn, those that are left open, the linear costs
    given what is fixed, and the numbers of the pairs between open nodes.
    """
    n = len(whole)
    turned, unsettled = np.zeros(n, bool), np.ones(n, bool)
    left = np.flatnonzero(pairs)
    while True:
        lp, lq, cost = p[left], q[left], pairs[left]
        stay = unsettled & (whole >= np.bincount(lp, cost, n))
        turn = unsettled & (whole + np.bincount(lq, cost, n) < 0)
        if not (stay.any() or turn.any()):
            return turned, unsettled, whole, left
        turned |= turn
        unsettled &= ~(stay | turn)
        rises, falls = stay[lp], turn[lq]
        whole = whole + np.bincount(lq[rises], cost[rises], n).astype(np.int64)
        whole -= np.bincount(lp[falls], cost[falls], n).astype(np.int64)
        left = left[unsettled[lp] & unsettled[lq]]


def _flow_cut(whole: Int64, p: Int64, q: Int64, pairs: Int64) -> Mask:
    """`minimum_cut` in whole numbers, by maximum flow."""
    n = len(whole)
    costly, wanted = np.flatnonzero(whole > 0), np.flatnonzero(whole < 0)
    source, sink = n, n + 1
    # Backwards, from what wants to turn, so that what the source still reaches is the least set that turns.
    rows = np.concatenate([np.full(len(wanted), source), costly, q])
    columns = np.concatenate([wanted, np.full(len(costly), sink), p])
    capacity = np.concatenate([-whole[wanted], whole[costly], pairs]).astype(np.int32)
    # Each edge has its opposite, of no capacity, as in the flow that SciPy returns.
    both = np.concatenate([rows, columns]), np.concatenate([columns, rows])
    capacity = np.concatenate([capacity, np.zeros_like(capacity)])
    residual = sparse.coo_matrix((capacity, both), shape=(n + 2, n + 2)).tocsr()
    residual.data -= csgraph.maximum_flow(residual, source, sink).flow.data
    residual.eliminate_zeros()
    reached = csgraph.breadth_first_order(residual, source, return_predecessors=False)
    turned = np.zeros(n + 2, bool)
    turned[reached] = True
    return turned[:n]

"""Pairs of backgrounds worth a proof: nearest neighbours by signature and by colour, in blocks of matrix products."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from remaster.arrays import Float32, Int64
from remaster.sets.descriptor import SetDescriptor
from remaster.sets.tuning import TUNING


@dataclass(frozen=True)
class Signature:
    """All of a descriptor that the search needs, 2.3 kB: see ``SetDescriptor``. ``features`` counts them."""

    key: str
    features: int
    words: Float32
    colours: Float32

    @classmethod
    def of(cls, descriptor: SetDescriptor) -> Signature:
        """That part of a descriptor."""
        return cls(descriptor.key, len(descriptor.points), descriptor.words, descriptor.colours)


@dataclass(frozen=True)
class Candidate:
    """Two backgrounds that may show one set, ``first`` < ``second``, and the cosine of their signatures."""

    first: str
    second: str
    similarity: float


def candidates(signatures: Sequence[Signature]) -> list[Candidate]:
    """Each background's nearest neighbours, the most similar first; raises ``ValueError`` where a key comes twice.

    The order of the input does not matter. Memory is that of the signatures and of one block.
    """
    tuning = TUNING.candidates
    usable = sorted((s for s in signatures if s.features >= tuning.min_features), key=lambda s: s.key)
    keys = [s.key for s in usable]
    if len(set(keys)) < len(keys):
        raise ValueError("two backgrounds have the same key")
    if len(usable) < 2:
        return []
    words = _centred(np.stack([s.words for s in usable]))
    colours = np.stack([s.colours for s in usable])
    near = [_neighbours(words, tuning.by_words), _neighbours(colours, tuning.by_colour)]
    pairs = np.unique(np.sort(np.concatenate(near), axis=1), axis=0)
    parts = np.array_split(pairs, -(-len(pairs) // tuning.block))
    similarity = np.concatenate([np.einsum("ij,ij->i", words[part[:, 0]], words[part[:, 1]]) for part in parts])
    order = np.lexsort((pairs[:, 1], pairs[:, 0], -similarity))
    return [
        Candidate(keys[i], keys[j], round(float(s), 6))
        for (i, j), s in zip(pairs[order], similarity[order], strict=True)
    ]


def _centred(words: Float32) -> Float32:
    """Signatures without what all have in common, of unit length again: that much more tells them apart."""
    centred = words - words.mean(axis=0)
    return np.asarray(centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-9), np.float32)


def _neighbours(vectors: Float32, count: int) -> Int64:
    """Pairs (index, neighbour), int64 (m, 2), of each vector and the ``count`` with which its product is largest."""
    count, found = min(count, len(vectors) - 1), []
    for start in range(0, len(vectors), TUNING.candidates.block):
        rows = np.arange(start, min(start + TUNING.candidates.block, len(vectors)))
        similarity = vectors[rows] @ vectors.T
        similarity[np.arange(len(rows)), rows] = -np.inf
        best = np.argpartition(-similarity, count - 1, axis=1)[:, :count]
        found.append(np.stack([np.repeat(rows, count), best.ravel()], axis=1))
    return np.concatenate(found)

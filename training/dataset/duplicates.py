"""Near duplicates: the same picture resized, encoded again, mirrored, a little cropped or brightened.

Two pictures must look alike, and much more alike than each looks like others of its dataset: where
everything resembles everything (silhouettes, parts on a belt), resembling proves nothing.
"""

from itertools import combinations
from typing import cast

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from classifier.outliers import unit
from training.cache import Cache
from training.dataset.perceptual import shape
from training.dataset.survey import Survey, thumbnails

# Of the hashes' 64 bits. With thumbnails and ratio, 29 of 30 were found and no false pair.
MAX_BITS = 12
MIN_CORRELATION = 0.90
# The distance of a pair is at most this part of the distance to what is usually most alike.
MAX_RATIO = 0.2
# What is usual: of this many others the fiftieth part is more alike, and five at least. So a burst of
# a dozen versions of one picture does not pass for what is usual.
NUM_REFERENCES, USUAL_RANK, USUAL_SHARE = 1_000, 5, 50
# Up to here all hashes are compared with all.
MAX_COMPARED = 20_000
# How many that share two bytes are compared; more than this are flat or empty pictures, all alike.
MAX_BUCKET = 500
MAX_EMBEDDED = 30_000
# How many vectors are compared at once: of silhouettes, a million pairs may have to be confirmed.
BLOCK = 4_096
MIN_COSINE, MAX_COSINE_RATIO = 0.90, 0.3

Pairs = NDArray[np.int64]


def near_duplicates(survey: Survey, rows: NDArray[np.int64], cache: Cache) -> Pairs:
    """Pairs of rows int64 `[P, 2]`, smaller first, whose pictures look alike; `rows` holds no copies.

    Candidates come from the perceptual hashes, plain and mirrored; thumbnails confirm them.
    """
    candidates = _alike_by_hash(survey.perceptual[rows])
    if not len(candidates):
        return candidates
    rng = np.random.default_rng(0)
    references = rng.permutation(len(rows))[:NUM_REFERENCES]
    places = np.unique(np.r_[candidates.reshape(-1), references])
    found = thumbnails(cache, [survey.sha256(row) for row in rows[places]])
    blank = np.zeros((32, 32), np.uint8)  # where the cache has just lost one, nothing is alike
    thumbs = np.stack([found.get(survey.sha256(row), blank) for row in rows[places]])
    plain, mirrored = shape(thumbs), shape(thumbs[:, :, ::-1])
    usual = _usual_similarity(plain, plain, np.searchsorted(places, references))
    first, second = np.searchsorted(places, candidates).T
    similar = _similarity(plain, mirrored, first, second)
    background = np.maximum(usual[first], usual[second])
    confirmed = (similar >= MIN_CORRELATION) & (1 - similar <= MAX_RATIO * (1 - background))
    return np.sort(rows[candidates[confirmed]], axis=1)


def alike_embeddings(embeddings: NDArray[np.float32]) -> Pairs:
    """Pairs of places int64 `[P, 2]` whose embeddings float32 `[N, D]` nearly agree.

    It finds what was turned or cropped too much for the hash. Empty for more than MAX_EMBEDDED.
    """
    if not USUAL_RANK < len(embeddings) <= MAX_EMBEDDED:
        return np.empty((0, 2), np.int64)
    vectors = unit(embeddings)
    references = np.random.default_rng(0).permutation(len(vectors))[:NUM_REFERENCES]
    usual = _usual_similarity(vectors, vectors, references)
    found = [np.empty((0, 2), np.int64)]
    for start in range(0, len(vectors), 1024):
        similar = vectors[start : start + 1024] @ vectors.T
        left, right = np.nonzero(similar >= MIN_COSINE)
        distance = 1 - similar[left, right]
        left = left + start
        near = (left < right) & (
            distance <= MAX_COSINE_RATIO * (1 - np.maximum(usual[left], usual[right]))
        )
        found.append(np.stack([left[near], right[near]], axis=1))
    return np.concatenate(found)


def groups(num: int, pairs: Pairs) -> NDArray[np.int32]:
    """A group's number for each of `num` places, int32 `[num]`: what pairs connect is one group."""
    links = coo_array((np.ones(len(pairs), np.int8), (pairs[:, 0], pairs[:, 1])), shape=(num, num))
    return cast("NDArray[np.int32]", connected_components(links, directed=False)[1])


def _similarity(
    plain: NDArray[np.float32],
    mirrored: NDArray[np.float32],
    first: NDArray[np.int64],
    second: NDArray[np.int64],
) -> NDArray[np.float32]:
    """The correlation of each pair, its second picture mirrored or not, float32 `[P]`."""
    similar = np.empty(len(first), np.float32)
    for start in range(0, len(first), BLOCK):
        here = slice(start, start + BLOCK)
        left, right = plain[first[here]], second[here]
        similar[here] = np.maximum(
            (left * plain[right]).sum(axis=1), (left * mirrored[right]).sum(axis=1)
        )
    return similar


def _usual_similarity(
    vectors: NDArray[np.float32], others: NDArray[np.float32], references: NDArray[np.int64]
) -> NDArray[np.float32]:
    """How alike each unit vector `[N, D]` usually is to the references, float32 `[N]`.

    In a dataset of a handful, to the least alike of them.
    """
    usual = np.empty(len(vectors), np.float32)
    rank = max(USUAL_RANK, len(references) // USUAL_SHARE)
    rank = max(1, min(rank, len(references) - 1))
    for start in range(0, len(vectors), BLOCK):
        similar = vectors[start : start + BLOCK] @ others[references].T
        columns = np.flatnonzero((references >= start) & (references < start + BLOCK))
        similar[references[columns] - start, columns] = -1  # itself
        usual[start : start + BLOCK] = np.partition(similar, -rank, axis=1)[:, -rank]
    return usual


def _alike_by_hash(hashes: NDArray[np.uint64]) -> Pairs:
    """Pairs of places `[P, 2]` in uint64 `[N, 2]` with plain or mirrored hashes that nearly agree."""
    found = [np.empty((0, 2), np.int64)]
    if len(hashes) <= MAX_COMPARED:
        plain = hashes[:, 0]
        for start in range(0, len(plain), 256):
            for others in hashes.T:
                bits = np.bitwise_count(plain[start : start + 256, None] ^ others[None, :])
                left, right = np.nonzero(bits <= MAX_BITS)
                found.append(np.stack([left + start, right], axis=1))
    else:
        found.extend(_alike_in_two_bytes(hashes))
    pairs = np.sort(np.concatenate(found), axis=1)
    return np.unique(pairs[pairs[:, 0] != pairs[:, 1]], axis=0)


def _alike_in_two_bytes(hashes: NDArray[np.uint64]) -> list[Pairs]:
    """The same for very many, where comparing all with all would take hours.

    Six differing bits touch six of eight bytes at most, so two bytes are equal, and most pairs with
    more bits have two as well. For each choice of two, whoever shares them lies side by side once
    sorted, and is compared with the next few there.
    """
    num = len(hashes)
    both = hashes.T.reshape(-1)  # all plain ones, then all mirrored ones
    parts = both.astype(">u8").view(np.uint8).reshape(-1, 8).astype(np.int32)
    found = []
    for first, second in combinations(range(8), 2):
        keys = parts[:, first] << 8 | parts[:, second]
        order = np.lexsort((both, keys))
        sorted_keys, sorted_hashes = keys[order], both[order]
        for distance in range(1, min(MAX_BUCKET, len(order))):
            same = sorted_keys[distance:] == sorted_keys[:-distance]
            if not same.any():
                break
            bits = np.bitwise_count(sorted_hashes[distance:] ^ sorted_hashes[:-distance])
            near = np.flatnonzero(same & (bits <= MAX_BITS))
            found.append(np.stack([order[near], order[near + distance]], axis=1) % num)
    return found

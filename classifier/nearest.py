"""The nearest of many unit embeddings: a rough look at all of them, an exact one at the best.

A whole look in float32 waits for the memory: 20,000 x 2048 numbers are 160 MB, some 7 ms on two
cores, and they would stay in memory. So all of them are kept in 8 bits, which OpenVINO multiplies in
2.5 ms (0.4 ms for 6,000), and the few that may be nearest are read in half precision from the bundle,
which is mapped.

How far the rough look can be off is known. Embeddings are much alike, those of a ReLU above all, so a
direction that they have in common is taken off first and reckoned exactly. With the rests q' and r' of
a query and a row, each its code and that code's error, e,

    q r  =  along_q along_r + code_q code_r + code_q e_r + e_q r'

and by Cauchy and Schwarz the last two terms are at most |code_q| |e_r| + |e_q| |r'|, all of them known.
"""

import mmap

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset13 as ops

NUM_ROWS_AT_ONCE = 64  # of 2048 numbers, half a megabyte: what stays in a cache
# OpenVINO multiplies bytes with bytes: it codes queries, too, in groups of so many numbers. They are
# coded in the same groups here, which leaves it nothing to round.
GROUP_SIZE = 32
_LARGEST_CODE = 127
# The mean of so many rows is common enough to all.
_NUM_FOR_COMMON = 512
# Half precision leaves a unit vector's length this near to 1, with room to spare.
_LENGTH_TOLERANCE = 0.01

# Half precision to single, whatever the number: numpy's own way is slow for zeros and tiny ones.
_AS_FLOAT32 = np.arange(2**16, dtype=np.uint16).view(np.float16).astype(np.float32)

Vectors = NDArray[np.float32]


class NearestSearch:
    """Searches unit embeddings float16 `[M, D]`, which may be mapped. Not for several threads at once.

    Raises ValueError when they are not finite or not of unit length (an embedding of nothing is
    nothing).
    """

    def __init__(self, embeddings: NDArray[np.float16]) -> None:
        self._embeddings = embeddings
        total, width = embeddings.shape
        self._common = _common(embeddings)
        self._along = np.empty(total, np.float32)
        self._error_and_rest_lengths = np.empty((2, total), np.float32)
        codes = np.empty(embeddings.shape, np.int8)
        scales = np.empty((total, 1), np.float32)
        for start in range(0, total, NUM_ROWS_AT_ONCE):
            rows = slice(start, start + NUM_ROWS_AT_ONCE)
            self._along[rows], rests = self._parted(_checked(embeddings[rows]))
            codes[rows], scales[rows] = _coded(rests, width)
            errors = rests - codes[rows] * scales[rows]
            self._error_and_rest_lengths[:, rows] = _lengths(errors), _lengths(rests)
        _forget_pages(embeddings)
        # OpenVINO keeps them as they are and once more, arranged to its liking.
        self.num_bytes = 2 * codes.nbytes
        self._request = _compiled(codes, scales).create_infer_request()

    def nearest(self, queries: Vectors, num: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Places int64 and cosines float32 `[N, num]` of the rows most like unit `queries` `[N, D]`.

        The most alike first; of equals the one that comes first. Fewer where there are not so many.
        """
        found = [
            self._nearest_of(query, rough, highest, num)
            for query, rough, highest in zip(queries, *self.rough_look(queries), strict=True)
        ]
        _forget_pages(self._embeddings)
        places, cosines = zip(*found, strict=True)
        return np.stack(places), np.stack(cosines)

    def rough_look(self, queries: Vectors) -> tuple[Vectors, Vectors]:
        """About what the cosines with all rows are, `[N, M]`, and what each can be at most."""
        along, rests = self._parted(queries)
        coded = _decoded(*_coded(rests, GROUP_SIZE), rests.shape[1])
        self._request.infer([coded])
        rough: Vectors = np.outer(along, self._along)
        rough += self._request.get_output_tensor(0).data
        lengths = np.stack([_lengths(coded), _lengths(rests - coded)], axis=1)
        # And what adding up so many products in float32 may cost (Higham 2002, section 3.1).
        rounding = rests.shape[1] * np.finfo(np.float32).eps * _lengths(queries)
        highest: Vectors = lengths @ self._error_and_rest_lengths
        highest += rounding[:, None]
        highest += rough
        return rough, highest

    def _nearest_of(
        self, query: Vectors, rough: Vectors, highest: Vectors, num: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The cosines of those that look best are a bar; whatever may reach it is computed exactly."""
        num = min(num, len(rough))
        bar = self._cosines(np.argpartition(rough, -num)[-num:], query).min()
        places = np.flatnonzero(highest >= bar)
        cosines = self._cosines(places, query)
        best = np.argsort(-cosines, kind="stable")[:num]
        return places[best], cosines[best]

    def _cosines(self, places: NDArray[np.int64], query: Vectors) -> Vectors:
        """Row by row, so that equal rows have equal ones; a matrix product does not promise that."""
        parts = (
            places[start : start + NUM_ROWS_AT_ONCE]
            for start in range(0, len(places), NUM_ROWS_AT_ONCE)
        )
        rows = (_AS_FLOAT32[self._embeddings[part].view(np.uint16)] for part in parts)
        return np.concatenate([np.einsum("ij,j->i", some, query) for some in rows])

    def _parted(self, vectors: Vectors) -> tuple[Vectors, Vectors]:
        """How far each goes along what is common `[n]`, and its rest `[n, D]`."""
        along = vectors @ self._common
        return along, vectors - np.outer(along, self._common)


def _common(embeddings: NDArray[np.float16]) -> Vectors:
    """A unit vector `[D]` that rows have in common; nothing where they have not."""
    step = -(-len(embeddings) // _NUM_FOR_COMMON)
    mean = embeddings[::step].astype(np.float32).mean(axis=0)
    common: Vectors = mean / max(float(np.linalg.norm(mean)), 1e-12)
    return common


def _checked(embeddings: NDArray[np.float16]) -> Vectors:
    rows = embeddings.astype(np.float32)
    lengths = _lengths(rows)
    is_unit = np.abs(lengths - 1) <= _LENGTH_TOLERANCE
    if not (is_unit | (lengths == 0)).all():  # nor is what is not finite
        raise ValueError("expected embeddings of unit length, received others")
    return rows


def _coded(vectors: Vectors, group_size: int) -> tuple[NDArray[np.int8], Vectors]:
    """Vectors `[n, D]` in 8 bits, `[n, groups * group_size]`, and the factor of each group's codes."""
    filled = np.pad(vectors, ((0, 0), (0, -vectors.shape[1] % group_size)))
    groups = filled.reshape(len(vectors), -1, group_size)
    scales = np.abs(groups).max(axis=2) / _LARGEST_CODE
    codes = np.rint(groups / np.maximum(scales, np.float32(1e-12))[..., None])
    return codes.astype(np.int8).reshape(filled.shape), scales


def _decoded(codes: NDArray[np.int8], scales: Vectors, width: int) -> Vectors:
    groups: Vectors = codes.reshape(*scales.shape, -1) * scales[..., None]
    return groups.reshape(codes.shape)[:, :width]


def _lengths(vectors: Vectors) -> Vectors:
    lengths: Vectors = np.linalg.norm(vectors, axis=1)
    return lengths


def _forget_pages(embeddings: NDArray[np.float16]) -> None:
    """Pages of a mapped file that were read count as our memory until the system takes them back."""
    pages = getattr(embeddings, "_mmap", None)
    if isinstance(pages, mmap.mmap):
        pages.madvise(mmap.MADV_DONTNEED)


def _compiled(codes: NDArray[np.int8], scales: Vectors) -> ov.CompiledModel:
    """float32 `[N, D]` in, its products with the decoded rows `[N, M]` out."""
    queries = ops.parameter([-1, codes.shape[1]], np.float32)
    decoded = ops.multiply(ops.convert(ops.constant(codes), np.float32), ops.constant(scales))
    products = ops.matmul(queries, decoded, False, True)
    return ov.Core().compile_model(
        ov.Model([products], [queries]),
        "CPU",
        {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": ov.Type.f32,
            "DYNAMIC_QUANTIZATION_GROUP_SIZE": GROUP_SIZE,
        },
    )

"""The nearest of many unit embeddings: a rough look at all of them, an exact one at the best.

A whole look in float32 waits for the memory: 20,000 x 2048 numbers are 160 MB, some 7 ms on two
cores, and they would stay in memory. So all of them are kept in 8 bits, which OpenVINO multiplies in
2.5 ms (0.4 ms for 6,000), and the few that may be nearest are read in half precision from the bundle,
which is mapped. The answer is exact all the same: see `_nearest_of`.
"""

import mmap

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset13 as ops

# How many are looked at exactly at first, of those that look nearest.
NUM_CANDIDATES = 16
# One that was passed over may look worse than it is by so many times the worst slip among these.
SAFETY = 3
NUM_ROWS_AT_ONCE = 1024
_LARGEST_CODE = 127
# Half precision leaves a unit vector's length this near to 1, with room to spare.
_LENGTH_TOLERANCE = 0.01


class NearestSearch:
    """Searches unit embeddings float16 `[M, D]`, which may be mapped. Not for several threads at once.

    Raises ValueError when they are not finite or not of unit length (an embedding of nothing is
    nothing).
    """

    def __init__(self, embeddings: NDArray[np.float16]) -> None:
        self._embeddings = embeddings
        codes = np.empty(embeddings.shape, np.int8)
        scales = np.empty((len(embeddings), 1), np.float32)
        for start in range(0, len(embeddings), NUM_ROWS_AT_ONCE):
            rows = slice(start, start + NUM_ROWS_AT_ONCE)
            codes[rows], scales[rows] = _coded(embeddings[rows].astype(np.float32))
        _forget_pages(embeddings)
        # OpenVINO keeps them as they are and once more, arranged to its liking.
        self.num_bytes = 2 * codes.nbytes
        self._request = _compiled(codes, scales).create_infer_request()

    def nearest(
        self, queries: NDArray[np.float32], num: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Places int64 and cosines float32 `[N, num]` of the rows most like unit `queries` `[N, D]`.

        The most alike first; of equals the one that comes first. Fewer where there are not so many.
        """
        self._request.infer([queries])
        rough = self._request.get_output_tensor(0).data
        found = [
            self._nearest_of(query, row, num) for query, row in zip(queries, rough, strict=True)
        ]
        _forget_pages(self._embeddings)
        places, cosines = zip(*found, strict=True)
        return np.stack(places), np.stack(cosines)

    def _nearest_of(
        self, query: NDArray[np.float32], rough: NDArray[np.float32], num: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The nearest for sure: those that look best are computed exactly, which also shows by how much
        looks deceive here. While one that was passed over could belong in front, more are looked at."""
        total = len(rough)
        num_candidates = min(max(NUM_CANDIDATES, num), total)
        while True:
            places = np.argpartition(rough, total - num_candidates)[total - num_candidates :]
            places.sort()
            cosines = self._embeddings[places].astype(np.float32) @ query
            best = np.argsort(-cosines, kind="stable")[:num]
            slip = np.abs(rough[places] - cosines).max()
            highest_elsewhere = rough[places].min() + SAFETY * slip
            if num_candidates == total or cosines[best[-1]] >= highest_elsewhere:
                return places[best], cosines[best]
            num_candidates = min(4 * num_candidates, total)


def _coded(rows: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Rows in 8 bits, and what each row's codes are to be multiplied by, float32 `[n, 1]`."""
    lengths = np.linalg.norm(rows, axis=1)
    is_unit = np.abs(lengths - 1) <= _LENGTH_TOLERANCE
    if not (is_unit | (lengths == 0)).all():  # nor is what is not finite
        raise ValueError("expected embeddings of unit length, received others")
    scales = np.abs(rows).max(axis=1, keepdims=True) / _LARGEST_CODE
    codes = np.rint(rows / np.maximum(scales, np.float32(1e-12)))
    return codes.astype(np.int8), scales


def _forget_pages(embeddings: NDArray[np.float16]) -> None:
    """Pages of a mapped file that were read count as our memory until the system takes them back."""
    pages = getattr(embeddings, "_mmap", None)
    if isinstance(pages, mmap.mmap):
        pages.madvise(mmap.MADV_DONTNEED)


def _compiled(codes: NDArray[np.int8], scales: NDArray[np.float32]) -> ov.CompiledModel:
    """float32 `[N, D]` in, rough cosines `[N, M]` out."""
    queries = ops.parameter([-1, codes.shape[1]], np.float32)
    decoded = ops.multiply(ops.convert(ops.constant(codes), np.float32), ops.constant(scales))
    cosines = ops.matmul(queries, decoded, False, True)
    return ov.Core().compile_model(
        ov.Model([cosines], [queries]),
        "CPU",
        {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": ov.Type.f32},
    )

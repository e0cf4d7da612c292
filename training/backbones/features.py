"""The frozen backbone's answers: computed once for each picture and view, and kept by its hash.

Views are what the head learns from: the picture as it is served (plain), its mirror image, and random
crops. A crop depends on the picture's hash and the crop's number alone, so that it can be kept, too.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from classifier.bundle import Precision
from training.backbones.network import Network
from training.cache import Cache
from training.dataset.examples import Examples
from training.dataset.pictures import Pictures

# Of 8, 16, 32 and 64, the fastest on two cores, with the memory that it takes in mind.
BATCH_SIZE = 16
PLAIN, MIRRORED = "plain", "mirrored"
# A crop shows at least this part of the picture's area, up to 4/3 as wide as high or the reverse.
MIN_CROP_AREA = 0.35
MAX_CROP_RATIO = 4 / 3


def views_of(*, mirrored: bool, crops: int) -> tuple[str, ...]:
    """The names of the views that a head learns from."""
    return (PLAIN, *([MIRRORED] if mirrored else []), *(f"crop {i}" for i in range(crops)))


def compute_features(
    network: Network,
    examples: Examples,
    places: NDArray[np.int64],
    pictures: Pictures,
    cache: Cache,
    *,
    precision: Precision,
    views: Sequence[str] = (PLAIN,),
    on_progress: Callable[[float], None] = lambda fraction: None,
    on_missing: Callable[[int], None] = lambda num_pictures: None,
) -> NDArray[np.float32]:
    """Embeddings float32 `[V, N, D]`: for each view, one for each of the examples' `places`.

    What the cache has is taken from it, the rest is computed and kept; `on_missing` is told first how
    many pictures that is. Raises DatasetRefused when a
    picture has changed since it was surveyed.
    """
    hashes = examples.sha256(places)
    features = np.empty((len(views), len(places), network.num_features), np.float32)
    missing = np.ones((len(views), len(places)), bool)
    key = network.key_in(precision)
    if key:
        for v, view in enumerate(views):
            known = cache.features(key, view, hashes)
            for i, sha256 in enumerate(hashes):
                if sha256 in known:
                    features[v, i], missing[v, i] = known[sha256], False
    wanted = np.flatnonzero(missing.any(axis=0))
    on_missing(len(wanted))
    batches = pictures.batches(examples.rows[places[wanted]], BATCH_SIZE)
    for start, batch in zip(range(0, len(wanted), BATCH_SIZE), batches, strict=True):
        here = wanted[start : start + BATCH_SIZE]
        for v, view in enumerate(views):
            lacks = missing[v, here]
            if not lacks.any():
                continue
            seen = _seen(view, batch[lacks], here[lacks], examples, places, pictures)
            features[v, here[lacks]] = network.embed(seen, precision)
            if key:
                new = here[lacks]
                cache.keep_features(key, view, [(hashes[i], features[v, i]) for i in new])
        on_progress((start + len(here)) / len(wanted))
    return features


def _seen(
    view: str,
    batch: NDArray[np.uint8],
    here: NDArray[np.int64],
    examples: Examples,
    places: NDArray[np.int64],
    pictures: Pictures,
) -> NDArray[np.uint8]:
    """The pictures of a batch uint8 `[N, S, S, 3]` as a view shows them."""
    if view == PLAIN:
        return batch
    if view == MIRRORED:
        return np.ascontiguousarray(batch[:, :, ::-1, :])
    number = int(view.removeprefix("crop "))
    crops = []
    for i in here:
        place = places[i]
        first = int.from_bytes(examples.hashes[place, :8].tobytes(), "big")
        # The smallest crop shall still have as many pixels as the input.
        side = math.ceil(pictures.image_size / math.sqrt(MIN_CROP_AREA))
        image = pictures.open(int(examples.rows[place]), side)
        crops.append(
            random_crop(image, pictures.image_size, np.random.default_rng([first, number]))
        )
    return np.stack(crops)


def random_crop(
    image: Image.Image,
    image_size: int,
    rng: np.random.Generator,
    *,
    min_area: float = MIN_CROP_AREA,
) -> NDArray[np.uint8]:
    """A part of the picture, mirrored or not, as uint8 `[S, S, 3]`.

    Szegedy et al. 2014, arXiv:1409.4842, section 6; where ten tries do not fit, the largest square.
    """
    width, height = image.size
    crop_width = crop_height = float(min(width, height))
    for _ in range(10):
        area = width * height * rng.uniform(min_area, 1)
        ratio = math.exp(rng.uniform(-math.log(MAX_CROP_RATIO), math.log(MAX_CROP_RATIO)))
        wide, high = math.sqrt(area * ratio), math.sqrt(area / ratio)
        if wide <= width and high <= height:
            crop_width, crop_height = wide, high
            break
    left, top = rng.uniform(0, width - crop_width), rng.uniform(0, height - crop_height)
    crop = image.resize(
        (image_size, image_size),
        Image.Resampling.BILINEAR,
        box=(left, top, left + crop_width, top + crop_height),
        reducing_gap=2.0,
    )
    pixels = np.asarray(crop, dtype=np.uint8)
    return np.ascontiguousarray(pixels[:, ::-1]) if rng.random() < 0.5 else pixels

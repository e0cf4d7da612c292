"""What a weights file in HDF5 says it holds: its layers and their shapes, no number read yet.

The file may be hostile. Links that lead out of the file (or elsewhere in it), data kept in other
files, compressed data that may unfold to anything, and lists of names without end are refused.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np
from h5py import h5d, h5l
from numpy.typing import NDArray

# The backbones have up to 300.
MAX_LAYERS = 10_000
MAX_SHOWN = 80


class OddFile(ValueError):
    """What is wrong with a weights file, as the rest of a sentence that begins "the file"."""


@dataclass(frozen=True)
class StoredLayer:
    """A layer's name and its weights as they are announced, in Keras' order: trained ones first."""

    name: str
    weights: tuple[h5py.Dataset, ...]

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        return [tuple(weight.shape or ()) for weight in self.weights]

    def read(self) -> Iterator[NDArray[np.float32]]:
        """The weights as float32. To be called once the shapes are known to be right."""
        for weight in self.weights:
            self._check(weight)
            yield np.asarray(weight[()], dtype=np.float32)

    def _check(self, weight: h5py.Dataset) -> None:
        properties = weight.id.get_create_plist()
        is_plain = properties.get_layout() in (h5d.CONTIGUOUS, h5d.COMPACT)
        if not is_plain or properties.get_external_count():
            raise OddFile(
                f"keeps {self.name} compressed or in another file, not as Keras writes it"
            )
        if weight.dtype.kind != "f" or weight.dtype.itemsize > 8:
            raise OddFile(f"has numbers of type {shown(str(weight.dtype))} in {self.name}")
        if weight.id.get_storage_size() < weight.nbytes:
            raise OddFile(f"announces more numbers than it holds in {self.name}")


def legacy_layers(group: h5py.Group) -> list[StoredLayer]:
    """The layers that have weights, in the order of the model that was saved.

    The layout of `.h5` files by Keras 1 to 3, which keras.applications publishes: the attribute
    `layer_names`, and for each of these groups the attribute `weight_names`. Raises OddFile.
    """
    layers = []
    for name in _names(group, "layer_names"):
        below = member(group, name)
        weights = [member(below, weight) for weight in _names(below, "weight_names")]
        if weights:
            layers.append(StoredLayer(shown(name), tuple(weights)))
    return layers


def keras3_layers(file: h5py.File, paths: list[str]) -> list[StoredLayer]:
    """The layers at `paths` (`layers/conv2d_1`), then those that the file has elsewhere.

    The layout of `.weights.h5` files: the weights of a layer are `vars/0`, `vars/1` ... below a path
    made of the layers' types, and an attribute may tell the layer's name. A layer that is not
    there has no weights. Raises OddFile.
    """
    found: dict[str, list[int]] = {}

    def visit(path: str, item: Any) -> None:  # sees each object once and follows no soft link
        above, _, number = path.rpartition("/vars/")
        if above.startswith("layers/") and isinstance(item, h5py.Dataset) and number.isdecimal():
            found.setdefault(above, []).append(int(number))
            if len(found) > MAX_LAYERS:
                raise OddFile(f"has more than {MAX_LAYERS} layers")

    file.visititems(visit)
    layers = []
    for path in [*paths, *sorted(found.keys() - set(paths))]:
        weights = [member(file, f"{path}/vars/{number}") for number in sorted(found.get(path, []))]
        given = member(file, f"{path}/vars").attrs.get("name") if weights else None
        layers.append(StoredLayer(shown(given if isinstance(given, str) else path), tuple(weights)))
    return layers


def has(group: h5py.Group, name: str) -> bool:
    """Whether there is something called `name`; a link is not followed to find out."""
    return bool(group.id.links.exists(name.encode()))


def member(group: Any, path: str) -> Any:
    """The group or dataset at `path` below `group`, without following any link. Raises OddFile."""
    for part in path.split("/"):
        if not isinstance(group, h5py.Group) or not part or not has(group, part):
            raise OddFile(f"has nothing at {shown(path)}")
        if group.id.links.get_info(part.encode()).type != h5l.TYPE_HARD:
            raise OddFile(f"has a link at {shown(path)} where weights should be")
        group = group[part]
    return group


def shown(name: str) -> str:
    """A name from the file, made fit for a message."""
    return "".join(char if char.isprintable() else "?" for char in name[:MAX_SHOWN])


def _names(group: Any, attribute: str) -> list[str]:
    """The names in an attribute, or in `attribute0`, `attribute1` ... where they were too many."""
    if not isinstance(group, h5py.Group):
        raise OddFile("has numbers where a layer should be")
    parts = [attribute] if attribute in group.attrs else []
    while not parts or parts[-1] != attribute:
        part = f"{attribute}{len(parts)}"
        if part not in group.attrs:
            break
        parts.append(part)
    names: list[str] = []
    for part in parts:
        num_names = math.prod(group.attrs.get_id(part).shape)
        if len(names) + num_names > MAX_LAYERS:
            raise OddFile(f"has more than {MAX_LAYERS} {attribute}")
        for name in np.ravel(group.attrs[part]) if num_names else ():
            if not isinstance(name, str | bytes):
                raise OddFile(f"has a list {attribute} that is not one of names")
            names.append(name if isinstance(name, str) else name.decode("utf-8", "replace"))
    return names

"""A model on disk: `model.h5`, the serving graph and `manifest.json`, never changed once written.

A bundle is written beside its place and renamed, so half of one is never visible. Loading checks
the format version, the manifest's own digest and the SHA-256 of every file.
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal, Self, get_args

from classifier import disk
from classifier.decide import Head
from classifier.errors import BundleCorrupt, BundleExists, BundleIncompatible, BundleMissing
from classifier.preprocess import PREPROCESSING_VERSION

FORMAT_VERSION = 2  # 1 knew neither int8 nor what to fall back on
NUM_HASHING_THREADS = 4
MANIFEST = "manifest.json"
KERAS_MODEL = "model.h5"
SERVING_GRAPH = "serving.xml"
SERVING_WEIGHTS = "serving.bin"
# The same graph quantized; only in a bundle that is served in int8.
INT8_GRAPH = "serving_int8.xml"
INT8_WEIGHTS = "serving_int8.bin"
# Thumbnails of the training pictures, JPEGs one after the other; see `neighbours.py`.
NEIGHBOURS_PICTURES = "neighbours.jpegs"

Precision = Literal["fp32", "bf16", "int8"]


@dataclass(frozen=True)
class Manifest:
    """What a bundle says of itself.

    `class_names`: in the order of the logits. `temperature` divides the logits before softmax or
    sigmoid; `thresholds`: one probability a class for a sigmoid head, else empty. `outliers`: which
    score of `classifier.outliers` tells pictures of other things, and from what threshold; empty in
    a bundle that does not say. `precision`: what
    the engine computes in, where the processor can; `metrics["precision"]` says what was measured.
    `fallbacks`: what else is safe for processors that cannot, best first and fp32 last; empty where
    `precision` is fp32. A bundle that does not say falls back on fp32.
    `dataset_fingerprint`: SHA-256 over the examples' hashes, labels and splits. `files`: SHA-256 of
    every other file in the bundle, by name.
    """

    class_names: tuple[str, ...]
    head: Head
    backbone: str
    image_size: int
    temperature: float
    precision: Precision
    seed: int
    dataset_fingerprint: str
    created_at: str
    thresholds: tuple[float, ...] = ()
    outliers: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    preprocessing_version: int = PREPROCESSING_VERSION
    format_version: int = FORMAT_VERSION
    files: dict[str, str] = field(default_factory=dict)
    fallbacks: tuple[Precision, ...] = ()

    def __post_init__(self) -> None:
        if not self.fallbacks and self.precision != "fp32":
            object.__setattr__(self, "fallbacks", ("fp32",))

    @property
    def precisions(self) -> tuple[Precision, ...]:
        """What an engine may compute in, best first: it takes the first that its processor has."""
        return (self.precision, *self.fallbacks)

    def to_json(self) -> str:
        content = asdict(self)
        return (
            json.dumps({**content, "digest": _digest(content)}, indent=2, ensure_ascii=False) + "\n"
        )

    @classmethod
    def from_json(cls, text: str, path: Path) -> Self:
        """The manifest in `text`; `path` is the bundle's, for the messages. Raises BundleError."""
        try:
            content = json.loads(text)
            if not isinstance(content, dict):
                raise TypeError(f"expected an object, received {type(content).__name__}")
            format_version = int(content.get("format_version", 0))
        except (ValueError, TypeError, OverflowError, RecursionError) as error:
            raise BundleCorrupt("manifest_unreadable", path=path, problem=error) from error
        if format_version > FORMAT_VERSION:
            # Before anything else: a newer release may have changed the meaning of all the rest.
            raise BundleIncompatible(
                "newer_format", path=path, expected=FORMAT_VERSION, received=format_version
            )
        digest = content.pop("digest", None)
        if digest != _digest(content):
            raise BundleCorrupt("manifest_changed", path=path)
        known = {f.name for f in fields(cls)}
        try:
            content.setdefault("outliers", {})  # the first bundles do not say
            content.setdefault("fallbacks", ())  # nor do those of format 1
            for name in ("class_names", "thresholds", "fallbacks"):
                content[name] = tuple(content[name])
            manifest = cls(**{name: content[name] for name in known})
            manifest._check_values()
        except (KeyError, TypeError, ValueError) as error:
            raise BundleCorrupt("manifest_unreadable", path=path, problem=repr(error)) from error
        if manifest.preprocessing_version != PREPROCESSING_VERSION:
            raise BundleIncompatible(
                "other_preprocessing",
                path=path,
                expected=PREPROCESSING_VERSION,
                received=manifest.preprocessing_version,
            )
        return manifest

    def _check_values(self) -> None:
        if len(self.class_names) < 2 or len(set(self.class_names)) != len(self.class_names):
            raise ValueError(
                f"expected two or more different class names, received {self.class_names}"
            )
        if self.head not in get_args(Head):
            raise ValueError(f"expected a head of {get_args(Head)}, received {self.head!r}")
        if self.precision not in get_args(Precision):
            raise ValueError(
                f"expected a precision of {get_args(Precision)}, received {self.precision!r}"
            )
        self._check_fallbacks()
        if not self.temperature > 0:
            raise ValueError(f"expected a temperature above 0, received {self.temperature}")
        if self.thresholds and len(self.thresholds) != len(self.class_names):
            raise ValueError(
                f"expected a threshold for each class, received {len(self.thresholds)}"
            )

    def _check_fallbacks(self) -> None:
        wanted = self.precisions
        is_known = all(name in get_args(Precision) for name in wanted)
        if not is_known or len(set(wanted)) != len(wanted) or wanted[-1] != "fp32":
            raise ValueError(
                f"expected fallbacks other than {self.precision} that end in fp32, "
                f"received {self.fallbacks}"
            )
        if "int8" in wanted and not {INT8_GRAPH, INT8_WEIGHTS} <= set(self.files):
            raise ValueError(f"expected {INT8_GRAPH} and {INT8_WEIGHTS} beside a precision of int8")


@dataclass(frozen=True)
class Bundle:
    """A verified bundle.

    `digest` tells it from every other one: the SHA-256 of its manifest's content as it was written,
    whatever fields this release knows besides.
    """

    path: Path
    manifest: Manifest
    digest: str

    @classmethod
    def load(cls, path: Path) -> Self:
        """The bundle at `path`, every file's hash checked.

        Raises BundleMissing, BundleCorrupt or BundleIncompatible.
        """
        if not path.is_dir():
            raise BundleMissing("no_folder", path=path)
        try:
            text = (path / MANIFEST).read_text(encoding="utf-8")
        except FileNotFoundError as error:
            raise BundleMissing("no_manifest", path=path) from error
        except (OSError, UnicodeDecodeError) as error:
            raise BundleCorrupt("manifest_unreadable", path=path, problem=error) from error
        manifest = Manifest.from_json(text, path)
        names = sorted({KERAS_MODEL, SERVING_GRAPH, SERVING_WEIGHTS} | manifest.files.keys())
        # 200 MB in a tenth of a second: hashing lets go of the interpreter.
        with ThreadPoolExecutor(NUM_HASHING_THREADS) as pool:
            hashes = pool.map(lambda name: file_sha256(path / name), names)
            for name in names:
                try:
                    received = next(hashes)
                except OSError as error:
                    raise BundleCorrupt("file_missing", path=path, file=name) from error
                if received != manifest.files.get(name):
                    raise BundleCorrupt("file_changed", path=path, file=name)
        return cls(path, manifest, json.loads(text)["digest"])


@dataclass
class Draft:
    """A bundle that is being written: put files into `folder`, then `seal` it."""

    folder: Path
    is_sealed: bool = False

    def seal(self, manifest: Manifest) -> None:
        """Hash what is in the folder and write the manifest, last."""
        files = {
            path.relative_to(self.folder).as_posix(): file_sha256(path)
            for path in sorted(self.folder.rglob("*"))
            if path.is_file()
        }
        text = replace(manifest, files=files).to_json()
        (self.folder / MANIFEST).write_text(text, encoding="utf-8")
        self.is_sealed = True


@contextmanager
def new_bundle(path: Path) -> Iterator[Draft]:
    """A draft that becomes the bundle at `path` when the block ends with the draft sealed.

    An error in the block, or no seal, leaves nothing behind. Raises BundleExists.
    """
    refuse_existing(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = Draft(Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent)))
    try:
        yield draft
        if not draft.is_sealed:
            raise RuntimeError("Expected a sealed draft at the end of the block.")
        for file in draft.folder.rglob("*"):
            disk.sync(file)
        disk.sync(draft.folder)
        draft.folder.chmod(0o755)  # mkdtemp's 0700 would hide it from workers of another user
        refuse_existing(path)
        draft.folder.rename(path)
        disk.sync(path.parent)
    finally:
        shutil.rmtree(draft.folder, ignore_errors=True)


def refuse_existing(path: Path) -> None:
    """Raise BundleExists if there is anything at `path`; worth asking before hours of training."""
    if path.exists() or path.is_symlink():
        raise BundleExists("exists", path=path)


def file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _digest(content: dict[str, Any]) -> str:
    canonical = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode(errors="surrogatepass")).hexdigest()

"""The files of a version's bundle, as its manifest names them: nothing else in its folder is given out."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from classifier.bundle import MANIFEST, Manifest
from classifier.errors import BundleCorrupt, BundleMissing
from webapp.recognizers.models import ModelVersion
from webapp.told import filled

# A manifest of thousands of classes has some hundred kilobytes; a report of 500, four megabytes.
MAX_MANIFEST_BYTES = 8 * 2**20
MAX_JSON_BYTES = 16 * 2**20


class FileDamaged(Exception):
    """A file that is not what the training wrote; `str` is a sentence in the reader's language."""


@dataclass(frozen=True)
class BundleFile:
    """A file that the manifest names. `num_bytes`: None where it is gone."""

    name: str
    sha256: str
    num_bytes: int | None


def manifest_of(version: ModelVersion) -> Manifest:
    """What the version's bundle says of itself, its own digest checked. Raises BundleError."""
    return manifest_in(version.bundle_path, version.bundle_digest)


def manifest_in(path: Path, digest: str) -> Manifest:
    """The manifest in a folder, which must have that digest. Raises BundleError."""
    if not path.is_dir():
        raise BundleMissing("no_folder", path=path)
    try:
        text = _read(path / MANIFEST, MAX_MANIFEST_BYTES).decode()
    except FileNotFoundError as error:
        raise BundleMissing("no_manifest", path=path) from error
    except (OSError, ValueError) as error:
        raise BundleCorrupt("manifest_unreadable", path=path, problem=error) from error
    manifest = Manifest.from_json(text, path)
    if json.loads(text)["digest"] != digest:
        raise BundleCorrupt("manifest_changed", path=path)
    return manifest


def files_of(version: ModelVersion, manifest: Manifest) -> list[BundleFile]:
    """The bundle's files by name, with their sizes."""
    return [
        BundleFile(name, sha256, _size(version.bundle_path / name))
        for name, sha256 in sorted(manifest.files.items())
        if _is_plain(name)
    ]


def file_path(version: ModelVersion, manifest: Manifest, name: str) -> Path:
    """Where a file lies that the manifest names, or the manifest. Raises FileNotFoundError for any other,
    for one that is gone, and for a link."""
    path = version.bundle_path / name
    if not _is_plain(name) or (name != MANIFEST and name not in manifest.files):
        raise FileNotFoundError(name)
    if path.is_symlink() or not path.is_file():
        raise FileNotFoundError(name)
    return path


def json_of(version: ModelVersion, manifest: Manifest, name: str) -> Any:
    """What a JSON file of the bundle holds, its hash checked.

    Raises FileNotFoundError where the bundle has none, and FileDamaged.
    """
    path = file_path(version, manifest, name)
    try:
        content = _read(path, MAX_JSON_BYTES)
        if hashlib.sha256(content).hexdigest() != manifest.files[name]:
            raise FileDamaged(
                _(
                    "%(name)s was changed after the training had written it. Restore it from a backup."
                )
                % {"name": name}
            )
        return json.loads(content, parse_constant=_refuse)
    except (OSError, ValueError, RecursionError) as error:
        raise FileDamaged(
            filled(
                gettext_noop("%(name)s cannot be read: %(problem)s"),
                {"name": name, "problem": error},
            )
        ) from error


def _read(path: Path, max_bytes: int) -> bytes:
    """Raises ValueError for a file that is larger."""
    with path.open("rb") as file:
        content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise ValueError(f"expected at most {max_bytes} bytes, received more")
    return content


def _refuse(constant: str) -> Mapping[str, Any]:
    raise ValueError(f"expected finite numbers, received {constant}")


def _is_plain(name: str) -> bool:
    """Whether it is a name and no path: a manifest that was tampered with may hold anything."""
    return name not in ("", ".", "..") and not set(name) & {"/", "\\", "\0"}


def _size(path: Path) -> int | None:
    try:
        return path.lstat().st_size
    except (OSError, ValueError):
        return None

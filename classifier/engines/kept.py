"""What an engine leaves on disk for the next process: its compiled graph and its batch size.

One small file for a bundle and its circumstances (precision, library, processor), written beside and
renamed. It is a cache: whatever is wrong with it is logged, and the engine does without.
"""

import base64
import hashlib
import json
import logging
import os
import re
import tempfile
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from classifier.bundle import Bundle

logger = logging.getLogger(__name__)

MAX_FILES = 64
# The folder may hold other files, which are nobody's business here.
_FINISHED = re.compile(r"[0-9a-f]{16}-[0-9a-f]{16}\.json")
_UNFINISHED = re.compile(r"\.[0-9a-f]{16}-[0-9a-f]{16}\..*")
_UNFINISHED_SECONDS = 3600.0


@dataclass(frozen=True)
class Kept:
    """`graph`: compiled, as the engine's library exports it; None where it exports none.
    `pictures_per_second`: by batch size."""

    graph: bytes | None
    pictures_per_second: dict[int, float]


class Keeper:
    """Keeps for one bundle under the same circumstances, and sweeps what nobody will want again."""

    def __init__(
        self,
        folder: Path,
        bundle: Bundle,
        circumstances: Mapping[str, object],
        batch_sizes: Collection[int],
    ) -> None:
        """`batch_sizes`: those that are tried; what was measured of others is not taken."""
        self._bundle = bundle.path.resolve()
        self._batch_sizes = sorted(batch_sizes)
        self._circumstances = {
            "bundle": bundle.digest,
            "batch_sizes": self._batch_sizes,
            **circumstances,
        }
        key = hashlib.sha256(_canonical(self._circumstances)).hexdigest()
        self._path = folder / f"{bundle.digest[:16]}-{key[:16]}.json"

    def read(self) -> Kept | None:
        """What was kept, or None where there is nothing, or nothing that is whole."""
        try:
            content = _read(self._path)
            if content["circumstances"] != self._circumstances:
                raise ValueError("it is about other circumstances")
            graph, rates = content["graph"], content["pictures_per_second"]
            kept = Kept(
                None if graph is None else base64.b64decode(graph, validate=True),
                {int(size): float(rate) for size, rate in rates.items()},
            )
            received = kept.pictures_per_second.keys()
            if not received or not received <= set(self._batch_sizes):
                raise ValueError(
                    f"expected some of the batch sizes {self._batch_sizes}, received {list(rates)}"
                )
        except FileNotFoundError:
            return None
        except OSError as error:
            logger.warning("%s cannot be read (%s); going on without", self._path, error)
            return None
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            logger.warning("%s is damaged (%s); it is made again", self._path, error)
            return None
        with suppress(OSError):
            os.utime(self._path)  # used lately: swept last
        return kept

    def write(self, kept: Kept) -> None:
        content = {
            "path": str(self._bundle),
            "circumstances": self._circumstances,
            # By text, as JSON will have it: the hash is of what will be read.
            "pictures_per_second": {str(n): rate for n, rate in kept.pictures_per_second.items()},
            "graph": kept.graph and base64.b64encode(kept.graph).decode(),
        }
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(
                prefix=f".{self._path.stem}.", dir=self._path.parent
            )
            try:
                with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                    json.dump({**content, "sha256": _sha256(content)}, file)
                Path(name).replace(self._path)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
            self._sweep()
        except OSError as error:
            logger.warning("Nothing could be kept in %s: %s", self._path.parent, error)

    def _sweep(self) -> None:
        """Remove files of bundles that are gone, and those used longest ago beyond MAX_FILES."""
        by_age = []
        for path in self._path.parent.iterdir():
            with suppress(FileNotFoundError):  # another process sweeps, too
                if path != self._path and _is_ours(path):
                    if _is_wanted(path):
                        by_age.append((path.stat().st_mtime, path))
                    else:
                        path.unlink()
        for _, path in sorted(by_age, reverse=True)[MAX_FILES - 1 :]:
            path.unlink(missing_ok=True)


def _is_ours(path: Path) -> bool:
    """Written here and finished, or not finished by a process that must be dead."""
    if _UNFINISHED.fullmatch(path.name):
        return time.time() - path.stat().st_mtime > _UNFINISHED_SECONDS
    return _FINISHED.fullmatch(path.name) is not None


def _is_wanted(path: Path) -> bool:
    try:
        return Path(_read(path)["path"]).is_dir()
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return False


def _read(path: Path) -> dict[str, Any]:
    """Raises OSError, or ValueError for anything that is not as it was written."""
    content = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(content, dict) or content.pop("sha256", None) != _sha256(content):
        raise ValueError("its SHA-256 differs")
    return content


def _sha256(content: Mapping[str, object]) -> str:
    return hashlib.sha256(_canonical(content)).hexdigest()


def _canonical(content: Mapping[str, object]) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()

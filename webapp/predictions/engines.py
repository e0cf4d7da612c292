"""The model versions that this process holds ready to answer, within a limit of memory."""

import logging
import threading
from collections import OrderedDict
from concurrent.futures import Future
from typing import TYPE_CHECKING

from django.conf import settings

from classifier.bundle import Bundle
from classifier.errors import BundleCorrupt
from webapp.recognizers.models import ModelVersion

if TYPE_CHECKING:
    from classifier.answering import Answerer

logger = logging.getLogger(__name__)

FIRST_BATCH_SIZE = 8


class EngineCache:
    """Loaded bundles, the least recently used first out. Safe for several threads: a version may be
    loaded in one while another answers with what is there; two that want the same load it once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_digest: OrderedDict[str, Answerer] = OrderedDict()
        self._loading: dict[str, Future[Answerer]] = {}

    def get(self, version: ModelVersion) -> "Answerer":
        """What answers for the version, loaded and tried out. Raises BundleError."""
        digest = version.bundle_digest
        with self._lock:
            if digest in self._by_digest:
                self._by_digest.move_to_end(digest)
                return self._by_digest[digest]
            loading = self._loading.get(digest)
            if loading is None:
                promise: Future[Answerer] = Future()
                self._loading[digest] = promise
        if loading is not None:
            return loading.result()
        try:
            answerer = _load(version)
        except BaseException as error:
            promise.set_exception(error)
            raise
        else:
            self._keep(digest, answerer)
            promise.set_result(answerer)
            return answerer
        finally:
            with self._lock:
                del self._loading[digest]

    def loaded(self) -> list[str]:
        """The digests of the bundles that are ready."""
        with self._lock:
            return list(self._by_digest)

    def usual_batch_size(self) -> int:
        """What the engine that was used last likes best; a guess before there is one."""
        with self._lock:
            last = next(reversed(self._by_digest.values()), None)
            return last.engine.batch_size if last else FIRST_BATCH_SIZE

    def clear(self) -> None:
        with self._lock:
            self._by_digest.clear()

    def _keep(self, digest: str, answerer: "Answerer") -> None:
        with self._lock:
            self._by_digest[digest] = answerer
            limit = settings.ENGINE_MEMORY_MB * 2**20
            # What is answering just now stays alive until its batch is done.
            while len(self._by_digest) > 1 and self._num_bytes() > limit:
                dropped, _ = self._by_digest.popitem(last=False)
                logger.info(
                    "Dropped bundle %s: over %d MB", dropped[:12], settings.ENGINE_MEMORY_MB
                )

    def _num_bytes(self) -> int:
        return sum(answerer.num_bytes for answerer in self._by_digest.values())


def _load(version: ModelVersion) -> "Answerer":
    # The libraries take 150 MB; the web process imports this module for its types alone.
    from classifier.answering import open_answerer
    from classifier.smoke import smoke_test

    bundle = Bundle.load(version.bundle_path)
    if bundle.digest != version.bundle_digest:
        raise BundleCorrupt("manifest_changed", path=bundle.path)
    answerer = open_answerer(
        bundle, device=settings.DEVICE, cache_dir=settings.CACHE_DIR / "engines"
    )
    smoke_test(answerer)
    return answerer


engines = EngineCache()

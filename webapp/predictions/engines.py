"""The engines that this process has loaded, by model version."""

from collections import OrderedDict

from classifier.bundle import Bundle
from classifier.engines.base import Engine, open_engine
from webapp.recognizers.models import ModelVersion

MAX_LOADED = 3


class EngineCache:
    """Engines, least recently used first out. A bundle is verified when it is loaded."""

    def __init__(self, max_loaded: int = MAX_LOADED) -> None:
        self._max_loaded = max_loaded
        self._by_digest: OrderedDict[str, Engine] = OrderedDict()

    def get(self, version: ModelVersion) -> Engine:
        """The version's engine. Raises BundleError."""
        engine = self._by_digest.pop(version.bundle_digest, None)
        if engine is None:
            engine = open_engine(Bundle.load(version.bundle_path))
        self._by_digest[version.bundle_digest] = engine
        while len(self._by_digest) > self._max_loaded:
            self._by_digest.popitem(last=False)
        return engine


engines = EngineCache()

"""The swap: workers load a version beside the one that answers, then it goes live."""

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest
from django.utils import timezone
from pytest_django import Settings

from classifier.answering import Answerer
from classifier.errors import BundleCorrupt
from tests.webapp.versions import go_live
from webapp.ops.heartbeat import Heartbeat
from webapp.ops.models import WorkerHeartbeat
from webapp.predictions import engines as loading
from webapp.predictions.engines import EngineCache, engines
from webapp.recognizers.models import ModelVersion, Recognizer
from webapp.recognizers.services import version_promote
from webapp.recognizers.swap import PromotionRefused, let_workers_load, versions_to_hold

State = ModelVersion.State
NewVersion = Callable[..., ModelVersion]


def alive(name: str, **fields: object) -> WorkerHeartbeat:
    return WorkerHeartbeat.objects.create(name=name, seen_at=timezone.now(), **fields)


@pytest.fixture
def beating(db: None, monkeypatch: pytest.MonkeyPatch) -> Heartbeat:
    """A worker's heart that beats whenever a promotion waits for it."""
    heartbeat = Heartbeat("worker")
    heartbeat.tick()
    meanwhile(monkeypatch, heartbeat.tick)
    return heartbeat


def meanwhile(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object]) -> None:
    """Whenever a promotion waits, something happens."""
    moment = threading.Event()
    # Its own `time`: whatever else this process has running may sleep as ever.
    clock = SimpleNamespace(
        monotonic=time.monotonic, sleep=lambda seconds: (happens(), moment.wait(0.01))
    )
    monkeypatch.setattr("webapp.recognizers.swap.time", clock)


def beat_until_all_is_loaded(heartbeat: Heartbeat) -> None:
    heartbeat.tick()
    while heartbeat._load:
        heartbeat._load.join(20)
        heartbeat.tick()


def test_without_a_worker_nobody_is_waited_for(new_version: NewVersion) -> None:
    let_workers_load(new_version())


def test_a_worker_that_died_is_not_waited_for(new_version: NewVersion, settings: Settings) -> None:
    worker = alive("dead")
    worker.seen_at -= timedelta(seconds=settings.WORKER_ALIVE_SECONDS + 1)
    worker.save()
    let_workers_load(new_version())


def test_a_worker_loads_the_version_before_it_goes_live(
    beating: Heartbeat, new_version: NewVersion, recognizer: Recognizer
) -> None:
    first, second = new_version(), new_version()
    version_promote(version=first, by=None)
    version_promote(version=second, by=None)
    worker = WorkerHeartbeat.objects.get()
    assert {first.bundle_digest, second.bundle_digest} <= set(worker.loaded)
    assert recognizer.live_version() == second
    assert ModelVersion.objects.filter(preload_until__isnull=False).count() == 0


def test_what_a_worker_cannot_load_is_refused_with_its_reason_and_the_old_one_goes_on(
    beating: Heartbeat,
    new_version: NewVersion,
    recognizer: Recognizer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second = new_version(), new_version()
    version_promote(version=first, by=None)

    def fail(version: ModelVersion) -> None:
        raise BundleCorrupt("file_changed", path=version.bundle_path, file="serving.bin")

    # As on another machine, whose disk has lost a byte: here the bundle is whole.
    monkeypatch.setattr("webapp.predictions.engines._load", fail)
    with pytest.raises(PromotionRefused, match=r"worker.*serving\.bin"):
        version_promote(version=second, by=None)
    assert recognizer.live_version() == first
    assert versions_to_hold()[0] == []


def test_a_worker_that_loads_for_long_beats_on_and_is_waited_for(
    db: None, new_version: NewVersion, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The load ends only once the heart has beaten for longer than a silent worker counts as alive."""
    settings.WORKER_ALIVE_SECONDS = 0.4
    monkeypatch.setattr("webapp.ops.heartbeat.BEAT_SECONDS", 0.05)
    version, heartbeat = new_version(), Heartbeat("worker")
    heartbeat.tick()
    has_beaten_long_enough = threading.Event()
    seen: list[datetime] = []

    def beat() -> None:
        heartbeat.tick()
        seen.append(WorkerHeartbeat.objects.get(name="worker").seen_at)
        if seen[-1] - seen[0] > timedelta(seconds=2 * settings.WORKER_ALIVE_SECONDS):
            has_beaten_long_enough.set()

    load = loading._load

    def load_slowly(version: ModelVersion) -> Answerer:
        assert has_beaten_long_enough.wait(10)
        return load(version)

    monkeypatch.setattr(loading, "_load", load_slowly)
    meanwhile(monkeypatch, beat)
    let_workers_load(version)
    assert has_beaten_long_enough.is_set()
    assert version.bundle_digest in WorkerHeartbeat.objects.get(name="worker").loaded


def test_a_worker_that_loads_for_too_long_is_named(
    beating: Heartbeat,
    new_version: NewVersion,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.PRELOAD_SECONDS = 0.3
    is_over = threading.Event()
    monkeypatch.setattr(loading, "_load", lambda version: is_over.wait(20))
    monkeypatch.setattr(EngineCache, "_num_bytes", lambda cache: 0)
    with pytest.raises(PromotionRefused, match="worker did not"):
        let_workers_load(new_version())
    assert beating._load
    is_over.set()
    beating._load.join(20)


def test_a_worker_that_falls_silent_while_it_is_waited_for_is_named(
    new_version: NewVersion, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.PRELOAD_SECONDS = 0.3
    alive("silent one")
    long_ago = timezone.now() - timedelta(seconds=settings.WORKER_ALIVE_SECONDS + 1)
    meanwhile(monkeypatch, lambda: WorkerHeartbeat.objects.update(seen_at=long_ago))
    with pytest.raises(PromotionRefused, match="silent one did not"):
        let_workers_load(new_version())


def test_a_worker_that_ends_meanwhile_is_not_waited_for(
    new_version: NewVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    alive("going")
    meanwhile(monkeypatch, lambda: WorkerHeartbeat.objects.all().delete())
    let_workers_load(new_version())


def test_a_heartbeat_tells_what_is_loaded_and_when_it_was_seen(live_version: ModelVersion) -> None:
    beat_until_all_is_loaded(Heartbeat("worker"))
    worker = WorkerHeartbeat.objects.get(name="worker")
    assert worker.loaded == [live_version.bundle_digest]
    assert timezone.now() - worker.seen_at < timedelta(seconds=5)


def test_live_versions_beyond_the_memory_do_not_drive_each_other_out_at_each_beat(
    live_version: ModelVersion, new_version: NewVersion, settings: Settings
) -> None:
    second = new_version()
    second.recognizer = Recognizer.objects.create(name="Other colours", slug="others")
    go_live(second)
    settings.ENGINE_MEMORY_MB = 0
    heartbeat = Heartbeat("worker")
    beat_until_all_is_loaded(heartbeat)
    kept = engines.loaded()
    beat_until_all_is_loaded(heartbeat)
    assert kept == engines.loaded() == [second.bundle_digest]


def test_a_worker_that_ends_in_order_says_so(db: None) -> None:
    heartbeat = Heartbeat("worker")
    heartbeat.tick()
    heartbeat.end()
    assert not WorkerHeartbeat.objects.exists()


def test_hearts_that_stopped_long_ago_are_forgotten(db: None) -> None:
    old = alive("old")
    old.seen_at -= timedelta(hours=2)
    old.save()
    Heartbeat("worker").tick()
    assert [worker.name for worker in WorkerHeartbeat.objects.all()] == ["worker"]


def test_the_least_recently_used_engine_goes_first(
    new_version: NewVersion, settings: Settings
) -> None:
    cache = EngineCache()
    first, second, third = new_version(), new_version(), new_version()
    for version in (first, second, first):
        cache.get(version)
    settings.ENGINE_MEMORY_MB = 2.5 * cache.get(first).num_bytes / 2**20
    cache.get(third)
    assert cache.loaded() == [first.bundle_digest, third.bundle_digest]


def test_two_threads_that_want_the_same_version_load_it_once(
    new_version: NewVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    version, cache, num_loads = new_version(), EngineCache(), []
    both_are_here = threading.Barrier(2, timeout=20)

    def load(version: ModelVersion) -> object:
        num_loads.append(1)
        both_are_here.wait()  # the second one has come while the first one loads
        return object()

    monkeypatch.setattr("webapp.predictions.engines._load", load)
    monkeypatch.setattr(EngineCache, "_num_bytes", lambda cache: 0)
    got: list[object] = []
    first = threading.Thread(target=lambda: got.append(cache.get(version)))
    first.start()
    second = threading.Thread(target=lambda: got.append(cache.get(version)))
    second.start()
    both_are_here.wait()
    first.join()
    second.join()
    assert num_loads == [1]
    assert got[0] is got[1]


def test_a_load_that_failed_may_be_tried_again(
    new_version: NewVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    version, cache = new_version(), EngineCache()
    graph = version.bundle_path / "serving.xml"
    content = graph.read_text()
    graph.write_text(content + " ")
    with pytest.raises(BundleCorrupt):
        cache.get(version)
    graph.write_text(content)
    assert cache.get(version).bundle.digest == version.bundle_digest

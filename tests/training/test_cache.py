"""training.cache: what was computed before comes back, and a broken cache costs time, not the run."""

import logging
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from training.cache import CHUNK, FILE_NAME, LAYOUT_VERSION, Cache


def sha(number: int) -> bytes:
    return number.to_bytes(32, "big")


def vector(seed: int, num_features: int = 8) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(size=num_features).astype(np.float32)


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Cache]:
    cache = Cache(tmp_path / "cache")
    yield cache
    cache.close()


def filled(folder: Path, num: int = 2_000) -> Path:
    """A cache with that many facts, closed; the path of its file."""
    cache = Cache(folder)
    cache.keep_facts((sha(number), b"fact" * 20) for number in range(num))
    cache.close()
    return folder / FILE_NAME


def set_aside(path: Path) -> list[Path]:
    return [each for each in path.parent.iterdir() if ".damaged-" in each.name]


# --- What comes back


def test_facts_come_back_bit_by_bit(cache: Cache) -> None:
    records = {sha(1): bytes(range(256)), sha(2): b"\0\0\0", sha(3): b"plain"}
    cache.keep_facts(records.items())
    assert cache.facts([sha(3), sha(1), sha(2)]) == records


def test_features_come_back_bit_by_bit(cache: Cache) -> None:
    odd = np.array([0.1, -0.0, np.nan, np.inf, 1e-45, np.finfo(np.float32).max], np.float32)
    cache.keep_features("net", "plain", [(sha(1), odd), (sha(2), -odd)])
    found = cache.features("net", "plain", [sha(1), sha(2)])
    assert found[sha(1)].dtype == np.float32
    assert found[sha(1)].tobytes() == odd.tobytes()
    assert found[sha(2)].tobytes() == (-odd).tobytes()


def test_what_was_kept_is_there_when_the_cache_is_opened_again(tmp_path: Path) -> None:
    first = Cache(tmp_path / "deep" / "cache")
    first.keep_facts([(sha(1), b"fact")])
    first.keep_features("net", "plain", [(sha(1), vector(1))])
    first.close()
    again = Cache(tmp_path / "deep" / "cache")
    assert again.facts([sha(1)]) == {sha(1): b"fact"}
    assert (again.features("net", "plain", [sha(1)])[sha(1)] == vector(1)).all()
    again.close()


@pytest.mark.parametrize(
    ("key", "view", "number"), [("other", "plain", 1), ("net", "mirrored", 1), ("net", "plain", 2)]
)
def test_another_network_view_or_picture_finds_nothing(
    cache: Cache, key: str, view: str, number: int
) -> None:
    cache.keep_features("net", "plain", [(sha(1), vector(1))])
    assert cache.features(key, view, [sha(number)]) == {}
    assert cache.facts([sha(1)]) == {}


def test_views_and_networks_do_not_overwrite_each_other(cache: Cache) -> None:
    places = [("net", "plain"), ("net", "mirrored"), ("other", "plain")]
    for seed, (key, view) in enumerate(places):
        cache.keep_features(key, view, [(sha(1), vector(seed))])
    for seed, (key, view) in enumerate(places):
        assert (cache.features(key, view, [sha(1)])[sha(1)] == vector(seed)).all()


def test_what_is_kept_again_replaces_what_was_there(cache: Cache) -> None:
    for seed in (1, 2):
        cache.keep_facts([(sha(1), b"%d" % seed)])
        cache.keep_features("net", "plain", [(sha(1), vector(seed))])
    assert cache.facts([sha(1)]) == {sha(1): b"2"}
    assert (cache.features("net", "plain", [sha(1)])[sha(1)] == vector(2)).all()


def test_any_number_of_hashes_may_be_asked_for_at_once(cache: Cache) -> None:
    num = 2 * CHUNK + 1
    cache.keep_facts((sha(number), b"%d" % number) for number in range(0, num, 2))
    cache.keep_features("net", "plain", [(sha(n), vector(n)) for n in range(1, num, 2)])
    hashes = [sha(number) for number in range(num)]
    assert cache.facts(hashes) == {sha(number): b"%d" % number for number in range(0, num, 2)}
    assert set(cache.features("net", "plain", hashes)) == {sha(n) for n in range(1, num, 2)}
    assert cache.facts([]) == {}


# --- What is damaged


def random_bytes(path: Path) -> None:
    path.write_bytes(np.random.default_rng(0).bytes(50_000))


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def of_another_layout(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute(f"PRAGMA user_version = {LAYOUT_VERSION + 1}")
    database.close()


@pytest.mark.parametrize("damage", [random_bytes, cut_off, of_another_layout])
def test_a_damaged_file_is_moved_aside_and_replaced(
    damage: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = filled(tmp_path)
    damage(path)
    content = path.read_bytes()
    cache = Cache(tmp_path)
    assert cache.facts([sha(1)]) == {}
    cache.keep_facts([(sha(1), b"new")])
    cache.close()
    assert "cannot be used" in caplog.text
    [aside] = set_aside(path)
    assert aside.read_bytes() == content
    again = Cache(tmp_path)
    assert again.facts([sha(1)]) == {sha(1): b"new"}
    again.close()
    assert set_aside(path) == [aside]


def test_damage_that_shows_only_later_is_moved_aside_too(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = filled(tmp_path)
    content = bytearray(path.read_bytes())
    page_size = 4096
    content[4 * page_size : -page_size] = b"\xff" * (len(content) - 5 * page_size)
    path.write_bytes(content)
    cache = Cache(tmp_path)
    cache.facts([sha(number) for number in range(2_000)])
    cache.keep_facts([(sha(5_000), b"new")])
    assert cache.facts([sha(5_000)]) == {sha(5_000): b"new"}
    cache.close()
    assert len(set_aside(path)) == 1
    assert "cannot be used" in caplog.text


# --- What cannot be written to


def full_disk(cache: Cache) -> None:
    [(num_pages,)] = cache._database.execute("PRAGMA page_count")
    cache._database.execute(f"PRAGMA max_page_count = {num_pages}")


def read_only(cache: Cache) -> None:
    cache._database.execute("PRAGMA query_only = ON")


@pytest.mark.parametrize(("fail", "words"), [(full_disk, "full"), (read_only, "readonly")])
def test_a_cache_that_cannot_be_written_to_costs_a_warning(
    fail: Any, words: str, cache: Cache, caplog: pytest.LogCaptureFixture
) -> None:
    cache.keep_facts([(sha(1), b"before")])
    cache.keep_features("net", "plain", [(sha(1), vector(1))])
    fail(cache)
    cache.keep_facts((sha(number), bytes(500)) for number in range(100, 300))
    cache.keep_features("net", "plain", [(sha(n), vector(n, 500)) for n in range(100, 200)])
    cache.prune(max_bytes=0)
    warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) >= 2
    assert all("could not be written" in record.message for record in warnings)
    assert words in caplog.text
    # What was there may still be read; what the disk did not take, this run has in memory.
    found = cache.facts([sha(1), sha(100), sha(299)])
    assert found == {sha(1): b"before", sha(100): bytes(500), sha(299): bytes(500)}


def test_a_cache_that_is_read_only_from_the_beginning_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = filled(tmp_path)
    connect = sqlite3.connect

    def connect_read_only(*args: Any, **options: Any) -> sqlite3.Connection:
        database = connect(*args, **options)
        database.execute("PRAGMA query_only = ON")
        return database

    monkeypatch.setattr("training.cache.sqlite3.connect", connect_read_only)
    cache = Cache(tmp_path)
    assert cache.facts([sha(1)]) == {sha(1): b"fact" * 20}
    cache.keep_facts([(sha(1), b"new")])
    cache.close()
    assert "could not be written" in caplog.text
    assert set_aside(path) == []


def test_a_file_that_cannot_be_opened_is_left_alone_and_the_run_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / FILE_NAME).mkdir()  # what SQLite says of it, it says on a full disk too
    cache = Cache(tmp_path)
    cache.keep_facts([(sha(1), b"fact")])
    assert cache.facts([sha(1)]) == {sha(1): b"fact"}  # as long as this run goes on
    cache.prune()
    cache.close()
    assert "unable to open" in caplog.text
    assert [each.name for each in tmp_path.iterdir()] == [FILE_NAME]


def test_a_cache_that_another_process_has_locked_is_not_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = filled(tmp_path)
    with sqlite3.connect(path) as other:
        other.execute("PRAGMA journal_mode = DELETE")
        other.execute("BEGIN EXCLUSIVE")
        monkeypatch.setattr("training.cache.TIMEOUT_SECONDS", 0.05)
        Cache(tmp_path).close()
    other.close()
    assert "locked" in caplog.text
    assert set_aside(path) == []


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        Cache(tmp_path / "file" / "cache")


# --- Several processes

WRITER = """
import sys
from pathlib import Path
import numpy as np
from training.cache import Cache
cache = Cache(Path(sys.argv[1]))
number = int(sys.argv[2])
for batch in range(20):
    hashes = [(1000 * number + 10 * batch + i).to_bytes(32, "big") for i in range(10)]
    cache.keep_facts((sha256, b"fact") for sha256 in hashes)
    vectors = [(sha256, np.full(4, number, np.float32)) for sha256 in hashes]
    cache.keep_features("net", "plain", vectors)
    assert len(cache.features("net", "plain", hashes)) == 10
"""


def test_two_processes_may_use_it_at_once(tmp_path: Path) -> None:
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), str(number)], stderr=subprocess.PIPE
        )
        for number in (1, 2)
    ]
    for writer in writers:
        _, errors = writer.communicate(timeout=60)
        assert (writer.returncode, errors) == (0, b"")
    cache = Cache(tmp_path)
    for number in (1, 2):
        hashes = [sha(1000 * number + i) for i in range(200)]
        assert len(cache.facts(hashes)) == 200
        found = cache.features("net", "plain", hashes)
        assert len(found) == 200
        assert all((each == number).all() for each in found.values())
    cache.close()
    assert set_aside(tmp_path / FILE_NAME) == []


# --- What is forgotten


def keep_network(cache: Cache, key: str, num: int = 100) -> None:
    cache.keep_features(key, "plain", [(sha(n), vector(n, 256)) for n in range(num)])


def num_kept(cache: Cache, key: str) -> int:
    return len(cache.features(key, "plain", [sha(n) for n in range(100)]))


@pytest.fixture
def ticking(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = count()
    monkeypatch.setattr("training.cache.time", SimpleNamespace(time=lambda: float(next(ticks))))


@pytest.mark.usefixtures("ticking")
def test_the_network_used_longest_ago_is_forgotten_first(cache: Cache) -> None:
    for key in ("a", "b", "c"):
        keep_network(cache, key)
    keep_network(cache, "a", num=1)  # used again
    cache.keep_facts([(sha(1), b"fact")])
    before = cache._used_bytes()
    cache.prune(max_bytes=before - 1)
    assert cache._used_bytes() < before - 50_000
    assert num_kept(cache, "b") == 0
    assert num_kept(cache, "c") == num_kept(cache, "a") == 100
    assert cache.facts([sha(1)]) == {sha(1): b"fact"}


@pytest.mark.usefixtures("ticking")
def test_a_network_whose_features_are_only_read_counts_as_used(cache: Cache) -> None:
    for key in ("a", "b"):
        keep_network(cache, key)
    assert num_kept(cache, "a") == 100
    cache.prune(max_bytes=cache._used_bytes() - 1)
    assert (num_kept(cache, "a"), num_kept(cache, "b")) == (100, 0)


def test_nothing_is_forgotten_while_there_is_room(cache: Cache) -> None:
    keep_network(cache, "a")
    cache.prune(max_bytes=cache._used_bytes())
    assert num_kept(cache, "a") == 100


def test_everything_is_forgotten_where_there_is_no_room(cache: Cache) -> None:
    for key in ("a", "b"):
        keep_network(cache, key)
    cache.prune(max_bytes=0)
    assert num_kept(cache, "a") == num_kept(cache, "b") == 0
    keep_network(cache, "a")  # and it goes on
    assert num_kept(cache, "a") == 100

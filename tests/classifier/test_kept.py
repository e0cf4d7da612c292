"""What an engine keeps on disk: the next one starts from it, and nothing wrong with it matters."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from classifier.bundle import Bundle
from classifier.engines import kept as kept_module
from classifier.engines import openvino as engine_module
from classifier.engines.base import open_engine
from classifier.engines.kept import Keeper, Kept
from classifier.engines.openvino import BATCH_SIZES
from tests.bundles import COLOURS, colour_bundle
from tests.pictures import plain
from tests.stack import ROOT

KEPT = Kept(b"a compiled graph", {1: 100.0, 2: 150.0})


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return colour_bundle(tmp_path_factory.mktemp("kept") / "bundle")


@pytest.fixture
def cache(tmp_path: Path, bundle: Bundle) -> Path:
    """A cache folder that an engine has filled."""
    open_engine(bundle, cache_dir=tmp_path / "cache")
    return tmp_path / "cache"


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """How often a graph was compiled and the batch sizes were measured."""
    counts = {"compile_graph": 0, "measure_sizes": 0}

    def count(name: str, function: Callable[..., object]) -> None:
        def counting(*arguments: object) -> object:
            counts[name] += 1
            return function(*arguments)

        monkeypatch.setattr(engine_module, name, counting)

    for name in counts:
        count(name, getattr(engine_module, name))
    return counts


def only_file(folder: Path) -> Path:
    [path] = folder.iterdir()
    return path


# --- An engine that starts again


def test_it_neither_compiles_nor_measures_and_answers_the_same(
    bundle: Bundle, cache: Path, counted: dict[str, int]
) -> None:
    first = open_engine(bundle)
    assert counted == {"compile_graph": 1, "measure_sizes": 0}
    again = open_engine(bundle, cache_dir=cache)
    assert again.batch_size in BATCH_SIZES
    assert counted == {"compile_graph": 1, "measure_sizes": 0}
    for name in ("logits", "embedding", "feature_map"):
        assert (
            getattr(first.run(plain("red")), name) == getattr(again.run(plain("red")), name)
        ).all()
    assert len(list(cache.iterdir())) == 1


def test_without_a_cache_folder_it_measures_when_it_is_asked_and_leaves_nothing(
    bundle: Bundle, counted: dict[str, int]
) -> None:
    engine = open_engine(bundle)
    assert counted["measure_sizes"] == 0
    assert engine.batch_size == engine.batch_size in BATCH_SIZES
    assert counted["measure_sizes"] == 1


def test_what_is_kept_is_small_and_holds_no_weights(bundle: Bundle, tmp_path: Path) -> None:
    slow = colour_bundle(tmp_path / "bundle", image_size=8, is_slow=True)  # 5 MB of weights
    open_engine(slow, cache_dir=tmp_path / "cache")
    assert (slow.path / "serving.bin").stat().st_size > 4_000_000
    assert only_file(tmp_path / "cache").stat().st_size < 100_000


@pytest.mark.parametrize(
    ("name", "value"),
    [("num_cores", lambda: 99), ("instructions_key", lambda: "another processor")],
)
def test_on_another_processor_it_is_compiled_and_measured_anew(
    bundle: Bundle,
    cache: Path,
    counted: dict[str, int],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: Callable[[], object],
) -> None:
    monkeypatch.setattr(engine_module, name, value)
    open_engine(bundle, cache_dir=cache)
    assert counted == {"compile_graph": 1, "measure_sizes": 1}
    assert len(list(cache.iterdir())) == 2


def test_another_bundle_at_the_same_path_gets_nothing_of_the_one_before(
    tmp_path: Path, counted: dict[str, int]
) -> None:
    for names in (COLOURS, ("a", "b", "c")):
        shutil.rmtree(tmp_path / "bundle", ignore_errors=True)
        other = colour_bundle(tmp_path / "bundle", class_names=names)
        open_engine(other, cache_dir=tmp_path / "cache")
    assert counted == {"compile_graph": 2, "measure_sizes": 2}


# --- Damage


def spoiled(path: Path, how: str) -> None:
    content = path.read_bytes()
    if how == "a folder":
        path.unlink()
        path.mkdir()
        return
    middle = len(content) // 2  # within the graph
    other = b"B" if content[middle : middle + 1] == b"A" else b"A"
    path.write_bytes(
        {
            "cut off": content[:middle],
            "empty": b"",
            "zeros": bytes(len(content)),
            "one byte other": content[:middle] + other + content[middle + 1 :],
            "a list": b"[1, 2, 3]",
            "no object at all": b"null",
            "nested": b"[" * 100_000,
            "another object": b'{"sha256": "0"}',
        }[how]
    )


@pytest.mark.parametrize(
    "how",
    [
        "cut off",
        "empty",
        "zeros",
        "one byte other",
        "a list",
        "no object at all",
        "nested",
        "another object",
    ],
)
def test_a_damaged_file_is_made_again(
    bundle: Bundle,
    cache: Path,
    counted: dict[str, int],
    caplog: pytest.LogCaptureFixture,
    how: str,
) -> None:
    spoiled(only_file(cache), how)
    engine = open_engine(bundle, cache_dir=cache)
    assert engine.run(plain("red")).logits.argmax() == COLOURS.index("red")
    assert "damaged" in caplog.text
    open_engine(bundle, cache_dir=cache)
    assert counted == {"compile_graph": 1, "measure_sizes": 1}


def test_a_folder_in_the_files_place_is_lived_with(
    bundle: Bundle, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spoiled(only_file(cache), "a folder")
    assert open_engine(bundle, cache_dir=cache).run(plain("red")).logits.argmax() == COLOURS.index(
        "red"
    )
    assert "could be kept" in caplog.text
    assert only_file(cache).is_dir()  # and nothing half written beside it


def test_a_cache_that_cannot_be_written_is_lived_with(
    bundle: Bundle, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    engine = open_engine(bundle, cache_dir=tmp_path / "file" / "cache")
    assert engine.run(plain("red")).logits.argmax() == COLOURS.index("red")
    assert engine.batch_size in BATCH_SIZES
    assert "could be kept" in caplog.text


def test_a_graph_that_openvino_does_not_take_is_compiled_again_but_nothing_is_measured(
    bundle: Bundle, cache: Path, counted: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    read = Keeper.read
    monkeypatch.setattr(
        Keeper, "read", lambda self: Kept(b"rubbish", read(self).pictures_per_second)
    )
    engine = open_engine(bundle, cache_dir=cache)
    assert engine.run(plain("red")).logits.argmax() == COLOURS.index("red")
    assert counted == {"compile_graph": 1, "measure_sizes": 0}


# --- What is swept


def keeper_for(folder: Path, bundle: Bundle, number: int) -> Keeper:
    return Keeper(folder, bundle, {"number": number}, BATCH_SIZES)


def test_what_is_kept_is_read_as_it_was_written(bundle: Bundle, tmp_path: Path) -> None:
    keeper = keeper_for(tmp_path, bundle, 1)
    assert keeper.read() is None
    for kept in (KEPT, Kept(None, {4: 1.5})):
        keeper.write(kept)
        assert keeper_for(tmp_path, bundle, 1).read() == kept
        assert keeper_for(tmp_path, bundle, 2).read() is None


def test_what_was_measured_of_a_batch_that_is_not_tried_is_not_taken(
    bundle: Bundle, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    keeper_for(tmp_path, bundle, 1).write(Kept(None, {1: 100.0, 64: 150.0}))
    assert keeper_for(tmp_path, bundle, 1).read() is None
    assert "received ['1', '64']" in caplog.text


def test_files_of_bundles_that_are_gone_are_swept_and_no_others(
    bundle: Bundle, tmp_path: Path
) -> None:
    folder = tmp_path / "cache"
    gone = colour_bundle(tmp_path / "gone", class_names=("a", "b", "c"))
    keeper_for(folder, gone, 1).write(KEPT)
    keeper_for(folder, bundle, 1).write(KEPT)
    (folder / "notes.json").write_text("somebody else's")
    stale = folder / f"{'.' + only_name(folder, gone)}.abc"
    fresh = folder / f"{'.' + only_name(folder, bundle)}.abc"
    for path, age in ((stale, 7200), (fresh, 0)):
        path.touch()
        os.utime(path, (time.time() - age,) * 2)
    shutil.rmtree(gone.path)
    keeper_for(folder, bundle, 2).write(KEPT)
    names = {path.name for path in folder.iterdir()}
    assert {"notes.json", fresh.name} <= names
    assert stale.name not in names
    assert keeper_for(folder, gone, 1).read() is None
    assert keeper_for(folder, bundle, 1).read() == KEPT


def only_name(folder: Path, bundle: Bundle) -> str:
    [path] = folder.glob(f"{bundle.digest[:16]}-*.json")
    return path.stem


def test_beyond_a_number_of_files_those_used_longest_ago_are_swept(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_module, "MAX_FILES", 3)
    for number in range(3):
        keeper_for(tmp_path, bundle, number).write(KEPT)
        for path in tmp_path.iterdir():  # all written before count as older
            stamp = path.stat().st_mtime - 100
            os.utime(path, (stamp, stamp))
    assert keeper_for(tmp_path, bundle, 0).read() == KEPT  # used just now
    keeper_for(tmp_path, bundle, 3).write(KEPT)
    kept = [n for n in range(4) if keeper_for(tmp_path, bundle, n).read() is not None]
    assert kept == [0, 2, 3]


# --- How long it takes

STARTS = """
import sys, time
started = time.perf_counter()
from pathlib import Path
from classifier.bundle import Bundle
from classifier.engines.base import open_engine
engine = open_engine(Bundle.load(Path(sys.argv[1])), device="cpu", cache_dir=Path(sys.argv[2]))
print(time.perf_counter() - started)
"""


@pytest.mark.alone
@pytest.mark.slow
def test_a_restart_takes_less_than_a_second_with_every_hash_checked(tmp_path: Path) -> None:
    """ResNet50 with random weights: 190 MB of files. On two cores it took .55 s, the first 4.8."""
    from bench.random_bundle import write_random_bundle

    write_random_bundle(tmp_path / "bundle")

    def seconds() -> float:
        done = subprocess.run(
            [sys.executable, "-c", STARTS, tmp_path / "bundle", tmp_path / "cache"],
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        )
        return float(done.stdout)

    first = seconds()
    again = min(seconds() for _ in range(5))  # what else the machine does is not meant
    assert again < 1.0
    assert again < first

"""training.workplace: what is left of a run, and when."""

import contextlib
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from training.cache import FILE_NAME, Cache
from training.config import TrainingConfig
from training.errors import ConfigRefused, DatasetRefused, LossNotFinite, TrainingCancelled
from training.workplace import Workplace, workplace


@pytest.fixture
def config(tmp_path: Path) -> TrainingConfig:
    return TrainingConfig(tmp_path / "pictures", tmp_path / "out", cache=tmp_path / "cache")


def fill(place: Workplace, *, checkpoint: bool = True) -> None:
    (place.source / "unpacked").mkdir(parents=True)
    place.checkpoints.mkdir()
    if checkpoint:
        (place.checkpoints / "1.checkpoint").write_text("weights")


def run(config: TrainingConfig, error: BaseException, *, checkpoint: bool) -> None:
    with workplace(config) as place:
        fill(place, checkpoint=checkpoint)
        raise error


def run_until(config: TrainingConfig, error: BaseException, *, checkpoint: bool = True) -> None:
    with pytest.raises(type(error)):
        run(config, error, checkpoint=checkpoint)


def test_the_folder_is_gone_after_success(config: TrainingConfig) -> None:
    with workplace(config) as place:
        fill(place)
        assert config.work_folder in place.source.parents
        assert config.work_folder in place.checkpoints.parents
        assert config.work_folder.is_dir()
    assert not config.work_folder.exists()


@pytest.mark.parametrize(
    "error",
    [LossNotFinite("diverged", loss="nan", epoch=1, step=1), TrainingCancelled("cancelled")],
)
def test_it_is_gone_after_what_would_happen_again(error: Exception, config: TrainingConfig) -> None:
    run_until(config, error)
    assert not config.work_folder.exists()


@pytest.mark.parametrize(
    "error",
    [
        KeyboardInterrupt(),
        OSError(28, "No space left on device"),
        SystemExit(1),
        DatasetRefused("no_outliers", path="x"),  # another setting, and it could go on
    ],
)
def test_it_stays_after_what_came_from_outside_if_there_is_a_checkpoint(
    error: BaseException, config: TrainingConfig
) -> None:
    run_until(config, error)
    assert (config.work_folder / "checkpoints" / "1.checkpoint").read_text() == "weights"


@pytest.mark.parametrize("has_folder", [False, True])
@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_it_is_gone_where_there_is_nothing_to_go_on_from(
    error: BaseException, has_folder: bool, config: TrainingConfig
) -> None:
    if has_folder:
        run_until(config, error, checkpoint=False)
    else:
        with pytest.raises(type(error)), workplace(config):
            raise error
    assert not config.work_folder.exists()


def test_a_run_that_goes_on_finds_its_checkpoint_but_no_half_unpacked_source(
    config: TrainingConfig,
) -> None:
    run_until(config, KeyboardInterrupt())
    with workplace(config) as place:
        assert not place.source.exists()
        assert (place.checkpoints / "1.checkpoint").read_text() == "weights"
    assert not config.work_folder.exists()


def test_features_are_kept_where_the_configuration_says(
    config: TrainingConfig, tmp_path: Path
) -> None:
    with workplace(config) as place:
        place.cache.keep_facts([(bytes(32), b"fact")])
        assert place.graphs == tmp_path / "cache" / "graphs"
    cache = Cache(tmp_path / "cache")
    assert cache.facts([bytes(32)]) == {bytes(32): b"fact"}
    cache.close()


def test_without_a_cache_nothing_is_kept(config: TrainingConfig, tmp_path: Path) -> None:
    with workplace(replace(config, cache=None)) as place:
        assert config.work_folder in place.graphs.parents
        assert list(config.work_folder.rglob(FILE_NAME))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [None, KeyboardInterrupt()])
def test_the_cache_is_closed_afterwards(
    error: BaseException | None, config: TrainingConfig
) -> None:
    with contextlib.suppress(KeyboardInterrupt), workplace(config) as place:
        if error:
            raise error
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        place.cache._database.execute("SELECT 1")


def test_old_features_are_forgotten_after_success(
    config: TrainingConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    pruned: list[Cache] = []

    def prune(cache: Cache) -> None:
        pruned.append(cache)

    monkeypatch.setattr(Cache, "prune", prune)
    with workplace(config) as place:
        assert pruned == []
    assert pruned == [place.cache]
    run_until(config, KeyboardInterrupt())
    assert len(pruned) == 1


def test_a_folder_that_cannot_be_made_is_told(config: TrainingConfig, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    odd = replace(config, work=tmp_path / "file" / "work")
    with pytest.raises(OSError, match="file"), workplace(odd):
        pass


def test_two_runs_to_one_bundle_do_not_share_a_folder(config: TrainingConfig) -> None:
    with workplace(config) as place:
        fill(place)
        with pytest.raises(ConfigRefused, match="another training"), workplace(config):
            pass
        assert (place.checkpoints / "1.checkpoint").is_file()


def test_what_is_not_ours_stays(config: TrainingConfig) -> None:
    config.work_folder.mkdir(parents=True)
    (config.work_folder / "precious.txt").write_text("mine")
    draft = config.out.parent / f".{config.out.name}.abcdefgh"
    other = config.out.parent / f".{config.out.name}.original"
    for folder, name in ((draft, "model.h5"), (other, "holiday.jpg")):
        folder.mkdir()
        (folder / name).touch()
    with workplace(config) as place:
        fill(place)
    assert [path.name for path in config.work_folder.iterdir()] == ["precious.txt"]
    assert not draft.exists()
    assert other.exists()


def test_a_cache_that_is_no_folder_is_named(config: TrainingConfig, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(ConfigRefused, match="folder for the cache at"),
        workplace(replace(config, cache=tmp_path / "file")),
    ):
        pass
    assert not config.work_folder.exists()

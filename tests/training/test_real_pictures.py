"""What training reaches on real photographs, with MobileNetV2's ImageNet weights."""

import random
import shutil
from pathlib import Path

import pytest
from PIL import Image, ImageEnhance, ImageOps

from classifier.engines.hardware import instruction_sets
from tests.shared import SHARED_DATA, SHARED_KERAS, needs_shared_data
from training.auditing import audit_source
from training.config import TrainingConfig
from training.dataset.audit import Audit
from training.run import TrainingResult, train
from training.sources.index import SPLITS

pytestmark = [pytest.mark.slow, needs_shared_data]


@pytest.fixture(scope="module", autouse=True)
def keras_home() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_HOME", str(SHARED_KERAS))
        yield


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def trained(name: str, cache: Path, out: Path, **options: object) -> TrainingResult:
    folder = SHARED_DATA / name
    return train(
        TrainingConfig(folder, out, backbone="mobilenet_v2", cache=cache, **options)  # type: ignore[arg-type]
    )


def audited(folder: Path, cache: Path, scratch: Path) -> Audit:
    config = TrainingConfig(folder, scratch / "out", backbone="mobilenet_v2", cache=cache)
    return audit_source(config)


# --- Accuracy, calibration, "none of these"


@pytest.mark.parametrize(("name", "least"), [("hymenoptera", 0.967), ("cats_dogs", 0.975)])
def test_two_kinds_are_told_apart_and_other_things_are_noticed(
    name: str, least: float, cache: Path, tmp_path: Path
) -> None:
    metrics = trained(name, cache, tmp_path / "bundle", outliers=SHARED_DATA / "outliers").metrics
    assert metrics["val_top1"] >= least
    assert metrics["none_of_these"]["auroc"] >= 0.97
    assert metrics["none_of_these"]["known_pass_rate"] >= 0.95
    if name == "cats_dogs":
        assert metrics["val_ece"] <= 0.03


def test_nine_kinds_of_bugs_over_five_folds(cache: Path, tmp_path: Path) -> None:
    metrics = trained("bugs9", cache, tmp_path / "bundle", folds=5).metrics
    accuracies = metrics["folds"]["accuracies"]
    assert len(accuracies) == 15  # dealt three times
    # In bf16, which the backbone then runs in, the mean is .873; in fp32 .869 (docs/BENCHMARKS.md).
    has_bf16 = not instruction_sets().isdisjoint({"avx512_bf16", "amx_bf16"})
    assert sum(accuracies) / 15 >= (0.87 if has_bf16 else 0.869)


# --- The audit


@pytest.fixture
def cats_and_dogs(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SHARED_DATA / "cats_dogs", tmp_path / "cats_dogs"))


def test_pictures_with_a_wrong_label_are_among_the_first_suspects(
    cats_and_dogs: Path, cache: Path, tmp_path: Path
) -> None:
    rng = random.Random(7)
    planted = set()
    for name, other in (("cats", "dogs"), ("dogs", "cats")):
        pictures = sorted((cats_and_dogs / "train" / name).iterdir())
        for path in rng.sample(pictures, 10):
            moved = cats_and_dogs / "train" / other / f"moved-{path.name}"
            path.rename(moved)
            planted.add(moved.relative_to(cats_and_dogs).as_posix())
    [finding] = [
        each for each in audited(cats_and_dogs, cache, tmp_path).findings if each.code == "suspects"
    ]
    first = {item.paths[0] for item in finding.items[:40]}
    assert len(planted & first) >= 18


def test_near_duplicates_are_found_and_none_straddles_a_split(
    cats_and_dogs: Path, cache: Path, tmp_path: Path
) -> None:
    planted = plant_near_duplicates(cats_and_dogs, random.Random(3))
    audit = audited(cats_and_dogs, cache, tmp_path)
    codes = {"straddling", "alike", "alike_other_label"}
    pairs = {
        frozenset(item.paths)
        for finding in audit.findings
        if finding.code in codes
        for item in finding.items
    }
    found = [pair for pair in planted if pair in pairs]
    assert len(found) >= 27
    assert len(pairs - planted) <= 3
    row_of = {path: row for finding in audit.findings for item in finding.items
              for path, row in zip(item.paths, item.rows, strict=True)}  # fmt: skip
    split_of = dict(zip(audit.examples.rows.tolist(), audit.examples.splits.tolist(), strict=True))
    for pair in found:
        splits = {split_of.get(row_of[path]) for path in pair} - {None}
        assert len(splits) == 1, f"{pair} is in {[SPLITS[s] for s in splits]}"


def plant_near_duplicates(folder: Path, rng: random.Random) -> set[frozenset[str]]:
    """Thirty pictures of one split, smaller, encoded again, half of them mirrored, in the other."""
    pairs = set()
    for number in range(30):
        split, other = rng.sample(("train", "val"), 2)
        name = rng.choice(("cats", "dogs"))
        source = rng.choice(sorted((folder / split / name).glob("[cd]*")))
        image = Image.open(source).convert("RGB")
        factor = rng.uniform(0.5, 0.8)
        image = image.resize((int(image.width * factor), int(image.height * factor)))
        if number % 2:
            image = ImageOps.mirror(image)
        if number % 3 == 0:
            image = ImageEnhance.Brightness(image).enhance(rng.uniform(0.9, 1.1))
        copy = folder / other / name / f"planted-{number}.jpg"
        image.save(copy, quality=rng.randint(40, 70))
        pairs.add(frozenset(path.relative_to(folder).as_posix() for path in (source, copy)))
    return pairs

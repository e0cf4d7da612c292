"""classifier.bundle: what is written whole is read back; anything else has a named refusal."""

import hashlib
import json
import os
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifier.bundle import (
    FORMAT_VERSION,
    INT8_GRAPH,
    INT8_WEIGHTS,
    KERAS_MODEL,
    MANIFEST,
    SERVING_GRAPH,
    SERVING_WEIGHTS,
    Bundle,
    Manifest,
    new_bundle,
    refuse_existing,
)
from classifier.errors import (
    BundleCorrupt,
    BundleError,
    BundleExists,
    BundleIncompatible,
    BundleMissing,
)
from classifier.preprocess import PREPROCESSING_VERSION
from tests.bundles import colour_bundle

MANIFEST_OF_A_FEW = Manifest(
    class_names=("Ameise", "Bärenklau", "蜂"),
    head="sigmoid",
    backbone="resnet50",
    image_size=224,
    temperature=1.25,
    precision="bf16",
    seed=7,
    dataset_fingerprint="f" * 64,
    created_at="2026-01-02T03:04:05+00:00",
    thresholds=(0.1, 0.2, 0.3),
    metrics={"val_top1": 0.987, "precision": {"agreement": 1.0}},
    config={"folder": "/somewhere", "val_fraction": 0.2},
    versions={"keras": "3.15.1"},
)


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return colour_bundle(tmp_path / "bundle")


def refusal(path: Path) -> BundleError:
    with pytest.raises(BundleError) as caught:
        Bundle.load(path)
    assert str(path) in str(caught.value)
    return caught.value


def digest(content: dict[str, Any]) -> str:
    """The format's own promise, written down a second time."""
    canonical = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def rewrite(bundle: Bundle, **changes: Any) -> None:
    """Change fields of a manifest as its writer would, with a digest that fits."""
    path = bundle.path / MANIFEST
    content = {**json.loads(path.read_text(encoding="utf-8")), **changes}
    content.pop("digest")
    path.write_text(json.dumps({**content, "digest": digest(content)}), encoding="utf-8")


# --- The round trip


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    with new_bundle(tmp_path / "bundle") as draft:
        for name in (KERAS_MODEL, SERVING_GRAPH, SERVING_WEIGHTS):
            (draft.folder / name).write_bytes(name.encode())
        (draft.folder / "report").mkdir()
        (draft.folder / "report" / "worst.txt").write_text("none")
        draft.seal(MANIFEST_OF_A_FEW)
    loaded = Bundle.load(tmp_path / "bundle")
    assert loaded.path == tmp_path / "bundle"
    assert replace(loaded.manifest, files={}) == MANIFEST_OF_A_FEW
    assert set(loaded.manifest.files) == {
        KERAS_MODEL,
        SERVING_GRAPH,
        SERVING_WEIGHTS,
        "report/worst.txt",
    }
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


def test_a_manifest_reads_as_people_write(bundle: Bundle) -> None:
    text = replace(MANIFEST_OF_A_FEW, files=bundle.manifest.files).to_json()
    assert "Bärenklau" in text
    assert "蜂" in text
    assert text.endswith("}\n")


def test_the_digest_tells_bundles_apart(tmp_path: Path, bundle: Bundle) -> None:
    other = colour_bundle(tmp_path / "other", class_names=("x", "y", "z"))
    assert Bundle.load(bundle.path).digest == bundle.digest
    assert other.digest != bundle.digest


def test_a_bundle_can_be_moved(bundle: Bundle, tmp_path: Path) -> None:
    bundle.path.rename(tmp_path / "elsewhere")
    assert Bundle.load(tmp_path / "elsewhere").digest == bundle.digest


def test_an_int8_bundle_is_read_back_with_what_it_falls_back_on(tmp_path: Path) -> None:
    with new_bundle(tmp_path / "bundle") as draft:
        for name in (KERAS_MODEL, SERVING_GRAPH, SERVING_WEIGHTS, INT8_GRAPH, INT8_WEIGHTS):
            (draft.folder / name).write_bytes(name.encode())
        draft.seal(replace(MANIFEST_OF_A_FEW, precision="int8", fallbacks=("bf16", "fp32")))
    manifest = Bundle.load(tmp_path / "bundle").manifest
    assert (manifest.precision, manifest.fallbacks) == ("int8", ("bf16", "fp32"))


@pytest.mark.parametrize(("precision", "fallbacks"), [("fp32", ()), ("bf16", ("fp32",))])
def test_a_bundle_of_the_first_format_falls_back_on_fp32(
    bundle: Bundle, precision: str, fallbacks: tuple[str, ...]
) -> None:
    content = json.loads((bundle.path / MANIFEST).read_text())
    del content["digest"], content["fallbacks"]
    content |= {"format_version": 1, "precision": precision}
    written = digest(content)
    (bundle.path / MANIFEST).write_text(json.dumps({**content, "digest": written}))
    loaded = Bundle.load(bundle.path)
    assert loaded.manifest.fallbacks == fallbacks
    assert loaded.digest == written  # by which the database knows it


def test_workers_of_another_user_can_read_it(tmp_path: Path) -> None:
    umask = os.umask(0o022)
    try:
        bundle = colour_bundle(tmp_path / "bundle")
    finally:
        os.umask(umask)
    assert stat.S_IMODE(bundle.path.stat().st_mode) == 0o755
    for file in bundle.path.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o644, file


# --- Missing


def test_a_missing_folder_is_told_with_the_command_that_makes_one(tmp_path: Path) -> None:
    error = refusal(tmp_path / "nothing")
    assert isinstance(error, BundleMissing)
    assert error.code == "no_folder"
    assert "python -m training" in str(error)


def test_a_file_is_no_bundle(tmp_path: Path) -> None:
    (tmp_path / "model.h5").write_bytes(b"x")
    assert refusal(tmp_path / "model.h5").code == "no_folder"


def test_a_folder_without_a_manifest_is_told(tmp_path: Path) -> None:
    error = refusal(tmp_path)
    assert isinstance(error, BundleMissing)
    assert error.code == "no_manifest"


@pytest.mark.parametrize("name", [KERAS_MODEL, SERVING_GRAPH, SERVING_WEIGHTS])
def test_a_missing_file_is_named(bundle: Bundle, name: str) -> None:
    (bundle.path / name).unlink()
    error = refusal(bundle.path)
    assert isinstance(error, BundleCorrupt)
    assert error.code == "file_missing"
    assert name in str(error)


# --- Corrupt


@pytest.mark.parametrize(
    "content",
    [b"", b"not json", b"[1, 2]", b'"text"', b"null", b'{"format_version": 1', b"\xff\xfe\x00"],
    ids=["empty", "text", "list", "string", "null", "cut", "no utf-8"],
)
def test_a_manifest_that_is_none_is_corrupt(bundle: Bundle, content: bytes) -> None:
    (bundle.path / MANIFEST).write_bytes(content)
    error = refusal(bundle.path)
    assert isinstance(error, BundleCorrupt)
    assert error.code == "manifest_unreadable"


@pytest.mark.parametrize("version", ["null", '"one"', "[]", "Infinity", "1e999"])
def test_a_format_version_that_is_no_number_is_corrupt(bundle: Bundle, version: str) -> None:
    (bundle.path / MANIFEST).write_text(f'{{"format_version": {version}}}')
    assert refusal(bundle.path).code == "manifest_unreadable"


def test_a_manifest_nested_without_end_is_corrupt(bundle: Bundle) -> None:
    (bundle.path / MANIFEST).write_text("[" * 200_000)
    assert refusal(bundle.path).code == "manifest_unreadable"


@pytest.mark.parametrize("name", [KERAS_MODEL, SERVING_GRAPH, SERVING_WEIGHTS])
def test_a_changed_byte_is_found_in_every_file(bundle: Bundle, name: str) -> None:
    content = bytearray((bundle.path / name).read_bytes())
    content[len(content) // 2] ^= 1
    (bundle.path / name).write_bytes(content)
    error = refusal(bundle.path)
    assert isinstance(error, BundleCorrupt)
    assert error.code == "file_changed"
    assert name in str(error)


def test_a_changed_byte_is_found_in_the_manifest(bundle: Bundle) -> None:
    path = bundle.path / MANIFEST
    path.write_text(path.read_text().replace('"green"', '"greed"'))
    error = refusal(bundle.path)
    assert isinstance(error, BundleCorrupt)
    assert error.code == "manifest_changed"


def test_a_manifest_without_its_digest_is_changed(bundle: Bundle) -> None:
    path = bundle.path / MANIFEST
    content = json.loads(path.read_text())
    del content["digest"]
    path.write_text(json.dumps(content))
    assert refusal(bundle.path).code == "manifest_changed"


def test_a_file_that_the_manifest_does_not_list_is_changed(bundle: Bundle) -> None:
    files = {k: v for k, v in bundle.manifest.files.items() if k != KERAS_MODEL}
    rewrite(bundle, files=files)
    error = refusal(bundle.path)
    assert error.code == "file_changed"
    assert KERAS_MODEL in str(error)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"class_names": ["a", "b", "a"]}, "different class names"),
        ({"class_names": ["a"]}, "two or more"),
        ({"class_names": []}, "two or more"),
        ({"class_names": None}, "TypeError"),
        ({"head": "argmax"}, "head"),
        ({"precision": "int4"}, "precision"),
        ({"precision": "int8"}, INT8_GRAPH),
        ({"fallbacks": None}, "TypeError"),
        ({"fallbacks": "fp32"}, "fallbacks"),
        ({"fallbacks": ["int4", "fp32"]}, "fallbacks"),
        ({"fallbacks": [["fp32"]]}, "fallbacks"),
        ({"fallbacks": ["fp32"]}, "fallbacks"),  # the precision itself
        ({"precision": "bf16", "fallbacks": ["fp32", "fp32"]}, "fallbacks"),
        ({"precision": "bf16", "fallbacks": ["fp32", "int8"]}, "fallbacks"),
        ({"precision": "bf16", "fallbacks": ["int8", "fp32"]}, INT8_GRAPH),
        ({"temperature": 0}, "temperature"),
        ({"temperature": -1.0}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"temperature": "warm"}, "TypeError"),
        ({"thresholds": [0.5]}, "threshold for each class"),
    ],
)
def test_values_that_make_no_sense_are_corrupt(
    bundle: Bundle, changes: dict[str, Any], words: str
) -> None:
    rewrite(bundle, **changes)
    error = refusal(bundle.path)
    assert isinstance(error, BundleCorrupt)
    assert error.code == "manifest_unreadable"
    assert words in str(error)


@pytest.mark.parametrize("name", ["class_names", "head", "temperature", "files", "seed"])
def test_a_manifest_without_a_field_names_it(bundle: Bundle, name: str) -> None:
    path = bundle.path / MANIFEST
    content = json.loads(path.read_text())
    del content["digest"], content[name]
    path.write_text(json.dumps({**content, "digest": digest(content)}))
    error = refusal(bundle.path)
    assert error.code == "manifest_unreadable"
    assert name in str(error)


TEXT = MANIFEST_OF_A_FEW.to_json().encode()


@settings(max_examples=200, deadline=None, database=None)
@given(st.lists(st.tuples(st.integers(0, len(TEXT) - 1), st.integers(0, 255)), min_size=1))
def test_a_mutated_manifest_is_refused_by_name(changes: list[tuple[int, int]]) -> None:
    mutated = bytearray(TEXT)
    for place, value in changes:
        mutated[place] = value
    text = mutated.decode(errors="replace")
    try:
        manifest = Manifest.from_json(text, Path("bundle"))
    except BundleError:
        return
    assert manifest == MANIFEST_OF_A_FEW  # only white space can have changed


@settings(max_examples=100, deadline=None, database=None)
@given(
    st.dictionaries(
        st.sampled_from(["format_version", "digest", "class_names", "\ud800"]),
        st.recursive(st.none() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=4),
    )
)
def test_any_object_is_refused_by_name(content: dict[str, Any]) -> None:
    with pytest.raises(BundleError):
        Manifest.from_json(json.dumps(content), Path("bundle"))


# --- Incompatible


def test_a_newer_format_is_refused_whatever_else_it_holds(bundle: Bundle) -> None:
    path = bundle.path / MANIFEST
    path.write_text(json.dumps({"format_version": FORMAT_VERSION + 1, "classes": {"new": "idea"}}))
    error = refusal(bundle.path)
    assert isinstance(error, BundleIncompatible)
    assert error.code == "newer_format"
    assert "Update Ocellus" in str(error)


def test_fields_that_are_not_known_are_passed_over(bundle: Bundle) -> None:
    rewrite(bundle, colour_of_the_bundle="blue")
    assert Bundle.load(bundle.path).manifest == bundle.manifest


def test_another_preprocessing_is_refused(bundle: Bundle) -> None:
    rewrite(bundle, preprocessing_version=PREPROCESSING_VERSION + 1)
    error = refusal(bundle.path)
    assert isinstance(error, BundleIncompatible)
    assert error.code == "other_preprocessing"


# --- Writing


def test_an_error_while_writing_leaves_nothing_behind(tmp_path: Path) -> None:
    def write() -> None:
        with new_bundle(tmp_path / "models" / "bundle") as draft:
            (draft.folder / "half").write_bytes(b"x")
            draft.seal(MANIFEST_OF_A_FEW)
            raise OSError("No space left on device")

    with pytest.raises(OSError, match="No space left"):
        write()
    assert list((tmp_path / "models").iterdir()) == []


def test_a_draft_that_is_not_sealed_never_becomes_a_bundle(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="sealed"), new_bundle(tmp_path / "bundle") as draft:
        (draft.folder / KERAS_MODEL).write_bytes(b"x")
    assert list(tmp_path.iterdir()) == []


def test_while_it_is_written_there_is_nothing_at_its_place(tmp_path: Path) -> None:
    path = tmp_path / "bundle"
    with new_bundle(path) as draft:
        draft.seal(MANIFEST_OF_A_FEW)
        assert not path.exists()
        assert draft.folder.parent == tmp_path  # the same file system, so that it can be renamed
        assert draft.folder.name.startswith(".")
    assert path.is_dir()


@pytest.mark.parametrize("kind", ["bundle", "empty folder", "file", "dangling link"])
def test_what_exists_is_never_overwritten(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "taken"
    if kind == "bundle":
        colour_bundle(path)
    elif kind == "empty folder":
        path.mkdir()
    elif kind == "file":
        path.write_bytes(b"x")
    else:
        path.symlink_to(tmp_path / "nothing")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(BundleExists) as caught:
        colour_bundle(path)
    assert "choose another name" in str(caught.value)
    with pytest.raises(BundleExists):
        refuse_existing(path)
    assert sorted(tmp_path.rglob("*")) == before


def test_of_two_writers_of_one_bundle_the_first_wins(tmp_path: Path) -> None:
    path = tmp_path / "bundle"

    def write() -> None:
        with new_bundle(path) as draft:
            draft.seal(MANIFEST_OF_A_FEW)
            colour_bundle(path)

    with pytest.raises(BundleExists):
        write()
    assert Bundle.load(path).manifest.backbone == "colours"
    assert list(tmp_path.iterdir()) == [path]


# --- Sentences


@pytest.mark.parametrize("kind", [BundleMissing, BundleCorrupt, BundleIncompatible, BundleExists])
def test_every_bundle_error_says_what_was_expected(kind: type[BundleError]) -> None:
    names = ("path", "problem", "file", "expected", "received", "num_classes", "num_outputs")
    params = dict.fromkeys((*names, "image_size", "place"), "…")
    for code in kind.sentences:
        assert str(kind(code, **params)).startswith("Expected ")

"""training.sources.csv_manifest: what a manifest may say, and the line and column of what it may not."""

import unicodedata
from pathlib import Path

import pytest

from tests.training.indexes import found
from training.errors import DatasetRefused
from training.sources.csv_manifest import is_manifest, read_csv
from training.sources.errors import ListRefused
from training.sources.index import Index


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Pictures by their name a.jpg … d.jpg and below/e.jpg; a manifest opens none."""
    root = tmp_path / "pictures"
    (root / "below").mkdir(parents=True)
    for name in ("a.jpg", "b.jpg", "c.jpg", "d.jpg", "below/e.jpg"):
        (root / name).touch()
    return root


def manifest(folder: Path, text: str | bytes) -> Path:
    file = folder / "labels.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def read(folder: Path, text: str | bytes) -> Index:
    return read_csv(manifest(folder, text))


def refusal(folder: Path, text: str | bytes) -> ListRefused:
    with pytest.raises(DatasetRefused) as caught:
        read(folder, text)
    error = caught.value
    assert isinstance(error, ListRefused)
    assert str(error).startswith("Expected ")
    assert "labels.csv" in str(error)
    return error


def test_rows_stay_in_order_with_their_labels_and_splits(folder: Path) -> None:
    index = read(folder, "path,label,split\nb.jpg,bee,val\nbelow/e.jpg,ant,train\na.jpg,bee,test\n")
    assert found(index) == [
        ("b.jpg", ("bee",), "val"),
        ("below/e.jpg", ("ant",), "train"),
        ("a.jpg", ("bee",), "test"),
    ]
    assert index.class_names == ("ant", "bee")
    assert index.path(1) == folder / "below" / "e.jpg"


def test_without_a_split_column_everything_is_open(folder: Path) -> None:
    index = read(folder, "path,label\na.jpg,ant\nb.jpg,bee\n")
    assert found(index) == [("a.jpg", ("ant",), None), ("b.jpg", ("bee",), None)]


def test_columns_come_in_any_order_with_spaces_and_a_byte_order_mark(folder: Path) -> None:
    index = read(folder, "\ufeffsplit, label, path\r\ntest, ant,a.jpg\r\n, bee ,b.jpg\r\n".encode())
    assert found(index) == [("a.jpg", ("ant",), "test"), ("b.jpg", ("bee",), None)]


def test_several_labels_are_separated_by_a_bar_and_none_is_none_of_the_classes(
    folder: Path,
) -> None:
    index = read(folder, "path,label\na.jpg,bee|ant\nb.jpg,\nc.jpg,ant\nd.jpg, ant | ant \n")
    assert [names for _, names, _ in found(index)] == [("ant", "bee"), (), ("ant",), ("ant",)]
    assert index.is_multi_label


def test_labels_may_hold_commas_quotes_and_any_letters(folder: Path) -> None:
    index = read(folder, 'path,label\na.jpg,"Apis, ""honey"""\nb.jpg,蜂\n')
    assert index.class_names == ('Apis, "honey"', "蜂")


def test_labels_of_the_same_letters_are_one_class(folder: Path) -> None:
    nfc, nfd = (unicodedata.normalize(form, "Käfer") for form in ("NFC", "NFD"))
    assert read(folder, f"path,label\na.jpg,{nfd}\nb.jpg,{nfc}\n").class_names == (nfc,)


def test_a_path_may_spell_the_files_letters_another_way(folder: Path) -> None:
    nfc, nfd = (unicodedata.normalize(form, "Käfer.jpg") for form in ("NFC", "NFD"))
    (folder / nfc).touch()
    assert list(read(folder, f"path,label\n{nfd},ant\n").paths) == [nfc]


def test_blank_lines_and_a_missing_last_line_end_are_nothing(folder: Path) -> None:
    assert len(read(folder, "path,label\n\na.jpg,ant\n\n\nb.jpg,bee")) == 2


def test_paths_are_told_apart_as_files_are(folder: Path) -> None:
    index = read(folder, "path,label\n./a.jpg,ant\nbelow//e.jpg,bee\nbelow/../b.jpg,bee\n")
    assert list(index.paths) == ["a.jpg", "below/e.jpg", "b.jpg"]


def test_train_and_test_alone_leave_train_open_for_validation(folder: Path) -> None:
    text = "path,label,split\na.jpg,ant,train\nb.jpg,bee,test\n"
    assert [split for _, _, split in found(read(folder, text))] == [None, "test"]
    with_open = text + "c.jpg,ant,\n"
    assert [split for _, _, split in found(read(folder, with_open))] == ["train", "test", None]


LINES = [
    # The header
    ("path;label\na.jpg;ant\n", "column", ("line 1", "column path;label")),
    ("path,label,weight\na.jpg,ant,1\n", "column", ("line 1", "column weight")),
    ("Path,label\na.jpg,ant\n", "column", ("line 1", "column Path")),
    ("path,split\na.jpg,val\n", "no_column", ("line 1", "column label")),
    ("label\nant\n", "no_column", ("line 1", "column path")),
    ("", "no_column", ("line 1", "column path")),
    ("path,label,label\na.jpg,ant,bee\n", "column_twice", ("line 1", "column label")),
    # The rows
    ("path,label\na.jpg,ant\nb.jpg\n", "length", ("line 3", "2 values", "received 1")),
    ("path,label\na.jpg,ant,train\n", "length", ("line 2", "received 3")),
    ("path,label\n\na.jpg,ant\nnone.jpg,ant\n", "missing", ("line 4", "column path", "none.jpg")),
    ("path,label\n,ant\n", "missing", ("line 2", "column path", "received nothing")),
    ("path,label\nbelow,ant\n", "missing", ("line 2", "column path")),
    ("path,label\nbelow\\e.jpg,ant\n", "missing", ("line 2", "with / between")),
    ("path,label\na.jpg\0,ant\n", "missing", ("line 2", "a.jpg\\x00")),
    ("path,label\n/etc/passwd,ant\n", "outside", ("line 2", "column path", "/etc/passwd")),
    ("path,label\n../secret.jpg,ant\n", "outside", ("line 2", "column path")),
    ("path,label\nbelow/../../secret.jpg,ant\n", "outside", ("line 2", "column path")),
    ("path,label\n..,ant\n", "outside", ("line 2", "column path")),
    ("path,label\na.jpg,ant|\n", "label", ("line 2", "column label", "ant|")),
    ("path,label\na.jpg,ant||bee\n", "label", ("line 2", "column label")),
    ("path,label\na.jpg,ant\nb.jpg,Ant\n", "case", ("line 3", "column label", "Ant", "ant")),
    (
        "path,label,split\na.jpg,ant,train\nb.jpg,ant,dev\n",
        "split",
        ("line 3, column split", "train, val, test", "received dev"),
    ),
    ("path,label,split\na.jpg,ant,Train\n", "split", ("line 2", "received Train")),
    # The whole
    ("path,label\n", "no_labels", ()),
    ("path,label\na.jpg,\n", "no_labels", ()),
    (
        "path,label\na.jpg,ant\n\nb.jpg,ant\n./a.jpg,bee\nb.jpg,ant\n",
        "twice",
        ("line 5", "column path", "a.jpg", "line 2 already"),
    ),
    # What is no CSV in UTF-8
    (b"path,label\na.jpg,K\xe4fer\n", "text", ("line 2", "column label", "K\\xe4fer")),
    (b"path,label\nb\xe4.jpg,ant\n", "text", ("line 2", "column path")),
    ("path,label\na.jpg,ant\n".encode("utf-16"), "text", ("line 1", "UTF-8")),
    ("path,label\na.jpg,ant\n".encode("utf-16-le"), "text", ("line 1", "UTF-8")),
    ('path,label\na.jpg,"ant\n', "no_csv", ("line 2", "quotation marks")),
    ('path,label\na.jpg,"ant"x\n', "no_csv", ("line 2",)),
    ("path,label\na.jpg," + "a" * 70_000, "long_line", ("line 2",)),
    (b"\x89PNG\r\n\x1a\n" + bytes(100_000), "text", ("line 1",)),
]


@pytest.mark.parametrize(("text", "code", "words"), LINES, ids=range(len(LINES)))
def test_what_cannot_be_used_is_told_with_its_place(
    folder: Path, text: str | bytes, code: str, words: tuple[str, ...]
) -> None:
    (folder.parent / "secret.jpg").touch()
    error = refusal(folder, text)
    assert error.code == code
    for word in words:
        assert word in str(error)


def test_a_linked_folder_that_leads_outside_is_refused(folder: Path) -> None:
    (folder.parent / "elsewhere").mkdir()
    (folder.parent / "elsewhere" / "x.jpg").touch()
    (folder / "linked").symlink_to(folder.parent / "elsewhere")
    (folder / "inside").symlink_to(folder / "below")
    assert len(read(folder, "path,label\ninside/e.jpg,ant\n")) == 1
    assert refusal(folder, "path,label\nlinked/x.jpg,ant\n").code == "outside"


def test_a_root_that_is_a_link_itself_is_no_way_out(folder: Path) -> None:
    link = folder.parent / "link"
    link.symlink_to(folder)
    assert len(read(link, "path,label\nbelow/e.jpg,ant\n")) == 1


def test_a_long_value_is_told_in_short(folder: Path) -> None:
    assert len(str(refusal(folder, f"path,label\n{'a/' * 20_000},ant\n"))) < 1000


def test_a_missing_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ListRefused) as caught:
        read_csv(tmp_path / "none.csv")
    assert caught.value.code == "unreadable"


def test_equal_hashes_of_different_paths_are_no_repetition(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.sources.listed.hash", lambda path: 7, raising=False)
    assert len(read(folder, "path,label\na.jpg,ant\nb.jpg,bee\nc.jpg,bee\n")) == 3
    assert refusal(folder, "path,label\na.jpg,ant\na.jpg,bee\n").code == "twice"


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("path,label\n", True),
        ("split,label,path\nx", True),
        ("path,label,weight\n", True),
        ("name,species\n", False),
        ("", False),
        ("\0\0", False),
    ],
)
def test_a_manifest_is_known_by_its_first_line(folder: Path, text: str, is_one: bool) -> None:
    assert is_manifest(manifest(folder, text)) is is_one


@pytest.mark.parametrize("code", ListRefused.sentences)
def test_every_refusal_names_the_file(code: str) -> None:
    params = dict.fromkeys(
        ("line", "column", "received", "problem", "limit", "expected", "first", "other"), "…"
    )
    sentence = str(ListRefused(code, file="labels.csv", **params))
    assert sentence.startswith("Expected ")
    assert "labels.csv" in sentence

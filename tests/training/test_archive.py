"""training.sources.archive: a ZIP comes out whole below its folder, or is refused and leaves nothing."""

import errno
import io
import itertools
import os
import shutil
import stat
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from training.sources import archive
from training.sources.archive import extracted
from training.sources.archive_rules import DEFAULT_LIMITS, ArchiveLimits
from training.sources.errors import ArchiveRefused

BIRDS = {"ant/a.jpg": b"first", "ant/b.jpg": b"second", "bee/c.jpg": b"third"}
Change = Callable[[zipfile.ZipFile], None]


def pack(
    files: Mapping[str, bytes] = BIRDS,
    change: Change = lambda packed: None,
    method: int = zipfile.ZIP_DEFLATED,
) -> bytes:
    """A ZIP; `change` makes its directory lie, which is written last."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as packed:
        for name, data in files.items():
            info = zipfile.ZipInfo("placeholder")
            info.filename, info.compress_type = name, method
            packed.writestr(info, data)
        change(packed)
    return buffer.getvalue()


def first(**fields: int) -> Change:
    """The first entry's directory entry says something else."""

    def change(packed: zipfile.ZipFile) -> None:
        for name, value in fields.items():
            setattr(packed.filelist[0], name, value)

    return change


def unpack(tmp_path: Path, data: bytes, limits: ArchiveLimits = DEFAULT_LIMITS) -> Path:
    path = tmp_path / "birds.zip"
    path.write_bytes(data)
    return extracted(path, tmp_path / "into", limits)


def refusal(tmp_path: Path, data: bytes, limits: ArchiveLimits = DEFAULT_LIMITS) -> ArchiveRefused:
    with pytest.raises(ArchiveRefused) as caught:
        unpack(tmp_path, data, limits)
    assert list((tmp_path / "into").iterdir()) == []
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["birds.zip", "into"]
    assert str(caught.value).startswith("Expected ")
    return caught.value


def files_below(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def never_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    def write(*arguments: object) -> None:
        pytest.fail("Something was about to be written")

    monkeypatch.setattr(archive, "_write", write)


# --- What comes out


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_folder_of_classes_comes_out_as_it_is(tmp_path: Path, method: int) -> None:
    folder = unpack(tmp_path, pack(method=method))
    assert folder == tmp_path / "into"
    assert files_below(folder) == BIRDS


@pytest.mark.parametrize(
    ("names", "folder"),
    [
        (("birds/ant/a.jpg", "birds/bee/b.jpg"), "birds"),
        (("birds/ant/a.jpg", "birds/bee/b.jpg", "README.txt"), "birds"),
        (("a/b/c/ant/a.jpg", "a/b/c/bee/b.jpg"), "a/b/c"),
        (("birds/train/ant/a.jpg", "birds/val/ant/b.jpg"), "birds"),
        (("ant/a.jpg", "ant/b.jpg"), ""),
        (("ant/a.jpg", "ant/2024/b.jpg"), ""),
        (("birds/labels.csv", "birds/a.jpg"), "birds"),
        (("labels.csv", "birds/ant/a.jpg"), ""),
        (("CUB_200_2011/images.txt", "CUB_200_2011/images/a/a.jpg"), "CUB_200_2011"),
        (("attributes.txt", "CUB/images.txt", "CUB/images/a/a.jpg"), "CUB"),
        (("train/a/b.jpg", "photo.jpg"), ""),
    ],
)
def test_folders_that_only_wrap_another_are_passed(
    tmp_path: Path, names: tuple[str, ...], folder: str
) -> None:
    assert unpack(tmp_path, pack(dict.fromkeys(names, b"x"))) == tmp_path / "into" / folder


def test_what_systems_put_in_unasked_is_left_out(tmp_path: Path) -> None:
    litter = ("__MACOSX/ant/._a.jpg", "ant/.DS_Store", "ant/Thumbs.db", ".git/x.zip", "ant/Icon\r")
    folder = unpack(tmp_path, pack({**BIRDS, **dict.fromkeys(litter, b"x")}))
    assert files_below(folder) == BIRDS


def test_names_in_utf8_and_in_code_page_437_are_read(tmp_path: Path) -> None:
    data = pack({"Käfer/蜂.jpg": b"1", "ant/k?fer.jpg": b"2", "ant/m??we.jpg": b"3"})
    data = data.replace(b"k?fer", b"k\x84fer")  # Windows: code page 437
    data = data.replace(b"m??we", "möwe".encode())  # macOS: UTF-8, and not saying so
    assert files_below(unpack(tmp_path, data)) == {
        "Käfer/蜂.jpg": b"1",
        "ant/käfer.jpg": b"2",
        "ant/möwe.jpg": b"3",
    }


def test_nothing_that_is_written_can_be_executed(tmp_path: Path) -> None:
    data = pack(change=first(external_attr=(stat.S_IFREG | 0o4777) << 16))
    mode = (unpack(tmp_path, data) / "ant" / "a.jpg").stat().st_mode
    assert stat.S_ISREG(mode)
    assert mode & 0o7133 == 0


def test_folders_and_dots_in_names_are_harmless(tmp_path: Path) -> None:
    folder = unpack(tmp_path, pack({"ant/": b"", "./ant//a.jpg": b"1", "empty/": b""}))
    assert files_below(folder) == {"ant/a.jpg": b"1"}


def test_a_zip_of_nothing_is_an_empty_folder(tmp_path: Path) -> None:
    assert files_below(unpack(tmp_path, pack({}))) == {}


def test_a_folder_with_something_in_it_is_not_unpacked_into(tmp_path: Path) -> None:
    (tmp_path / "into").mkdir()
    (tmp_path / "into" / "mine.txt").touch()
    with pytest.raises(FileExistsError):
        unpack(tmp_path, pack())
    assert (tmp_path / "into" / "mine.txt").exists()


# --- What is refused before anything is written


@pytest.mark.usefixtures("never_writes")
@pytest.mark.parametrize(
    "name",
    [
        "../evil.jpg",
        "ant/../../evil.jpg",
        "ant/..",
        "/etc/evil.jpg",
        "//server/evil.jpg",
        "C:/evil.jpg",
        "c:evil.jpg",
        "..\\evil.jpg",
        "ant\\a.jpg",
        "ant/a.jpg\0.txt",
        "__MACOSX/../../evil.jpg",
    ],
)
def test_paths_that_lead_elsewhere_are_refused(tmp_path: Path, name: str) -> None:
    error = refusal(tmp_path, pack({**BIRDS, name: b"x"}))
    assert error.code == "path"
    assert "evil" in str(error) or "ant" in str(error)


@pytest.mark.usefixtures("never_writes")
@pytest.mark.parametrize(
    "name",
    ["ant/a\n.jpg", "ant/\x1b[2J.jpg", f"ant/{'ä' * 128}.jpg", "a/" * 101, f"{'a' * 250}/" * 8],
)
def test_names_that_cannot_be_shown_or_written_are_refused(tmp_path: Path, name: str) -> None:
    error = refusal(tmp_path, pack({**BIRDS, name.rstrip("/"): b"x"}))
    assert error.code == "odd_name"
    assert str(error).isprintable()


@pytest.mark.usefixtures("never_writes")
def test_names_that_are_no_text_are_refused(tmp_path: Path) -> None:
    data = pack({"ant/é.jpg": b"x"}).replace("é".encode(), b"\xc3\x28")
    error = refusal(tmp_path, data)
    assert error.code == "odd_name"
    assert "ant/\\xc3(" in str(error)


@pytest.mark.usefixtures("never_writes")
@pytest.mark.parametrize(
    "kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFSOCK, stat.S_IFBLK, stat.S_IFCHR, stat.S_IFDIR]
)
def test_links_and_other_special_files_are_refused(tmp_path: Path, kind: int) -> None:
    error = refusal(tmp_path, pack(change=first(external_attr=(kind | 0o777) << 16)))
    assert error.code == "special"
    assert "ant/a.jpg" in str(error)


@pytest.mark.usefixtures("never_writes")
@pytest.mark.parametrize("flag", [0x1, 0x40, 0x2000])
def test_encrypted_files_are_refused(tmp_path: Path, flag: int) -> None:
    assert refusal(tmp_path, pack(change=first(flag_bits=flag))).code == "encrypted"


@pytest.mark.usefixtures("never_writes")
@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_uncommon_methods_are_refused(tmp_path: Path, method: int) -> None:
    assert refusal(tmp_path, pack(method=method)).code == "method"


@pytest.mark.usefixtures("never_writes")
@pytest.mark.parametrize("name", ["more.zip", "ant/more.ZIP", "x.tar", "x.tar.gz", "x.7z", "x.rar"])
def test_archives_within_are_refused(tmp_path: Path, name: str) -> None:
    error = refusal(tmp_path, pack({**BIRDS, name: b"x"}))
    assert error.code == "nested"
    assert name in str(error)


@pytest.mark.usefixtures("never_writes")
@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("name", "again"),
    [
        ("ant/d.jpg", "ant/d.jpg"),
        ("ant/d.jpg", "ant/D.JPG"),
        ("ant/d.jpg", "ant/./d.jpg"),
        ("Käfer/d.jpg", "KÄFER/e.jpg"),
        ("ant/é.jpg", "ant/e\u0301.jpg"),
        ("bug/x/d.jpg", "BUG/y/e.jpg"),
        ("bug", "bug/d.jpg"),
        ("bug/d.jpg", "Bug"),
    ],
)
def test_names_that_are_the_same_or_differ_only_in_case_are_refused(
    tmp_path: Path, name: str, again: str
) -> None:
    def repeat(packed: zipfile.ZipFile) -> None:
        packed.writestr(again, b"y")

    assert refusal(tmp_path, pack({**BIRDS, name: b"x"}, repeat)).code == "twice"


@pytest.mark.usefixtures("never_writes")
@pytest.mark.parametrize(
    ("limits", "code"),
    [
        (ArchiveLimits(max_bytes=15), "too_many_bytes"),
        (ArchiveLimits(max_files=4), "too_many_files"),  # three files in two folders
        (ArchiveLimits(max_files=2), "too_many_files"),
    ],
)
def test_more_than_the_limits_is_refused(tmp_path: Path, limits: ArchiveLimits, code: str) -> None:
    assert refusal(tmp_path, pack(), limits).code == code


def test_exactly_the_limits_is_not_refused(tmp_path: Path) -> None:
    unpack(tmp_path, pack(), ArchiveLimits(max_bytes=16, max_files=5))


@pytest.mark.usefixtures("never_writes")
def test_a_directory_of_too_many_entries_is_not_even_parsed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = pack(dict.fromkeys((f"ant/{i}.jpg" for i in range(50)), b""))
    monkeypatch.setattr(zipfile, "ZipInfo", None)
    assert refusal(tmp_path, data, ArchiveLimits(max_files=40)).code == "too_many_files"


@pytest.mark.usefixtures("never_writes")
def test_a_directory_that_is_too_long_for_its_entries_is_not_even_read(tmp_path: Path) -> None:
    names = {f"ant/{i}{'/x' * 30_000}.jpg": b"" for i in range(20)}
    assert refusal(tmp_path, pack(names), ArchiveLimits(max_files=30)).code == "too_many_files"


@pytest.mark.usefixtures("never_writes")
def test_a_bomb_is_refused(tmp_path: Path) -> None:
    error = refusal(tmp_path, pack({**BIRDS, "ant/bomb.bmp": bytes(3 * 2**20)}))
    assert error.code == "ratio"
    assert "ant/bomb.bmp" in str(error)


@pytest.mark.usefixtures("never_writes")
def test_a_bomb_of_many_small_files_is_refused(tmp_path: Path) -> None:
    grains = {f"ant/{i}.bmp": bytes(2**20) for i in range(4)}
    error = refusal(tmp_path, pack(grains))
    assert error.code == "ratio"
    assert "birds.zip" in str(error)


@pytest.mark.usefixtures("never_writes")
def test_a_bomb_whose_entries_share_their_bytes_is_refused(tmp_path: Path) -> None:
    def share(packed: zipfile.ZipFile) -> None:
        packed.filelist = [packed.filelist[0] for _ in range(200)]
        for i, info in enumerate(packed.filelist):
            packed.filelist[i] = shared = zipfile.ZipInfo(f"ant/{i}.bmp")
            for name in ("header_offset", "CRC", "compress_size", "file_size", "compress_type"):
                setattr(shared, name, getattr(info, name))

    kernel = {"ant/0.bmp": os.urandom(2**16)}
    assert refusal(tmp_path, pack(kernel, share, zipfile.ZIP_STORED)).code == "ratio"


@pytest.mark.usefixtures("never_writes")
def test_a_plain_picture_that_packs_well_is_no_bomb(tmp_path: Path) -> None:
    with pytest.raises(pytest.fail.Exception, match="about to be written"):
        unpack(tmp_path, pack({"ant/white.bmp": bytes(2**20)}))


@pytest.mark.usefixtures("never_writes")
def test_a_zip_that_does_not_fit_on_the_disk_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=3 * 4096)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    assert refusal(tmp_path, pack()).code == "no_space"


@pytest.mark.usefixtures("never_writes")
@pytest.mark.parametrize(
    "data",
    [b"", b"PK\x05\x06", b"\x1f\x8b" + bytes(100), pack()[:-30], pack()[-100:], bytes(10_000)],
)
def test_what_is_no_whole_zip_is_refused(tmp_path: Path, data: bytes) -> None:
    error = refusal(tmp_path, data)
    assert error.code == "no_zip"
    assert str(tmp_path / "birds.zip") in str(error)


def test_a_missing_zip_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArchiveRefused) as caught:
        extracted(tmp_path / "none.zip", tmp_path / "into")
    assert caught.value.code == "no_zip"


# --- What is refused while it is unpacked


@pytest.mark.parametrize("size", [2, 4, 6, 100_000])
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_file_of_another_size_than_declared_is_refused(
    tmp_path: Path, size: int, method: int
) -> None:
    error = refusal(tmp_path, pack(change=first(file_size=size), method=method))
    assert error.code == "damaged"
    assert "ant/a.jpg" in str(error)


def test_more_bytes_than_declared_are_never_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "_chunks", lambda *arguments: itertools.repeat(b"four"))
    assert refusal(tmp_path, pack()).code == "damaged"


@pytest.mark.parametrize("change", [first(CRC=1), first(compress_size=2), first(header_offset=9)])
def test_a_file_that_does_not_fit_its_directory_entry_is_refused_by_name(
    tmp_path: Path, change: Change
) -> None:
    error = refusal(tmp_path, pack(change=change))
    assert error.code == "damaged"
    assert "ant/a.jpg" in str(error)


def test_a_damaged_file_is_refused_by_name_and_takes_the_others_with_it(tmp_path: Path) -> None:
    error = refusal(tmp_path, pack(method=zipfile.ZIP_STORED).replace(b"third", b"thirD"))
    assert error.code == "damaged"
    assert "bee/c.jpg" in str(error)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_fills_up_is_told_and_cleared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    data = pack()
    really_open = os.open

    def fail_late(path: Path, *arguments: int, **options: int) -> int:
        if getattr(path, "name", "") == "c.jpg":
            raise OSError(number, os.strerror(number))
        return really_open(path, *arguments, **options)

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", fail_late)
        with pytest.raises(ArchiveRefused) as caught:
            unpack(tmp_path, data)
    assert caught.value.code == "no_space"
    assert list((tmp_path / "into").iterdir()) == []


def test_an_interrupted_unpacking_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*arguments: object) -> None:
        (tmp_path / "into" / "half.jpg").touch()
        raise KeyboardInterrupt

    monkeypatch.setattr(archive, "_write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        unpack(tmp_path, pack())
    assert list((tmp_path / "into").iterdir()) == []


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.tuples(st.integers(0, len(pack()) - 1), st.integers(0, 255)), max_size=4),
    st.integers(0, len(pack())),
)
def test_whatever_happens_to_its_bytes_it_is_unpacked_or_refused(
    changes: list[tuple[int, int]], length: int
) -> None:
    data = bytearray(pack())
    for place, value in changes:
        data[place] = value
    with tempfile.TemporaryDirectory() as folder:
        path, into = Path(folder) / "birds.zip", Path(folder) / "into"
        path.write_bytes(data[:length] if length % 3 == 0 else data)
        try:
            assert into in (extracted(path, into) / "x").parents
        except ArchiveRefused:
            assert list(into.iterdir()) == []
        assert {entry.name for entry in Path(folder).iterdir()} == {"birds.zip", "into"}


@pytest.mark.parametrize("code", ArchiveRefused.sentences)
def test_every_refusal_says_what_was_expected(code: str) -> None:
    numbers = ("max_megabytes", "megabytes", "free_megabytes", "max_files", "max_ratio", "ratio")
    params = dict.fromkeys(("path", "name", "other", "problem", "method", *numbers), "…")
    assert str(ArchiveRefused(code, **params)).startswith("Expected ")

"""ZIPs that visitors upload: taken apart picture by picture, and no further than they may."""

import io
import uuid
import zipfile
from collections.abc import Callable

import pytest
from django.core.files.uploadedfile import (
    SimpleUploadedFile,
    TemporaryUploadedFile,
    UploadedFile,
)
from PIL import Image
from pytest_django import Settings

from classifier.errors import InvalidImage
from classifier.images import Limits
from tests.pictures import new_picture_bytes, picture_bytes
from tests.webapp.zips import (
    with_flags,
    with_method,
    with_size,
    zip_bytes,
    zip_file,
    zip_of_pictures,
)
from webapp.accounts.models import User
from webapp.predictions import zips
from webapp.predictions.failures import _SENTENCES
from webapp.predictions.incoming import unpacked
from webapp.predictions.models import Prediction
from webapp.predictions.services import upload_accept
from webapp.predictions.zips import ZipLimits, ZipRefused, contents_of, is_zip
from webapp.recognizers.models import Recognizer

State = Prediction.State


def kept(owner: User, recognizer: Recognizer, *files: SimpleUploadedFile) -> list[Prediction]:
    found = unpacked(files, max_pictures=300)
    return upload_accept(owner=owner, recognizer=recognizer, upload=uuid.uuid4(), files=found.files)


def test_a_zip_is_known_by_what_is_in_it_and_not_by_its_name() -> None:
    content = zip_bytes(("a.jpg", picture_bytes()))
    assert is_zip(SimpleUploadedFile("holiday.jpg", content))
    assert is_zip(SimpleUploadedFile("empty.zip", zip_bytes()))
    assert not is_zip(SimpleUploadedFile("photo.zip", picture_bytes()))
    assert not is_zip(SimpleUploadedFile("nothing.zip", b""))


def test_what_is_called_a_zip_and_is_neither_that_nor_a_picture_is_refused_as_a_zip(
    owner: User, recognizer: Recognizer
) -> None:
    rows = kept(
        owner,
        recognizer,
        SimpleUploadedFile("notzip.ZIP", b"these are words"),
        SimpleUploadedFile("photo.zip", new_picture_bytes()),
        SimpleUploadedFile("words.jpg", b"these are words, too"),
    )
    assert [row.failure_code for row in rows] == ["zip_damaged", "", "unknown_format"]
    assert "a whole ZIP of pictures" in rows[0].failure_sentence


def test_the_pictures_of_a_zip_stand_where_the_zip_stood(
    owner: User, recognizer: Recognizer
) -> None:
    rows = kept(
        owner,
        recognizer,
        SimpleUploadedFile("first.jpg", picture_bytes("red")),
        zip_of_pictures("trip/a.jpg", "trip/deep/b.PNG"),
        SimpleUploadedFile("last.jpg", picture_bytes("blue")),
    )
    assert [row.file_name for row in rows] == ["first.jpg", "a.jpg", "b.PNG", "last.jpg"]
    assert {row.state for row in rows} == {State.QUEUED}
    for row in rows:
        assert Image.open(row.picture_path).size == (80, 60)


def test_the_same_zip_twice_in_the_same_form_is_one_record(
    owner: User, recognizer: Recognizer
) -> None:
    content, upload = zip_bytes(("a.jpg", picture_bytes())), uuid.uuid4()
    for _ in range(2):
        found = unpacked([SimpleUploadedFile("trip.zip", content)], max_pictures=300)
        upload_accept(owner=owner, recognizer=recognizer, upload=upload, files=found.files)
    assert Prediction.objects.count() == 1


def test_what_systems_add_is_passed_over_and_what_is_no_picture_is_counted() -> None:
    file = zip_file(
        ("trip/", b""),
        ("trip/a.jpg", new_picture_bytes()),
        ("__MACOSX/trip/._a.jpg", b"litter"),
        ("trip/.hidden.jpg", b"litter"),
        ("trip/Thumbs.db", b"litter"),
        ("trip/notes.txt", b"words"),
        ("trip/more.zip", zip_bytes(("b.jpg", new_picture_bytes()))),
    )
    found = unpacked([file], max_pictures=300)
    assert [each.name for each in found.files] == ["trip/a.jpg"]
    assert found.num_others == 2
    assert found.notes == ["2 files in the ZIP have no picture's name and were left out."]


def test_only_the_first_are_taken_of_more_than_allowed_and_it_is_said() -> None:
    files = [zip_of_pictures("a.jpg", "b.jpg"), zip_of_pictures("c.jpg", "d.jpg", "e.jpg")]
    found = unpacked(files, max_pictures=3)
    assert [each.name for each in found.files] == ["a.jpg", "b.jpg", "c.jpg"]
    [note] = found.notes
    assert "The first 3 were taken; please send the others (2)" in note


def test_a_bad_file_in_a_zip_fails_alone(owner: User, recognizer: Recognizer) -> None:
    half = picture_bytes(size=(400, 300))[:2000]
    file = zip_file(
        ("a.jpg", new_picture_bytes()),
        ("words.jpg", b"these are words"),
        ("half.jpg", half),
        ("zip.jpg", zip_bytes(("b.jpg", new_picture_bytes()))),
        ("empty.jpg", b""),
        ("z.jpg", new_picture_bytes()),
    )
    rows = kept(owner, recognizer, file)
    codes = [row.failure_code for row in rows]
    assert codes == ["", "unknown_format", "damaged", "unknown_format", "empty", ""]


def test_a_zip_that_is_cut_off_costs_the_other_files_nothing(
    owner: User, recognizer: Recognizer
) -> None:
    cut = SimpleUploadedFile("trip.zip", zip_of_pictures("a.jpg", "b.jpg").read()[:-40])
    rows = kept(owner, recognizer, cut, SimpleUploadedFile("a.jpg", new_picture_bytes()))
    assert [row.failure_code for row in rows] == ["zip_damaged", ""]
    assert rows[0].file_name == "trip.zip"
    assert "cut off or damaged" in rows[0].failure_sentence


@pytest.mark.parametrize("files", [(), (("notes.txt", b"words"),)], ids=["empty", "only words"])
def test_a_zip_without_pictures_says_so(
    owner: User, recognizer: Recognizer, files: tuple[tuple[str, bytes], ...]
) -> None:
    [row] = kept(owner, recognizer, zip_file(*files))
    assert row.failure_code == "zip_no_pictures"
    assert "JPEG" in row.failure_sentence


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (with_flags(zip_bytes(("a.jpg", new_picture_bytes())), 0x1), "zip_encrypted"),
        (with_method(zip_bytes(("a.jpg", new_picture_bytes())), 99), "zip_method"),
        (zip_bytes(("a.jpg", new_picture_bytes()), method=zipfile.ZIP_LZMA), "zip_method"),
        (zip_bytes(("a.jpg", b"\0" * 2_000_000)), "zip_ratio"),
        (zip_bytes(("a.jpg", b"\0" * 33 * 2**20)), "too_many_bytes"),
        (with_size(zip_bytes(("a.jpg", new_picture_bytes())), 5), "zip_member_damaged"),
    ],
    ids=["encrypted", "unknown method", "odd method", "bomb", "too large", "lies about its size"],
)
def test_a_file_that_cannot_be_unpacked_says_why(
    owner: User, recognizer: Recognizer, content: bytes, code: str
) -> None:
    [row] = kept(owner, recognizer, SimpleUploadedFile("trip.zip", content))
    assert (row.state, row.failure_code) == (State.FAILED, code)
    assert "Expected" in row.failure_sentence
    assert not row.picture_name


def test_a_bit_that_has_tipped_over_is_found(owner: User, recognizer: Recognizer) -> None:
    content = bytearray(zip_bytes(("a.jpg", new_picture_bytes()), method=zipfile.ZIP_STORED))
    content[200] ^= 0xFF
    [row] = kept(owner, recognizer, SimpleUploadedFile("trip.zip", bytes(content)))
    assert row.failure_code == "zip_member_damaged"


def test_no_more_is_read_than_a_picture_may_have(settings: Settings) -> None:
    settings.PICTURE_LIMITS = Limits(max_bytes=1000)
    [picture] = contents_of(zip_file(("a.jpg", b"x" * 500)), max_pictures=9).pictures
    settings.PICTURE_LIMITS = Limits(max_bytes=100)
    with pytest.raises(InvalidImage):
        list(picture.chunks())


def test_pictures_beyond_what_a_zip_may_unpack_to_are_left_out() -> None:
    file = zip_file(*((f"{i}.jpg", b"x" * 400) for i in range(4)))
    found = contents_of(file, max_pictures=9, limits=ZipLimits(max_bytes=1000))
    assert (len(found.pictures), found.num_left_out) == (2, 2)


def test_a_list_of_files_that_is_too_long_is_not_read() -> None:
    file = zip_file(*((f"{i}.jpg", b"x") for i in range(100)))
    with pytest.raises(ZipRefused) as refused:
        contents_of(file, max_pictures=9, limits=ZipLimits(max_directory_bytes=2000))
    assert refused.value.code == "zip_too_many_files"


def test_a_list_that_says_to_be_longer_than_the_zip_is_not_believed() -> None:
    content = bytearray(zip_bytes(("a.jpg", new_picture_bytes())))
    end = content.index(b"PK\x05\x06")
    content[end + 12 : end + 16] = b"\xff\xff\xff\x7f"
    with pytest.raises(ZipRefused):
        contents_of(SimpleUploadedFile("trip.zip", bytes(content)), max_pictures=9)


def on_disk(content: bytes) -> TemporaryUploadedFile:
    """As larger uploads are, where going to an odd place is an error of another kind."""
    file = TemporaryUploadedFile("trip.zip", "application/zip", len(content), None)
    file.write(content)
    return file


def in_memory(content: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile("trip.zip", content)


@pytest.mark.parametrize("received", [on_disk, in_memory])
def test_whatever_a_zip_lists_it_is_read_or_refused_with_a_sentence(
    received: Callable[[bytes], UploadedFile],
) -> None:
    whole = zip_bytes(("a.jpg", new_picture_bytes()), ("b.jpg", new_picture_bytes()))
    codes = set()
    for place in range(whole.index(b"PK\x01\x02"), len(whole)):
        for value in (0x00, 0x7F, 0xFF):
            broken = bytearray(whole)
            broken[place] = value
            with received(bytes(broken)) as file:
                try:
                    for picture in contents_of(file, max_pictures=9).pictures:
                        list(picture.chunks())
                except InvalidImage as refused:
                    codes.add(refused.code)
    assert {"zip_damaged", "zip_member_damaged"} <= codes
    assert all(code in _SENTENCES for code in codes)


def test_names_from_a_mac_are_read_as_they_were_meant() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        info = zipfile.ZipInfo("xxxx.jpg")
        archive.writestr(info, new_picture_bytes())
    content = buffer.getvalue().replace(b"xxxx.jpg", "äö.jpg".encode())
    found = contents_of(SimpleUploadedFile("trip.zip", content), max_pictures=9)
    assert [picture.name for picture in found.pictures] == ["äö.jpg"]


def test_a_picture_is_unpacked_in_pieces() -> None:
    content = zip_bytes(("a.bmp", b"x" * 3_000_000), method=zipfile.ZIP_STORED)
    [picture] = contents_of(in_memory(content), max_pictures=9).pictures
    assert [len(chunk) <= zips._READ_BYTES for chunk in picture.chunks()] == [True] * 12

"""classifier.images: what is refused, and that everything else comes out as people see it."""

import os
import resource
import struct
import subprocess
import sys
import tempfile
import time
import tracemalloc
import warnings
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile

from classifier.errors import InvalidImage
from classifier.images import (
    NEUTRAL_GROUND,
    Limits,
    Picture,
    encode_jpeg,
    load_picture,
    read_bytes,
    read_picture,
)
from classifier.preprocess import fit
from tests.classifier.makers import (
    encoded,
    exif_with_orientation,
    noise,
    png,
    scene,
    stored_turned,
)
from tests.shared import SHARED_DATA, needs_shared_data

ALL_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "AVIF", "HEIF")


def refusal(data: bytes, limits: Limits | None = None) -> InvalidImage:
    with pytest.raises(InvalidImage) as caught:
        load_picture(data, limits=limits or Limits())
    return caught.value


def pixel(picture: Picture, x: int = 0, y: int = 0) -> tuple[int, ...]:
    value = picture.image.getpixel((x, y))
    assert isinstance(value, tuple)
    return value


def difference(one: Image.Image, other: Image.Image) -> float:
    assert one.size == other.size
    return float(np.abs(np.asarray(one, int) - np.asarray(other, int)).mean())


# --- Refused


def test_an_empty_file_is_refused_as_empty() -> None:
    error = refusal(b"")
    assert error.code == "empty"
    assert "empty file" in str(error)


@pytest.mark.parametrize(
    "data",
    [
        b"Dear reader, this is a letter.",
        b"<svg xmlns='http://www.w3.org/2000/svg' width='10' height='10'><rect/></svg>",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\nshowpage\n",
        encoded(scene(), "TIFF"),
        encoded(scene(), "PPM"),
        encoded(scene(64, 64), "ICO"),
        encoded(scene(), "TGA"),
        encoded(scene(), "PDF"),
    ],
    ids=["text", "svg", "eps", "tiff", "ppm", "ico", "tga", "pdf"],
)
def test_a_file_of_another_kind_is_refused_whatever_its_name(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "holiday.jpg"
    path.write_bytes(data)
    with pytest.raises(InvalidImage) as caught:
        read_picture(path)
    assert caught.value.code == "unknown_format"
    assert "JPEG, PNG, WebP" in str(caught.value)


@pytest.mark.parametrize("share", [0.02, 0.1, 0.3, 0.5, 0.8, 0.95, 0.999])
@pytest.mark.parametrize("short_side", [None, 32], ids=["full", "draft"])
def test_a_truncated_jpeg_is_refused_with_a_sentence(share: float, short_side: int | None) -> None:
    whole = encoded(noise(), "JPEG", quality=90)
    load_picture(whole, short_side=short_side)
    with pytest.raises(InvalidImage) as caught:
        load_picture(whole[: int(len(whole) * share)], short_side=short_side)
    assert caught.value.code == "damaged"
    assert "JPEG" in str(caught.value)
    assert "cut off" in str(caught.value)


@pytest.mark.parametrize("format_name", ALL_FORMATS)
@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_a_truncated_picture_of_any_format_is_told_to_be_cut_off(
    format_name: str, share: float
) -> None:
    whole = encoded(noise(), format_name)
    load_picture(whole)
    error = refusal(whole[: int(len(whole) * share)])
    assert error.code == "damaged"
    assert format_name in str(error)


def test_a_png_of_900_megapixels_is_refused_from_its_header() -> None:
    bomb = png(30_000, 30_000, bits=8, colour_type=2)
    load_picture(encoded(scene(), "PNG"))  # what is loaded once is not the bomb's fault
    memory_before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    error = refusal(bomb)
    assert time.perf_counter() - started < 2
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory_before < 50 * 1024  # KiB
    assert error.code == "too_many_pixels"
    assert "30000 x 30000" in str(error)
    assert "64 megapixels" in str(error)


def test_a_bomb_that_decodes_to_169_megapixels_is_not_decoded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bomb = png(13_000, 13_000, bits=1, colour_type=0, rows=(b"\0" + b"\xff" * 1625) * 13_000)
    assert len(bomb) < 160 * 1024
    decoded = []
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda image: decoded.append(image.size))
    assert refusal(bomb).code == "too_many_pixels"
    assert not decoded
    assert refusal(encoded(scene(), "PNG")).code == "damaged"  # as nothing was decoded
    assert (120, 80) in decoded


def test_large_sides_are_refused_from_the_header_of_other_formats_too() -> None:
    still = bytearray(encoded(noise(40, 30), "AVIF"))
    at = still.index(b"ispe") + 8
    still[at : at + 8] = struct.pack(">II", 9_000, 9_000)
    gif = b"GIF89a" + struct.pack("<HH", 1, 1) + b"\x80\0\0" + bytes(6)
    gif_frame_beyond = gif + b"," + struct.pack("<HHHH", 0, 0, 65_535, 65_535) + b"\0\2\2\x44\1\0;"
    bmp = b"BM" + struct.pack("<IHHIIiiHHIIiiII", 54, 0, 0, 54, 40, 50_000, 50_000, 1, 24, *[0] * 6)
    for data in (bytes(still), gif_frame_beyond, bmp):
        assert refusal(data).code == "too_many_pixels"


def test_an_animated_canvas_of_268_megapixels_is_refused() -> None:
    frames = [Image.new("RGB", (40, 30), colour) for colour in ("red", "blue")]
    data = bytearray(encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:]))
    at = data.index(b"VP8X") + 12
    data[at : at + 6] = (16_382).to_bytes(3, "little") * 2
    assert refusal(bytes(data)).code == "too_many_pixels"


def test_the_pixel_cap_is_the_callers_and_includes_its_last_pixel() -> None:
    data = encoded(scene(100, 80), "PNG")
    load_picture(data, limits=Limits(max_pixels=8_000))
    assert refusal(data, Limits(max_pixels=7_999)).code == "too_many_pixels"


def test_too_many_bytes_are_refused_with_both_numbers() -> None:
    error = refusal(b"x" * 3_500_000, Limits(max_bytes=2 * 1024 * 1024))
    assert error.code == "too_many_bytes"
    assert "at most 2 MB" in str(error)
    assert "3.4 MB" in str(error)


def test_a_file_with_too_many_bytes_is_not_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "huge.jpg"
    with path.open("wb") as file:
        file.truncate(200 * 1024**2)  # sparse: it takes no room on the disk
    tracemalloc.start()
    with pytest.raises(InvalidImage) as caught:
        read_bytes(path, Limits(max_bytes=1_000_000))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert caught.value.code == "too_many_bytes"
    assert "200.0 MB" in str(caught.value)
    assert peak < 4_000_000


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="there is no endless file here")
def test_a_file_without_an_end_is_refused() -> None:
    # In a process with little memory, or a mistake would take all that the machine has.
    program = (
        "import resource, pathlib; from classifier.images import *;"
        "resource.setrlimit(resource.RLIMIT_AS, (2 * 1024**3, 2 * 1024**3))\n"
        "try: read_bytes(pathlib.Path('/dev/zero'), Limits(max_bytes=1_000_000))\n"
        "except InvalidImage as error: print(error.code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == "too_many_bytes\n", done.stderr


def test_a_file_of_exactly_the_limit_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"x" * 1_000)
    assert read_bytes(path, Limits(max_bytes=1_000)) == b"x" * 1_000


@pytest.mark.parametrize("name", ["nothing.jpg", ".", "a\0b.jpg", "x" * 300, "nothing/at/all.png"])
def test_a_path_without_a_readable_file_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidImage) as caught:
        read_picture(tmp_path / name)
    assert caught.value.code == "missing"
    assert "no readable file" in str(caught.value)


# --- Colours


@pytest.mark.parametrize("format_name", ALL_FORMATS)
def test_every_format_on_the_list_is_opened_in_its_colours(format_name: str) -> None:
    picture = load_picture(encoded(scene(), format_name))
    assert picture.format == format_name
    assert picture.image.mode == "RGB"
    assert (picture.width, picture.height) == (120, 80)
    assert difference(picture.image, scene()) < 8
    assert not picture.is_first_of_many


def test_a_cmyk_jpeg_has_the_colours_its_inks_give() -> None:
    inks = {(255, 0, 0, 0): (0, 255, 255), (0, 255, 255, 0): (255, 0, 0), (0, 0, 0, 255): (0, 0, 0)}
    for ink, colour in inks.items():
        data = encoded(Image.new("CMYK", (16, 16), ink), "JPEG", quality=95)
        assert pixel(load_picture(data)) == pytest.approx(colour, abs=4)


def test_16_bit_grey_is_scaled_and_does_not_become_white() -> None:
    rows = b"\0" + struct.pack(">HHH", 0, 30_000, 65_535)
    picture = load_picture(png(3, 1, bits=16, colour_type=0, rows=rows))
    assert pixel(picture, 0) == (0, 0, 0)
    assert pixel(picture, 1) == (117, 117, 117)
    assert pixel(picture, 2) == (255, 255, 255)


def test_dark_16_bit_grey_stays_dark() -> None:
    pixels = np.array([[0, 200, 257, 2_570, 25_700]], dtype=np.uint16)
    picture = load_picture(encoded(Image.fromarray(pixels), "PNG"))
    assert np.asarray(picture.image)[0, :, 0].tolist() == [0, 1, 1, 10, 100]


def test_16_bit_colours_are_scaled() -> None:
    rows = b"\0" + struct.pack(">6H", 30_000, 0, 65_535, 65_535, 30_000, 0)
    picture = load_picture(png(2, 1, bits=16, colour_type=2, rows=rows))
    assert pixel(picture, 0) == pytest.approx((117, 0, 255), abs=1)
    assert pixel(picture, 1) == pytest.approx((255, 117, 0), abs=1)


def test_transparency_shows_the_neutral_ground() -> None:
    image = Image.new("RGBA", (3, 1))
    for x, colour in enumerate([(255, 0, 0, 255), (255, 0, 0, 0), (0, 0, 0, 128)]):
        image.putpixel((x, 0), colour)
    for data in (encoded(image, "PNG"), encoded(image, "WEBP", lossless=True, exact=True)):
        picture = load_picture(data)
        assert pixel(picture, 0) == (255, 0, 0)
        assert pixel(picture, 1) == NEUTRAL_GROUND == (128, 128, 128)
        assert pixel(picture, 2) == pytest.approx((64, 64, 64), abs=1)


@pytest.mark.parametrize("format_name", ["PNG", "GIF"])
def test_a_transparent_palette_shows_the_neutral_ground(format_name: str) -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([255, 0, 0, 0, 255, 0])
    image.putpixel((1, 0), 1)
    picture = load_picture(encoded(image, format_name, transparency=0))
    assert pixel(picture, 0) == NEUTRAL_GROUND
    assert pixel(picture, 1) == (0, 255, 0)


def test_a_palette_with_alpha_for_each_colour_is_composed() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([255, 0, 0, 0, 255, 0])
    image.putpixel((1, 0), 1)
    picture = load_picture(encoded(image, "PNG", transparency=bytes([0, 255])))
    assert pixel(picture, 0) == NEUTRAL_GROUND
    assert pixel(picture, 1) == (0, 255, 0)


def test_grey_with_alpha_is_composed() -> None:
    image = Image.new("LA", (2, 1), (200, 255))
    image.putpixel((1, 0), (200, 0))
    picture = load_picture(encoded(image, "PNG"))
    assert pixel(picture, 0) == (200, 200, 200)
    assert pixel(picture, 1) == NEUTRAL_GROUND


def test_the_transparent_colour_of_an_rgb_png_shows_the_neutral_ground() -> None:
    data = png(
        2,
        1,
        bits=8,
        colour_type=2,
        rows=b"\0" + bytes([10, 20, 30, 40, 50, 60]),
        transparent=struct.pack(">HHH", 10, 20, 30),
    )
    picture = load_picture(data)
    assert pixel(picture, 0) == NEUTRAL_GROUND
    assert pixel(picture, 1) == (40, 50, 60)


def test_one_bit_is_black_and_white() -> None:
    picture = load_picture(png(8, 1, bits=1, colour_type=0, rows=b"\0\xa0"))
    assert [pixel(picture, x)[0] for x in range(4)] == [255, 0, 255, 0]


@pytest.mark.parametrize("format_name", ["JPEG", "PNG", "BMP"])
def test_greyscale_becomes_three_equal_channels(format_name: str) -> None:
    picture = load_picture(encoded(Image.new("L", (16, 16), 90), format_name))
    assert pixel(picture) == (90, 90, 90)


# --- Upright


@pytest.mark.parametrize("format_name", ["JPEG", "PNG", "WEBP", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_from_a_turned_camera_comes_out_upright(
    orientation: int, format_name: str
) -> None:
    upright = scene(160, 96)  # whole JPEG blocks, so that turning changes no pixel
    picture = load_picture(stored_turned(upright, orientation, format_name))
    assert (picture.width, picture.height) == (160, 96)
    assert difference(picture.image, upright) < 3
    assert np.abs(fit(picture.image, 64).astype(int) - fit(upright, 64)).mean() < 3


@pytest.mark.parametrize("orientation", range(1, 9))
def test_draft_decoding_keeps_the_orientation_and_the_files_size(orientation: int) -> None:
    upright = scene(1_600, 960)
    picture = load_picture(stored_turned(upright, orientation, "JPEG"), short_side=60)
    assert (picture.width, picture.height) == (1_600, 960)
    assert picture.image.size == (200, 120)
    assert difference(picture.image, upright.resize((200, 120))) < 3


@pytest.mark.parametrize("orientation", [0, 9, 255, 65_535])
def test_an_orientation_that_does_not_exist_turns_nothing(orientation: int) -> None:
    picture = load_picture(stored_turned(scene(), orientation, "JPEG"))
    assert (picture.width, picture.height) == picture.image.size == (120, 80)


@pytest.mark.parametrize(
    "exif",
    [
        exif_with_orientation(2, 2, b"6\0\0\0"),
        exif_with_orientation(7, 4, b"\6\6\6\6"),
        exif_with_orientation(5, 1, b"\xff\xff\xff\xff"),
        b"Exif\0\0what is this doing here",
        b"Exif\0\0MM\0*",
        b"Exif\0\0",
    ],
    ids=["text", "undefined", "fraction out of the block", "no exif at all", "cut", "empty"],
)
def test_broken_metadata_does_not_cost_the_picture(exif: bytes) -> None:
    picture = load_picture(encoded(scene(), "JPEG", exif=exif, quality=95))
    assert difference(picture.image, scene()) < 3


@pytest.mark.parametrize("format_name", ["PNG", "WEBP", "HEIF"])
def test_broken_metadata_does_not_cost_a_picture_of_another_format(format_name: str) -> None:
    picture = load_picture(encoded(scene(), format_name, exif=b"Exif\0\0what is this doing here"))
    assert difference(picture.image, scene()) < 8


# --- More than one frame


FRAMES = [Image.new("RGB", (40, 30), colour) for colour in ("red", "lime", "blue")]


@pytest.mark.parametrize("format_name", ["GIF", "WEBP", "PNG", "AVIF"])
def test_of_an_animation_the_first_frame_counts_and_it_says_so(format_name: str) -> None:
    data = encoded(FRAMES[0], format_name, save_all=True, append_images=FRAMES[1:], duration=100)
    picture = load_picture(data)
    assert picture.is_first_of_many
    assert pixel(picture) == pytest.approx((255, 0, 0), abs=6)
    still = load_picture(encoded(FRAMES[0], format_name))
    assert not still.is_first_of_many


def test_a_phones_second_picture_is_no_animation() -> None:
    data = encoded(FRAMES[0], "MPO", save_all=True, append_images=FRAMES[1:])
    picture = load_picture(data)
    assert picture.format == "MPO"
    assert not picture.is_first_of_many
    assert pixel(picture) == pytest.approx((255, 0, 0), abs=6)


# --- Odd shapes


def test_a_picture_of_one_pixel_is_answered() -> None:
    picture = load_picture(encoded(Image.new("RGB", (1, 1), (10, 200, 30)), "PNG"), short_side=256)
    assert (picture.width, picture.height) == (1, 1)
    assert np.unique(fit(picture.image, 224).reshape(-1, 3), axis=0).tolist() == [[10, 200, 30]]


@pytest.mark.parametrize("size", [(1, 20_000), (20_000, 1)])
@pytest.mark.parametrize("format_name", ["PNG", "JPEG"])
def test_a_strip_is_answered_with_little_memory(size: tuple[int, int], format_name: str) -> None:
    data = encoded(Image.new("RGB", size, (10, 200, 30)), format_name, quality=95)
    memory_before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    picture = load_picture(data, short_side=256)
    pixels = fit(picture.image, 224)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory_before < 60 * 1024  # KiB
    assert (picture.width, picture.height) == size
    assert pixels.shape == (224, 224, 3)
    assert np.abs(pixels.astype(int) - (10, 200, 30)).max() <= 6


# --- Draft decoding


def test_a_large_jpeg_is_decoded_small_and_still_looks_the_same() -> None:
    large = scene(4_000, 3_000)
    data = encoded(large, "JPEG", quality=92)
    quick, full = load_picture(data, short_side=256), load_picture(data)
    assert (quick.width, quick.height) == (full.width, full.height) == (4_000, 3_000)
    assert full.image.size == (4_000, 3_000)
    assert 256 <= min(quick.image.size) < 600
    assert np.abs(fit(quick.image, 224).astype(int) - fit(full.image, 224)).mean() < 1.5


@needs_shared_data
def test_draft_decoding_of_a_photograph_is_close_to_the_full_decode() -> None:
    data = (SHARED_DATA / "photos" / "cat_1080p.jpg").read_bytes()
    quick, full = load_picture(data, short_side=256), load_picture(data)
    assert quick.image.width < full.image.width
    assert np.abs(fit(quick.image, 224).astype(int) - fit(full.image, 224)).mean() < 4


def test_never_fewer_pixels_than_asked_for_are_decoded() -> None:
    data = encoded(scene(1_000, 700), "JPEG")
    for short_side in (50, 88, 100, 175, 200, 350, 400, 700, 2_000):
        picture = load_picture(data, short_side=short_side)
        assert min(picture.image.size) >= min(short_side, 700)
    for long_side in (125, 200, 500, 900):
        assert max(load_picture(data, long_side=long_side).image.size) >= long_side
    both = load_picture(data, short_side=50, long_side=900)
    assert max(both.image.size) >= 900


# --- What is kept


def test_what_is_kept_has_nothing_of_the_file_but_its_pixels() -> None:
    exif = Image.Exif()
    exif[0x010F] = "SecretCamera"
    exif.get_ifd(0x8825).update({1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 36.0)})
    html = b"<html><script>alert(1)</script></html>"
    upright = scene(800, 600)
    for format_name in ("PNG", "JPEG", "WEBP"):
        data = encoded(upright, format_name, exif=exif.tobytes()) + html
        kept = encode_jpeg(load_picture(data).image, long_side=400)
        assert b"html" not in kept
        assert b"script" not in kept
        assert b"SecretCamera" not in kept
        assert b"Exif" not in kept
        with Image.open(BytesIO(kept)) as again:
            assert again.format == "JPEG"
            assert again.size == (400, 300)
            assert not dict(again.getexif())
            assert set(again.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
            assert difference(again.convert("RGB"), upright.resize((400, 300))) < 4


def test_what_is_kept_has_neither_comment_nor_colour_profile() -> None:
    data = encoded(scene(), "JPEG", comment=b"for your eyes only", icc_profile=b"profile" * 50)
    kept = encode_jpeg(load_picture(data).image, long_side=400)
    assert b"eyes only" not in kept
    assert b"profile" not in kept


def test_a_small_picture_is_kept_in_its_size_and_a_strip_keeps_a_pixel() -> None:
    for size, kept_size in (((120, 80), (120, 80)), ((1, 20_000), (1, 400)), ((9, 400), (9, 400))):
        kept = encode_jpeg(Image.new("RGB", size), long_side=400)
        with Image.open(BytesIO(kept)) as again:
            assert again.size == kept_size


# --- Hostile bytes


def loads_or_is_refused(data: bytes) -> None:
    """Any other exception than InvalidImage fails the test."""
    try:
        picture = load_picture(data, short_side=32, limits=Limits(max_pixels=1_000_000))
    except InvalidImage:
        return
    assert picture.image.mode == "RGB"
    assert picture.width * picture.height <= 1_000_000
    assert fit(picture.image, 32).shape == (32, 32, 3)


SIGNATURES = [encoded(scene(16, 16), name)[:24] for name in ALL_FORMATS]
WHOLE = {
    "JPEG": stored_turned(noise(48, 32), 6, "JPEG"),
    "PNG": stored_turned(noise(48, 32), 6, "PNG"),
    "GIF": encoded(FRAMES[0], "GIF", save_all=True, append_images=FRAMES[1:]),
    "WEBP": encoded(FRAMES[0], "WEBP", save_all=True, append_images=FRAMES[1:]),
    "HEIF": encoded(noise(48, 32), "HEIF"),
    "BMP": encoded(noise(24, 16), "BMP"),
    "AVIF": encoded(noise(24, 16), "AVIF"),
}
FUZZ = settings(
    max_examples=120, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)


@FUZZ
@given(st.binary(max_size=400))
@example(b"\0")
def test_arbitrary_bytes_load_or_are_refused(data: bytes) -> None:
    loads_or_is_refused(data)


@FUZZ
@given(st.sampled_from(SIGNATURES), st.binary(max_size=400))
def test_arbitrary_bytes_behind_a_right_beginning_load_or_are_refused(
    beginning: bytes, data: bytes
) -> None:
    loads_or_is_refused(beginning + data)


@pytest.mark.parametrize("format_name", WHOLE)
@FUZZ
@given(data=st.data())
def test_mutated_pictures_load_or_are_refused(format_name: str, data: st.DataObject) -> None:
    mutated = bytearray(WHOLE[format_name])
    # Most mutations go to the first bytes, where the headers are.
    places = st.integers(0, len(mutated) - 1) | st.integers(0, min(200, len(mutated) - 1))
    changes = data.draw(st.lists(st.tuples(places, st.integers(0, 255)), min_size=1, max_size=12))
    for place, value in changes:
        mutated[place] = value
    end = data.draw(st.just(len(mutated)) | st.integers(1, len(mutated)))
    loads_or_is_refused(bytes(mutated[:end]))


@FUZZ
@given(st.integers(0, 2**32 - 1), st.integers(0, 65_535), st.binary(min_size=4, max_size=4))
def test_any_orientation_entry_loads(count: int, field_type: int, value: bytes) -> None:
    data = encoded(scene(24, 16), "JPEG", exif=exif_with_orientation(field_type, count, value))
    assert {*load_picture(data).image.size} == {24, 16}


# --- The process


def test_decoding_in_threads_leaves_the_processes_warnings_as_they_were() -> None:
    data = encoded(scene(), "PNG")
    before = list(warnings.filters)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(load_picture, [data] * 400))
    assert warnings.filters == before


def test_odd_metadata_warns_nobody_even_where_warnings_are_errors(tmp_path: Path) -> None:
    path = tmp_path / "odd.jpg"
    twice_six = exif_with_orientation(3, 2, b"\0\6\0\6")
    path.write_bytes(encoded(scene(), "JPEG", exif=twice_six))
    program = (
        "import sys, pathlib; from classifier.images import read_picture;"
        "print(read_picture(pathlib.Path(sys.argv[1])).image.size)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", program, path],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == "(80, 120)\n"
    assert done.stderr == ""


# --- Sentences


def test_every_refusal_has_a_sentence_that_its_call_site_fills(tmp_path: Path) -> None:
    small = Limits(max_bytes=100_000, max_pixels=100)
    causes = {
        "empty": b"",
        "too_many_bytes": bytes(100_001),
        "unknown_format": b"some text",
        "too_many_pixels": encoded(scene(), "PNG"),
        "damaged": encoded(noise(8, 8), "PNG")[:120],
    }
    errors = {code: refusal(data, small) for code, data in causes.items()}
    with pytest.raises(InvalidImage) as caught:
        read_picture(tmp_path / "nothing.jpg")
    errors["missing"] = caught.value
    assert errors.keys() == InvalidImage.sentences.keys()
    for code, error in errors.items():
        assert error.code == code
        assert str(error).startswith("Expected ")
        assert "%" not in str(error)
        assert InvalidImage.sentences[code] % error.params == str(error)


def test_a_name_that_is_no_text_is_read(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.png"))
    try:
        path.write_bytes(encoded(scene(), "PNG"))
    except OSError:
        pytest.skip(f"{tempfile.gettempdir()} takes no such names")
    assert read_picture(path).width == 120

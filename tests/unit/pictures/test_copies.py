"""Copies of image files: small, upright, in colours that every screen shows, and without metadata.

The names of the tests are the list of what authors may give.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from newsletter.errors import PictureError
from newsletter.pictures import copy_picture, media_type
from newsletter.pictures.copies import describe_picture
from newsletter.pictures.decoding import LARGEST
from newsletter.pictures.files import MAX_BYTES, find_file
from tests.support import pictures as made

if TYPE_CHECKING:
    from pathlib import Path


def copied(folder: Path, data: bytes, name: str = "foto.jpg") -> tuple[Image.Image, bytes]:
    picture, _cut = describe_picture(made.put(folder / name, data))
    copy = copy_picture(picture)
    return made.opened(copy), copy


def refused(path: Path) -> PictureError:
    with pytest.raises(PictureError) as error:
        copy_picture(describe_picture(path)[0])
    assert error.value.hint
    return error.value


def test_a_photo_is_copied_at_most_1200_pixels_wide_and_400_kb(tmp_path: Path) -> None:
    image, copy = copied(tmp_path, made.written(made.noise(3000, 2000), quality=95))
    assert image.format == "JPEG"
    assert image.width <= 1200
    assert image.width / image.height == pytest.approx(1.5, abs=0.01)
    assert len(copy) <= LARGEST


def test_a_small_photo_is_not_made_larger(tmp_path: Path) -> None:
    image, _ = copied(tmp_path, made.photo(240, 180))
    assert image.size == (240, 180)


def test_a_photo_of_a_camera_held_upright_is_turned_and_its_place_is_gone(tmp_path: Path) -> None:
    picture, _ = describe_picture(made.put(tmp_path / "foto.jpg", made.rotated()))
    assert (picture.width, picture.height) == (480, 640)
    copy = copy_picture(picture)
    image = made.opened(copy)
    assert image.size == (480, 640)
    # The side that was on top is on the right now.
    top, bottom = image.getpixel((470, 320)), image.getpixel((10, 320))
    assert top[2] < 60 < bottom[2]
    assert not image.getexif()
    assert b"ANNA" not in copy


def test_a_photo_in_the_colours_of_print_becomes_one_for_screens(tmp_path: Path) -> None:
    image, _ = copied(tmp_path, made.written(Image.new("CMYK", (300, 200), (0, 255, 255, 0))))
    assert image.mode == "RGB"
    red, green, blue = image.getpixel((150, 100))
    assert red > 200
    assert max(green, blue) < 60


def test_a_photo_with_a_profile_is_converted_and_a_damaged_profile_is_left_out(
    tmp_path: Path,
) -> None:
    plain, _ = copied(tmp_path, made.written(made.drawing()), "a.jpg")
    for number, data in enumerate(
        (made.wide_gamut(), made.written(made.drawing(), icc_profile=b"no profile"))
    ):
        image, copy = copied(tmp_path, data, f"{number}.jpg")
        assert "icc_profile" not in image.info
        assert image.size == plain.size
        assert b"ICC_PROFILE" not in copy


def test_a_picture_of_16_bits_keeps_its_greys(tmp_path: Path) -> None:
    grey = Image.new("I;16", (300, 200), 0x8000)
    image, _ = copied(tmp_path, made.written(grey, "PNG"), "foto.png")
    assert image.convert("L").getpixel((9, 9)) == pytest.approx(128, abs=3)


def test_a_drawing_with_few_colours_stays_a_png(tmp_path: Path) -> None:
    image, _ = copied(tmp_path, made.written(Image.new("RGB", (300, 200), "teal"), "PNG"))
    assert image.format == "PNG"


def test_a_transparent_png_stays_transparent(tmp_path: Path) -> None:
    drawing = made.drawing(1600, 900, "RGBA")
    drawing.putalpha(Image.linear_gradient("L").resize(drawing.size))
    image, copy = copied(tmp_path, made.written(drawing, "PNG"), "logo.png")
    assert image.format == "PNG"
    alpha = image.convert("RGBA").getchannel("A").getextrema()
    assert alpha[0] < 20
    assert alpha[1] > 230
    assert len(copy) <= LARGEST


def test_a_large_transparent_picture_is_made_small_enough(tmp_path: Path) -> None:
    drawing = made.noise(1200, 900).convert("RGBA")
    drawing.putalpha(Image.linear_gradient("L").resize(drawing.size))
    _, copy = copied(tmp_path, made.written(drawing, "PNG"), "logo.png")
    assert len(copy) <= LARGEST


def test_a_png_with_an_unused_alpha_channel_is_a_photo(tmp_path: Path) -> None:
    image, _ = copied(tmp_path, made.written(made.drawing(mode="RGBA"), "PNG"), "scherm.png")
    assert image.format == "JPEG"


@pytest.mark.parametrize(("mode", "kind"), [("RGB", "JPEG"), ("RGBA", "PNG")])
def test_a_webp_becomes_what_every_mail_program_shows(tmp_path: Path, mode: str, kind: str) -> None:
    drawing = made.drawing(mode=mode)
    if mode == "RGBA":
        drawing.putalpha(90)
    image, _ = copied(tmp_path, made.written(drawing, "WEBP"), "foto.webp")
    assert image.format == kind


def test_a_palette_with_a_transparent_colour_stays_a_png(tmp_path: Path) -> None:
    drawing = made.drawing().quantize(32)
    image, _ = copied(tmp_path, made.written(drawing, "PNG", transparency=0), "logo.png")
    assert image.format == "PNG"
    assert image.has_transparency_data


def test_a_small_animation_keeps_its_frames_and_loses_its_comment(tmp_path: Path) -> None:
    data = made.animation()
    assert b"made by Anna" in data
    picture, cut = describe_picture(made.put(tmp_path / "golf.gif", data))
    assert picture.name.endswith(".gif")
    assert not cut
    copy = copy_picture(picture)
    assert b"made by Anna" not in copy
    before, after = made.opened(data), made.opened(copy)
    assert after.n_frames == before.n_frames == 4
    assert after.info["loop"] == 0
    before.seek(3)
    after.seek(3)
    assert before.convert("RGB").tobytes() == after.convert("RGB").tobytes()


def test_of_a_large_animation_the_first_frame_is_copied(tmp_path: Path) -> None:
    data = made.animation(6, 500, 400, noisy=True)
    assert len(data) > LARGEST
    picture, cut = describe_picture(made.put(tmp_path / "golf.gif", data))
    assert cut
    assert picture.name.endswith(".png")
    assert len(copy_picture(picture)) <= LARGEST


def test_a_still_gif_becomes_a_png(tmp_path: Path) -> None:
    image, _ = copied(tmp_path, made.written(made.drawing().quantize(32), "GIF"), "a.gif")
    assert image.format == "PNG"


def test_a_photo_with_a_second_one_in_it_is_a_photo(tmp_path: Path) -> None:
    data = made.written(made.drawing(), "MPO", save_all=True, append_images=[made.drawing(64, 48)])
    image, copy = copied(tmp_path, data)
    assert image.format == "JPEG"
    assert b"MPF" not in copy


def test_a_wrong_suffix_does_not_matter(tmp_path: Path) -> None:
    picture, _ = describe_picture(made.put(tmp_path / "foto.txt", made.photo()))
    assert media_type(picture.name) == "image/jpeg"


def test_the_name_is_that_of_the_file_and_of_no_copy(tmp_path: Path) -> None:
    first, _ = describe_picture(made.put(tmp_path / "a.jpg", made.photo()))
    same, _ = describe_picture(made.put(tmp_path / "b" / "c.png", made.photo()))
    other, _ = describe_picture(made.put(tmp_path / "d.jpg", made.photo() + b"\0"))
    assert first.name == same.name != other.name
    # Names stand in letters that were sent: only a new VERSION may change them.
    fixed, _ = describe_picture(made.put(tmp_path / "e.png", made.PIXEL))
    assert fixed.name == "f964d5c96cfef3f5aefbfdf9257279c036f6d013.png"


def test_a_picture_that_changed_after_it_was_looked_at_is_refused(tmp_path: Path) -> None:
    path = made.put(tmp_path / "foto.jpg", made.photo())
    picture, _ = describe_picture(path)
    path.write_bytes(made.photo(641))
    with pytest.raises(PictureError, match="has changed meanwhile"):
        copy_picture(picture)
    path.unlink()
    with pytest.raises(PictureError, match="is gone"):
        copy_picture(picture)


@pytest.mark.parametrize(
    ("data", "rule", "said"),
    [
        pytest.param(b"", "image-unreadable", "is empty", id="empty"),
        pytest.param(made.photo()[:9000], "image-unreadable", "damaged", id="half a photo"),
        pytest.param(
            made.written(made.drawing(), "PNG")[:500],
            "image-unreadable",
            "damaged",
            id="half a PNG",
        ),
        pytest.param(made.animation()[:-200], "image-unreadable", "damaged", id="half a GIF"),
        pytest.param(
            made.written(made.drawing(), "WEBP")[:400],
            "image-unreadable",
            "damaged",
            id="half WebP",
        ),
        pytest.param(b"\xff\xd8\xff" * 40, "image-unreadable", "damaged", id="a broken photo"),
        pytest.param(b"%PDF-1.7\n", "image-unreadable", "is a PDF file", id="PDF"),
        pytest.param(b"<svg xmlns='x'/>", "image-unreadable", "is a SVG file", id="SVG"),
        pytest.param(
            b"<?xml version='1.0'?>\n<svg/>", "image-unreadable", "is a SVG file", id="SVG as XML"
        ),
        pytest.param(
            b"\0\0\0\x24ftypheic\0\0", "image-unreadable", "is a HEIC file", id="HEIC of a phone"
        ),
        pytest.param(b"\0\0\0\x24ftypavif\0\0", "image-unreadable", "is a AVIF", id="AVIF"),
        pytest.param(b"Dag Anna,\n", "image-unreadable", "is no picture", id="text"),
        pytest.param(made.written(made.drawing(), "BMP"), "image-unreadable", "BMP", id="BMP"),
        pytest.param(made.bomb(), "image-large", "900 megapixels", id="a bomb"),
        pytest.param(made.bomb(2000, 2000), "image-unreadable", "damaged", id="a lying PNG"),
    ],
)
def test_what_is_no_picture_or_a_broken_one_is_one_clear_error(
    tmp_path: Path, data: bytes, rule: str, said: str
) -> None:
    error = refused(made.put(tmp_path / "foto.jpg", data))
    assert error.rule == rule
    assert said in error.problem
    assert '"foto.jpg"' in error.problem


def test_a_file_of_more_than_40_mb_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    path = made.put(tmp_path / "foto.jpg", made.photo())
    os.truncate(path, MAX_BYTES + 1)
    assert refused(path).rule == "image-large"


def test_a_folder_is_no_picture(tmp_path: Path) -> None:
    (tmp_path / "foto.jpg").mkdir()
    assert refused(tmp_path / "foto.jpg").problem == '"foto.jpg" is a folder'


def test_a_pipe_is_no_picture_and_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "foto.jpg")
    assert refused(tmp_path / "foto.jpg").problem == '"foto.jpg" is no file'


def test_the_issues_folder_comes_before_the_root(tmp_path: Path) -> None:
    beside = made.put(tmp_path / "issues" / "foto.jpg", b"1")
    below = made.put(tmp_path / "foto.jpg", b"2")
    other = made.put(tmp_path / "img" / "pad.jpg", b"3")
    assert find_file("foto.jpg", tmp_path, tmp_path / "issues") == beside
    assert find_file("/foto.jpg", tmp_path, tmp_path / "issues") == below
    assert find_file("img/pad.jpg", tmp_path, tmp_path / "issues") == other
    assert find_file("../img/pad.jpg", tmp_path, tmp_path / "issues") == other
    assert find_file("img\\pad.jpg", tmp_path, tmp_path / "issues") == other


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("mijn foto.jpg", "mijn foto.jpg"),
        ("caf\u00e9.jpg", "cafe\u0301.jpg"),
        ("cafe\u0301.jpg", "caf\u00e9.jpg"),
        ("50%.jpg", "50%.jpg"),
        ("a%20b.jpg", "a b.jpg"),
    ],
)
def test_a_name_with_spaces_accents_or_percent_signs_is_found(
    tmp_path: Path, name: str, asked: str
) -> None:
    path = made.put(tmp_path / name, b"1")
    assert find_file(asked, tmp_path) == path


def test_a_missing_file_names_the_nearest_one(tmp_path: Path) -> None:
    made.put(tmp_path / "img" / "Foto.JPG", b"1")
    with pytest.raises(PictureError) as error:
        find_file("img/foto.jpg", tmp_path)
    assert error.value.rule == "image-missing"
    assert error.value.hint == "Did you mean img/Foto.JPG?"
    with pytest.raises(PictureError, match="begins with https://"):
        find_file("example.org/pad.jpg", tmp_path)


def test_a_name_in_other_capitals_is_missing_also_where_the_system_finds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = made.put(tmp_path / "Img" / "pad 1.jpg", b"1")
    there = [str(one).casefold() for one in tmp_path.rglob("*")]  # as on macOS and Windows
    monkeypatch.setattr(os.path, "lexists", lambda one: str(one).casefold() in there)
    assert find_file("Img/pad 1.jpg", tmp_path) == path
    for written in ("img/pad 1.jpg", "Img/Pad 1.jpg"):
        with pytest.raises(PictureError, match="other capitals") as error:
            find_file(written, tmp_path, tmp_path / "issues")
        assert error.value.hint == "Did you mean <Img/pad 1.jpg>?"


@pytest.mark.parametrize("name", ["foto\0.jpg", "a" * 5000, "../" * 40 + "etc/passwd", "."])
def test_a_name_that_no_file_can_have_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(PictureError):
        copy_picture(describe_picture(find_file(name, tmp_path / "root"))[0])


def test_a_file_outside_the_root_is_refused_through_dots_and_links(tmp_path: Path) -> None:
    root = tmp_path / "root"
    made.put(root / "issues" / "x.md", b"")
    secret = made.put(tmp_path / "secret.jpg", made.photo())
    (root / "foto.jpg").symlink_to(secret)
    (root / "elders").symlink_to(tmp_path)
    for name in ("../../secret.jpg", "foto.jpg", "elders/secret.jpg"):
        with pytest.raises(PictureError) as error:
            find_file(name, root, root / "issues")
        assert error.value.rule == "image-outside"


def test_a_link_within_the_root_is_followed_and_one_to_nowhere_is_missing(tmp_path: Path) -> None:
    path = made.put(tmp_path / "img" / "foto.jpg", b"1")
    (tmp_path / "a.jpg").symlink_to(path)
    (tmp_path / "b.jpg").symlink_to(tmp_path / "nowhere.jpg")
    assert find_file("a.jpg", tmp_path) == path
    with pytest.raises(PictureError, match="leads nowhere"):
        find_file("b.jpg", tmp_path)

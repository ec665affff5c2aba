import io

import av
import pytest
from PIL import ExifTags, Image

from gateway.errors import ImageTooLarge, InvalidImage, InvalidMedia
from gateway.media import inspect
from gateway.media.convert import convert_image
from gateway.media.frames import last_frame
from gateway.media.inspect import inspect_image, inspect_video
from tests.front.material import clip, picture, remuxed


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    return tmp_path_factory.mktemp("clips")


def test_a_video_is_told_from_its_own_bytes(clips):
    facts = inspect_video(clip(clips / "a.mp4", width=848, height=480, seconds=3))
    assert (facts.width, facts.height, facts.duration_s, facts.codec) == (848, 480, 3.0, "h264")
    small = inspect_image(facts.thumbnail_jpeg)
    assert (small.media_type, small.width, small.height) == ("image/jpeg", 640, 362)


def test_the_last_frame_is_the_last_one(clips):
    """Brightness grows by three with each frame, along a ramp: the first column tells which one it is."""
    for seconds in (1, 4):
        jpeg = last_frame(clip(clips / f"end{seconds}.mp4", width=320, height=240, seconds=seconds))
        with Image.open(io.BytesIO(jpeg)) as shown:
            assert shown.size == (320, 240)
            luma = shown.convert("L").getpixel((40, 120))
        expected = ((40 + (seconds * 12 - 1) * 3) & 0xFF) - 16
        assert abs(luma - expected * 255 / 219) < 12


def test_a_broken_film_has_no_last_frame(clips):
    (broken := clips / "broken.mp4").write_bytes(b"no film")
    with pytest.raises(InvalidMedia):
        last_frame(broken)


def test_the_same_pictures_in_another_file_have_the_same_fingerprint(clips):
    first = clip(clips / "same.mp4")
    copy = remuxed(first, clips / "copy.mp4")
    assert first.read_bytes() != copy.read_bytes()
    assert inspect_video(first).fingerprint == inspect_video(copy).fingerprint


def test_other_pictures_have_another_fingerprint(clips):
    found = {inspect_video(clip(clips / f"look{n}.mp4", look=n)).fingerprint for n in range(1, 5)}
    assert len(found) == 4


def test_padding_of_decoded_lines_does_not_count(clips):
    """Widths that are no multiple of what decoders align to: the bytes behind a line are chance."""
    odd = clip(clips / "odd.mp4", width=322, height=242)
    assert inspect_video(odd).fingerprint == inspect_video(remuxed(odd, clips / "odd2.mp4")).fingerprint


def test_a_small_video_keeps_its_size_in_the_thumbnail(clips):
    small = inspect_image(inspect_video(clip(clips / "small.mp4")).thumbnail_jpeg)
    assert (small.width, small.height) == (320, 240)


@pytest.mark.parametrize("keep", [0.3, 0.6, 0.9])
@pytest.mark.parametrize("index_first", [True, False])
def test_a_cut_file_is_not_a_video(clips, keep, index_first):
    whole = clip(clips / "whole.mp4", seconds=4)
    if index_first:
        whole = remuxed(whole, clips / "index_first.mp4")
    cut = clips / "cut.mp4"
    cut.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * keep)])
    with pytest.raises(InvalidMedia):
        inspect_video(cut)


@pytest.mark.parametrize(
    "data", [b"", b"<html>not a video</html>", b"\x00" * 4096, b"\x00\x00\x00\x18ftypmp42" + b"\x00" * 64]
)
def test_other_bytes_are_not_a_video(tmp_path, data):
    file = tmp_path / "x.mp4"
    file.write_bytes(data)
    with pytest.raises(InvalidMedia):
        inspect_video(file)


def test_a_picture_is_not_a_video(tmp_path):
    file = tmp_path / "x.mp4"
    file.write_bytes(picture("PNG"))
    with pytest.raises(InvalidMedia, match="not MP4"):
        inspect_video(file)


def test_sound_alone_is_not_a_video(tmp_path):
    with av.open(str(tmp_path / "x.mp4"), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame(format="fltp", layout="mono", samples=1024)
        frame.sample_rate, frame.pts = 44100, 0
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with pytest.raises(InvalidMedia, match="no video track"):
        inspect_video(tmp_path / "x.mp4")


def test_a_look_that_takes_too_long_is_given_up(clips):
    with pytest.raises(InvalidMedia, match="too long"):
        inspect_video(clip(clips / "slow.mp4"), limit_s=-1)


@pytest.mark.parametrize(
    ("kind", "media_type", "suffix"),
    [
        ("PNG", "image/png", ".png"),
        ("JPEG", "image/jpeg", ".jpg"),
        ("WEBP", "image/webp", ".webp"),
        ("MPO", "image/jpeg", ".jpg"),
    ],
)
def test_pictures_are_told_by_their_bytes(tmp_path, kind, media_type, suffix):
    data = picture(kind)
    file = tmp_path / "whatever.txt"
    file.write_bytes(data)
    for source in (data, file):
        facts = inspect_image(source)
        assert (facts.media_type, facts.suffix) == (media_type, suffix)
        assert (facts.width, facts.height, facts.size_bytes) == (64, 48, len(data))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("keep", [0.2, 0.5, 0.95])
def test_a_cut_picture_is_refused(kind, keep):
    data = picture(kind, (200, 150))
    with pytest.raises(InvalidImage):
        inspect_image(data[: int(len(data) * keep)])


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF", "ICO"])
def test_other_kinds_of_picture_are_refused_by_name(kind):
    with pytest.raises(InvalidImage, match=kind):
        inspect_image(picture(kind))


@pytest.mark.parametrize("kind", ["GIF", "BMP", "AVIF", "TIFF"])
def test_pictures_the_site_does_not_take_become_png(tmp_path, kind):
    file = tmp_path / "draft"
    file.write_bytes(picture(kind))
    assert convert_image(file)
    facts = inspect_image(file)
    assert (facts.media_type, facts.width, facts.height) == ("image/png", 64, 48)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_pictures_the_site_takes_stay_as_they_are(tmp_path, kind):
    file = tmp_path / "draft"
    file.write_bytes(data := picture(kind))
    assert not convert_image(file)
    assert file.read_bytes() == data


def test_of_a_moving_picture_the_first_is_taken(tmp_path):
    colours = [Image.new("RGB", (64, 48), colour) for colour in ("red", "blue")]
    file = tmp_path / "draft"
    colours[0].save(file, "GIF", save_all=True, append_images=colours[1:])
    assert convert_image(file)
    with Image.open(file) as converted:
        assert converted.getpixel((5, 5)) == (255, 0, 0)


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF"])
def test_a_damaged_picture_is_not_converted(tmp_path, kind):
    file = tmp_path / "draft"
    file.write_bytes(picture(kind, (200, 150))[:400])
    with pytest.raises(InvalidImage):
        convert_image(file)
        inspect_image(file)


def test_a_huge_picture_is_not_converted(tmp_path):
    file = tmp_path / "draft"
    Image.new("1", (12_000, 12_000)).save(file, "GIF")
    with pytest.raises(ImageTooLarge, match="million pixels"):
        convert_image(file)


@pytest.mark.parametrize(("orientation", "size"), [(1, (64, 48)), (3, (64, 48)), (6, (48, 64)), (8, (48, 64))])
def test_a_picture_is_as_wide_as_it_is_looked_at(orientation, size):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    facts = inspect_image(picture("JPEG", exif=exif))
    assert (facts.width, facts.height) == size


@pytest.mark.parametrize(
    ("data", "word"), [(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"), (b'<?xml version="1.0"?>\n<SVG/>', "SVG")]
)
def test_what_people_often_send_is_refused_by_name(data, word):
    with pytest.raises(InvalidImage, match=word):
        inspect_image(data)


@pytest.mark.parametrize(
    "data", [b"", b"hello", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0"]
)
def test_what_is_no_picture_is_refused(data):
    with pytest.raises(InvalidImage):
        inspect_image(data)


def test_too_many_pixels_are_refused_before_they_are_made(monkeypatch):
    monkeypatch.setattr(inspect, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(ImageTooLarge, match="64x48"):
        inspect_image(picture("PNG"))


def test_a_picture_of_a_few_pixels_is_refused():
    with pytest.raises(InvalidImage, match="4x4"):
        inspect_image(picture("PNG", (4, 4)))

"""Images: what is read, what is refused and in which words, and what comes back as pixels and pictures."""

import gzip
import os
import pathlib
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from pushforward.data import Images, read_images, to_pixels, write_grid
from pushforward.data.pictures.read_images import holds_images


@pytest.fixture
def pixels(rng):
    return rng.integers(0, 256, (12, 8, 6, 3), dtype=np.uint8)


def save(path: pathlib.Path, array: np.ndarray, **options) -> pathlib.Path:
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(array).save(path, **options)
    return path


@pytest.fixture
def folder(tmp_path, pixels):
    """Return a folder of ten images of a color each its own, which a test then spoils."""
    for i in range(10):
        save(tmp_path / "f" / f"{i}.png", pixels[i])
    return tmp_path / "f"


def idx(array: np.ndarray, code: int = 8) -> bytes:
    header = bytes([0, 0, code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype({8: ">u1", 12: ">i4", 13: ">f4"}[code]).tobytes()


def png(mode: int, depth: int, rows: bytes, width: int, height: int) -> bytes:
    """Write a PNG file of a kind that Pillow reads but does not write."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, depth, mode, 0, 0, 0)
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def refusal(path, kind: type[Exception] = ValueError) -> str:
    with pytest.raises(kind) as error:
        read_images(path)
    return str(error.value)


def test_a_folder_is_read_in_the_order_of_its_names(folder, pixels):
    (folder / ".hidden").write_text("x")
    images = read_images(folder)
    np.testing.assert_array_equal(images.pixels, pixels[:10])
    assert images.labels is None
    assert images.names == tuple(f"{i}.png" for i in range(10))
    assert images.shape == (8, 6, 3)
    assert images.report() == "10 images of 8 × 6 × 3, 256 levels."
    assert read_images(folder / "3.png").names == ("3.png",)


def test_folders_in_a_folder_are_classes(tmp_path, pixels):
    for i, name in enumerate(("dog", "cat", "dog")):
        save(tmp_path / name / f"{i}.png", pixels[i, ..., 0])
    images = read_images(tmp_path)
    assert images.classes == ("cat", "dog")
    assert images.labels is not None
    np.testing.assert_array_equal(images.labels, [0, 1, 1])
    assert images.names == ("cat/1.png", "dog/0.png", "dog/2.png")
    np.testing.assert_array_equal(images.pixels, pixels[[1, 0, 2], ..., :1])
    save(tmp_path / "loose.png", pixels[0])
    assert "beside them files such as loose.png" in refusal(tmp_path)
    (tmp_path / "loose.png").unlink()
    (tmp_path / "cow").mkdir()
    assert "cow must hold the images of a class, and no folders; it holds nothing" in refusal(tmp_path)
    (tmp_path / "cow" / "deep").mkdir()
    assert "it holds the folder deep" in refusal(tmp_path)


def test_kinds_of_png_and_jpeg(tmp_path, pixels):
    """Palettes and opaque alpha become colors; what would lose information is refused."""
    color, gray = pixels[0], pixels[0, ..., 0]
    few = (color > 127) * np.uint8(255)
    save(tmp_path / "palette" / "0.png", few)
    Image.fromarray(few).quantize(8).save(tmp_path / "palette" / "1.png")
    images = read_images(tmp_path / "palette")
    np.testing.assert_array_equal(images.pixels[0], images.pixels[1])
    opaque = np.dstack([color, np.full(gray.shape, 255, np.uint8)])
    np.testing.assert_array_equal(read_images(save(tmp_path / "a.png", opaque)).pixels[0], color)
    bits = Image.fromarray(gray > 127)
    bits.save(tmp_path / "bits.png")
    np.testing.assert_array_equal(read_images(tmp_path / "bits.png").pixels[0, ..., 0], (gray > 127) * 255)
    smooth = np.broadcast_to(np.arange(0, 128, 16, dtype=np.uint8)[:, None], (8, 6))
    found = read_images(save(tmp_path / "j.jpg", smooth, quality=95)).pixels[0, ..., 0]
    assert np.abs(found.astype(int) - smooth).max() < 8

    opaque[0, 0, 3] = 200
    assert "a.png: it has transparent pixels" in refusal(save(tmp_path / "a.png", opaque))
    Image.fromarray(gray).save(tmp_path / "t.png", transparency=int(gray[0, 0]))
    assert "t.png: it has transparent pixels" in refusal(tmp_path / "t.png")
    assert "g.png: it has 16 bits" in refusal(save(tmp_path / "g.png", gray.astype(np.uint16)))
    (tmp_path / "c.png").write_bytes(png(2, 16, (b"\0" + b"\1\2" * 3) * 1, 1, 1))
    assert "c.png: it has 16 bits per channel" in refusal(tmp_path / "c.png")
    Image.fromarray(opaque).convert("CMYK").save(tmp_path / "k.jpg")
    assert "k.jpg: its colors are of the kind CMYK" in refusal(tmp_path / "k.jpg")
    frames = [Image.fromarray(color), Image.fromarray(color // 2)]
    frames[0].save(tmp_path / "m.png", save_all=True, append_images=frames[1:])
    assert "m.png: it is animated" in refusal(tmp_path / "m.png")


def test_a_photograph_is_turned_upright(tmp_path, pixels):
    smooth = np.broadcast_to(np.arange(0, 128, 16, dtype=np.uint8)[:, None], (8, 6))
    exif = Image.Exif()
    exif[0x0112] = 6
    found = read_images(save(tmp_path / "p.jpg", smooth, quality=95, exif=exif))
    assert found.shape == (6, 8, 1)
    assert (np.diff(found.pixels[0, ..., 0].astype(int), axis=1) < 0).all()


def test_mixed_sizes_and_channels_are_named(folder, pixels):
    save(folder / "2.png", pixels[2, :5])
    save(folder / "4.png", pixels[4, ..., 0])
    text = refusal(folder)
    assert "2 of 10 files are wrong" in text
    assert "2.png: its size (height × width) is 5 × 6, that of 0.png 8 × 6" in text
    assert "4.png: it is gray (1 channel), 0.png is color (3 channels)" in text


def test_every_kind_of_damage_is_named_and_the_rest_is_counted(folder, pixels):
    whole = (folder / "0.png").read_bytes()
    (folder / "0.png").write_bytes(whole[:-30])
    flipped = bytearray(whole)
    flipped[60] ^= 4
    (folder / "1.png").write_bytes(flipped)
    save(folder / "2.jpg", pixels[2])
    (folder / "2.png").unlink()
    (folder / "2.jpg").write_bytes((folder / "2.jpg").read_bytes()[:-100])
    (folder / "3.png").write_bytes(b"")
    (folder / "4.txt").write_text("hello")
    (folder / "5.png").write_bytes(b"GIF89a nothing")
    (folder / "6.png").unlink()
    (folder / "6.png").symlink_to("nowhere")
    text = refusal(folder)
    assert "7 of 11 files are wrong" in text
    for words in ("0.png: it is damaged (", "1.png: it is damaged (", "2.jpg: it is damaged (", "3.png: it is empty"):
        assert words in text
    assert "4.txt: it is not a PNG or JPEG image; and 2 others. Repair" in text
    assert "5.png" not in text


def test_no_permission(folder, monkeypatch):
    # By hand: who runs the tests may be allowed everything.
    def denied(*arguments, **options):
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr("PIL.Image.open", denied)
        assert "0.png: no permission to read it; 1.png: no permission" in refusal(folder)
    with monkeypatch.context() as patch:
        patch.setattr(pathlib.Path, "iterdir", denied)
        assert "no permission to list this folder" in refusal(folder, PermissionError)
    np.save(folder / "x.npy", np.zeros((1, 2, 2), np.uint8))
    with monkeypatch.context() as patch:
        patch.setattr("builtins.open", denied)
        assert refusal(folder / "x.npy", PermissionError) == f"Cannot read {folder / 'x.npy'}: no permission."


def test_paths(tmp_path, folder):
    assert "There is no file or folder" in refusal(tmp_path / "none", FileNotFoundError)
    (tmp_path / "empty").mkdir()
    assert "is an empty folder" in refusal(tmp_path / "empty")
    (tmp_path / "t.txt").write_text("hello")
    assert "the word digits; got `a file of another kind`" in refusal(tmp_path / "t.txt")


def test_arrays(tmp_path, pixels):
    np.save(tmp_path / "c.npy", pixels)
    images = read_images(tmp_path / "c.npy")
    np.testing.assert_array_equal(images.pixels, pixels)
    assert (images.levels, images.names, images.labels) == (256, (), None)
    np.save(tmp_path / "g.npy", pixels[..., 0].astype(np.int64))
    np.testing.assert_array_equal(read_images(tmp_path / "g.npy").pixels, pixels[..., :1])
    words = np.array(["b", "a", "b"] * 4)
    np.savez(tmp_path / "l.npz", images=pixels // 16, y=words, levels=16, other=pixels)
    images = read_images(tmp_path / "l.npz")
    assert images.classes == ("a", "b")
    assert images.labels is not None
    np.testing.assert_array_equal(images.labels, words == "b")
    assert images.levels == 16
    np.savez(tmp_path / "o.npz", faces=pixels, names=words)
    np.testing.assert_array_equal(read_images(tmp_path / "o.npz").pixels, pixels)
    np.savez(tmp_path / "y.npz", pixels, labels=np.arange(12) * 5)
    assert read_images(tmp_path / "y.npz").classes[:3] == ("0", "5", "10")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda x: x / 255, "from 0 to 255; got `float64 from"),
        (lambda x: x / 255, "Save np.round(255 * x).astype(np.uint8)."),
        (lambda x: (x / 127.5 - 1).astype(np.float32), "Save np.round(127.5 * (x + 1)).astype(np.uint8)."),
        (lambda x: x.astype(np.float32), "Save np.round(x).astype(np.uint8)."),
        (lambda x: x * 100.0, "Bring them to 0 to 255 first."),
        (lambda x: np.where(x < 9, np.nan, x), " NaN`"),
        (lambda x: x.astype(int) + 1, "from 1 to 256`"),
        (lambda x: x > 9, "got `bool`"),
        (lambda x: x[0, 0], "(n, height, width, channels); got `shape (6, 3)`"),
        (lambda x: x[None], "got `shape (1, 12, 8, 6, 3)`"),
        (lambda x: x[:0], "at least one image of at least one pixel"),
        (lambda x: x.transpose(0, 3, 1, 2), "Put the channels last: x.transpose(0, 2, 3, 1)."),
    ],
)
def test_refused_arrays(tmp_path, pixels, make, words):
    pixels[0, 0, 0] = (0, 255, 7)
    np.save(tmp_path / "x.npy", make(pixels))
    text = refusal(tmp_path / "x.npy")
    assert words in text
    assert "x.npy" in text


def test_refused_files_of_arrays(tmp_path, pixels):
    path = tmp_path / "x.npz"
    np.savez(path, images=pixels, labels=np.arange(11))
    assert f"the labels of images in {path}` must be one integer or word for each of the 12 images" in refusal(path)
    np.savez(path, images=pixels, labels=np.eye(12))
    assert "got `float64 of shape (12, 12)`" in refusal(path)
    np.savez(path, images=pixels, levels=16)
    assert "below its `levels`, 16; got `" in refusal(path)
    np.savez(path, images=pixels, levels=1)
    assert "one integer from 2 to 256" in refusal(path)
    np.savez(path, a=pixels, b=pixels)
    assert "got `a of shape (12, 8, 6, 3), b of shape (12, 8, 6, 3)`" in refusal(path)
    np.savez(path, images=pixels)
    whole = bytearray(path.read_bytes())
    whole[400] ^= 1
    path.write_bytes(whole)
    assert "it is damaged" in refusal(path)
    path.write_bytes(whole[:300])
    assert f"{path} is not a readable NumPy file" in refusal(path)
    np.save(tmp_path / "x.npy", pixels)
    (tmp_path / "x.npy").write_bytes((tmp_path / "x.npy").read_bytes()[:-1])
    assert "it is damaged" in refusal(tmp_path / "x.npy")
    np.save(tmp_path / "x.npy", np.array([{}], object))
    assert "plain numbers" in refusal(tmp_path / "x.npy")


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_idx_files_and_their_labels(tmp_path, pixels, ending):
    def write(name: str, data: bytes) -> pathlib.Path:
        (tmp_path / f"{name}{ending}").write_bytes(gzip.compress(data) if ending else data)
        return tmp_path / f"{name}{ending}"

    gray, labels = pixels[..., 0], np.arange(12) % 3 + 1
    path = write("x-images-idx3-ubyte", idx(gray))
    assert read_images(path).labels is None
    beside = write("x-labels-idx1-ubyte", idx(labels))
    images = read_images(path)
    np.testing.assert_array_equal(images.pixels[..., 0], gray)
    assert images.classes == ("1", "2", "3")
    assert images.labels is not None
    np.testing.assert_array_equal(images.labels, labels - 1)
    assert "got `12 numbers, such as labels`" in refusal(beside)
    write("x-labels-idx1-ubyte", idx(labels[:5]))
    assert "each of the 12 images; got `uint8 of shape (5,)`" in refusal(path)
    write("x-labels-idx1-ubyte", idx(labels)[:-2])
    assert f"{beside} is not a whole IDX file: it has 18 bytes, its header says 20." in refusal(path)
    assert "float32 from" in refusal(write("f", idx(gray / 255, 13)))
    assert "it ends within its header" in refusal(write("f", idx(gray)[:10]))
    np.testing.assert_array_equal(read_images(write("four", idx(pixels))).pixels, pixels)


def test_damaged_gzip_files(tmp_path, pixels):
    path = tmp_path / "x.gz"
    whole = bytearray(gzip.compress(idx(pixels[..., 0])))
    path.write_bytes(whole[:-200])
    assert f"{path} is not a readable gzip file: it ends too early." in refusal(path)
    whole[200] ^= 255
    path.write_bytes(whole)
    assert "its checksum or its contents are wrong" in refusal(path)


def test_digits():
    images = read_images("digits")
    assert images.pixels.shape == (1797, 8, 8, 1)
    assert images.levels == 17
    assert images.pixels.max() == 16
    assert images.classes == tuple("0123456789")


def test_what_holds_images(tmp_path, folder, pixels, monkeypatch):
    for name, array in (("i.npy", pixels), ("t.npy", pixels[0, 0]), ("l.npy", pixels[0, 0, 0])):
        np.save(tmp_path / name, array)
    np.savez(tmp_path / "i.npz", a=np.arange(3), b=pixels)
    np.savez(tmp_path / "t.npz", a=np.arange(3), b=np.arange(3))
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(b"a,b\n1,2\n"))
    (tmp_path / "i").write_bytes(idx(pixels))
    (tmp_path / "broken.npz").write_bytes(b"junk")
    monkeypatch.chdir(tmp_path)
    found = {name for name in ("digits", "none.csv", *os.listdir(tmp_path)) if holds_images(name)}
    assert found == {"digits", "f", "i.npy", "i.npz", "i"}
    (tmp_path / "digits").write_text("a,b\n1,2\n")
    assert not holds_images("digits")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"levels": 100}, "`pixels` must be from 0 to levels - 1 = 99"),
        ({"levels": 1}, "`levels` must be an integer from 2 to 256; got 1."),
        ({"names": ("a",)}, "12 names, one for each image"),
        ({"labels": np.arange(3)}, "12, one for each image"),
        ({"labels": np.arange(12), "classes": ("a", "b")}, "places in the 2 classes; got `0 to 11`"),
    ],
)
def test_fields_of_images_belong_together(pixels, changes, words):
    pixels[0, 0, 0, 0] = 255
    with pytest.raises(ValueError) as error:  # noqa: PT011
        Images(pixels, **changes)
    assert words in str(error.value)


def test_to_pixels():
    x = np.array([[-3.0, 0.0, 0.99, 1.0], [15.999, 17.0, 16.5, 1e30]])
    pixels = to_pixels(x, levels=17)
    assert pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels, [[0, 0, 0, 1], [15, 16, 16, 16]])
    x[0, 0] = np.nan
    with pytest.raises(ValueError, match="got `1 NaN among 8`"):
        to_pixels(x)
    with pytest.raises(ValueError, match="from 2 to 256; got 300"):
        to_pixels(x, levels=300)


def test_dequantized_pixels_come_back(pixels, rng):
    np.testing.assert_array_equal(to_pixels(pixels + rng.uniform(size=pixels.shape)), pixels)


def test_a_grid_shows_each_image_enlarged(tmp_path, pixels):
    path = tmp_path / "g.png"
    write_grid(path, pixels[:5] // 16, columns=3, levels=16)
    with Image.open(path) as image:
        picture = np.asarray(image)
    scale = 8
    assert picture.shape == (2 * (8 * scale + 2) + 2, 3 * (6 * scale + 2) + 2, 3)
    y, x = 2 + 8 * scale + 2, 2 + 6 * scale + 2
    tile = picture[y : y + 8 * scale, x : x + 6 * scale]
    np.testing.assert_array_equal(tile, np.kron(pixels[4] // 16 * 17, np.ones((scale, scale, 1))))
    assert (picture[y:, x + 6 * scale :] == 128).all()


def test_large_images_are_not_enlarged(tmp_path):
    write_grid(tmp_path / "g.png", np.zeros((4, 70, 900, 1), np.uint8))
    with Image.open(tmp_path / "g.png") as image:
        assert image.size == (2 * 902 + 2, 2 * 72 + 2)
        assert image.mode == "L"


def test_refused_grids(tmp_path, pixels):
    def text(*arguments, **options) -> str:
        with pytest.raises((ValueError, OSError)) as error:
            write_grid(*arguments, **options)
        return str(error.value)

    path = tmp_path / "g.png"
    assert "a .png file" in text(tmp_path / "g.jpg", pixels)
    assert "1 channel (gray) or 3 (color); got `2 channels`" in text(path, pixels[..., :2])
    assert "at least one image" in text(path, pixels[:0])
    assert "from 0 to levels - 1 = 9" in text(path, pixels, levels=10)
    assert "`columns` must be a positive integer; got 0." in text(path, pixels, columns=0)
    assert "there is no directory" in text(tmp_path / "no" / "g.png", pixels)
    assert os.listdir(tmp_path) == []

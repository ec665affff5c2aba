"""Pictures in formats that the site does not take, written anew as PNG: the client need not know the site's list.

Blocks, and is meant for ``asyncio.to_thread``.
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

from gateway.errors import ImageTooLarge, InvalidImage
from gateway.media.inspect import MAX_IMAGE_PIXELS

#: Pillow's names of what is converted. Of an animation the first picture is taken.
CONVERTED = ("GIF", "BMP", "AVIF", "TIFF")


def convert_image(path: Path) -> bool:
    """Write *path* anew as PNG when it is one of `CONVERTED`; True when it was. Raises InvalidImage, ImageTooLarge."""
    try:
        with Image.open(path, formats=CONVERTED) as picture:
            if picture.width * picture.height > MAX_IMAGE_PIXELS:
                raise ImageTooLarge(
                    f"The image is {picture.width}x{picture.height}; at most {MAX_IMAGE_PIXELS // 1_000_000} million "
                    "pixels are taken."
                )
            picture.load()
            clear = picture.has_transparency_data
            upright = ImageOps.exif_transpose(picture).convert("RGBA" if clear else "RGB")
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as exc:
        raise ImageTooLarge(f"The image has more than {MAX_IMAGE_PIXELS // 1_000_000} million pixels.") from exc
    except UnidentifiedImageError:
        return False  # any other format, or none: `inspect_image` tells
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, TypeError, KeyError) as exc:
        raise InvalidImage("The image is damaged or incomplete.") from exc
    upright.save(path, "PNG")
    return True

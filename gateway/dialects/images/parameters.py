"""Every parameter of an image request, and what becomes of it. The mechanism: ``gateway.web.parameters``."""

from __future__ import annotations

from gateway.web.parameters import HONOURED, Rules, ignored, refused

_NO_MASK = (
    "is not supported: the site edits whole pictures. Say in the prompt what is to change and what is to stay as it is."
)

#: Names under which pictures to edit come.
PICTURES = ("image", "images", "image_url", "image_urls")

RULES: Rules = {
    **dict.fromkeys(
        (
            "model", "prompt", "n", "size", "aspect_ratio", "quality", "response_format", "output_format", "output_compression",
            "stream", "partial_images", *PICTURES,
        ),
        HONOURED,
    ),
    "style": ignored(),
    "user": ignored(),
    "resolution": ignored("1k"),
    "moderation": ignored("auto"),
    "input_fidelity": ignored(),
    "seed": ignored(),
    "background": refused("can only be opaque: the site makes no transparent pictures.", "auto", "opaque"),
    "mask": refused(_NO_MASK),
}  # fmt: skip

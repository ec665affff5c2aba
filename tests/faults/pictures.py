"""An input picture, as a client sends it."""

from __future__ import annotations

import base64
import io

from PIL import Image


def _data_url() -> str:
    out = io.BytesIO()
    Image.new("RGB", (64, 48), "coral").save(out, "PNG")
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()


PNG = _data_url()

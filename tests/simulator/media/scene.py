"""A landscape drawn from a prompt: sky, sun, drifting clouds, hills in parallax; or a slow pan over given pictures.

All layers are drawn once, wider than the frame, as Y, Cb and Cr planes. A frame is then a few crops and pastes, which
keeps six seconds of film well below a second of work.
"""

from __future__ import annotations

import colorsys
import hashlib
import math
import random
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFilter, ImageOps

Planes = tuple[Image.Image, Image.Image, Image.Image]
Colour = tuple[int, int, int]

WIDER = 1.3
DECOY = "decoy: a lighthouse at dusk"


def seed_of(*parts: str) -> int:
    return int.from_bytes(hashlib.sha256("\x00".join(parts).encode()).digest()[:8], "big")


def split(picture: Image.Image) -> Planes:
    """RGB to Y at full size and Cb, Cr at half size."""
    luma, blue, red = picture.convert("YCbCr").split()
    half = (picture.width // 2, picture.height // 2)
    return luma, blue.resize(half, Image.Resampling.BILINEAR), red.resize(half, Image.Resampling.BILINEAR)


@dataclass
class Layer:
    planes: Planes
    masks: tuple[Image.Image, Image.Image] | None
    """At full and at half size; None for the layer behind all others."""
    travel: float
    """How much of its spare width it moves through from the first frame to the last; negative = to the other side."""

    def paste(self, target: list[Image.Image], size: tuple[int, int], at: float) -> None:
        width, height = size
        spare = self.planes[0].width - width
        share = at * abs(self.travel)
        left = int(spare * (share if self.travel >= 0 else 1 - share)) & ~1
        for index in range(3):
            scale = 1 if index == 0 else 2
            box = (left // scale, 0, left // scale + width // scale, height // scale)
            piece = self.planes[index].crop(box)
            if self.masks is None:
                target[index] = piece
            else:
                target[index].paste(piece, (0, 0), self.masks[0 if index == 0 else 1].crop(box))


class Scene:
    def __init__(
        self, size: tuple[int, int], prompt: str, seed: str, pictures: list[Image.Image] | None = None
    ) -> None:
        self.size = size
        self.random = random.Random(seed_of(prompt, seed))
        self.wide = (int(size[0] * WIDER) & ~1, size[1])
        if pictures:
            self.layers = self._from_pictures(pictures)
        else:
            self.layers = self._landscape(lighthouse=prompt == DECOY)

    def planes(self, at: float) -> Planes:
        """The frame at *at*, 0 to 1 of the film."""
        target: list[Image.Image] = []
        for layer in self.layers:
            if not target:
                target = [Image.new("L", (1, 1))] * 3
            layer.paste(target, self.size, at)
        return target[0], target[1], target[2]

    def picture(self, at: float = 0.5) -> Image.Image:
        luma, blue, red = self.planes(at)
        return Image.merge("YCbCr", (luma, blue.resize(self.size), red.resize(self.size))).convert("RGB")

    # layers

    def _colour(self, hue: float, saturation: float, value: float) -> Colour:
        red, green, blue = colorsys.hsv_to_rgb(hue % 1.0, saturation, value)
        return int(red * 255), int(green * 255), int(blue * 255)

    def _landscape(self, lighthouse: bool) -> list[Layer]:
        hue = self.random.random()
        warm = hue + self.random.uniform(0.3, 0.6)
        top, low = self._colour(hue, 0.75, self.random.uniform(0.3, 0.75)), self._colour(warm, 0.45, 0.97)
        layers = [self._sky(top, low, self._colour(warm + 0.04, 0.25, 1.0)), self._clouds(low)]
        for number in range(3):
            near = (number + 1) / 3
            colour = self._colour(hue + 0.08 * number, 0.35 + 0.3 * near, 0.62 - 0.46 * near)
            layers.append(self._hills(near, colour, lighthouse and number == 2))
        return layers

    def _sky(self, top: Colour, low: Colour, sun: Colour) -> Layer:
        width, height = self.wide
        sky = Image.composite(
            Image.new("RGB", self.wide, low),
            Image.new("RGB", self.wide, top),
            Image.linear_gradient("L").resize(self.wide),
        )
        radius = int(height * self.random.uniform(0.08, 0.16))
        x = int(width * self.random.uniform(0.3, 0.7))
        y = int(height * self.random.uniform(0.2, 0.5))
        small = (width // 8, height // 8)
        glow = Image.new("L", small, 0)
        reach = radius * 3 // 8
        ImageDraw.Draw(glow).ellipse((x // 8 - reach, y // 8 - reach, x // 8 + reach, y // 8 + reach), fill=150)
        glow = glow.filter(ImageFilter.GaussianBlur(reach / 1.5)).resize(self.wide, Image.Resampling.BICUBIC)
        sky.paste(sun, (0, 0), glow)
        ImageDraw.Draw(sky).ellipse((x - radius, y - radius, x + radius, y + radius), fill=sun)
        return Layer(split(sky), None, 0.25)

    def _clouds(self, colour: Colour) -> Layer:
        small = (self.wide[0] // 4, self.wide[1] // 4)
        mask = Image.new("L", small, 0)
        draw = ImageDraw.Draw(mask)
        for _ in range(self.random.randint(3, 6)):
            x, y = self.random.uniform(0, small[0]), self.random.uniform(0.05, 0.45) * small[1]
            for _ in range(6):
                wide, high = self.random.uniform(0.04, 0.12) * small[0], self.random.uniform(0.015, 0.04) * small[1]
                dx = x + self.random.uniform(-1, 1) * small[0] * 0.08
                draw.ellipse((dx - wide, y - high, dx + wide, y + high), fill=self.random.randint(70, 140))
        mask = mask.filter(ImageFilter.GaussianBlur(small[1] / 60)).resize(self.wide, Image.Resampling.BICUBIC)
        white = tuple(min(255, part + 40) for part in colour)
        return self._masked(Image.new("RGB", self.wide, white), mask, -1.0)

    def _hills(self, near: float, colour: Colour, lighthouse: bool) -> Layer:
        width, height = self.wide
        waves = [
            (self.random.uniform(1, 3 + 5 * near), self.random.uniform(0, 6.3), self.random.random()) for _ in range(4)
        ]
        foot = height * (0.55 + 0.2 * near)
        reach = height * 0.16
        mask = Image.new("L", self.wide, 0)
        edge = []
        for x in range(0, width + 8, 8):
            rise = sum(weight * math.sin(x / width * 6.28 * pace + shift) for pace, shift, weight in waves)
            edge.append((x, foot + reach * rise / 2.5))
        draw = ImageDraw.Draw(mask)
        draw.polygon([(0, height), *edge, (width, height)], fill=255)
        painted = Image.composite(
            Image.new("RGB", self.wide, tuple(part // 3 for part in colour)),
            Image.new("RGB", self.wide, colour),
            Image.linear_gradient("L").resize(self.wide),
        )
        if lighthouse:
            x, unit = int(width * 0.5), height / 20
            draw.polygon(
                [(x - unit, height), (x - unit / 2, unit * 6), (x + unit / 2, unit * 6), (x + unit, height)], fill=255
            )
            draw.rectangle((x - unit * 0.8, unit * 5, x + unit * 0.8, unit * 6), fill=255)
        return self._masked(painted, mask, 0.35 + 0.65 * near)

    def _masked(self, picture: Image.Image, mask: Image.Image, travel: float) -> Layer:
        half = mask.resize((mask.width // 2, mask.height // 2), Image.Resampling.BILINEAR)
        return Layer(split(picture), (mask, half), travel)

    def _from_pictures(self, pictures: list[Image.Image]) -> list[Layer]:
        """The first picture fills the frame and is panned over; the others lie on it as cards. No two films of one picture
        are alike: a faint pattern lies over each."""
        back = ImageOps.fit(pictures[0].convert("RGB"), self.wide, Image.Resampling.BILINEAR)
        tint = Image.new("RGB", self.wide, self._colour(self.random.random(), 0.6, 0.9))
        back = Image.blend(back, tint, 0.12)
        pattern = Image.frombytes("L", (12, 8), self.random.randbytes(96)).resize(self.wide, Image.Resampling.BILINEAR)
        back = Image.blend(back, pattern.convert("RGB"), 0.08)
        layers = [Layer(split(back), None, self.random.choice((-1.0, 1.0)))]
        if rest := pictures[1:]:
            cards, mask = Image.new("RGB", self.wide), Image.new("L", self.wide, 0)
            side = min(self.size[1] // 3, int(self.size[0] / (len(rest) + 1)))
            for number, one in enumerate(rest):
                corner = (
                    int(self.wide[0] * (number + 1) / (len(rest) + 1)) - side // 2,
                    self.size[1] - side - side // 6,
                )
                cards.paste(ImageOps.fit(one.convert("RGB"), (side, side)), corner)
                mask.paste(235, (*corner, corner[0] + side, corner[1] + side))
            layers.append(self._masked(cards, mask, self.random.choice((-0.5, 0.5))))
        sweep = Image.new("L", (64, 4), 0)
        ImageDraw.Draw(sweep).rectangle((24, 0, 34, 4), fill=70)
        sweep = sweep.filter(ImageFilter.GaussianBlur(5)).resize(self.wide, Image.Resampling.BICUBIC)
        layers.append(self._masked(Image.new("RGB", self.wide, (255, 255, 255)), sweep, -1.0))
        return layers

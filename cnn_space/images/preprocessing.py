"""How a photo becomes a net's input, with Pillow and numpy alone: the pixels are those that
torchvision's ``Resize`` + ``CenterCrop`` + ``Normalize`` give for PIL images."""

from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from PIL import Image
from pydantic import Field, model_serializer, model_validator
from pydantic.dataclasses import dataclass

if TYPE_CHECKING:
    import torch

# Mean and standard deviation of ImageNet's pixels (RGB, 0..1), as torchvision and timm use them.
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

MAX_SIDE = 1024  # pixels: no classic net takes larger pictures, and a card may be a stranger's

VIEWS = ("top left", "top right", "bottom left", "bottom right", "center")

_FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
# A panorama is cut to this ratio before it is scaled, so that none grows to gigabytes.
LONGEST = 8

Number = Annotated[float, Field(strict=True, allow_inf_nan=False, gt=-1e18, lt=1e18)]
Positive = Annotated[float, Field(strict=True, allow_inf_nan=False, gt=0, lt=1e18)]
Side = Annotated[int, Field(strict=True, ge=1, le=MAX_SIDE)]


@dataclass(frozen=True, config={"extra": "forbid"})
class Preprocessing:
    """The steps from a photo to a net's input: the shorter side scaled to ``resize`` pixels, the
    centre ``size`` × ``size`` cut out, divided by 255, ``(x - mean) / std`` per channel (RGB).

    A card's JSON object has every field, and ``"crop": "center"`` besides, which is the only crop
    there is. Pydantic reads and writes this form where a model has a field of this class. Raises
    pydantic's ValidationError (a ValueError) for values that make no sense.
    """

    resize: Side
    size: Side
    interpolation: Literal["nearest", "bilinear", "bicubic", "lanczos"] = "bicubic"
    mean: tuple[Number, Number, Number] = IMAGENET_MEAN
    std: tuple[Positive, Positive, Positive] = IMAGENET_STD

    @model_validator(mode="before")
    @classmethod
    def _from_card(cls, fields):
        if not isinstance(fields, dict):  # made in Python, not read from a card
            return fields
        names = {"crop", *cls.__dataclass_fields__}
        if set(fields) != names:
            raise ValueError(f"it holds {', '.join(sorted(names))}")
        if fields["crop"] != "center":
            raise ValueError(f"crop is 'center', got {fields['crop']!r}")
        return {name: value for name, value in fields.items() if name != "crop"}

    @model_validator(mode="after")
    def _size_within_resize(self):
        if self.size > self.resize:
            raise ValueError(f"size is at most resize, got {self.size} and {self.resize}")
        return self

    @model_serializer
    def to_card(self) -> dict[str, object]:
        """The fields as a card has them."""
        return {
            "resize": self.resize,
            "size": self.size,
            "crop": "center",
            "interpolation": self.interpolation,
            "mean": list(self.mean),
            "std": list(self.std),
        }


def prepare(image: Image.Image, preprocessing: Preprocessing) -> "tuple[torch.Tensor, Image.Image]":
    """An upright RGB image (see ``photo.open_photo``) as a net's input [1, 3, size, size]
    float32, and as the picture that it sees."""
    picture = center_crop(image, preprocessing)
    return to_tensor(picture, preprocessing), picture


def center_crop(image: Image.Image, preprocessing: Preprocessing) -> Image.Image:
    """The picture that a net sees: the image scaled so that its shorter side has ``resize``
    pixels, then the central ``size`` × ``size``."""
    scaled = _scale(image, preprocessing.resize, preprocessing.interpolation)
    size = preprocessing.size
    left, top = (round((length - size) / 2) for length in scaled.size)
    return scaled.crop((left, top, left + size, top + size))


def ten_crops(
    image: Image.Image, preprocessing: Preprocessing
) -> list[tuple[str, bool, Image.Image]]:
    """Ten views of a photo: (position, mirrored, picture of ``size`` × ``size``).

    AlexNet's test-time averaging (Krizhevsky et al. 2012, section 4.1): the four corners and the
    centre of the central square, and their mirror images; there 224-pixel crops of a 256-pixel
    square. A net whose ``resize`` leaves no such margin gets it in the same proportion: 32-pixel
    crops of a 36-pixel square.
    """
    side = preprocessing.size
    square = preprocessing.resize
    if square == side:
        square = side + 2 * round(side / 14)
    scaled = _scale(image, square, preprocessing.interpolation)
    x, y = (round((length - square) / 2) for length in scaled.size)
    far, mid = square - side, round((square - side) / 2)
    corners = [(0, 0), (far, 0), (0, far), (far, far), (mid, mid)]
    straight = [
        scaled.crop((x + left, y + top, x + left + side, y + top + side)) for left, top in corners
    ]
    mirror = Image.Transpose.FLIP_LEFT_RIGHT
    return [(where, False, view) for where, view in zip(VIEWS, straight, strict=True)] + [
        (where, True, view.transpose(mirror)) for where, view in zip(VIEWS, straight, strict=True)
    ]


def to_tensor(picture: Image.Image, preprocessing: Preprocessing) -> "torch.Tensor":
    """An RGB picture as [1, 3, H, W] float32: ``(pixel / 255 - mean) / std``."""
    import torch

    pixels = np.asarray(picture, dtype=np.float32) / 255
    pixels = (pixels - np.float32(preprocessing.mean)) / np.float32(preprocessing.std)
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))[None]


def _scale(image: Image.Image, shorter: int, interpolation: str) -> Image.Image:
    """The image scaled so that its shorter side has ``shorter`` pixels."""
    width, height = image.size
    longest = LONGEST * min(width, height)
    if max(width, height) > longest:
        left, top = max(0, (width - longest) // 2), max(0, (height - longest) // 2)
        image = image.crop((left, top, width - left, height - top))
        width, height = image.size
    side = min(width, height)
    if side == shorter:
        return image
    size = (int(shorter * width / side), int(shorter * height / side))
    return image.resize(size, _FILTERS[interpolation])

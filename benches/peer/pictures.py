"""Pictures: from a post's bytes to the pixels that each network reads, by Pillow."""

import base64
import io

import numpy as np
import torch
from PIL import Image, ImageOps

MEAN = torch.tensor([123.675, 116.28, 103.53])[:, None, None]
DEVIATION = torch.tensor([58.395, 57.12, 57.375])[:, None, None]


def decoded(media):
    """The upright picture of an entry of a post's `media`."""
    if "bytes" not in media:
        raise ValueError("the peer reads pictures that are in the post as `bytes`, and fetches none")
    return ImageOps.exif_transpose(Image.open(io.BytesIO(base64.b64decode(media["bytes"])))).convert("RGB")


def levels(picture):
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1).float()


def squashed(picture, side):
    """A square of -1 to 1, as OFA reads it."""
    return levels(picture.resize((side, side), Image.Resampling.BICUBIC)) / 127.5 - 1.0


def resized_size(picture, side):
    """Width and height of a picture whose longer side is `side`."""
    scale = side / max(picture.size)
    return tuple(int(length * scale + 0.5) for length in picture.size)


def within(picture, side):
    """Normalised, and zeros to the right and below, as SAM reads it."""
    width, height = resized_size(picture, side)
    pixels = (levels(picture.resize((width, height), Image.Resampling.BILINEAR)) - MEAN) / DEVIATION
    return torch.nn.functional.pad(pixels, (0, side - width, 0, side - height))

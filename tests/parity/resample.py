"""Makes resample.safetensors: noise as Pillow resizes it, and as torchvision resizes bytes.

Needs pillow<13 (later versions may go down before across), torch 2.11.0, torchvision 0.26.0, numpy and safetensors. Run it
as `python tests/parity/resample.py`.
"""

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.numpy import save_file
from torchvision.transforms.v2 import functional

# From and to, each (width, height): up, down, both at once, one side alone, neither, to and from a single pixel, and
# shrinking by so much that one sample mixes hundreds.
SIZES = [
    ((7, 5), (16, 11)),
    ((40, 30), (13, 9)),
    ((33, 60), (51, 51)),
    ((60, 33), (51, 51)),
    ((25, 18), (25, 40)),
    ((25, 18), (11, 18)),
    ((12, 12), (12, 12)),
    ((1, 1), (6, 4)),
    ((9, 14), (1, 1)),
    ((150, 3), (4, 3)),
    ((1, 37), (20, 5)),
    ((67, 120), (64, 64)),
]


def main():
    draw = np.random.default_rng(5)
    out = {}
    for index, (start, end) in enumerate(SIZES):
        noise = draw.integers(0, 256, (start[1], start[0], 3), dtype=np.uint8)
        # Half of the noise is hard black and white: the cubic overshoots there, and the result is clipped.
        if index % 2:
            noise = np.where(noise < 128, 0, 255).astype(np.uint8)
        out[f"{index}.from"] = noise
        picture = Image.fromarray(noise)
        for name, how in (("bilinear", Image.Resampling.BILINEAR), ("bicubic", Image.Resampling.BICUBIC)):
            out[f"{index}.{name}"] = np.array(picture.resize(end, how))
        levels = torch.from_numpy(noise).permute(2, 0, 1)
        resized = functional.resize(levels, (end[1], end[0]), antialias=True).permute(1, 2, 0)
        out[f"{index}.torchvision"] = resized.contiguous().numpy()
    path = Path(__file__).with_name("resample.safetensors")
    save_file(out, path)
    print(f"{path.name}: {path.stat().st_size} bytes, Pillow {Image.__version__}")


main()

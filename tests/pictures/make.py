"""Pictures that the `image` crate cannot write itself, for the tests of src/input/pictures. Made with Pillow 12.3.0:

    python tests/pictures/make.py
"""

from pathlib import Path

import PIL
from PIL import Image

assert PIL.__version__ == "12.3.0", PIL.__version__
HERE = Path(__file__).parent
RED, BLUE, WHITE = (255, 0, 0), (0, 0, 255), (255, 255, 255)


def halves(left, right, size=(32, 16)):
    """`left` on the left, `right` on the right: turned or mirrored, it shows."""
    picture = Image.new("RGB", size, left)
    picture.paste(right, (size[0] // 2, 0, size[0], size[1]))
    return picture


picture = halves(RED, BLUE)
for name, options in {
    "progressive": {"progressive": True, "subsampling": "4:2:0"},
    "baseline-420": {"subsampling": "4:2:0"},
    "baseline-422": {"subsampling": "4:2:2"},
    "restarts": {"restart_marker_blocks": 1},
}.items():
    picture.save(HERE / f"{name}.jpg", quality=90, **options)

# Printers' colours, inverted and marked by Adobe as their programs write them, in one pass and in many.
cmyk = halves(RED, WHITE).convert("CMYK")
cmyk.save(HERE / "cmyk.jpg", quality=90)
cmyk.save(HERE / "cmyk-progressive.jpg", quality=90, progressive=True)

frames = [Image.new("RGB", (24, 12), colour) for colour in [(0, 255, 0), RED, BLUE]]
for name, options in {"lossless": {"lossless": True}, "lossy": {"quality": 90}}.items():
    frames[0].save(
        HERE / f"animated-{name}.webp", save_all=True, append_images=frames[1:], duration=40, **options
    )
halves(RED, BLUE).save(HERE / "lossy.webp", quality=90)
transparent = Image.new("RGBA", (32, 16), (255, 0, 0, 0))
transparent.paste((0, 0, 255, 255), (16, 0, 32, 16))
transparent.save(HERE / "transparent-lossy.webp", quality=90)

frames[0].save(HERE / "animated.png", save_all=True, append_images=frames[1:], duration=40)
picture.save(HERE / "still.avif", quality=60)

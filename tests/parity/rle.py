"""Makes rle.json: masks as `pycocotools` writes them down, and their overlaps.

Needs pycocotools and numpy. Run it as `python tests/parity/rle.py`.
"""

import json
from pathlib import Path

import numpy as np
from pycocotools import mask as coco


def ellipse(width, height, centre, radii):
    y, x = np.mgrid[0:height, 0:width]
    return ((x - centre[0]) / radii[0]) ** 2 + ((y - centre[1]) / radii[1]) ** 2 <= 1.0


def masks():
    draw = np.random.default_rng(3)
    yield np.zeros((7, 5), bool)
    yield np.ones((7, 5), bool)
    yield np.ones((1, 1), bool)
    yield draw.random((9, 14)) < 0.5
    yield draw.random((9, 14)) < 0.1
    yield draw.random((9, 14)) < 0.9
    yield ellipse(40, 60, (20, 30), (15, 25))
    yield ellipse(40, 60, (35, 10), (30, 9))
    # Runs of thousands: several characters a number, and large differences of both signs.
    yield ellipse(200, 300, (90, 150), (80, 149)) & ~ellipse(200, 300, (90, 150), (3, 140))
    stripes = np.zeros((200, 300), bool)
    stripes[:, 40:41] = stripes[:, 90:290] = True
    stripes[17, :] = False
    yield stripes


def main():
    made = list(masks())
    encoded = [coco.encode(np.asfortranarray(mask.astype(np.uint8))) for mask in made]
    out = {
        "masks": [
            {
                "width": mask.shape[1],
                "height": mask.shape[0],
                # Row by row, eight pixels a byte, the first pixel its highest bit.
                "bits": np.packbits(mask.reshape(-1)).tobytes().hex(),
                "area": int(coco.area(rle)),
                "counts": rle["counts"].decode(),
            }
            for mask, rle in zip(made, encoded)
        ],
        "overlaps": [
            {"left": left, "right": right, "iou": float(coco.iou([encoded[left]], [encoded[right]], [0])[0][0])}
            for left in range(len(made))
            for right in range(len(made))
            if made[left].shape == made[right].shape
        ],
    }
    path = Path(__file__).with_name("rle.json")
    path.write_text(json.dumps(out, indent=1) + "\n")
    print(path.name, path.stat().st_size, "bytes")


main()

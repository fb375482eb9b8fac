"""Makes jpeg.safetensors: small JPEGs of every kind with the pixels that Pillow reads, and what a tiny SAM says of one.

Needs torch 2.11.0, transformers 5.23.0, safetensors and pillow 12.3.0 (libjpeg-turbo 3). Run it as
`python tests/parity/jpeg.py`, after sam.py.
"""

from io import BytesIO
from pathlib import Path

import numpy as np
import sam
import torch
from common import picture
from PIL import Image, features
from safetensors.torch import load_file, save_file
from transformers.models.sam.image_processing_pil_sam import SamImageProcessorPil

# Sides that fill no block, one block, and no coding unit.
SIZES = [(1, 1), (2, 1), (1, 3), (3, 2), (5, 7), (8, 8), (9, 15), (17, 16), (16, 17), (31, 33)]
ZIGZAG = sorted(range(64), key=lambda at: (at // 8 + at % 8, at % 8 if (at // 8 + at % 8) % 2 == 0 else at // 8))


def written(rgb, **options):
    """A JPEG by Pillow."""
    file = BytesIO()
    Image.fromarray(rgb).save(file, "JPEG", **options)
    return file.getvalue()


def segment(code, body):
    return bytes([0xFF, code]) + (len(body) + 2).to_bytes(2, "big") + body


class Bits:
    """Bits of a scan, with a zero after each byte of ones."""

    def __init__(self):
        self.held, self.count, self.out = 0, 0, bytearray()

    def put(self, value, count):
        self.held, self.count = self.held << count | value, self.count + count
        while self.count >= 8:
            self.count -= 8
            byte = self.held >> self.count & 0xFF
            self.out += bytes([byte, 0]) if byte == 0xFF else bytes([byte])

    def filled(self):
        self.put((1 << -self.count % 8) - 1, -self.count % 8)
        done, self.out = bytes(self.out), bytearray()
        return done


# Codes of one length each: four bits for the differences of means, eight for runs and sizes.
MEANS = list(range(12))
ACS = [0x00, 0xF0] + [run << 4 | size for run in range(16) for size in range(1, 11)]


def magnitude(value):
    size = int(abs(value)).bit_length()
    return size, value if value >= 0 else value + (1 << size) - 1


def sequential(draw, size, factors, ids=None, adobe=None, jfif=False, interval=0, divided=False):
    """A sequential JPEG of random coefficients with these sampling factors, of which Pillow writes only three kinds.
    `divided` has a scan for each component."""
    (width, height), count = size, len(factors)
    across, down = max(h for h, _ in factors), max(v for _, v in factors)
    ids = ids or list(range(1, count + 1))
    steps = bytes(draw.integers(1, 24, 64).astype(np.uint8))
    out = b"\xff\xd8"
    if jfif:
        out += segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0")
    if adobe is not None:
        out += segment(0xEE, b"Adobe\0\x64\0\0\0\0" + bytes([adobe]))
    out += segment(0xDB, b"\0" + steps)
    frame = b"".join(bytes([one, h << 4 | v, 0]) for one, (h, v) in zip(ids, factors))
    out += segment(0xC0, bytes([8]) + height.to_bytes(2, "big") + width.to_bytes(2, "big") + bytes([count]) + frame)
    out += segment(0xC4, b"\0" + bytes([0, 0, 0, len(MEANS)] + [0] * 12 + MEANS))
    out += segment(0xC4, b"\x10" + bytes([0] * 7 + [len(ACS)] + [0] * 8 + ACS))
    out += segment(0xDD, interval.to_bytes(2, "big"))
    for scan in [[one] for one in range(count)] if divided else [list(range(count))]:
        out += segment(0xDA, bytes([len(scan)]) + b"".join(bytes([ids[one], 0]) for one in scan) + b"\0\x3f\0")
        bits, means = Bits(), [0] * count
        if len(scan) == 1:
            h, v = factors[scan[0]]
            units, blocks = -(-width * h // (8 * across)) * -(-height * v // (8 * down)), [(scan[0], 1)]
        else:
            units = -(-width // (8 * across)) * -(-height // (8 * down))
            blocks = [(one, factors[one][0] * factors[one][1]) for one in scan]
        for unit in range(units):
            if interval and unit and unit % interval == 0:
                out += bits.filled() + bytes([0xFF, 0xD0 + (unit // interval - 1) % 8])
                means = [0] * count
            for one in [one for one, several in blocks for _ in range(several)]:
                mean = int(draw.integers(-40, 40))
                bitsize, value = magnitude(mean - means[one])
                means[one] = mean
                bits.put(bitsize, 4)
                bits.put(value, bitsize)
                run = 0
                for place in range(1, 64):
                    value = int(draw.integers(-12, 13)) if draw.random() < 3 / (place + 4) else 0
                    if value == 0:
                        run += 1
                        continue
                    while run > 15:
                        bits.put(ACS.index(0xF0), 8)
                        run -= 16
                    bitsize, value = magnitude(value)
                    bits.put(ACS.index(run << 4 | bitsize), 8)
                    bits.put(value, bitsize)
                    run = 0
                if run:
                    bits.put(ACS.index(0x00), 8)
        out += bits.filled()
    return out + b"\xff\xd9"


def kinds(draw, generator):
    """Names and bytes."""
    def noise(size):
        return picture(size[::-1], generator).numpy()

    for index, size in enumerate(SIZES):
        for sampling in (0, 1, 2):
            options = {"quality": [1, 30, 75, 90, 95, 100][(index + sampling) % 6], "subsampling": sampling}
            options["progressive"] = (index + sampling) % 2 == 1
            if index % 3 == 2:
                options["restart_marker_blocks"] = 2
            yield "pillow " + " ".join(f"{name}={value}" for name, value in options.items()), written(noise(size), **options)
    size = (31, 33)
    rgb = noise(size)
    for progressive in (False, True):
        yield f"grey {progressive}", written(rgb[..., 0], quality=80, progressive=progressive)
        yield f"kept RGB {progressive}", written(rgb, quality=80, keep_rgb=True, progressive=progressive)
        file = BytesIO()
        cmyk = np.concatenate([rgb, noise(size)[..., :1]], axis=2)
        Image.fromarray(cmyk, "CMYK").save(file, "JPEG", quality=80, progressive=progressive)
        yield f"CMYK {progressive}", file.getvalue()
    # Only the first scans: decoders smooth between blocks.
    whole = written(rgb, quality=60, progressive=True, subsampling=2)
    starts = [at for at in range(len(whole)) if whole[at:at + 2] == b"\xff\xda"]
    for scans in (1, 3):
        end = whole.rfind(b"\xff\xc4", 0, starts[scans])
        yield f"first {scans} scans", whole[:end] + b"\xff\xd9"
    one, two = (1, 1), (2, 1)
    for name, options in {
        "4:4:0": {"factors": [(1, 2), one, one]},
        "4:4:0 one column": {"factors": [(1, 2), one, one], "size": (1, 20)},
        "4:1:1": {"factors": [(4, 1), one, one]},
        "4:1:0": {"factors": [(4, 2), one, one]},
        "4:4:1": {"factors": [(1, 4), one, one]},
        "4:2:0": {"factors": [(2, 2), one, one]},
        "4:2:0 restarts": {"factors": [(2, 2), one, one], "interval": 1},
        "4:2:0 few columns": {"factors": [(2, 2), one, one], "size": (5, 40)},
        "4:2:2, a scan for each": {"factors": [two, one, one], "divided": True},
        "4:2:0, a scan for each": {"factors": [(2, 2), one, one], "divided": True},
        "4:4:4, a scan for each, restarts": {"factors": [one] * 3, "divided": True, "interval": 3},
        "colours larger than light": {"factors": [one, (2, 2), one]},
        "three to one": {"factors": [(3, 1), one, one]},
        "one colour halved across, one down": {"factors": [(2, 2), (1, 2), two]},
        "grey of four": {"factors": [(2, 2)]},
        "RGB by its letters": {"factors": [one] * 3, "ids": [82, 71, 66]},
        "RGB by its letters, but JFIF": {"factors": [one] * 3, "ids": [82, 71, 66], "jfif": True},
        "RGB by Adobe": {"factors": [one] * 3, "adobe": 0},
        "RGB by Adobe, 4:2:0": {"factors": [(2, 2), one, one], "adobe": 0},
        "YCbCr by Adobe": {"factors": [two, one, one], "adobe": 1},
        "RGB by Adobe, but JFIF": {"factors": [one] * 3, "adobe": 0, "jfif": True},
        "ids from nought": {"factors": [(2, 2), one, one], "ids": [0, 1, 2]},
        "CMYK by Adobe": {"factors": [one] * 4, "adobe": 0},
        "YCCK by Adobe": {"factors": [one] * 4, "adobe": 2},
        "YCCK by Adobe, 4:2:0": {"factors": [(2, 2), one, one, (2, 2)], "adobe": 2},
        "four components and no word": {"factors": [one] * 4},
    }.items():
        yield name, sequential(draw, **{"size": size} | options)


def said(jpeg, boxes, model, processor):
    rgb = torch.from_numpy(np.array(Image.open(BytesIO(jpeg)).convert("RGB")))
    return sam.answers(model, processor, tuple(rgb.shape[:2]), boxes, rgb)


def main():
    assert features.version("libjpeg_turbo"), "Pillow was built with another JPEG library"
    out, names = {}, []
    for name, jpeg in kinds(np.random.default_rng(11), torch.Generator().manual_seed(11)):
        rgb = np.array(Image.open(BytesIO(jpeg)).convert("RGB"))
        names.append(name)
        out[f"{len(names) - 1}.jpeg"] = torch.from_numpy(np.frombuffer(jpeg, np.uint8).copy())
        out[f"{len(names) - 1}.rgb"] = torch.from_numpy(rgb)

    processor = SamImageProcessorPil(
        size={"longest_edge": sam.SIDE}, pad_size={"height": sam.SIDE, "width": sam.SIDE},
    )
    model = sam.random(sam.tiny(), torch.Generator().manual_seed(0))
    weights = load_file(Path(__file__).with_name("sam.safetensors"))
    model.load_state_dict({name[6:]: weight for name, weight in weights.items() if name.startswith("model.")})
    boxes = [[3.0, 4.0, 40.0, 80.0], [20.5, 30.25, 60.0, 37.75], [0.0, 0.0, 66.0, 90.0]]
    for seed in range(10_000):
        jpeg = written(picture((90, 66), torch.Generator().manual_seed(seed)).numpy(), quality=75)
        with torch.no_grad():
            case = said(jpeg, boxes, model, processor)
        if sam.telling([case]):
            break
    else:
        raise SystemExit("no picture gives decisions that can be compared")
    out["sam.jpeg"] = torch.from_numpy(np.frombuffer(jpeg, np.uint8).copy())
    out["sam.boxes"] = case["boxes"]
    for way in ("single", "multi"):
        out[f"sam.{way}.ious"] = case[f"{way}.ious"].contiguous()
        out[f"sam.{way}.inside"] = (case[f"{way}.logits"] > 0.0).to(torch.uint8).contiguous()
    path = Path(__file__).with_name("jpeg.safetensors")
    save_file(out, path, metadata={str(index): name for index, name in enumerate(names)})
    print(f"{path.name}: {len(names)} pictures, seed {seed}, {path.stat().st_size} bytes, Pillow {Image.__version__}")


main()

"""Speed of the Python originals of segmenters, measured as `benches/segmenters.rs` measures the networks here.

Needs torch 2.11.0 and transformers 5.23.0. Run: python tests/parity/speed.py NAME [THREADS] [ROUNDS]
"""

import sys
import time
from pathlib import Path

import torch
from transformers import SamConfig, SamModel, SamVisionConfig, Sam2Config, Sam2HieraDetConfig, Sam2Model, Sam2VisionConfig


def sam2(widths, heads, **backbone):
    backbone |= {"hidden_size": widths[0], "embed_dim_per_stage": widths}
    backbone |= {"num_attention_heads": heads[0], "num_attention_heads_per_stage": heads}
    vision = Sam2VisionConfig(backbone_config=Sam2HieraDetConfig(**backbone), backbone_channel_list=widths[::-1])
    return Sam2Model(Sam2Config(vision_config=vision))


def sam(hidden, layers, heads, everywhere):
    vision = SamVisionConfig(
        hidden_size=hidden, num_hidden_layers=layers, num_attention_heads=heads, mlp_dim=4 * hidden,
        global_attn_indexes=everywhere,
    )
    return SamModel(SamConfig(vision_config=vision.to_dict()))


WIDTHS, HEADS = [96, 192, 384, 768], [1, 2, 4, 8]
NETWORKS = {
    "sam-vit-b": lambda: sam(768, 12, 12, [2, 5, 8, 11]),
    "sam-vit-h": lambda: sam(1280, 32, 16, [7, 15, 23, 31]),
    "sam2.1-hiera-tiny": lambda: sam2(WIDTHS, HEADS),
    "sam2.1-hiera-small": lambda: sam2(WIDTHS, HEADS, blocks_per_stage=[1, 2, 11, 2], global_attention_blocks=[7, 10, 13]),
    "sam2.1-hiera-base-plus": lambda: sam2(
        [112, 224, 448, 896], [2, 4, 8, 16], blocks_per_stage=[2, 3, 16, 3], global_attention_blocks=[12, 16, 20],
        window_positional_embedding_background_size=[14, 14],
    ),
    "sam2.1-hiera-large": lambda: sam2(
        [144, 288, 576, 1152], [2, 4, 8, 16], blocks_per_stage=[2, 6, 36, 4], global_attention_blocks=[23, 33, 43],
        window_size_per_stage=[8, 4, 16, 8],
    ),
}


def timed(compute):
    start = time.perf_counter()
    computed = compute()
    return (time.perf_counter() - start) * 1e3, computed


def main():
    name = sys.argv[1]
    threads, rounds = (int(given) for given in (sys.argv[2:4] + ["2", "3"])[:2]) if len(sys.argv) > 3 else (2, 3)
    torch.set_num_threads(threads)
    model = NETWORKS[name]().eval()
    pixels = torch.randn((1, 3, 1024, 1024))
    boxes = torch.tensor([[100.0, 80.0, 600.5, 700.25]]).repeat(4, 1)
    with torch.no_grad():
        for round in range(rounds + 1):
            encoding, encoded = timed(lambda: model.get_image_embeddings(pixels))
            decode = lambda count: model(image_embeddings=encoded, input_boxes=boxes[None, :count], multimask_output=False)  # noqa: E731
            one, four = (timed(lambda: decode(count))[0] for count in (1, 4))
            if round > 0:
                status = Path("/proc/self/status").read_text()
                most = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
                print(f"python\t{name}\t{encoding:.1f}\t{one:.1f}\t{four:.1f}\t{most[6:].strip()}", flush=True)


if __name__ == "__main__":
    main()

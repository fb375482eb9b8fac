"""Makes sam.safetensors: what `transformers` says of a tiny SAM whose parameters are all random.

Needs torch 2.11.0, transformers 5.23.0, safetensors and pillow<13. Run it as `python tests/parity/sam.py`.
"""

from pathlib import Path

import numpy as np
import torch
from common import picture, randomise
from safetensors.torch import save_file
from transformers import SamConfig, SamMaskDecoderConfig, SamModel, SamPromptEncoderConfig, SamVisionConfig
from transformers.models.sam.image_processing_pil_sam import SamImageProcessorPil

SIDE = 64
# Height and width of each picture, and its boxes in its own pixels. A grid of 8 patches in windows of 3 needs padding.
PICTURES = [
    ((90, 50), [[3.0, 4.0, 40.0, 80.0], [0.0, 0.0, 50.0, 90.0], [20.5, 30.25, 31.0, 37.75]]),
    ((77, 120), [[10.5, 7.25, 100.0, 60.0]]),
    ((21, 40), [[1.0, 2.0, 17.0, 19.0], [22.0, 0.0, 40.0, 21.0]]),
]


def tiny():
    return SamConfig(
        vision_config=SamVisionConfig(
            hidden_size=32, output_channels=16, num_hidden_layers=4, num_attention_heads=4, image_size=SIDE,
            patch_size=8, mlp_ratio=2.0, window_size=3, global_attn_indexes=[1, 3], num_pos_feats=8,
        ).to_dict(),
        prompt_encoder_config=SamPromptEncoderConfig(hidden_size=16, image_size=SIDE, patch_size=8).to_dict(),
        mask_decoder_config=SamMaskDecoderConfig(
            hidden_size=16, mlp_dim=24, num_hidden_layers=2, num_attention_heads=2, iou_head_hidden_dim=16,
        ).to_dict(),
    )


def draw(module, generator):
    tables = dict.fromkeys(("embed.", "embedding", "_token", "rel_pos", "pos_embed"), 0.5)
    randomise(module.named_parameters(), generator, matrix=1.3, gain=0.2, tables=tables)


def random(config, generator):
    """A network whose parameters are all random."""
    model = SamModel(config).eval()
    draw(model, generator)
    with torch.no_grad():
        model.prompt_encoder.shared_embedding.positional_embedding.copy_(
            model.shared_image_embedding.positional_embedding
        )
    return model


def answers(model, processor, size, boxes, rgb):
    """One case: the picture, its boxes, and every tap of the network on it."""
    inputs = processor(images=[rgb.numpy()], return_tensors="pt", input_data_format="channels_last")
    resized = inputs["reshaped_input_sizes"][0].tolist()
    scale = np.array([resized[1] / size[1], resized[0] / size[0]] * 2)
    scaled = torch.tensor(np.array(boxes) * scale, dtype=torch.float32)
    case = {"rgb": rgb, "boxes": torch.tensor(boxes), "pixels": inputs["pixel_values"][0], "scaled": scaled}
    encoding = model.get_image_embeddings(inputs["pixel_values"])
    case["encoding"] = encoding[0]
    for name, multimask in (("single", False), ("multi", True)):
        answer = model(image_embeddings=encoding, input_boxes=scaled[None], multimask_output=multimask)
        low_res, ious = answer.pred_masks[0], answer.iou_scores[0]
        chosen = low_res[torch.arange(len(boxes)), ious.argmax(dim=1)][:, None]
        logits = processor.post_process_masks(
            [chosen], [list(size)], [resized], binarize=False, pad_size={"height": SIDE, "width": SIDE},
        )[0][:, 0]
        case |= {f"{name}.low_res": low_res, f"{name}.ious": ious, f"{name}.logits": logits}
    return case


def telling(cases):
    """Whether decisions can be compared: masks neither empty nor full, none hanging on how sums are rounded, and not
    always the same mask the best."""
    logits = [case[f"{name}.logits"] for case in cases for name in ("single", "multi")]
    shares = [(one > 0).float().mean().item() for mask in logits for one in mask]
    margin = min((mask.abs().min() / mask.abs().max()).item() for mask in logits)
    best = {one.item() for case in cases for one in case["multi.ious"].argmax(dim=1)}
    return min(shares) > 0.05 and max(shares) < 0.95 and margin > 1e-5 and len(best) > 1


def main():
    processor = SamImageProcessorPil(
        size={"longest_edge": SIDE}, pad_size={"height": SIDE, "width": SIDE},
    )
    for seed in range(10_000):
        generator = torch.Generator().manual_seed(seed)
        model = random(tiny(), generator)
        with torch.no_grad():
            cases = [answers(model, processor, *given, picture(given[0], generator)) for given in PICTURES]
        if telling(cases):
            break
    else:
        raise SystemExit("no seed gives decisions that can be compared")

    out = {f"model.{name}": tensor.clone().contiguous() for name, tensor in model.state_dict().items()}
    for index, case in enumerate(cases):
        for name, tensor in case.items():
            if name.endswith("logits"):
                name, tensor = name.replace("logits", "inside"), (tensor > 0.0).to(torch.uint8)
            out[f"case.{index}.{name}"] = tensor.contiguous()
    path = Path(__file__).with_name("sam.safetensors")
    save_file(out, path)
    print(f"{path.name}: seed {seed}, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()

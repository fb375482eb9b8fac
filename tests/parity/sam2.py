"""Makes sam2.safetensors: what `transformers` says of a tiny SAM 2 whose parameters are all random.

Needs torch 2.11.0, torchvision 0.26.0, transformers 5.23.0 and safetensors. Run it as `python tests/parity/sam2.py`.
"""

from pathlib import Path

import torch
from common import picture, randomise
from safetensors.torch import save_file
from transformers import (
    Sam2Config,
    Sam2HieraDetConfig,
    Sam2ImageProcessor,
    Sam2MaskDecoderConfig,
    Sam2Model,
    Sam2Processor,
    Sam2PromptEncoderConfig,
    Sam2VisionConfig,
)

SIDE = 64
# Height and width of each picture, and its boxes in its own pixels.
PICTURES = [
    ((90, 50), [[3.0, 4.0, 40.0, 80.0], [0.0, 0.0, 50.0, 90.0], [20.5, 30.25, 31.0, 37.75]]),
    ((77, 120), [[10.5, 7.25, 100.0, 60.0]]),
    ((21, 40), [[1.0, 2.0, 17.0, 19.0], [22.0, 0.0, 40.0, 21.0]]),
]


def configured(backbone, side, width, decoder):
    widths = backbone["embed_dim_per_stage"]
    return Sam2Config(
        vision_config=Sam2VisionConfig(
            backbone_config=Sam2HieraDetConfig(
                hidden_size=widths[0], num_attention_heads=backbone["num_attention_heads_per_stage"][0],
                image_size=[side, side], **backbone,
            ),
            backbone_channel_list=widths[::-1], fpn_hidden_size=width,
            backbone_feature_sizes=[[side // 4] * 2, [side // 8] * 2, [side // 16] * 2],
        ),
        prompt_encoder_config=Sam2PromptEncoderConfig(hidden_size=width, image_size=side, patch_size=16),
        mask_decoder_config=Sam2MaskDecoderConfig(hidden_size=width, iou_head_hidden_dim=width, **decoder),
    )


# Grids of 16, 8, 4 and 2 cells: windows of 6 need padding, and those of 4 fit in the last stage only with it. The fifth
# block attends over the whole picture, as the first of its stage does not.
TINY = {
    "embed_dim_per_stage": [8, 16, 24, 48], "num_attention_heads_per_stage": [1, 2, 3, 6], "blocks_per_stage": [1, 2, 3, 2],
    "window_size_per_stage": [4, 2, 6, 4], "global_attention_blocks": [4], "mlp_ratio": 2.0,
    "window_positional_embedding_background_size": [3, 3],
}


def tiny():
    return configured(TINY, SIDE, 32, {"mlp_dim": 24, "num_hidden_layers": 2, "num_attention_heads": 2})


def draw(module, generator):
    tables = dict.fromkeys(("embed.", "embedding", "_token", "pos_embed"), 0.5)
    randomise(module.named_parameters(), generator, matrix=1.3, gain=0.2, tables=tables)


def random(config, generator):
    """A network whose parameters are all random."""
    model = Sam2Model(config).eval()
    draw(model, generator)
    with torch.no_grad():
        frequencies = model.shared_image_embedding.positional_embedding
        frequencies.copy_(torch.randn(frequencies.shape, generator=generator))
        model.prompt_encoder.shared_embedding.positional_embedding.copy_(frequencies)
    return model


def stability(masks):
    """Of each prompt's first mask: how much of it stays where its threshold moves."""
    within, around = ((masks[:, 0] > threshold).sum((1, 2)).float() for threshold in (0.05, -0.05))
    return within / around


def prepared(processor, boxes, rgb):
    """The picture and its boxes as the processor makes them of one picture."""
    inputs = processor(images=[rgb.numpy()], input_boxes=[boxes], return_tensors="pt")
    return {"rgb": rgb, "boxes": torch.tensor(boxes), "pixels": inputs["pixel_values"][0], "scaled": inputs["input_boxes"][0]}


def answers(model, processor, inputs):
    """One case: the picture, its boxes, and every tap of the network on it."""
    case, boxes = dict(inputs), inputs["boxes"]
    pixels, scaled, size = inputs["pixels"][None], inputs["scaled"][None], inputs["rgb"].shape[:2]
    stages = model.vision_encoder.backbone(pixels).intermediate_hidden_states
    case |= {f"stage.{index}": stage[0] for index, stage in enumerate(stages)}
    encoding = model.get_image_embeddings(pixels)
    for name, level in zip(("fine", "middle", "coarse"), encoding):
        case[name] = level[0].permute(1, 2, 0)
    for name, multimask in (("single", False), ("multi", True)):
        answer = model(image_embeddings=encoding, input_boxes=scaled, multimask_output=multimask)
        low_res, ious = answer.pred_masks[0], answer.iou_scores[0]
        chosen = low_res[torch.arange(len(boxes)), ious.argmax(dim=1)][:, None]
        logits = processor.post_process_masks([chosen], [list(size)], binarize=False)[0][:, 0]
        case |= {f"{name}.low_res": low_res, f"{name}.ious": ious, f"{name}.logits": logits}
        case["object"] = answer.object_score_logits[0]
    # All four masks, to see how the single one is chosen.
    model.mask_decoder.dynamic_multimask_via_stability = False
    first = model(image_embeddings=encoding, input_boxes=scaled, multimask_output=False).pred_masks[0]
    model.mask_decoder.dynamic_multimask_via_stability = True
    case |= {"first": first, "stability": stability(first)}
    return case


def telling(cases):
    """Whether decisions can be compared: masks neither empty nor full, none hanging on how sums are rounded, not always
    the same mask the best, and the first mask stable at times only."""
    logits = [case[f"{name}.logits"] for case in cases for name in ("single", "multi")]
    shares = [(one > 0).float().mean().item() for mask in logits for one in mask]
    margin = min((mask.abs().min() / mask.abs().max()).item() for mask in logits)
    best = {one.item() for case in cases for one in case["multi.ious"].argmax(dim=1)}
    shaky = torch.cat([case["stability"] for case in cases]) - 0.98
    edges = min((case["first"].abs() - 0.05).abs().min().item() for case in cases)
    return (
        min(shares) > 0.05 and max(shares) < 0.95 and margin > 5e-6 and len(best) > 1
        and (shaky > 0).any() and (shaky < 0).any() and shaky.abs().min() > 1e-3 and edges > 1e-5
    )


def main():
    processor = Sam2Processor(Sam2ImageProcessor(size={"height": SIDE, "width": SIDE}))
    for seed in range(20_000):
        generator = torch.Generator().manual_seed(seed)
        model = random(tiny(), generator)
        with torch.no_grad():
            inputs = [prepared(processor, boxes, picture(size, generator)) for size, boxes in PICTURES]
            cases = [answers(model, processor, one) for one in inputs]
        if telling(cases):
            break
    else:
        raise SystemExit("no seed gives decisions that can be compared")

    out = {f"model.{name}": tensor.clone().contiguous() for name, tensor in model.state_dict().items()}
    for index, case in enumerate(cases):
        for name, tensor in case.items():
            if name.endswith("logits"):
                name, tensor = name.replace("logits", "inside"), (tensor > 0.0).to(torch.uint8)
            out[f"case.{index}.{name}"] = tensor.clone().contiguous()
    path = Path(__file__).with_name("sam2.safetensors")
    save_file(out, path)
    print(f"{path.name}: seed {seed}, {path.stat().st_size} bytes")
    print("stability", [case["stability"].tolist() for case in cases])


if __name__ == "__main__":
    main()

"""Makes masks.safetensors: a tiny SAM with boxes and true masks, and its loss and gradients where all of it learns.

The network is that of `transformers`; the loss is stated here anew, in plain torch: focal and dice in the ratio 20 : 1 and the
squared error of the predicted IoU, on logits that are interpolated to the side of the picture.

Needs torch 2.11.0, transformers 5.23.0, safetensors and pillow<13. Run: python tests/parity/masks.py
"""

from pathlib import Path

import torch
from common import picture
from safetensors.torch import save_file
from sam import random
from transformers import SamConfig, SamMaskDecoderConfig, SamPromptEncoderConfig, SamVisionConfig

SIDE = 64
# The deviation and mean of pictures by which SAM normalises.
MEAN, DEVIATION = torch.tensor([123.675, 116.28, 103.53]), torch.tensor([58.395, 57.12, 57.375])
# Height and width of each picture, whose longer side is the network's, and its boxes.
PICTURES = [
    ((64, 40), [[3.0, 4.0, 30.0, 50.0], [10.0, 20.0, 40.0, 64.0]]),
    ((48, 64), [[12.5, 7.25, 60.0, 40.0]]),
]
FOCAL, DICE, IOU = 20.0, 1.0, 1.0

config = SamConfig(
    vision_config=SamVisionConfig(
        hidden_size=16, output_channels=16, num_hidden_layers=2, num_attention_heads=2, image_size=SIDE, patch_size=8,
        mlp_ratio=2.0, window_size=3, global_attn_indexes=[1], num_pos_feats=8,
    ).to_dict(),
    prompt_encoder_config=SamPromptEncoderConfig(hidden_size=16, image_size=SIDE, patch_size=8).to_dict(),
    mask_decoder_config=SamMaskDecoderConfig(
        hidden_size=16, mlp_dim=32, num_hidden_layers=2, num_attention_heads=2, iou_head_hidden_dim=16,
    ).to_dict(),
)
generator = torch.Generator().manual_seed(20261130)
model = random(config, generator)

fixture, losses = {}, []
for number, (size, boxes) in enumerate(PICTURES):
    rgb = picture(size, generator)
    pixels = torch.zeros(1, 3, SIDE, SIDE)
    pixels[0, :, : size[0], : size[1]] = ((rgb.float() - MEAN) / DEVIATION).permute(2, 0, 1)
    # An ellipse in each box, and nothing where the picture ends.
    rows, columns = torch.meshgrid(torch.arange(SIDE) + 0.5, torch.arange(SIDE) + 0.5, indexing="ij")
    truth = torch.stack([
        ((columns - (x0 + x1) / 2) / (x1 - x0)) ** 2 + ((rows - (y0 + y1) / 2) / (y1 - y0)) ** 2 < 0.25
        for x0, y0, x1, y1 in boxes
    ])
    truth[:, size[0] :], truth[:, :, size[1] :] = False, False
    answer = model(pixel_values=pixels, input_boxes=torch.tensor(boxes)[None], multimask_output=False)
    logits = torch.nn.functional.interpolate(answer.pred_masks[0], (SIDE, SIDE), mode="bilinear", align_corners=False)
    logits, wanted = logits[:, 0], truth.float()
    inside = torch.sigmoid(logits)
    right = torch.where(truth, inside, 1 - inside)
    focal = (-((1 - right) ** 2) * torch.where(truth, logits, -logits).sigmoid().log()).mean((1, 2))
    both, all_of = (inside * wanted).sum((1, 2)), inside.sum((1, 2)) + wanted.sum((1, 2))
    dice = 1 - (2 * both + 1) / (all_of + 1)
    found = logits.detach() > 0
    iou = (found & truth).sum((1, 2)) / (found | truth).sum((1, 2))
    error = (answer.iou_scores[0, :, 0] - iou) ** 2
    losses.append(FOCAL * focal + DICE * dice + IOU * error)
    fixture |= {
        f"case.{number}.rgb": rgb, f"case.{number}.boxes": torch.tensor(boxes),
        f"case.{number}.truth": truth[:, : size[0], : size[1]].to(torch.uint8), f"case.{number}.loss": losses[-1],
        f"case.{number}.iou": iou,
    }
loss = torch.cat(losses).mean()
loss.backward()
fixture |= {f"model.{name}": value.clone() for name, value in model.state_dict().items()}
fixture |= {
    f"gradient.{name}": value.grad for name, value in model.named_parameters()
    if value.grad is not None and value.grad.abs().max() > 0
}
path = Path(__file__).with_name("masks.safetensors")
save_file({name: tensor.detach().contiguous() for name, tensor in fixture.items()}, path)
print(path.name, path.stat().st_size, "bytes", "loss", loss.item(), [one.tolist() for one in losses])

"""Masks: the pixels of the object in a box, by transformers' SAM, as pycocotools' run lengths."""

import numpy as np
import torch
from bundle import load_strictly
from pictures import resized_size, within
from pycocotools import mask as coco
from torch.nn.functional import interpolate
from transformers import SamConfig, SamMaskDecoderConfig, SamModel, SamPromptEncoderConfig, SamVisionConfig


def network(size):
    """A SAM of these dimensions, with weights yet to be loaded."""
    channels, image, patch = size.get("output_channels", 256), size.get("image_size", 1024), size.get("patch_size", 16)
    return SamModel(SamConfig(
        vision_config=SamVisionConfig(
            hidden_size=size["hidden"], output_channels=channels, num_hidden_layers=size["layers"],
            num_attention_heads=size["heads"], image_size=image, patch_size=patch,
            mlp_dim=int(size["hidden"] * size.get("mlp_ratio", 4.0)), window_size=size.get("window", 14),
            global_attn_indexes=size["global_layers"], num_pos_feats=channels // 2,
        ).to_dict(),
        prompt_encoder_config=SamPromptEncoderConfig(hidden_size=channels, image_size=image, patch_size=patch).to_dict(),
        mask_decoder_config=SamMaskDecoderConfig(
            hidden_size=channels, mlp_dim=size.get("decoder_mlp", 2048), num_hidden_layers=size.get("decoder_layers", 2),
            num_attention_heads=size.get("decoder_heads", 8), iou_head_hidden_dim=channels,
        ).to_dict(),
    ))


class Sam:
    def __init__(self, bundle):
        size = bundle.part("segment")["network"]
        if size["architecture"] != "sam" or size.get("multimask", False):
            raise ValueError("the peer has SAM alone, and one mask a box")
        self.side, self.threshold = size.get("image_size", 1024), size.get("mask_threshold", 0.0)
        self.model = load_strictly(network(size), bundle.weights("segment"))

    def encodings(self, pictures):
        """What the encoder makes of pictures, `[B, C, h, w]`."""
        return self.model.get_image_embeddings(torch.stack([within(picture, self.side) for picture in pictures]))

    def masks(self, encodings, boxes):
        """The mask of each (row of the encodings, picture, box in its pixels), and the network's own score of it."""
        scaled = torch.tensor([scaled_box(picture, box, self.side) for _, picture, box in boxes])
        rows = torch.tensor([row for row, _, _ in boxes])
        said = self.model(image_embeddings=encodings[rows], input_boxes=scaled[:, None], multimask_output=False)
        found = []
        for (_, picture, _), logits, score in zip(boxes, said.pred_masks[:, 0], said.iou_scores[:, 0, 0].tolist()):
            width, height = resized_size(picture, self.side)
            square = interpolate(logits[None], (self.side, self.side), mode="bilinear", align_corners=False)
            whole = interpolate(square[..., :height, :width], picture.size[::-1], mode="bilinear", align_corners=False)
            inside = (whole[0, 0] > self.threshold).numpy()
            runs = coco.encode(np.asfortranarray(inside.astype(np.uint8)))
            found.append(({"size": list(map(int, runs["size"])), "counts": runs["counts"].decode()}, score))
        return found


def scaled_box(picture, box, side):
    (width, height), (wide, high) = picture.size, resized_size(picture, side)
    return [box[0] * wide / width, box[1] * high / height, box[2] * wide / width, box[3] * high / height]

"""Makes files/: tiny checkpoints in every format that is published, and some that mean harm.

Needs torch 2.11.0, transformers 5.23.0, safetensors, numpy, omegaconf 2.4.0, segment-anything 1.0 and modelscope 1.40.2
(of the last two only the files of the networks, so `pip install --no-deps` will do). Run it as
`python tests/checkpoints/make.py`.
"""

import argparse
import enum
import io
import os
import pickle
import shutil
import subprocess
import sys
import types
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy
import torch
from omegaconf import OmegaConf
from safetensors.torch import save_file

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "parity"))
from common import import_from, randomise, stub, with_buffers  # noqa: E402

FILES = Path(__file__).with_name("files")

OFA = "modelscope.models.multi_modal.ofa"
import_from("segment_anything")
import_from("modelscope", "modelscope.models", "modelscope.models.multi_modal", OFA)
stub(f"{OFA}.vit", vit_base=None, vit_huge=None, vit_large=None, vit_large_336=None)

from modelscope.models.multi_modal.ofa import resnet  # noqa: E402
from modelscope.models.multi_modal.ofa.configuration_ofa import OFAConfig  # noqa: E402
from modelscope.models.multi_modal.ofa.modeling_ofa import OFAModel  # noqa: E402
from segment_anything.modeling import ImageEncoderViT, MaskDecoder, PromptEncoder, Sam, TwoWayTransformer  # noqa: E402
from transformers import (  # noqa: E402
    BertConfig,
    BertForPreTraining,
    SamConfig,
    SamMaskDecoderConfig,
    SamModel,
    SamPromptEncoderConfig,
    SamVisionConfig,
    XLMRobertaConfig,
    XLMRobertaForMaskedLM,
)


def save(value, name, **settings):
    torch.save(value, FILES / name, **settings)


def random(model, generator):
    """Every parameter has its own random values, which half precision holds exactly: a name that is mixed up shows."""
    randomise(with_buffers(model), generator, tables=dict.fromkeys(("pos", "embed", "token"), 0.5))
    with torch.no_grad():
        for _, tensor in with_buffers(model):
            if tensor.is_floating_point():
                tensor.copy_(tensor.half())


def halved(state):
    return OrderedDict((name, tensor.half() if tensor.is_floating_point() else tensor) for name, tensor in state.items())


# --- one state dict in every format ---------------------------------------------------------------------------------


def mixed(generator):
    """Every type of number, and every way in which a tensor can look at a storage."""
    draw = lambda *shape: torch.randn(shape, generator=generator)  # noqa: E731
    shared = draw(4, 6)
    return OrderedDict(
        [
            ("f64", draw(3).double()),
            ("f32", draw(3, 4)),
            ("f16", draw(5).half()),
            ("bf16", draw(2, 3).bfloat16()),
            ("i64", torch.tensor([-(2**40), -1, 0, 2**62])),
            ("i32", torch.tensor([[-(2**31), 7]], dtype=torch.int32)),
            ("i16", torch.tensor([-300, 300], dtype=torch.int16)),
            ("i8", torch.tensor([-128, 127], dtype=torch.int8)),
            ("u8", torch.tensor([0, 255], dtype=torch.uint8)),
            ("bool", torch.tensor([True, False, True])),
            ("scalar", torch.tensor(0.625)),
            ("empty", torch.zeros(0, 3)),
            ("parameter", torch.nn.Parameter(draw(2, 2))),
            ("shared.whole", shared),
            ("shared.rows", shared[1:3]),
            ("shared.columns", shared[:, 2:4]),
            ("shared.transposed", shared.t()),
            ("shared.every_other", shared[::2, 1::2]),
            ("permuted", draw(2, 3, 4).permute(2, 0, 1)),
            ("expanded", draw(3, 1, 2).expand(3, 1, 2)),
        ]
    )


def formats(generator):
    state = mixed(generator)
    # What `Module.state_dict` puts beside the tensors.
    state._metadata = OrderedDict([("", {"version": 1})])
    save_file({name: tensor.detach().contiguous().clone() for name, tensor in state.items()}, FILES / "mixed.safetensors")
    save(state, "mixed-zip.pth")
    save(state, "mixed-zip-5.pth", pickle_protocol=5)
    save(state, "mixed-legacy.pth", _use_new_zipfile_serialization=False)
    save(state, "mixed-legacy-4.pth", _use_new_zipfile_serialization=False, pickle_protocol=4)
    small = {"a.weight": state["f32"], "a.bias": state["bf16"]}
    nested = {"a": {"weight": state["f32"], "bias": state["bf16"]}, "version": 3}
    for place in ("model", "state_dict", "model_state_dict", "module"):
        save({"epoch": 7, place: {f"module.{name}": tensor for name, tensor in small.items()}}, f"in-{place}.pth")
    save({"optimizer": {"state": {0: {"exp_avg": torch.ones(2)}}}, "model": nested}, "nested.pth")
    save({"epoch": 7, "weights": [state["f32"]]}, "no-state-dict.pth")
    save(state["f32"], "only-a-tensor.pth")
    save({"weight": torch.tensor([1.0, 65519.0, 65520.0])}, "beyond-half.pth")
    save({"model": {"weight": state["f32"], "args": argparse.Namespace(lr=0.1)}}, "stranger-inside.pth")


# --- the networks ---------------------------------------------------------------------------------------------------


def text_encoders(generator, answers):
    sizes = {
        "vocab_size": 40, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 24,
        "max_position_embeddings": 20,
    }
    roberta = XLMRobertaForMaskedLM(
        XLMRobertaConfig(**sizes, type_vocab_size=1, layer_norm_eps=1e-5, pad_token_id=1, attn_implementation="eager")
    ).eval()
    random(roberta, generator)
    pieces = torch.randint(3, 40, (2, 9), generator=generator)
    with torch.no_grad():
        answers["text.pieces"] = pieces
        answers["text.hidden"] = roberta.roberta(input_ids=pieces).last_hidden_state
    state = roberta.state_dict()
    # Versions of transformers from the time of the published files saved the positions and a pooler too.
    state["roberta.embeddings.position_ids"] = torch.arange(20).expand((1, -1))
    state["roberta.pooler.dense.weight"] = torch.zeros(16, 16)
    state["roberta.pooler.dense.bias"] = torch.zeros(16)
    save(state, "xlm-roberta.bin", _use_new_zipfile_serialization=False)
    plain = {name.removeprefix("roberta."): tensor for name, tensor in state.items() if name.startswith("roberta.")}
    save_file({name: tensor.contiguous().clone() for name, tensor in plain.items()}, FILES / "xlm-roberta.safetensors")

    bert = BertForPreTraining(BertConfig(**sizes, type_vocab_size=2)).eval()
    random(bert, generator)
    # As converted from TensorFlow.
    old = {".LayerNorm.weight": ".LayerNorm.gamma", ".LayerNorm.bias": ".LayerNorm.beta"}
    renamed = OrderedDict()
    for name, tensor in halved(bert.state_dict()).items():
        for new, was in old.items():
            name = name.replace(new, was)
        renamed[name] = tensor
    save(renamed, "bert.bin")

    tagger = {f"embedder.transformer_model.{name}": tensor for name, tensor in plain.items()}
    tagger |= {
        "linear.weight": torch.randn(17, 16, generator=generator), "linear.bias": torch.randn(17, generator=generator),
        "crf.start_transitions": torch.randn(17, generator=generator),
        "crf.end_transitions": torch.randn(17, generator=generator),
        "crf.transitions": torch.randn(17, 17, generator=generator),
    }
    save(halved(tagger), "adaseq.bin")


class NarrowResNet(resnet.ResNet):
    """The trunk, built of the same blocks by the same code, but with 2 channels where published ones have 64."""

    def __init__(self, layers, channels):
        torch.nn.Module.__init__(self)
        self._norm_layer = torch.nn.BatchNorm2d
        self.inplanes, self.dilation, self.groups, self.base_width = channels, 1, 1, 64
        self.conv1 = torch.nn.Conv2d(3, channels, kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(channels)
        self.relu = torch.nn.ReLU(inplace=True)
        self.maxpool = torch.nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        self.layer1 = self._make_layer(resnet.Bottleneck, channels, layers[0])
        self.layer2 = self._make_layer(resnet.Bottleneck, 2 * channels, layers[1], stride=2)
        self.layer3 = self._make_layer(resnet.Bottleneck, 4 * channels, layers[2], stride=2)


# How fairseq calls what ModelScope calls otherwise.
FAIRSEQ = {
    "encoder": {"self_attn_mid_layer_norm": "attn_ln", "ffn_layer_norm": "ffn_layernorm"},
    "decoder": {
        "self_attn_mid_layer_norm": "self_attn_ln", "cross_attn": "encoder_attn",
        "cross_attn_layer_norm": "encoder_attn_layer_norm", "cross_attn_mid_layer_norm": "cross_attn_ln",
        "ffn_layer_norm": "ffn_layernorm",
    },
}


def in_fairseq(name):
    parts = name.split(".")
    if parts[1] == "layers":
        parts[3] = FAIRSEQ[parts[0]].get(parts[3], parts[3])
    return ".".join(parts)


class Backend(enum.Enum):
    """A choice among fairseq's settings."""

    NO_C10D = "no_c10d"


def ofa(generator, answers):
    # Newer versions of transformers no longer give every configuration this key.
    OFAConfig.forced_bos_token_id = None
    config = OFAConfig(
        vocab_size=40, d_model=16, encoder_layers=1, decoder_layers=1, encoder_ffn_dim=16, decoder_ffn_dim=16,
        encoder_attention_heads=2, decoder_attention_heads=2, resnet_type="resnet18", token_bucket_size=8,
        image_bucket_size=3, max_position_embeddings=16,
    )
    config._attn_implementation = "eager"
    model = OFAModel(config)
    model.encoder.embed_images = NarrowResNet([1, 1, 1], 2)
    model.encoder.image_proj = torch.nn.Linear(32, 16)
    model.eval()
    random(model, generator)
    tokens = torch.randint(4, 40, (1, 7), generator=generator)
    tokens[:, 0], tokens[:, -1] = 0, 2
    pixels = torch.randn((1, 3, 48, 48), generator=generator).half()
    prefix = torch.randint(4, 40, (1, 5), generator=generator)
    with torch.no_grad():
        logits = model(
            input_ids=tokens, patch_images=pixels.float(), patch_masks=torch.ones(1, dtype=torch.bool),
            decoder_input_ids=prefix, use_cache=False,
        ).logits
    answers |= {"ofa.tokens": tokens, "ofa.pixels": pixels, "ofa.prefix": prefix, "ofa.logits": logits}

    state = halved(model.state_dict())
    # Tables of a million numbers, of which nothing is read but the name.
    for name in state:
        if name.endswith(("_rp_bucket", "_position_idx")):
            state[name] = state[name].flatten()[:4].clone()
    save(state, "ofa.bin", _use_new_zipfile_serialization=False)
    published = OrderedDict((in_fairseq(name), tensor) for name, tensor in state.items())
    published["encoder.version"] = published["decoder.version"] = torch.tensor([3.0])
    constants = types.ModuleType("fairseq.dataclass.constants")
    for name in ("fairseq", "fairseq.dataclass", constants.__name__):
        sys.modules[name] = constants
    constants.Backend = Backend
    Backend.__module__ = constants.__name__
    settings = argparse.Namespace(arch="ofa_tiny", lr=[5e-5], patch_image_size=48, share=None)
    save(
        {
            "args": None,
            "cfg": {
                "_name": None, "model": settings, "ddp": Backend.NO_C10D,
                "common": OmegaConf.create({"fp16": True, "seed": 7, "betas": [0.9, 0.999]}),
            },
            "model": published,
            "criterion": None,
            "optimizer_history": [{"optimizer_name": "FP16Optimizer", "lr_scheduler_state": {"best": None}, "num_updates": 3}],
            "task_state": {},
            "extra_state": {"val_loss": numpy.float64(0.5), "losses": numpy.arange(3.0), "metrics": [(0, "loss", {})]},
            "last_optimizer_state": {"state": {0: {"step": 3, "exp_avg": torch.ones(2)}}, "param_groups": [{"params": [0]}]},
        },
        "ofa-fairseq.pt",
    )


def sam(generator, answers):
    model = Sam(
        ImageEncoderViT(
            img_size=16, patch_size=4, embed_dim=8, depth=2, num_heads=2, mlp_ratio=2.0, out_chans=8, qkv_bias=True,
            norm_layer=lambda width: torch.nn.LayerNorm(width, eps=1e-6), use_rel_pos=True, rel_pos_zero_init=False,
            window_size=3, global_attn_indexes=(1,),
        ),
        PromptEncoder(embed_dim=8, image_embedding_size=(4, 4), input_image_size=(16, 16), mask_in_chans=16),
        MaskDecoder(
            transformer_dim=8, transformer=TwoWayTransformer(depth=2, embedding_dim=8, mlp_dim=12, num_heads=2),
            iou_head_depth=3, iou_head_hidden_dim=8,
        ),
    ).eval()
    random(model, generator)
    pixels = torch.randn((1, 3, 16, 16), generator=generator)
    boxes = torch.tensor([[1.0, 2.0, 9.0, 14.0], [0.0, 5.5, 15.0, 8.25]])
    with torch.no_grad():
        sparse, dense = model.prompt_encoder(points=None, boxes=boxes, masks=None)
        masks, ious = model.mask_decoder(
            image_embeddings=model.image_encoder(pixels), image_pe=model.prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse, dense_prompt_embeddings=dense, multimask_output=True,
        )
    answers |= {"sam.pixels": pixels, "sam.boxes": boxes, "sam.masks": masks, "sam.ious": ious}
    save(halved(model.state_dict()), "sam.pth")

    ported = SamModel(
        SamConfig(
            vision_config=SamVisionConfig(
                hidden_size=8, output_channels=8, num_hidden_layers=2, num_attention_heads=2, image_size=16,
                patch_size=4, mlp_ratio=2.0, window_size=3, global_attn_indexes=[1], num_pos_feats=4,
            ).to_dict(),
            prompt_encoder_config=SamPromptEncoderConfig(hidden_size=8, image_size=16, patch_size=4).to_dict(),
            mask_decoder_config=SamMaskDecoderConfig(
                hidden_size=8, mlp_dim=12, num_hidden_layers=2, num_attention_heads=2, iou_head_hidden_dim=8,
            ).to_dict(),
        )
    ).eval()
    random(ported, generator)
    # Safetensors files have a tensor once that the network has under two names.
    state = halved(ported.state_dict())
    del state["prompt_encoder.shared_embedding.positional_embedding"]
    save_file(dict(state), FILES / "sam.safetensors")


# --- what means harm ------------------------------------------------------------------------------------------------


class Calls:
    """Makes the pickle that calls a function when it is read."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


def in_zip(name, pickled, compression=zipfile.ZIP_STORED, **entries):
    """A torch file around a pickle written by hand."""
    with zipfile.ZipFile(FILES / name, "w") as archive:
        for entry, content in {"data.pkl": pickled, **entries}.items():
            # With the time that it has by default, so that the same content makes the same file.
            archive.writestr(zipfile.ZipInfo(f"a/{entry.replace('_', '/')}"), content, compression)


def tensor(shape, stride, numel, offset=0, key="0"):
    """The pickle of a state dict of one tensor."""
    number = lambda value: b"\x8a\x08" + value.to_bytes(8, "little")  # noqa: E731
    sizes = lambda values: b"(" + b"".join(map(number, values)) + b"t"  # noqa: E731
    text = lambda word: b"X" + len(word).to_bytes(4, "little") + word.encode()  # noqa: E731
    storage = b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text(key) + text("cpu") + number(numel) + b"tQ"
    arguments = b"(" + storage + number(offset) + sizes(shape) + sizes(stride) + b"\x89}t"
    return b"\x80\x02}(" + text("w") + b"ctorch._utils\n_rebuild_tensor_v2\n" + arguments + b"Ru."


def harmful():
    weight = torch.ones(2)
    save({"model": {"weight": weight}, "epoch": Calls(os.system, "echo harm")}, "harm-system.pth")
    save({"weight": Calls(eval, "1 + 1")}, "harm-eval.pth", _use_new_zipfile_serialization=False)
    save({"model": {"weight": weight}, "cfg": {"hook": Calls(subprocess.Popen, ["echo"])}}, "harm-popen.pth")
    save({"weight": Calls(getattr, "", "join")}, "harm-getattr.pth", pickle_protocol=4)
    save(torch.nn.Linear(2, 2), "harm-whole-network.pth")

    # Forty dictionaries, each twice in the next: read one by one, a million million names.
    bomb = {"weight": weight}
    for _ in range(40):
        bomb = {"a": bomb, "b": bomb}
    save({"model": {"weight": weight, "bomb": bomb}}, "harm-bomb.pth")
    circle = {"weight": weight}
    circle["circle"] = circle
    save({"model": circle}, "harm-circle.pth")
    text = b"\x8d" + (2**60).to_bytes(8, "little")
    in_zip("harm-length.pth", b"\x80\x04" + text + b"a.")
    in_zip("harm-marks.pth", b"\x80\x02" + b"(" * 2000 + b".")
    floats = numpy.ones(4, dtype="<f4").tobytes()
    in_zip("harm-repeated.pth", tensor([2**40], [0], 4), data_0=floats)
    in_zip("harm-overlong.pth", tensor([2, 2], [2, 1], 4, offset=1), data_0=floats)
    in_zip("harm-overflow.pth", tensor([2**33, 2**33], [2**33, 2**33], 4), data_0=floats)
    in_zip("harm-storage.pth", tensor([4], [1], 2**50), data_0=floats)
    in_zip("harm-missing.pth", tensor([4], [1], 4, key="../0"), data_0=floats)
    in_zip("harm-deflated.pth", tensor([4], [1], 4), zipfile.ZIP_DEFLATED, data_0=floats)
    in_zip("harm-byteorder.pth", tensor([4], [1], 4), data_0=floats, byteorder=b"big")
    with zipfile.ZipFile(FILES / "harm-other-zip.pth", "w") as archive:
        archive.writestr(zipfile.ZipInfo("word/document.xml"), "<a/>")
    # A storage that its file ends before.
    whole = io.BytesIO()
    torch.save({"weight": weight}, whole, _use_new_zipfile_serialization=False)
    (FILES / "harm-cut.pth").write_bytes(whole.getvalue()[:-3])
    (FILES / "harm-plain-pickle.pth").write_bytes(pickle.dumps({"weight": 1}, protocol=2))


def main():
    shutil.rmtree(FILES, ignore_errors=True)
    FILES.mkdir()
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(20240701)
    answers = {}
    formats(generator)
    text_encoders(generator, answers)
    ofa(generator, answers)
    sam(generator, answers)
    harmful()
    save_file({name: tensor.contiguous() for name, tensor in answers.items()}, FILES / "answers.safetensors")
    print(sum(path.stat().st_size for path in FILES.iterdir()), "bytes")


main()

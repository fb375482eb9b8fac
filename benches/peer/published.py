"""Published: a bundle of published sizes whose random weights are files, so that both sides compute with the same ones.

Run: published.py BUNDLE, a folder that `riveg bundle new` wrote with a preset of four networks.
"""

import hashlib
import json
import sys
from pathlib import Path

import torch
from bundle import Bundle
from looks import LEFT_OUT
from looks import network as ofa
from masks import network as sam
from safetensors.torch import save_file
from tagger import Network as Tagger
from words import WordPieces

POCKET = Path(__file__).resolve().parents[2] / "bundles/pocket"
SEED = 7
# Words of a post that are entities, of all of its words: about one a post.
NAMED = 0.08
XLM_R = {
    "vocabulary": 250_002, "max_positions": 514, "positions": "after-padding", "type_vocabulary": 1, "layer_norm_eps": 1e-5,
    "pad": 1, "labels": 17,
}
OFA = {
    "vocabulary": 59_457, "resnet_width": 64, "token_bucket": 256, "image_bucket": 42, "max_positions": 1024,
    "patch_image_size": 480, "first_bin": 58_457, "bins": 1000, "answers": [117, 4420, 2085],
}
# Dimensions of the networks' papers and checkpoints.
PRESETS = {
    "xlm-roberta-base": XLM_R | {"hidden": 768, "layers": 12, "heads": 12, "ffn": 3072},
    "xlm-roberta-large": XLM_R | {"hidden": 1024, "layers": 24, "heads": 16, "ffn": 4096},
    "ofa-base": OFA | {
        "d_model": 768, "ffn": 3072, "heads": 12, "encoder_layers": 6, "decoder_layers": 6, "resnet_layers": [3, 4, 23],
    },
    "ofa-large": OFA | {
        "d_model": 1024, "ffn": 4096, "heads": 16, "encoder_layers": 12, "decoder_layers": 12, "resnet_layers": [3, 8, 36],
    },
    "sam-vit-b": {"hidden": 768, "layers": 12, "heads": 12, "global_layers": [2, 5, 8, 11]},
    "sam-vit-h": {"hidden": 1280, "layers": 32, "heads": 16, "global_layers": [7, 15, 23, 31]},
}


def of_tagger(folder, size):
    """Fresh weights, with a layer of labels by which most words are in no entity, as measured on the pocket's examples."""
    model = Tagger(size).eval()
    pieces = WordPieces(folder / "tagger.tokenizer.json", size["max_positions"] - size["pad"] - 1)
    lines = (POCKET / "examples.jsonl").read_text().splitlines()[:40]
    above = []
    with torch.no_grad():
        model.linear.weight.normal_(std=size["hidden"] ** -0.5)
        model.linear.bias.zero_()
        for _, own, first in pieces.encode([json.loads(line)["text"] for line in lines]):
            hidden = model.embedder.transformer_model(input_ids=torch.tensor([own])).last_hidden_state[0, first]
            scores = model.linear(hidden)
            above.append(scores[:, 1:].max(1).values - scores[:, 0])
        model.linear.bias[0] = torch.cat(above).quantile(1 - NAMED)
    return dict(model.named_parameters())


def of_ofa(_, size):
    return {name: tensor for name, tensor in ofa(size).state_dict().items() if not any(part in name for part in LEFT_OUT)}


def of_sam(_, size):
    return sam(size).state_dict()


def write_weights(folder, stage, tensors):
    """A file in 16 bits, as published ones often are; both sides compute in 32."""
    path = folder / f"{stage}.safetensors"
    save_file({name: tensor.detach().half().contiguous().clone() for name, tensor in tensors.items()}, path)
    return entry(path)


def tagger_vocabulary(folder, size):
    """The pocket bundle's pieces, and as many that no text has as the network has rows for."""
    read = json.loads((POCKET / "tagger.tokenizer.json").read_text())
    pieces = read["model"]["vocab"]
    pieces += [[f"<filler_{number}>", -1e3] for number in range(len(pieces), size["vocabulary"])]
    return write_vocabulary(folder / "tagger.tokenizer.json", read)


def ofa_vocabulary(folder, size):
    """As of the tagger; the bins get the network's numbers."""
    read = json.loads((POCKET / "ofa.tokenizer.json").read_text())
    pieces, first = read["model"]["vocab"], size["first_bin"]
    added = [one for one in read["added_tokens"] if not one["content"].startswith("<bin_")]
    given = {**pieces, **{one["content"]: one["id"] for one in added}}
    pieces |= {f"<filler_{number}>": number for number in set(range(first)) - set(given.values())}
    example = added[-1]
    read["added_tokens"] = added + [example | {"id": first + bin, "content": f"<bin_{bin}>"} for bin in range(size["bins"])]
    return write_vocabulary(folder / "ofa.tokenizer.json", read)


def write_vocabulary(path, read):
    path.write_text(json.dumps(read, ensure_ascii=False))
    return entry(path)


def entry(path):
    with open(path, "rb") as file:
        return {"file": path.name, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def toml(table, path=()):
    """A manifest's tables as TOML."""
    inner = {key: value for key, value in table.items() if isinstance(value, dict)}
    own = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in table.items() if key not in inner]
    head = [f"[{'.'.join(path)}]"] if path else []
    return "\n".join([*head, *own, ""]) + "\n" + "".join(toml(value, (*path, key)) for key, value in inner.items())


def main():
    folder = Path(sys.argv[1])
    manifest = Bundle(folder).manifest
    torch.manual_seed(SEED)
    for stage, made in (("recognise", of_tagger), ("entail", of_ofa), ("ground", of_ofa), ("segment", of_sam)):
        part = manifest[stage]
        own = {key: value for key, value in part["network"].items() if key != "preset"}
        part["network"] = {"architecture": own["architecture"]} | PRESETS[part["network"]["preset"]] | own
        if stage != "segment":
            part["tokenizer"] = (tagger_vocabulary if stage == "recognise" else ofa_vocabulary)(folder, part["network"])
        part["weights"] = write_weights(folder, stage, made(folder, part["network"]))
        print(f"published: {stage}, {part['network']['architecture']}", flush=True)
    # Networks that have learnt nothing: every entity is looked for in its picture.
    manifest["entail"]["threshold"] = 0.0
    manifest["made"] = f"benches/peer/published.py, seed {SEED}: it has learnt nothing"
    (folder / "bundle.toml").write_text(toml(manifest))


if __name__ == "__main__":
    main()

"""Makes files/: tiny networks as transformers saves the published ones that recipes name, each in a folder of its own.

All parameters are random. A tagger's bias lets it see a person in every word, so that something is asked of the others. The
numbers have 16 bits, as many published files do.

Needs torch 2.11.0, torchvision 0.26.0 and transformers 5.23.0. Run it as `python tests/fetch/make.py`.
"""

import json
import sys
from pathlib import Path

import torch
from transformers import (
    BertConfig,
    BertForTokenClassification,
    Sam2VideoConfig,
    Sam2VideoModel,
    XLMRobertaConfig,
    XLMRobertaForTokenClassification,
)

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "parity"))
import grounding_dino  # noqa: E402
import sam2  # noqa: E402
from common import randomise  # noqa: E402

# The order of the published files.
CONLL = ["O", "B-MISC", "I-MISC", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC"]
IOB1 = ["B-LOC", "B-MISC", "B-ORG", "I-LOC", "I-MISC", "I-ORG", "I-PER", "O"]
# Enough rows for the small sentencepiece model of tests/vocabularies.
XLM_ROBERTA_PIECES = 1000
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def save(model, folder):
    folder.mkdir(parents=True, exist_ok=True)
    model.half().save_pretrained(folder)
    for name in ["generation_config.json"]:
        (folder / name).unlink(missing_ok=True)


def tagger(model, labels, person, generator):
    randomise(model.named_parameters(), generator, matrix=1.0, other=0.2, tables={"embedding": 1.0})
    with torch.no_grad():
        model.classifier.weight.mul_(0.01)
        model.classifier.bias.zero_()
        model.classifier.bias[labels.index(person)] = 5.0
    return model


def labelled(labels):
    return {"id2label": dict(enumerate(labels)), "label2id": {label: row for row, label in enumerate(labels)}}


def vocabulary(folder, size, lower_case):
    """BERT's special pieces where they are published, letters, and the marks that end a phrase."""
    pieces = [f"[unused{row}]" for row in range(size)]
    pieces[0] = "[PAD]"
    pieces[100:104] = ["[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    letters = LETTERS if lower_case else LETTERS + LETTERS.upper()
    for row, letter in enumerate(letters):
        pieces[110 + row], pieces[200 + row] = letter, f"##{letter}"
    if size > 1029:
        pieces[1012], pieces[1029] = ".", "?"
    (folder / "vocab.txt").write_text("".join(f"{piece}\n" for piece in pieces))
    settings = {"do_lower_case": lower_case, "tokenizer_class": "BertTokenizer"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))


def main():
    generator = torch.Generator().manual_seed(5)
    files = HERE / "files"
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 24}

    bert = BertConfig(vocab_size=300, max_position_embeddings=64, **sizes, **labelled(CONLL))
    save(tagger(BertForTokenClassification(bert), CONLL, "B-PER", generator), files / "bert")
    vocabulary(files / "bert", 300, lower_case=False)

    xlm_roberta = XLMRobertaConfig(
        vocab_size=XLM_ROBERTA_PIECES, max_position_embeddings=66, type_vocab_size=1, layer_norm_eps=1e-5, pad_token_id=1,
        **sizes, **labelled(IOB1),
    )
    save(tagger(XLMRobertaForTokenClassification(xlm_roberta), IOB1, "I-PER", generator), files / "xlm-roberta")

    # As AdaSeq saves a tagger with its CRF.
    encoder = XLMRobertaForTokenClassification(xlm_roberta).roberta
    linear, tags = torch.nn.Linear(16, 17), torch.zeros(17, 17)
    with torch.no_grad():
        linear.weight.mul_(0.01)
        linear.bias.zero_()
        linear.bias[16] = 5.0  # S-PER
    state = {f"embedder.transformer_model.{name}": value for name, value in encoder.state_dict().items()}
    state |= {"linear.weight": linear.weight.detach(), "linear.bias": linear.bias.detach(), "crf.transitions": tags}
    state |= {"crf.start_transitions": tags[0].clone(), "crf.end_transitions": tags[0].clone()}
    (files / "own").mkdir(exist_ok=True)
    torch.save(state, files / "own" / "best_model.pth")

    # The small OFAs of tests/checkpoints, with rows for the small dictionary of tests/vocabularies.
    (files / "ofa").mkdir(exist_ok=True)
    for task, name in [("ofa-task-cfg.pt", "snli_ve_large_best.pt"), ("ofa-task-args.pt", "refcoco_large_best.pt")]:
        saved = torch.load(HERE.parent / "checkpoints" / "files" / task, weights_only=False)
        rows = torch.randn(434, 16, generator=generator).half()
        for part in ["encoder.embed_tokens", "decoder.embed_tokens", "decoder.output_projection"]:
            saved["model"][f"{part}.weight"] = rows.clone()
        # The published question is longer than the small tables.
        for part in ["encoder.embed_positions", "decoder.embed_positions"]:
            saved["model"][f"{part}.weight"] = torch.randn(66, 16, generator=generator).half()
        torch.save(saved, files / "ofa" / name)

    dino = grounding_dino.random(grounding_dino.config(), generator)
    save(dino, files / "grounding-dino")
    vocabulary(files / "grounding-dino", 1100, lower_case=True)

    # The published files are of the video network, which has the one for pictures in it.
    pictures = sam2.tiny()
    video = Sam2VideoConfig(
        vision_config=pictures.vision_config.to_dict(), prompt_encoder_config=pictures.prompt_encoder_config.to_dict(),
        mask_decoder_config=pictures.mask_decoder_config.to_dict(), image_size=sam2.SIDE,
        memory_attention_hidden_size=32, memory_attention_num_layers=1, memory_attention_num_attention_heads=1,
        memory_attention_feed_forward_hidden_size=16, memory_encoder_hidden_size=32, memory_encoder_output_channels=16,
        mask_downsampler_embed_dim=32, memory_fuser_num_layers=1, memory_fuser_embed_dim=32,
        memory_fuser_intermediate_dim=32,
    )
    model = Sam2VideoModel(video)
    sam2.draw(model, generator)
    save(model, files / "sam2")



if __name__ == "__main__":
    main()

"""Makes taggers/: tiny taggers in the folders that Transformers and ModelScope publish, and the mentions that they find.

Needs the packages of tests/parity/requirements.txt and requirements-taggers.txt. Run: python tests/checkpoints/make_taggers.py
"""

import json
import os
import shutil
import sys
from pathlib import Path

import sentencepiece
import torch
from safetensors.torch import save_file
from torchcrf import CRF
from transformers import (
    BertConfig,
    BertForTokenClassification,
    BertModel,
    DebertaV2Config,
    DebertaV2ForTokenClassification,
    DistilBertConfig,
    DistilBertForTokenClassification,
    RobertaConfig,
    RobertaForTokenClassification,
    XLMRobertaConfig,
    XLMRobertaForTokenClassification,
)

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "parity"))
from common import randomise  # noqa: E402

OUT = HERE / "taggers"
VOCABULARIES = HERE.parent / "vocabularies" / "files"

# Words as the engine splits texts, which the test checks.
TEXTS = [
    ("A woman in a green coat at the bridge", "A woman in a green coat at the bridge"),
    ("RT @kim_x: #Bridge\U0001f525\U0001f525 at night", "RT @ kim_x : # Bridge \U0001f525\U0001f525 at night"),
    ("the player's red hat\u2026 https://t.co/aB1", "the player 's red hat \u2026 https://t.co/aB1"),
    ("K\u00f6ln (harbour) no, yes!!", "K\u00f6ln ( harbour ) no , yes !!"),
    # Longer than the networks read.
    ("The harbour bridge at night. " * 6 + "a man with a hat", "The harbour bridge at night . " * 6 + "a man with a hat"),
]
LONGEST = 40
CORPUS = [words for _, words in TEXTS] + ["no yes maybe the bridges and the coats", "they're 23, he'll win 1,000 photos"]
BERT = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 24}

CONLL = ["O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC", "B-MISC", "I-MISC"]
IOB1 = ["B-LOC", "B-MISC", "B-ORG", "I-LOC", "I-MISC", "I-ORG", "I-PER", "O"]
WNUT = ["O", "B-corporation", "I-corporation", "B-creative_work", "I-creative_work", "B-group", "I-group", "B-person", "I-person"]
BIOES = ["O"] + [f"{place}-{name}" for name in ("PER", "GRP", "LOC") for place in "BIES"]
TYPES = ["LOC", "O", "PER", "TIME"]


def entities(labels):
    """The entities of labels by the rules of seqeval: the begin and the end of a chunk hang on this and the last label."""
    found, last = [], ("O", None)
    for word, label in enumerate(labels):
        place, name = ("O", None) if label == "O" else tuple(label.split("-", 1)) if "-" in label else ("I", label)
        goes_on = place in "IE" and last[0] in "BI" and last[1] == name
        if goes_on:
            found[-1][1] = word + 1
        elif place != "O":
            found.append([word, word + 1, name])
        last = (place, name)
    return found


def cut(lengths, words, room):
    """Windows: after the last end of a sentence in the second half, or else where the window is full."""
    windows, start = [], 0
    while start < len(words):
        used, end, sentence = 0, start, None
        while end < len(words) and used + lengths[end] <= room:
            used += lengths[end]
            end += 1
            if used * 2 >= room and words[end - 1][-1] in ".!?\u2026":
                sentence = end
        if end < len(words) and sentence:
            end = sentence
        windows.append((start, end))
        start = end
    return windows


def pieces_of(tokenizer, words):
    """The pieces of each word, as words of a text that is split already; the unknown piece stands for none."""
    if hasattr(tokenizer, "pieces_of"):
        return [tokenizer.pieces_of(word) or [tokenizer.unk_token_id] for word in words]
    encoded = tokenizer(words, is_split_into_words=True, add_special_tokens=False)
    pieces = [[] for _ in words]
    for number, piece in zip(encoded.word_ids(), encoded["input_ids"]):
        pieces[number].append(piece)
    return [own or [tokenizer.unk_token_id] for own in pieces]


def words_of(probabilities, starts, end, pooling):
    rows = [probabilities[start:stop] for start, stop in zip(starts, starts[1:] + [end])]
    if pooling == "first":
        return torch.stack([row[0] for row in rows])
    if pooling == "mean":
        return torch.stack([row.mean(0) for row in rows])
    return torch.stack([row[row.max(-1).values.argmax()] for row in rows])


def mentions(network, tokenizer, labels, pooling, crf=None):
    """For each text the mentions: first and last word, type and score."""
    answers = []
    for text, split in TEXTS:
        words = (split.replace("@ kim_x", "@kim_x") if isinstance(tokenizer, Tweets) else split).split(" ")
        pieces = pieces_of(tokenizer, words)
        found = []
        for start, end in cut([len(own) for own in pieces], words, LONGEST - 2):
            ids, starts = [tokenizer.cls_token_id], []
            for own in pieces[start:end]:
                starts.append(len(ids))
                ids += own
            with torch.no_grad():
                scores = network(torch.tensor([ids + [tokenizer.sep_token_id]]))[0]
            if crf is None:
                probabilities = words_of(scores.softmax(-1), starts, len(ids), pooling)
                best = probabilities.argmax(-1).tolist()
            else:
                emissions = scores[starts][None]
                best = crf.decode(emissions)[0]
            named = [labels[label] for label in best]
            found += [[start + first, start + last, name] for first, last, name in entities(named)]
        answers.append({"text": text, "words": words, "mentions": found})
    kinds = {name for answer in answers for _, _, name in answer["mentions"]}
    count = sum(len(answer["mentions"]) for answer in answers)
    words = sum(len(answer["words"]) for answer in answers)
    assert len(kinds) > 1 and words / 6 < count < words, (kinds, count, words)
    return answers


def saved(name, tokenizer, answers, types):
    folder = OUT / name
    (folder / "answers.json").write_text(json.dumps({"types": types, "answers": answers}) + "\n")


def draw(network, seed):
    generator = torch.Generator().manual_seed(seed)
    randomise(network.named_parameters(), generator, other=0.1, tables={"embeddings": 1.0}, matrices={"classifier": 4.0, "linear": 4.0})
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(parameter.half())
    return network.eval()


def folder_of(name):
    folder = OUT / name
    folder.mkdir(parents=True)
    return folder


def classifier(name, make, tokenizer, labels, pooling="first", seed=1, dtype=None, bin_file=False, types=None):
    folder = folder_of(name)
    names = {"id2label": dict(enumerate(labels)), "label2id": {label: row for row, label in enumerate(labels)}}
    network = draw(make({"vocab_size": len(tokenizer), **names}), seed)
    answers = mentions(lambda ids: network(input_ids=ids).logits, tokenizer, labels, pooling)
    stored = network.to(dtype) if dtype else network
    stored.config.save_pretrained(folder)
    config = json.loads((folder / "config.json").read_text())
    config["architectures"] = [type(network).__name__]
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    state = {key: tensor.contiguous() for key, tensor in stored.state_dict().items()}
    if bin_file:
        torch.save(state, folder / "pytorch_model.bin")
    else:
        save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    saved(name, tokenizer, answers, types or {})


def main():
    from transformers import BertTokenizer, RobertaTokenizer, XLMRobertaTokenizer

    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir()
    torch.set_num_threads(1)
    limits = {"max_position_embeddings": LONGEST}
    after = {"max_position_embeddings": LONGEST + 2, "pad_token_id": 1}

    cased = BertTokenizer.from_pretrained(VOCABULARIES / "bert-cased", do_lower_case=False)
    bert = lambda more: BertForTokenClassification(BertConfig(**BERT, **limits, **more))  # noqa: E731
    classifier("bert", bert, cased, CONLL, bin_file=True)
    shutil.copy(VOCABULARIES / "bert-cased" / "vocab.txt", OUT / "bert")

    uncased = BertTokenizer.from_pretrained(VOCABULARIES / "bert-uncased", do_lower_case=True)
    distilbert = lambda more: DistilBertForTokenClassification(  # noqa: E731
        DistilBertConfig(dim=16, n_layers=1, n_heads=2, hidden_dim=24, **limits, **more)
    )
    classifier("distilbert", distilbert, uncased, BIOES, pooling="max", seed=2, dtype=torch.float16)
    uncased.save_pretrained(OUT / "distilbert")

    roberta = lambda more: RobertaForTokenClassification(RobertaConfig(**BERT, **after, type_vocab_size=1, **more))  # noqa: E731
    byte_pairs = RobertaTokenizer.from_pretrained(VOCABULARIES / "hugging-face", add_prefix_space=True)
    map_ = {"corporation": "ORG", "creative_work": "OTHER", "group": "ORG", "person": "PER"}
    classifier("roberta", roberta, byte_pairs, WNUT, pooling="mean", seed=3, types=map_)
    for file in ("vocab.json", "merges.txt"):
        shutil.copy(VOCABULARIES / "hugging-face" / file, OUT / "roberta")

    xlm_roberta = lambda more: XLMRobertaForTokenClassification(  # noqa: E731
        XLMRobertaConfig(**BERT, **after, type_vocab_size=1, **more)
    )
    sentences = XLMRobertaTokenizer.from_pretrained(VOCABULARIES / "xlm-roberta")
    classifier("xlm-roberta", xlm_roberta, sentences, IOB1, seed=4, dtype=torch.bfloat16, bin_file=True)
    shutil.copy(VOCABULARIES / "xlm-roberta" / "sentencepiece.bpe.model", OUT / "xlm-roberta")

    deberta = lambda more: DebertaV2ForTokenClassification(  # noqa: E731
        DebertaV2Config(
            **BERT, **limits, **more, relative_attention=True, position_buckets=16, norm_rel_ebd="layer_norm",
            share_att_key=True, pos_att_type=["p2c", "c2p"], position_biased_input=False, type_vocab_size=0,
        )
    )
    classifier("deberta", deberta, Sentences(), TYPES, seed=5)
    shutil.copy(SPM, OUT / "deberta")
    SPM.unlink()

    tweets = Tweets()
    classifier("bertweet", roberta, tweets, WNUT, seed=7, types=map_)
    for file in ("vocab.txt", "bpe.codes"):
        shutil.move(OUT / file, OUT / "bertweet" / file)

    raner(cased)
    print(sum(path.stat().st_size for path in OUT.rglob("*") if path.is_file()), "bytes")


SPM = OUT / "spm.model"


class Sentences:
    """A sentencepiece model with DeBERTa's special pieces, read by sentencepiece itself."""

    pad_token_id, cls_token_id, sep_token_id, unk_token_id = range(4)

    def __init__(self):
        text = OUT / "text.txt"
        text.write_text("\n".join(CORPUS * 20))
        # The model records these paths, which are not those of a machine.
        os.chdir(OUT)
        sentencepiece.SentencePieceTrainer.train(
            input=text.name, model_prefix=SPM.stem, vocab_size=70, model_type="unigram", minloglevel=2,
            pad_id=0, bos_id=1, eos_id=2, unk_id=3, pad_piece="[PAD]", bos_piece="[CLS]", eos_piece="[SEP]", unk_piece="[UNK]",
        )
        text.unlink(), SPM.with_suffix(".vocab").unlink()
        self.model = sentencepiece.SentencePieceProcessor(model_file=str(SPM))

    def __len__(self):
        return self.model.get_piece_size() + 1  # and the mask

    def pieces_of(self, word):
        return self.model.encode(word)


class Tweets:
    """BERTweet's own tokenizer over a small vocabulary: words that merges alone make have no line."""

    cls_token_id, pad_token_id, sep_token_id, unk_token_id = range(4)

    def __init__(self):
        from transformers import BertweetTokenizer

        merges = ["t h", "th e</w>", "i n</w>", "n i", "ni g", "nig h", "nigh t</w>", "H T", "HT T", "HTT P", "HTTP U",
                  "HTTPU R", "HTTPUR L</w>", "@ U", "@U S", "@US E", "@USE R</w>", ": f", ":f i", ":fi r", ":fir e",
                  ":fire :</w>", "a n", "an d</w>", "r i", "b ri", "bri d", "brid g", "bridg e</w>", "h a", "ha t</w>"]
        letters = sorted(set("".join(CORPUS)) - {" "})
        words = ["the", "in", "night", "HTTPURL", "@USER", ":fire:", "bridge", "hat", "an@@", "ha@@", "th@@", "ri@@"]
        lines = words + [f"{letter}@@" for letter in letters] + letters
        (OUT / "vocab.txt").write_text("".join(f"{line} {1000 - row}\n" for row, line in enumerate(lines)))
        (OUT / "bpe.codes").write_text("".join(f"{merge} {900 - row}\n" for row, merge in enumerate(merges)))
        self.own = BertweetTokenizer(str(OUT / "vocab.txt"), str(OUT / "bpe.codes"), normalization=True)
        assert self.own.demojizer is not None

    def __len__(self):
        return len(self.own)

    def pieces_of(self, word):
        # Signs that are repeated are one word to the engine, and were several to BERTweet; only emoji are parted.
        words = word if any(sign in word for sign in "\U0001f525\u2026\u2019") else [word]
        normal = " ".join(self.own.normalizeToken(self.own.special_puncts.get(word, word)) for word in words)
        return self.own.convert_tokens_to_ids([piece for one in normal.split() for piece in self.own.bpe(one).split(" ")])


def raner(tokenizer):
    """A tagger of ModelScope: `encoder`, `linear` and `crf`, with the labels beside the encoder's settings."""
    folder = folder_of("raner")
    config = BertConfig(vocab_size=len(tokenizer), max_position_embeddings=LONGEST, **BERT)
    parts = torch.nn.ModuleDict(
        {
            "encoder": BertModel(config),
            "linear": torch.nn.Linear(16, len(BIOES)),
            "crf": CRF(len(BIOES), batch_first=True),
        }
    )
    draw(parts, 8)
    network = lambda ids: (parts["linear"](parts["encoder"](input_ids=ids).last_hidden_state[0]),)  # noqa: E731
    answers = mentions(network, tokenizer, BIOES, "first", parts["crf"])
    torch.save(parts.state_dict(), folder / "pytorch_model.bin")
    settings = config.to_dict() | {"architectures": ["BertForMaskedLM"], "label2id": {name: row for row, name in enumerate(BIOES)}}
    settings.pop("id2label", None)
    (folder / "config.json").write_text(json.dumps(settings, indent=1, default=str) + "\n")
    shutil.copy(VOCABULARIES / "bert-cased" / "vocab.txt", folder)
    saved("raner", tokenizer, answers, {})


main()

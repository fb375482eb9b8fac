"""Makes files/: tiny vocabularies in the layouts in which published ones come, and what their own readers make of texts.

Needs transformers 4.30.2 with tokenizers 0.13.3 and numpy<2 (whose readers are still written in Python), sentencepiece
0.2.3, regex, and fairseq 0.12.2: of that only one file, so its wheel for an older Python, unpacked where Python looks,
will do. Run it as `python tests/vocabularies/make.py`.
"""

import importlib.util
import json
import os
import shutil
from collections import Counter
from pathlib import Path

import sentencepiece
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import BartTokenizer, BertTokenizer, XLMRobertaTokenizer

FILES = Path(__file__).resolve().with_name("files")
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]

CORPUS = [
    " does the image describe \" a woman in a green coat \"? no",
    " does the image describe \" a man with a red hat \"? yes",
    " which region does the text \" the harbour bridge at night \" describe? maybe",
    " no yes maybe no yes maybe the bridges and the coats",
    "A player's jersey: they're 23, he'll win; I've seen 1,000 photos.",
    "Überall in Köln straße, café au lait – naïve façade",
]

# What is put to the networks, and what people write.
TEXTS = [
    " does the image describe \" a woman in a green coat \"?",
    " which region does the text \" the bridge \" describe?",
    " no", " yes", " maybe", "no", "yes", "maybe", "", " ", "  two  spaces ", "\ttab\nline\r\n",
    "they're he'll I've It'S", "1234 12,5 ٣", "#hash @name <bin_7> </s> <mask>", "🔥🔥 ☕️ e\u0301 é", "漢字かな交じり",
    "a\u00a0b\u2003c\u200bd\u0085e", "a\x1cb\x00c", "'s'S\u2019s", "ﬁnal Ⅷ ｆｕｌｌ", "İstanbul ǅ ß",
    "   leading", "trailing   ", "naïve façade KÖLN",
]
# The tagger reads word by word. None says the name of a special piece: readers in Rust take that for the piece, which
# the tagger then takes for an unknown one.
WORDS = [
    "bridge", "Bridge", "bridges", "coat's", "#coat", "ﬁnal", "ｆｕｌｌ", "café", "cafe\u0301", "¨", "a¨b", "b¨", "🔥🔥",
    "漢字", "xyzzy", "<p>", "1,000", "\u200b", "\u00ad", "…", "a…", "don’t", "a▁b", "ß", "a\u3000b",
]


def module(package, path):
    """One file of a package, without the package."""
    root = Path(importlib.util.find_spec(package).submodule_search_locations[0])
    spec = importlib.util.spec_from_file_location(path.replace("/", "_"), root / f"{path}.py")
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def byte_pairs(answers):
    """GPT-2's two files, fairseq's dictionary over them, and the same in Hugging Face's two files."""
    gpt2 = module("fairseq", "data/encoders/gpt2_bpe_utils")
    alphabet = list(gpt2.bytes_to_unicode().values())
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(vocab_size=400, initial_alphabet=alphabet, show_progress=False)
    trained.train_from_iterator(CORPUS * 3 + [" no yes maybe"] * 40, trainer)
    merges = json.loads(trained.to_str())["model"]["merges"]
    pieces = alphabet + [merge.replace(" ", "") for merge in merges] + ["<|endoftext|>"]

    fairseq = FILES / "fairseq"
    fairseq.mkdir()
    ids = {piece: number for number, piece in enumerate(pieces)}
    (fairseq / "encoder.json").write_text(json.dumps(ids))
    (fairseq / "vocab.bpe").write_text("#version: 0.2\n" + "".join(f"{merge}\n" for merge in merges))
    encoder = gpt2.get_encoder(fairseq / "encoder.json", fairseq / "vocab.bpe")
    counts = Counter(number for line in CORPUS for number in encoder.encode(line))
    ordered = sorted(range(len(pieces)), key=lambda number: (-counts[number], number))
    words = [str(number) for number in ordered] + [f"madeupword{number:04}" for number in range(3)]
    count_of = lambda word: counts[int(word)] if word.isdigit() else 0  # noqa: E731
    (fairseq / "dict.txt").write_text("".join(f"{word} {count_of(word)}\n" for word in words))
    # As fairseq counts: its own four, then the lines.
    number_of = {word: number for number, word in enumerate(SPECIAL + words)}
    answers["fairseq"] = [[number_of[str(piece)] for piece in encoder.encode(text)] for text in TEXTS]

    face = FILES / "hugging-face"
    face.mkdir()
    named = SPECIAL + [pieces[int(word)] if word.isdigit() else word for word in words] + ["<mask>"]
    (face / "vocab.json").write_text(json.dumps({piece: number for number, piece in enumerate(named)}, ensure_ascii=False))
    shutil.copy(fairseq / "vocab.bpe", face / "merges.txt")
    bart = BartTokenizer(str(face / "vocab.json"), str(face / "merges.txt"))
    # Its own tokens are cut out of texts before it reads them; ours may say them.
    plain = [text for text in TEXTS if "<" not in text]
    assert [bart.convert_tokens_to_ids(bart._tokenize(text)) for text in plain] == [
        ids for text, ids in zip(TEXTS, answers["fairseq"]) if "<" not in text
    ]
    answers["words"] = len(SPECIAL) + len(words)


def word_pieces(answers):
    """BERT's file, of lower case and of both."""
    for name, lower_case in (("bert-uncased", True), ("bert-cased", False)):
        folder = FILES / name
        folder.mkdir()
        corpus = " ".join(CORPUS)
        corpus = corpus.lower() if lower_case else corpus
        letters = sorted(set(corpus) - {" "} - set("öüéïç" if lower_case else ""))
        common = sorted({word for word in corpus.split() if word.isalpha() and len(word) > 2})
        ends = [f"##{letter}" for letter in letters if letter.isalnum()] + ["##es"]
        lines = ["[PAD]", "[unused0]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *common, *ends]
        (folder / "vocab.txt").write_text("".join(f"{line}\n" for line in dict.fromkeys(lines)))
        bert = BertTokenizer(str(folder / "vocab.txt"), do_lower_case=lower_case)
        bert.unique_no_split_tokens = []
        answers[name] = [bert.convert_tokens_to_ids(bert._tokenize(text)) for text in TEXTS]


def sentence_pieces(answers):
    """XLM-R's model, with a few of the rules by which the published one makes characters plain."""
    folder = FILES / "xlm-roberta"
    folder.mkdir()
    rules = {"ﬁ": "fi", "…": "...", "¨": " \u0308", "\u3000": " ", "\u00a0": " ", "\u200b": " ", "\u00ad": ""}
    rules |= {chr(0xFF41 + letter): chr(ord("a") + letter) for letter in range(26)} | {"e\u0301": "é"}
    points = lambda text: " ".join(f"{ord(character):X}" for character in text)  # noqa: E731
    table, text = folder / "rules.tsv", folder / "text.txt"
    table.write_text("".join(f"{points(left)}\t{points(right)}\n" for left, right in rules.items()))
    text.write_text("".join(f"{line}\n" for line in CORPUS * 20))
    # The model remembers where its files were.
    os.chdir(folder)
    sentencepiece.SentencePieceTrainer.train(
        input=text.name, model_prefix="sentencepiece.bpe", vocab_size=84, model_type="unigram",
        normalization_rule_tsv=table.name, unk_id=0, bos_id=1, eos_id=2, pad_id=-1, minloglevel=2,
    )
    table.unlink(), text.unlink(), (folder / "sentencepiece.bpe.vocab").unlink()
    roberta = XLMRobertaTokenizer(str(folder / "sentencepiece.bpe.model"))
    answers["xlm-roberta"] = [roberta.convert_tokens_to_ids(roberta._tokenize(word)) for word in WORDS]
    answers["pieces"] = len(roberta)


def main():
    shutil.rmtree(FILES, ignore_errors=True)
    FILES.mkdir()
    answers = {"texts": TEXTS, "of words": WORDS}
    byte_pairs(answers)
    word_pieces(answers)
    sentence_pieces(answers)
    (FILES / "answers.json").write_text(json.dumps(answers, indent=1) + "\n")
    print(sum(path.stat().st_size for path in FILES.rglob("*") if path.is_file()), "bytes")


main()

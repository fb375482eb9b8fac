"""Makes prompts.json: 200 phrases, cleaned and cut as the authors' data code does it, for each network that is asked phrases.

Needs the packages of tests/parity/requirements-prompts.txt: this old transformers still has readers of BPE (OFA's tokenizer
is BartTokenizer under another name) and of word pieces that are written in Python. Run it as `python tests/parity/prompts.py`.

The cleaning is restated here from OFA's data/ofa_dataset.py, ALBEF's dataset/utils.py and SeqTR's
datasets/pipelines/loading.py, the phrases and columns from RiVEG's data_processing.
"""

import json
import random
import re
import tempfile
from pathlib import Path

from transformers import BartTokenizer, BertTokenizer

HERE = Path(__file__).resolve().parent
OFA_FILES = HERE.parent / "vocabularies" / "files" / "hugging-face"
CASES = 200

ENTITIES = [
    ("Garfield Park", "LOC"), ("CP3", "PER"), ("Jay-Z", "PER"), ("Beyoncé", "PER"), ("Bed-Stuy/Brooklyn", "LOC"),
    ("O'Neal", "PER"), ("“The Boss”", "PER"), ("AT&T", "ORG"), ("#BlackLivesMatter", "OTHER"), ("@realDonaldTrump", "PER"),
    ("Łódź", "LOC"), ("München", "LOC"), ("東京タワー", "LOC"), ("Москва", "LOC"), ("القاهرة", "LOC"), ("İstanbul", "LOC"),
    ("ΑΘΗΝΑΣ", "LOC"), ("M*A*S*H", "OTHER"), ("Yahoo!", "ORG"), ("Who Framed Roger Rabbit?", "OTHER"), ("50 Cent", "PER"),
    ("Washington, D.C.", "LOC"), ("St. Mary's Hospital", "ORG"), ("Toys \"R\" Us", "ORG"), ("C++", "OTHER"),
    ("Spider-Man: No Way Home", "OTHER"), ("...And Justice for All", "OTHER"), ("🔥Tiësto🔥", "PER"), ("Team 👨‍👩‍👧", "ORG"),
    ("naïve e\u0301cole", "ORG"), ("New\u00a0York", "LOC"), ("a\u200bb", "OTHER"), ("~Tilde~", "OTHER"), ("<person>", "PER"),
    ("<PERSON>", "PER"), ("<bin_7>", "OTHER"), ("</s>", "OTHER"), ("[SEP]", "OTHER"), ("[CLS] [PAD]", "OTHER"), ("<unk>", "OTHER"),
    ("{caption}", "OTHER"), ("{phrase}", "OTHER"), ("PAD", "OTHER"), ("UNK", "OTHER"), ("ﬁne ﬂour", "OTHER"), ("ＦＵＬＬ", "ORG"),
    ("Straße", "LOC"), ("Q&A: live", "OTHER"), ("1,000 Islands", "LOC"), ("http://t.co/abc-DEF", "OTHER"),
]
EXPANSIONS = [
    "A conservatory filled with various species of plants in a tropical rainforest setting.",
    "a basketball player in a purple jersey", "A well-known rapper and record producer.", "the red/white striped flag",
    "A women singer-songwriter.", "...an old stone bridge, at night!", "It's a man's coat; \"green\" (dark): see #3 *",
    "A city.", "A   group\tof  people\u3000\u3000in suits", "a team in blue & gold - winners of the 2016 NBA Finals",
    "An iconic red suspension bridge in San Francisco, California.", "ein Mann mit grünem Hut – naïve façade café",
    "🔥🔥 the hottest band ☕️", "漢字 and かな on a sign", "a person", "", "-", "?!", "a . b - c / d", "don't know",
    "first line\nsecond line", "tab\tand\x1cseparator\x1d\x1eend", " leading and trailing  ",
    " ".join(f"word{number}" for number in range(100)), "very, " * 90 + "long", "x" * 300,
    "a woman, a man, a dog-cat/cat-dog ~ together", "the <person> in red", "nbsp\u00a0here\u2003em\u0085nel",
    "ΣΊΣΥΦΟΣ rolling a ΒΡΆΧΟΣ", "Ⅷ ﬁnal ǅ ß İ",
]
CAPTIONS = [
    "the chicago bears and green bay packers are playing in the nfl", "two people holding hands at a wedding ceremony", "",
    "a clock that is set to 5", "A man in glasses & a tie is talking on TV!", "#throwback: chicago-white sox/quotes",
    "🔥 a stage with lights", "ein Schloß in München", "line\nbreak", " ", "a  photo  of   a <person> ~ (right)",
    " ".join(["caption"] * 95), "a woman's red hat", "東京の夜", "...", "the text \" quoted \" imply text2 \" no \"?",
]
WORDS = "a an the in of at and man woman person red green blue coat hat bridge city team player stone old night park dog long".split()


def ofa(text):
    text = text.lower().lstrip(",.!?*#:;~").replace("-", " ").replace("/", " ").replace("<person>", "person")
    text = re.sub(r"\s{2,}", " ", text).rstrip("\n").strip(" ")
    words = text.split(" ")
    return " ".join(words[:80]) if len(words) > 80 else text


def albef(text):
    text = re.sub(r"([,.'!?\"()*#:;~])", "", text.lower())
    text = text.replace("-", " ").replace("/", " ").replace("<person>", "person")
    text = re.sub(r"\s{2,}", " ", text).rstrip("\n").strip(" ")
    words = text.split(" ")
    return " ".join(words[:30]) if len(words) > 30 else text


def seqtr(text, ids, most):
    words = re.sub(r"([.,'!?\"()*#:;])", "", text.lower()).replace("-", " ").replace("/", " ").split()
    # Without a word nothing is asked there; ours asks one unknown word.
    return [ids.get(word, ids["UNK"]) for word in words][:most] or [ids["UNK"]]


def main():
    bart = BartTokenizer(str(OFA_FILES / "vocab.json"), str(OFA_FILES / "merges.txt"))
    ofas = lambda text: [0] + bart.convert_tokens_to_ids(bart._tokenize(text)) + [2]  # noqa: E731

    letters = sorted(set("abcdefghijklmnopqrstuvwxyz0123456789.,'!?\"()*#:;~-/&+@<>[]{}_=“”–…") | set("東京漢字かなßłλμ"))
    ends = [f"##{letter}" for letter in letters if letter.isalnum()] + ["##ing", "##er", "##s"]
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(word for word in WORDS if len(word) > 1), *ends]
    pieces = list(dict.fromkeys(pieces))
    folder = Path(tempfile.mkdtemp())
    (folder / "vocab.txt").write_text("".join(f"{piece}\n" for piece in pieces))
    bert = BertTokenizer(str(folder / "vocab.txt"), do_lower_case=True)
    berts = lambda text: [2] + bert.convert_tokens_to_ids(bert._tokenize(text)) + [3]  # noqa: E731

    words = ["PAD", "UNK", "CLS", *WORDS, "jay", "z", "parkloc", "playerper", "cp3pera", "beyoncé", "ein"]
    ids = {word: number for number, word in enumerate(words)}

    draw = random.Random(5)
    cases = []
    for number in range(CASES):
        entity, kind = ENTITIES[number % len(ENTITIES)]
        expansion, caption = EXPANSIONS[number % len(EXPANSIONS)], CAPTIONS[draw.randrange(len(CAPTIONS))]
        # The first line alone, as their script takes it; an answer of ours has one.
        phrase = f"{entity}({kind})-{expansion}".split("\n")[0]
        first = caption.split("\n")[0]
        cases.append({
            "entity": entity, "type": kind, "expansion": expansion.split("\n")[0], "caption": first, "phrase": phrase,
            "riveg": ofas(' can image and text1 " {} " imply text2 " {} "?'.format(ofa(phrase), ofa(first))),
            "ofa-snli-ve": ofas(' can image and text1 " {} " imply text2 " {} "?'.format(ofa(first), ofa(phrase))),
            "ofa-refcoco": ofas(' which region does the text " {} " describe?'.format(ofa(phrase))),
            "albef": berts(albef(phrase)),
            "seqtr 15": seqtr(phrase, ids, 15), "seqtr 30": seqtr(phrase, ids, 30),
        })
    assert len({case["phrase"] for case in cases}) == CASES
    # Ids as three hexadecimal digits each: small, and told apart line by line.
    for case in cases:
        for key, value in case.items():
            if isinstance(value, list):
                case[key] = "".join(f"{one:03x}" for one in value)
    lines = ",\n".join(json.dumps(case, ensure_ascii=True) for case in cases)
    head = json.dumps({"pieces": pieces, "words": words}, ensure_ascii=True)[:-1]
    (HERE / "prompts.json").write_text(f'{head},\n"cases": [\n{lines}\n]}}\n')
    print((HERE / "prompts.json").stat().st_size, "bytes")


main()

"""Words and pieces: what the networks read of a text, by the rules that they were trained with."""

import itertools
import re

import regex
from tokenizers import Tokenizer

CLUSTERS = regex.compile(r"\X")
IDEOGRAPHS = [(0x3040, 0x30FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x3134F)]
# Of a longer word only the beginning is read.
LONGEST_WORD = 100


def split_words(text):
    """The words of a post as (start, end) in code points: punctuation around a part is words of its own."""
    words = []
    for part in regex.finditer(r"\S+", text):
        units = [(part.start() + found.start(), part.start() + found.end(), found.group()) for found in CLUSTERS.finditer(part.group())]
        inner = [index for index, unit in enumerate(units) if unit[2][0].isalnum()]
        if not inner:
            words += joined(units, same)
            continue
        first, last = inner[0], inner[-1] + 1
        stem = units[first:last]
        ends = len(stem) > 2 and stem[-2][2] in ("'", "\u2019") and stem[-1][2] in ("s", "S")
        cut = len(stem) - 2 if ends else len(stem)
        words += joined(units[:first], same)
        words += joined(stem[:cut], neither_ideograph)
        words += joined(stem[cut:], lambda left, right: True)
        words += joined(units[last:], same)
    return words


def joined(units, together):
    """Spans of neighbours that belong together."""
    spans = []
    before = None
    for unit in units:
        if before is not None and together(before[2], unit[2]):
            spans[-1] = (spans[-1][0], unit[1])
        else:
            spans.append((unit[0], unit[1]))
        before = unit
    return spans


def same(left, right):
    return left == right


def neither_ideograph(left, right):
    return not any(low <= ord(cluster[0]) <= high for cluster in (left, right) for low, high in IDEOGRAPHS)


def vocabulary(path):
    """A tokenizer for text that cannot name special pieces."""
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.encode_special_tokens = True
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


class WordPieces:
    """Texts in pieces of the tagger, each word alone."""

    def __init__(self, path, longest):
        self.tokenizer = vocabulary(path)
        self.begin, self.end, self.unknown = (self.tokenizer.token_to_id(name) for name in ("<s>", "</s>", "<unk>"))
        self.longest = longest

    def encode(self, texts):
        """For each text its words, its pieces with both ends, and which piece each word begins with."""
        split = [split_words(text) for text in texts]
        flat = [text[start:end][:LONGEST_WORD] for text, words in zip(texts, split) for start, end in words]
        encoded = iter(self.tokenizer.encode_batch(flat, add_special_tokens=False))
        read = []
        for words in split:
            pieces, first = [self.begin], []
            for found in itertools.islice(encoded, len(words)):
                first.append(len(pieces))
                pieces += found.ids or [self.unknown]
            pieces.append(self.end)
            if len(pieces) > self.longest:
                raise ValueError(f"a text has {len(pieces)} pieces, where the tagger reads {self.longest}: the peer cuts no texts")
            read.append((words, pieces, first))
        return read


class Questions:
    """Phrases in the question that an OFA was trained with."""

    def __init__(self, path, template, longest):
        self.tokenizer, self.template, self.longest = vocabulary(path), template, longest
        self.begin, self.end = (self.tokenizer.token_to_id(name) for name in ("<s>", "</s>"))

    def encode(self, phrases):
        asked = [self.template.replace("{phrase}", cleaned(phrase)) for phrase in phrases]
        encoded = self.tokenizer.encode_batch(asked, add_special_tokens=False)
        questions = [[self.begin, *found.ids, self.end] for found in encoded]
        if questions and max(map(len, questions)) > self.longest:
            raise ValueError(f"a question is longer than the {self.longest} pieces that OFA reads: the peer cuts none")
        return questions


def cleaned(phrase):
    """A phrase as OFA's data has it: lower case, no punctuation in front, single spaces, at most 80 words."""
    plain = phrase.lower().lstrip(",.!?*#:;~").replace("-", " ").replace("/", " ").replace("<person>", "person")
    words = re.sub(r"\s{2,}", " ", plain).rstrip("\n").strip(" ").split(" ")
    return " ".join(words[:80])

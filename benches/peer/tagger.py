"""Tagger: entities in texts, by transformers' XLM-R and pytorch-crf's field."""

import torch
from bundle import load_strictly
from torchcrf import CRF
from transformers import XLMRobertaConfig, XLMRobertaModel
from words import WordPieces

PLACES = "BIES"


class Network(torch.nn.Module):
    """An encoder, a linear layer and a field, under the names of AdaSeq's files; weights are yet to be loaded."""

    def __init__(self, size):
        super().__init__()
        config = XLMRobertaConfig(
            vocab_size=size["vocabulary"], hidden_size=size["hidden"], num_hidden_layers=size["layers"],
            num_attention_heads=size["heads"], intermediate_size=size["ffn"], max_position_embeddings=size["max_positions"],
            type_vocab_size=size["type_vocabulary"], layer_norm_eps=size["layer_norm_eps"], pad_token_id=size["pad"],
        )
        self.embedder = torch.nn.Module()
        self.embedder.transformer_model = XLMRobertaModel(config, add_pooling_layer=False)
        self.linear = torch.nn.Linear(size["hidden"], size["labels"])
        self.crf = CRF(size["labels"], batch_first=True)

    def forward(self, pieces, mask, first, words):
        """The best labels of each text's words, which begin with the pieces `first` `[B, W]`."""
        hidden = self.embedder.transformer_model(input_ids=pieces, attention_mask=mask.long()).last_hidden_state
        emissions = self.linear(hidden.gather(1, first[:, :, None].expand(-1, -1, hidden.shape[2])))
        return self.crf.decode(emissions, mask=words)


class Tagger:
    def __init__(self, bundle):
        part = bundle.part("recognise")
        size = part["network"]
        if size["architecture"] != "xlm-roberta-crf" or part["scheme"] != "bioes":
            raise ValueError("the peer has XLM-R with a field of BIOES labels alone")
        self.network = load_strictly(Network(size), bundle.weights("recognise"))
        self.pad = size["pad"]
        self.labels = [None] + [(place, name) for name in sorted(bundle.manifest["entity_types"]) for place in PLACES]
        self.pieces = WordPieces(bundle.file("recognise", "tokenizer"), size["max_positions"] - size["pad"] - 1)

    def mentions(self, texts, batch):
        """For each text its entities as (start, end, type), in code points; texts of like length go together."""
        read = self.pieces.encode(texts)
        order = sorted((row for row in range(len(texts)) if read[row][0]), key=lambda row: len(read[row][1]))
        found = [[] for _ in texts]
        for start in range(0, len(order), batch):
            rows = order[start : start + batch]
            for row, labels in zip(rows, self.decode([read[row] for row in rows])):
                found[row] = self.entities(read[row][0], labels)
        return found

    def decode(self, read):
        """The best labels of each text."""
        longest, most = max(len(pieces) for _, pieces, _ in read), max(len(words) for words, _, _ in read)
        pieces = torch.full((len(read), longest), self.pad)
        first, words = torch.zeros((len(read), most), dtype=torch.long), torch.zeros((len(read), most), dtype=torch.bool)
        for row, (_, own, begins) in enumerate(read):
            pieces[row, : len(own)] = torch.tensor(own)
            first[row, : len(begins)] = torch.tensor(begins)
            words[row, : len(begins)] = True
        return self.network(pieces, pieces != self.pad, first, words)

    def entities(self, words, labels):
        """Words that follow each other as B I E, or an S, of one type."""
        found, open_type = [], None
        for (start, end), label in zip(words, labels):
            label = self.labels[label]
            if label is None:
                open_type = None
                continue
            place, name = label
            if place in "IE" and open_type == name:
                found[-1] = (found[-1][0], end, name)
            else:
                found.append((start, end, name))
            open_type = name
        return found

"""Peer: posts in, entities with boxes and masks out, as one would write it in Python around the networks' own packages.

Run: peer.py --bundle DIR --lexicon FILE [--mode one|batched] [--threads N] < posts.jsonl > answers.jsonl
     peer.py ... --kafka HOST:PORT --topic posts --out answers
"""

import argparse
import os
import sys

arguments = argparse.ArgumentParser()
arguments.add_argument("--bundle", required=True, help="the folder with bundle.toml and its weights")
arguments.add_argument("--lexicon", required=True, help="JSON lines of surface, type and expansion")
arguments.add_argument("--mode", choices=["one", "batched"], default="batched")
arguments.add_argument("--threads", type=int, default=1, help="threads of one operator")
arguments.add_argument("--window", type=int, default=64, help="posts whose stages are batched together")
arguments.add_argument("--batch", type=int, default=8, help="questions, pictures and boxes in a batch; of texts twice as many")
arguments.add_argument("--kafka", help="bootstrap servers; standard input and output without")
arguments.add_argument("--topic", help="the topic of posts")
arguments.add_argument("--out", help="the topic of answers")
arguments.add_argument("--group", default="peer")
given = arguments.parse_args()
# Before torch starts its threads. The tokenizers' own threads would be beyond those that are compared.
os.environ |= {"OMP_NUM_THREADS": str(given.threads), "TOKENIZERS_PARALLELISM": "false", "TRANSFORMERS_VERBOSITY": "error"}

import torch  # noqa: E402
from bundle import Bundle, Lexicon  # noqa: E402
from looks import Ofa, questions_of  # noqa: E402
from masks import Sam  # noqa: E402
from pictures import decoded  # noqa: E402
from posts import Lines, Topics  # noqa: E402
from tagger import Tagger  # noqa: E402


class Pipeline:
    def __init__(self, bundle, lexicon, batch):
        self.bundle, self.lexicon, self.batch = bundle, lexicon, batch
        self.tagger = Tagger(bundle)
        self.entail = Ofa(bundle, "entail")
        self.ground = self.entail if bundle.share("entail", "ground") else Ofa(bundle, "ground")
        self.threshold = bundle.part("entail").get("threshold", 0.5)
        self.entailing, self.grounding = questions_of(bundle, "entail"), questions_of(bundle, "ground")
        self.sam = Sam(bundle)

    def annotate(self, posts):
        """A window of posts, stage by stage, each stage in batches; each picture once through each network's trunk."""
        answers, pairs, pictures = [], [], []
        for post, found in zip(posts, self.tagger.mentions([post["text"] for post in posts], 2 * self.batch)):
            answer, entities = self.answer(post, found)
            answers.append(answer)
            shown = post.get("media") or [] if entities else []
            keys = range(len(pictures), len(pictures) + len(shown))
            pictures += [decoded(media) for media in shown]
            pairs += [(entity, key, media["key"]) for entity in entities for key, media in zip(keys, shown)]
        features = self.features(self.entail, pictures)
        said = self.asked(self.entail.shown, self.entailing, features, pairs)
        depicted = [pair for pair, probability in zip(pairs, said) if self.judged(pair, probability)]
        if self.ground is not self.entail:
            features = self.features(self.ground, pictures, {key for _, key, _ in depicted})
        located = self.asked(self.ground.boxes, self.grounding, features, depicted)
        boxes = [(key, in_pixels(box, pictures[key])) for (_, key, _), (box, _) in zip(depicted, located)]
        masks = self.masks(pictures, boxes)
        for (entity, _, media_key), (_, box), (_, score), (mask, quality) in zip(depicted, boxes, located, masks):
            entity["regions"].append(region(media_key, box, score, mask, quality))
        return answers

    def annotate_one(self, post):
        """A post, question by question, each with the network's whole pass."""
        answer, entities = self.answer(post, self.tagger.mentions([post["text"]], 1)[0])
        for media in post.get("media") or [] if entities else []:
            picture, encoding = decoded(media), None
            for entity in entities:
                pair, phrase = (entity, None, media["key"]), [entity["phrase"]]
                probability = self.entail.shown(self.entail.features([picture]), self.entailing.encode(phrase))[0]
                if not self.judged(pair, probability):
                    continue
                [(box, score)] = self.ground.boxes(self.ground.features([picture]), self.grounding.encode(phrase))
                box = in_pixels(box, picture)
                encoding = self.sam.encodings([picture]) if encoding is None else encoding
                [(mask, quality)] = self.sam.masks(encoding, [(0, picture, box)])
                entity["regions"].append(region(media["key"], box, score, mask, quality))
        return answer

    def answer(self, post, found):
        """The answer to a post with its entities, yet without pictures."""
        entities = []
        for start, end, entity_type in found:
            text = post["text"][start:end]
            phrase = self.bundle.phrase(text, entity_type, self.lexicon.get(text, entity_type))
            span = {"start": start, "end": end}
            entities.append({"text": text, "type": entity_type, "span": span, "phrase": phrase, "gate": None, "regions": []})
        return {"post_id": post["id"], "entities": entities}, entities

    def judged(self, pair, probability):
        entity, _, media_key = pair
        depicted = probability >= self.threshold
        decision = "depicted" if depicted else "absent"
        gate = entity["gate"] or {"decision": "absent", "probability": 0.0, "pictures": []}
        if probability > gate["probability"]:
            gate.update(decision=decision, probability=probability)
        gate["pictures"].append({"media_key": media_key, "decision": decision, "probability": probability})
        entity["gate"] = gate
        return depicted

    def features(self, network, pictures, wanted=None):
        """What a trunk makes of each picture that is wanted, by its number."""
        keys = [key for key in range(len(pictures)) if wanted is None or key in wanted]
        made = {}
        for start in range(0, len(keys), self.batch):
            some = keys[start : start + self.batch]
            made |= zip(some, network.features([pictures[key] for key in some]))
        return made

    def asked(self, answer, questions, features, pairs):
        """The answer to each pair of phrase and picture; questions of like length go together."""
        encoded = questions.encode([entity["phrase"] for entity, _, _ in pairs])
        order = sorted(range(len(pairs)), key=lambda row: len(encoded[row]))
        answers = [None] * len(pairs)
        for start in range(0, len(order), self.batch):
            rows = order[start : start + self.batch]
            shown = torch.stack([features[pairs[row][1]] for row in rows])
            for row, said in zip(rows, answer(shown, [encoded[row] for row in rows])):
                answers[row] = said
        return answers

    def masks(self, pictures, boxes):
        """The mask of each box: pictures in batches, each with all of its boxes."""
        keys = sorted({key for key, _ in boxes})
        found = [None] * len(boxes)
        for start in range(0, len(keys), self.batch):
            some = {key: row for row, key in enumerate(keys[start : start + self.batch])}
            encodings = self.sam.encodings([pictures[key] for key in some])
            own = [number for number, (key, _) in enumerate(boxes) if key in some]
            prompts = [(some[boxes[number][0]], pictures[boxes[number][0]], boxes[number][1]) for number in own]
            for number, mask in zip(own, self.sam.masks(encodings, prompts)):
                found[number] = mask
        return found


def in_pixels(box, picture):
    width, height = picture.size
    return [box[0] * width, box[1] * height, box[2] * width, box[3] * height]


def region(media_key, box, score, mask, quality):
    return {"media_key": media_key, "box": box, "box_score": score, "mask": mask, "mask_score": quality}


def main():
    torch.set_num_threads(given.threads)
    torch.set_num_interop_threads(1)
    if given.kafka:
        source = Topics(given.window, given.kafka, given.topic, given.out, given.group)
    else:
        source = Lines(given.window if given.mode == "batched" else 1)
    pipeline = Pipeline(Bundle(given.bundle), Lexicon(given.lexicon), given.batch)
    print("peer: networks are loaded", file=sys.stderr, flush=True)
    with torch.inference_mode():
        for posts in source.windows():
            if given.mode == "batched":
                source.write(pipeline.annotate(posts))
            else:
                source.write([pipeline.annotate_one(post) for post in posts])


if __name__ == "__main__":
    main()

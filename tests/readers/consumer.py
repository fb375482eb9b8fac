"""Consumer written from `riveg schema annotation` alone: reads answers into a table, by fields that the schema describes.

Arguments: the binary, a file of answers, and the scores of `riveg eval` over them. Nothing else of riveg is used.
"""

import json
import subprocess
import sys

import jsonschema


def run_lengths(counts):
    """COCO's compressed run lengths: groups of 5 bits, low ones first, each run but the first two as a difference."""
    runs, place = [], 0
    while place < len(counts):
        value, shift, more = 0, 0, True
        while more:
            code = ord(counts[place]) - 48
            value |= (code & 31) << shift
            more, place, shift = bool(code & 32), place + 1, shift + 5
            if not more and code & 16:
                value |= -1 << shift
        runs.append(value + runs[-2] if len(runs) > 2 else value)
    return runs


def rows(answer):
    """One row for each entity and region."""
    text = answer.get("text")
    media = {medium["key"]: medium for medium in answer["media"]}
    for entity in answer["entities"]:
        span = entity["span"]
        if text is not None:
            assert text[span["start"] : span["end"]] == entity["text"], (text, entity)
            assert text.encode()[span["byte_start"] : span["byte_end"]].decode() == entity["text"]
        base = {"post": answer["post_id"], "type": entity["type"], "text": entity["text"], "score": entity["score"]}
        for region in entity["regions"]:
            medium = media[region["media_key"]]
            left, top, right, bottom = region["box"]
            # A box may lie a fraction of a pixel outside.
            assert -1 < left < right < medium["width"] + 1 and -1 < top < bottom < medium["height"] + 1, region
            pixels = None
            if "mask" in region:
                assert region["mask"]["size"] == [medium["height"], medium["width"]]
                runs = run_lengths(region["mask"]["counts"])
                assert sum(runs) == medium["height"] * medium["width"], region
                pixels = sum(runs[1::2])
            yield {**base, "picture": region["media_key"], "box": region["box"], "pixels": pixels}
        if not entity["regions"]:
            yield base


def main(binary, answers, scores):
    schema = json.loads(subprocess.run([binary, "schema", "annotation"], capture_output=True, check=True).stdout)
    validator = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
    table, entities = [], 0
    for line in open(answers, encoding="utf-8"):
        answer = json.loads(line)
        validator.validate(answer)
        entities += len(answer["entities"])
        table.extend(rows(answer))
    predicted = json.loads(open(scores, encoding="utf-8").read())["scores"]["mner"]["predicted"]
    assert entities == predicted, (entities, predicted)
    masks = sum(1 for row in table if row.get("pixels"))
    print(f"schema: {entities} entities as riveg eval counts, {len(table)} rows, {masks} masks with pixels")


if __name__ == "__main__":
    main(*sys.argv[1:4])

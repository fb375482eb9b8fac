"""Scores: whether two sides' answers are the same work, and how good each is against gold.

Run: scores.py GOLD OURS PEER
"""

import json
import sys

from pycocotools import mask as coco


def answers(path):
    return {answer["post_id"]: answer for answer in map(json.loads, open(path))}


def entities(answer):
    """The entities of a post by span and type."""
    return {(one["span"]["start"], one["span"]["end"], one["type"]): one for one in answer["entities"]}


def decisions(entity):
    return {one["media_key"]: one["decision"] for one in (entity.get("gate") or {}).get("pictures", [])}


def regions(entity):
    return {one["media_key"]: one for one in entity["regions"]}


def box_iou(left, right):
    # Boxes without an area may be equal too. Riveg writes two digits.
    if all(abs(mine - theirs) < 0.01 for mine, theirs in zip(left, right)):
        return 1.0
    width = max(0.0, min(left[2], right[2]) - max(left[0], right[0]))
    height = max(0.0, min(left[3], right[3]) - max(left[1], right[1]))
    area = lambda box: (box[2] - box[0]) * (box[3] - box[1])  # noqa: E731
    union = area(left) + area(right) - width * height
    return width * height / union if union > 0 else 0.0


def mask_iou(left, right):
    return float(coco.iou([run_lengths(left)], [run_lengths(right)], [0])[0][0])


def run_lengths(mask):
    """A mask as pycocotools reads it; gold has its runs as numbers."""
    if isinstance(mask["counts"], list):
        return coco.frPyObjects(mask, *mask["size"])
    return mask


def mean(values):
    return round(sum(values) / len(values), 4) if values else None


def agreement(ours, peer):
    """How far two sides' answers are the same."""
    both, either, decided, same, boxes, masks = 0, 0, 0, 0, [], []
    for post in ours.keys() & peer.keys():
        left, right = entities(ours[post]), entities(peer[post])
        either += len(left.keys() | right.keys())
        for key in left.keys() & right.keys():
            both += 1
            mine, theirs = decisions(left[key]), decisions(right[key])
            decided += len(mine.keys() | theirs.keys())
            same += sum(mine[media] == theirs.get(media) for media in mine)
            mine, theirs = regions(left[key]), regions(right[key])
            for media in mine.keys() & theirs.keys():
                boxes.append(box_iou(mine[media]["box"], theirs[media]["box"]))
                masks.append(mask_iou(mine[media]["mask"], theirs[media]["mask"]))
    return {
        "posts": len(ours.keys() & peer.keys()), "entities": either, "entities of both": both,
        "decisions": decided, "equal decisions": same, "boxes of both": len(boxes),
        "mean IoU of boxes": mean(boxes), "mean IoU of masks": mean(masks),
    }


def against_gold(gold, side):
    """One side against gold: entities, decisions and regions of the entities that it found."""
    named, found, right, decided, boxes, masks = 0, 0, 0, 0, [], []
    for post in gold:
        if post["id"] not in side:
            continue
        predicted = entities(side[post["id"]])
        found += len(predicted)
        for mention in post["mentions"]:
            named += 1
            own = predicted.get((mention["start"], mention["end"], mention["type"]))
            if own is None:
                continue
            right += 1
            shown = "depicted" if mention["boxes"] else "absent"
            decided += decisions(own).get(post["media_key"]) == shown
            if mention["boxes"]:
                region = regions(own).get(post["media_key"])
                boxes.append(max(box_iou(region["box"], box) for box in mention["boxes"]) if region else 0.0)
                masks.append(max(mask_iou(region["mask"], mask) for mask in mention["masks"]) if region else 0.0)
    return {
        "gold entities": named, "found": found, "right": right, "right decisions": decided,
        "shown entities": len(boxes), "mean IoU of boxes": mean(boxes), "mean IoU of masks": mean(masks),
    }


def main():
    gold = [json.loads(line) for line in open(sys.argv[1])]
    ours, peer = answers(sys.argv[2]), answers(sys.argv[3])
    print(json.dumps({
        "agreement": agreement(ours, peer), "riveg": against_gold(gold, ours), "peer": against_gold(gold, peer),
    }, indent=1))


if __name__ == "__main__":
    main()

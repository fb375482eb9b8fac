"""Feeds: posts of the pocket world with more entities, larger pictures or more reposts."""

import base64
import io
import json

from PIL import Image

SEPARATOR = " · "


def loaded(world, count):
    """The posts of `riveg world generate`, as objects."""
    with open(world / "feed.jsonl", encoding="utf-8") as lines:
        posts = [json.loads(line) for _, line in zip(range(count), lines)]
    if len(posts) < count:
        raise SystemExit(f"{world} has {len(posts)} posts, and {count} are needed")
    return posts


def of_joined_texts(posts, each):
    """Posts with the texts of so many posts: the pictures stay as they are."""
    texts = [post["text"] for post in posts]
    joined = lambda number: SEPARATOR.join(texts[(number + place) % len(texts)] for place in range(each))  # noqa: E731
    return [{**post, "text": joined(number)} for number, post in enumerate(posts)]


def of_larger_pictures(posts, factor):
    """Posts whose pictures have so many times the columns and rows."""
    return [{**post, "media": [enlarged(medium, factor) for medium in post["media"]]} for post in posts]


def enlarged(medium, factor):
    picture = Image.open(io.BytesIO(base64.b64decode(medium["bytes"]))).convert("RGB")
    large = picture.resize((picture.width * factor, picture.height * factor), Image.Resampling.BICUBIC)
    file = io.BytesIO()
    large.save(file, "JPEG", quality=90)
    return {**medium, "bytes": base64.b64encode(file.getvalue()).decode()}


def of_reposts(posts, times):
    """As many posts with fewer pictures: each comes so many times, far apart."""
    pictures = [post["media"] for post in posts[: len(posts) // times]]
    return [{**post, "media": pictures[number % len(pictures)]} for number, post in enumerate(posts)]


def lines(posts):
    return [(json.dumps(post) + "\n").encode() for post in posts]

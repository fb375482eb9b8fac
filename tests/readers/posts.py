"""Producer written from `riveg schema post` alone: posts made of the schema are read, posts that break it are refused.

Argument: the binary. What riveg is more lenient about than the schema is listed below, and nothing else may be.
"""

import base64
import copy
import json
import random
import subprocess
import sys
import tempfile

import jsonschema

# The schema forbids it, riveg reads the post: fields that are only hints are ignored where they have another type, and a
# medium whose source is contradictory is a fault of the medium (`decode.degrade`), which the reading of a record leaves
# to the decoder of pictures.
LENIENT = {"type", "alt_text", "preview_image_url", "bytes", "url"}

# One white pixel.
PICTURE = base64.b64encode(
    base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP4DwABAQEAGC2iVAAAAABJRU5ErkJggg==")
).decode()


class Producer:
    """Makes values of a schema by chance."""

    def __init__(self, schema, seed):
        self.schema, self.random = schema, random.Random(seed)

    def resolved(self, schema):
        if "$ref" in schema:
            target = self.schema
            for part in schema["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            schema = {**target, **{key: value for key, value in schema.items() if key != "$ref"}}
        return schema

    def value(self, schema):
        schema = self.resolved(schema)
        kind = schema.get("type", ["string", "number", "object", "array", "boolean"])
        if isinstance(kind, list):
            kind = self.random.choice(kind)
        return getattr(self, kind)(schema)

    def string(self, schema):
        if schema.get("contentEncoding") == "base64":
            return PICTURE
        if "examples" in schema and self.random.random() < 0.5:
            return self.random.choice(schema["examples"])
        letters = "aé橋🌉 \"\\\n&;<>​"
        return "".join(self.random.choice(letters) for _ in range(self.random.randint(1, 40)))

    def integer(self, _schema):
        return self.random.choice([0, 7, 10**18 + 1, -3])

    def number(self, _schema):
        return self.random.choice([0, 7, -3, 2.5])

    def boolean(self, _schema):
        return self.random.random() < 0.5

    def null(self, _schema):
        return None

    def array(self, schema):
        return [self.value(schema.get("items", {"type": "number"})) for _ in range(self.random.randint(0, 3))]

    def object(self, schema):
        choice = self.random.choice(schema.get("oneOf", [{}])).get("required", [])
        excluded = {name for other in schema.get("oneOf", []) for name in other["required"]} - set(choice)
        made = {"a_field_of_another_program": 1} if self.random.random() < 0.3 else {}
        for name, inner in schema.get("properties", {}).items():
            is_required = name in schema.get("required", []) or name in choice
            if is_required or (name not in excluded and self.random.random() < 0.6):
                made[name] = self.value(inner)
        return made


def producer_posts(schema, count):
    """Valid posts. The schema says in words that ids are not empty, and that keys differ."""
    producer = Producer(schema, 7)
    for number in range(count):
        post = producer.value(schema)
        for index, medium in enumerate(post.get("media") or []):
            medium["key"] = f"{number}-{index}"
        yield post


def broken(post, schema):
    """Each post that breaks one rule, with the field of the rule."""
    for name in schema["required"]:
        yield name, {key: value for key, value in post.items() if key != name}
    for name, wrong in [("id", None), ("id", []), ("id", True), ("id", 2.5), ("text", 1), ("text", None), ("media", "m"), ("media", {})]:
        yield name, {**post, name: wrong}
    for index, medium in enumerate(post.get("media") or []):
        def changed(value):
            copied = copy.deepcopy(post)
            copied["media"][index] = value
            return copied

        yield "media", changed("m")
        yield "key", changed({name: value for name, value in medium.items() if name != "key"})
        yield "key", changed({**medium, "key": {}})
        for name in ["type", "alt_text", "preview_image_url", "bytes", "url"]:
            yield name, changed({**medium, name: 1})
        yield "url", changed({**medium, "bytes": PICTURE, "url": "https://a.example/1"})
        yield "url", changed({name: value for name, value in medium.items() if name not in ("bytes", "url")})


def accepted(binary, posts):
    """Whether riveg reads each of these posts as a post."""
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as sample:
        sample.writelines(json.dumps(post) + "\n" for post in posts)
        sample.flush()
        skipped = [flag for part in ["bundle", "telemetry", "state", "kafka", "llm"] for flag in ("--skip", part)]
        command = [binary, "check", *skipped, "--sample", sample.name, "--set", "ingest.format=riveg"]
        out = subprocess.run(command, capture_output=True, text=True).stdout
    told = [line for line in out.splitlines() if "sample line " in line]
    assert len(told) == len(posts), (len(told), len(posts), out[-2000:])
    return ["riveg: post" in line for line in told]


def main(binary):
    schema = json.loads(subprocess.run([binary, "schema", "post"], capture_output=True, check=True).stdout)
    validator = jsonschema.Draft202012Validator(schema)
    posts = list(producer_posts(schema, 300))
    for post in posts:
        validator.validate(post)
    refused = [post for post, is_read in zip(posts, accepted(binary, posts)) if not is_read]
    assert not refused, refused[:3]
    print(f"schema: {len(posts)} posts made of it are read")

    cases = [(name, wrong) for post in posts[:60] for name, wrong in broken(post, schema)]
    cases = [(name, wrong) for name, wrong in cases if not validator.is_valid(wrong)]
    read = accepted(binary, [wrong for _, wrong in cases])
    for (name, wrong), is_read in zip(cases, read):
        assert is_read == (name in LENIENT), (name, wrong, is_read)
    print(f"schema: of {len(cases)} posts that break it {read.count(False)} are refused; the others break a hint or a medium")


if __name__ == "__main__":
    main(sys.argv[1])

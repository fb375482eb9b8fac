"""Reads and writes what riveg does with a Schema Registry: confluent-kafka's serializers and deserializers, and fastavro.

Arguments: the binary, a broker, the registry, and a folder with the posts of the pocket world and generated modules.
"""
import copy
import importlib
import io
import json
import pathlib
import subprocess
import sys
import time
import urllib.error
import urllib.request

import fastavro
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.json_schema import JSONSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer, ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from google.protobuf.json_format import MessageToDict, ParseDict

RIVEG, BOOTSTRAP, REGISTRY, OUT = sys.argv[1], sys.argv[2], sys.argv[3], pathlib.Path(sys.argv[4])
SCHEMAS = pathlib.Path("config/schemas")
POST = json.dumps({
    "type": "record", "name": "Post", "namespace": "feed", "fields": [
        {"name": "id", "type": "string"},
        {"name": "text", "type": "string"},
        {"name": "media", "type": {"type": "array", "items": {"type": "record", "name": "Medium", "fields": [
            {"name": "key", "type": "string"}, {"name": "url", "type": ["null", "string"]}]}}},
    ]})
POST_JSON = json.dumps({"$schema": "http://json-schema.org/draft-07/schema#", "title": "Post", "type": "object"})
OUTPUTS = {"avro": "post", "protobuf": "post", "avro-triples": "triple", "protobuf-triples": "triple"}


def until(what, found):
    for _ in range(600):
        value = found()
        if value:
            return value
        time.sleep(0.2)
    raise SystemExit(f"{what}: not within two minutes")


def ask(path, body=None, method=None):
    request = urllib.request.Request(
        REGISTRY + path, json.dumps(body).encode() if body is not None else None,
        {"content-type": "application/vnd.schemaregistry.v1+json"}, method=method)
    return json.load(urllib.request.urlopen(request, timeout=30))


def answers_at_all():
    try:
        return ask("/subjects") is not None
    except (urllib.error.URLError, ConnectionError):
        return False


def read(topic, count):
    """All values of a topic with their keys, once there are so many."""
    consumer = Consumer({"bootstrap.servers": BOOTSTRAP, "group.id": "reader", "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, 0, 0)])
    values = []
    until(topic, lambda: values.extend(consumer.consume(100, 0.1)) or len(values) >= count)
    consumer.close()
    return [(message.key().decode(), message.value()) for message in values]


def plain(value):
    """A value without what says nothing, with numbers as doubles."""
    if isinstance(value, dict):
        value = {name: plain(inner) for name, inner in value.items()}
        value = {name: inner for name, inner in value.items() if inner not in (None, [], "", False, 0)}
        return value.get("points", value)
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return value
    return float(value)


def without_times(answer):
    return {name: value for name, value in answer.items() if name not in ("ingested_at", "published_at")}


def settings(topic):
    sets = {
        "kafka.bootstrap": BOOTSTRAP, "ingest.topic": "posts", "ingest.group": "try", "publish.topic": "answers",
        "publish.dead_letter_topic": "dead", "registry.url": REGISTRY, "bundle.path": "bundles/pocket",
        "fetch.file_root": str((OUT / "world").resolve()), "telemetry.address": "", "engine.state": str(OUT / "state"),
        "ingest.commit_interval": "100ms",
    }
    for name, shape in OUTPUTS.items():
        sets[f"publish.outputs.{name}.topic"] = topic(name)
        sets[f"publish.outputs.{name}.format"] = name.split("-")[0]
        sets[f"publish.outputs.{name}.shape"] = shape
    return [part for key, value in sets.items() for part in ("--set", f"{key}={value}")]


def write(posts):
    """A third of the posts each as Avro, Protobuf and JSON, by the serializers of confluent-kafka."""
    registry = SchemaRegistryClient({"url": REGISTRY})
    message = importlib.import_module("registry_post_pb2").Post
    avro = AvroSerializer(registry, POST)
    protobuf = ProtobufSerializer(message, registry, {"use.deprecated.format": False})
    plain_json = JSONSerializer(POST_JSON, registry)
    producer = Producer({"bootstrap.servers": BOOTSTRAP})
    for number, post in enumerate(posts):
        subject = ("avro", "protobuf", "json")[number % 3]
        context = SerializationContext(f"posts-{subject}", MessageField.VALUE)
        media = [{"key": medium["key"], "url": medium.get("url")} for medium in post.get("media", [])]
        value = {"id": post["id"], "text": post["text"], "media": media}
        if subject == "protobuf":
            value = protobuf(ParseDict(value, message()), context)
        else:
            value = (avro if subject == "avro" else plain_json)(value, context)
        assert value[0] == 0, subject
        producer.produce("posts", key=post["id"], value=value)
    producer.flush()


def check_outputs(expected, rows):
    """What the deserializers read is what the JSON says."""
    registry = SchemaRegistryClient({"url": REGISTRY})
    classes = {
        "post": importlib.import_module("riveg.annotation_pb2").Annotation,
        "triple": importlib.import_module("riveg.triple_pb2").Triple,
    }
    for name, shape in OUTPUTS.items():
        context = SerializationContext(name, MessageField.VALUE)
        found = {}
        for key, value in read(f"out-{name}", len(expected) if shape == "post" else rows):
            if name.startswith("avro"):
                answer = AvroDeserializer(registry)(value, context)
                assert answer["published_at"].year > 2000, answer["published_at"]
            else:
                message = ProtobufDeserializer(classes[shape], {"use.deprecated.format": False})(value, context)
                assert message.published_at.seconds > 1e9
                answer = MessageToDict(message, preserving_proto_field_name=True)
            found.setdefault(key, []).append(plain(without_times(answer)))
        if shape == "post":
            for key, [answer] in found.items():
                assert answer == plain(without_times(expected[key])), (name, answer, expected[key])
        else:
            for key, triples in found.items():
                regions = sum(max(1, len(entity["regions"])) for entity in expected[key]["entities"])
                assert len(triples) == max(1, regions), (name, key)
        assert set(found) == set(expected), name
        print(f"{name}: {sum(map(len, found.values()))} records say what the JSON says")


def later(schema):
    """The schema with a field more in each record."""
    if isinstance(schema, dict):
        for inner in list(schema.values()):
            later(inner)
        if "fields" in schema:
            schema["fields"].append({"name": "later", "type": ["null", "string"], "default": None})
    elif isinstance(schema, list):
        for inner in schema:
            later(inner)
    return schema


def check_evolution():
    """A reader of this version reads the next, and the registry takes the next after this."""
    for name in ("annotation", "triple"):
        now = json.loads((SCHEMAS / f"riveg.{name}.avsc").read_text())
        then = later(copy.deepcopy(now))
        topic = "out-avro" if name == "annotation" else "out-avro-triples"
        _, value = read(topic, 1)[0]
        # Parsing changes a schema: each use has its own.
        parsed = lambda schema: fastavro.parse_schema(copy.deepcopy(schema))
        answer = fastavro.schemaless_reader(io.BytesIO(value[5:]), parsed(now), parsed(then))
        assert answer["later"] is None
        answer["later"] = "of 1.1"
        written = io.BytesIO()
        fastavro.schemaless_writer(written, parsed(then), answer)
        written.seek(0)
        back = fastavro.schemaless_reader(written, parsed(then), parsed(now))
        assert back == fastavro.schemaless_reader(io.BytesIO(value[5:]), parsed(now), parsed(now))
        for level in ("BACKWARD", "FORWARD", "FULL"):
            ask(f"/config/{topic}-value", {"compatibility": level}, "PUT")
            body = {"schema": json.dumps(then), "schemaType": "AVRO"}
            verdict = ask(f"/compatibility/subjects/{topic}-value/versions/latest?verbose=true", body)
            assert verdict["is_compatible"], (level, verdict)
    print("a reader of version 1 reads 1.1, and the registry calls 1.1 compatible both ways")


def check_refusal():
    """A subject whose latest schema ours may not follow keeps `riveg run` from starting."""
    schema = json.loads((SCHEMAS / "riveg.annotation.avsc").read_text())
    schema["fields"] = [field for field in schema["fields"] if field["name"] != "post_id"]
    ask("/subjects/other-avro-value/versions", {"schema": json.dumps(schema), "schemaType": "AVRO"})
    ask("/config/other-avro-value", {"compatibility": "BACKWARD"}, "PUT")
    for command in ("run", "check"):
        skip = ["--skip", "bundle", "--skip", "llm"] if command == "check" else []
        ended = subprocess.run(
            [RIVEG, command, *skip, *settings(lambda name: f"other-{name}")], capture_output=True, text=True, timeout=120)
        said = ended.stderr + ended.stdout
        assert ended.returncode == 1 and "other-avro-value" in said and "post_id" in said, (command, said)
        line = next(line for line in said.splitlines() if "post_id" in line)
        print(f"riveg {command} ends with 1: {line[:300]}")


def main():
    until("the registry answers", answers_at_all)
    topics = ["posts", "answers", "dead", *(f"out-{name}" for name in OUTPUTS), *(f"other-{name}" for name in OUTPUTS)]
    # The client must outlive its answers.
    admin = AdminClient({"bootstrap.servers": BOOTSTRAP})
    for made in admin.create_topics([NewTopic(name, 1, 1) for name in topics]).values():
        made.result()
    posts = [json.loads(line) for line in (OUT / "world/feed.jsonl").read_text().splitlines()]
    write(posts)
    with open(OUT / "run.log", "w") as log:
        engine = subprocess.Popen([RIVEG, "run", *settings(lambda name: f"out-{name}")], stderr=log)
        try:
            answers = {key: json.loads(value) for key, value in read("answers", len(posts))}
        finally:
            engine.terminate()
            engine.wait()
    assert set(answers) == {post["id"] for post in posts}
    print(f"{len(posts)} posts of Avro, Protobuf and JSON are answered")
    rows = sum(
        max(1, sum(max(1, len(entity["regions"])) for entity in answer["entities"])) for answer in answers.values())
    check_outputs(answers, rows)
    check_evolution()
    check_refusal()


if __name__ == "__main__":
    main()

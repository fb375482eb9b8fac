"""Posts in and answers out: lines of JSON on standard input and output, or topics of Kafka by confluent-kafka."""

import json
import sys


class Lines:
    """Windows of posts from standard input; the last may be smaller."""

    def __init__(self, window):
        self.window = window

    def windows(self):
        posts = []
        for line in sys.stdin.buffer:
            posts.append(json.loads(line))
            if len(posts) == self.window:
                yield posts
                posts = []
        if posts:
            yield posts

    def write(self, answers):
        for answer in answers:
            sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


class Topics:
    """Windows of posts from a topic, at least once: offsets are committed when the answers have arrived in the other."""

    def __init__(self, window, bootstrap, topic, out, group, wait=0.05):
        import confluent_kafka

        self.window, self.topic, self.out, self.wait = window, topic, out, wait
        self.consumer = confluent_kafka.Consumer({
            "bootstrap.servers": bootstrap, "group.id": group, "enable.auto.commit": False, "auto.offset.reset": "earliest",
        })
        self.producer = confluent_kafka.Producer({"bootstrap.servers": bootstrap, "linger.ms": 5, "enable.idempotence": True})

    def windows(self):
        self.consumer.subscribe([self.topic])
        while True:
            # As many as there are after a short wait: a single post does not wait for others.
            records = self.consumer.consume(self.window, self.wait)
            for record in records:
                if record.error():
                    raise RuntimeError(f"reading `{self.topic}`: {record.error()}")
            if records:
                yield [json.loads(record.value()) for record in records]
                self.consumer.commit(asynchronous=False)

    def write(self, answers):
        faults = []
        report = lambda fault, _: faults.append(fault) if fault else None  # noqa: E731
        for answer in answers:
            self.producer.produce(self.out, json.dumps(answer).encode(), answer["post_id"].encode(), on_delivery=report)
        left = self.producer.flush(30)
        if left or faults:
            raise RuntimeError(f"{left} answers were not delivered to `{self.out}`: {faults[:1]}")

"""Topics: posts that wait in partitions of a broker, and riveg as the group that answers them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "peer"))
from sides import WHOLE, Process  # noqa: E402

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "kafka"
# Partitions of what riveg writes, whatever it reads.
WRITTEN = 3
# A run that answers nothing for so long has failed.
PATIENCE_SECONDS = 120


def broker():
    """The address of KAFKA_BOOTSTRAP, or of a broker that ends with this process."""
    given = os.environ.get("KAFKA_BOOTSTRAP")
    if given:
        return given
    told = subprocess.run([SCRIPT, "start", "--until-ends", str(os.getpid())], stdout=subprocess.PIPE, text=True, check=True)
    found = dict(line.split("=", 1) for line in told.stdout.splitlines())
    return found["KAFKA_BOOTSTRAP"]


class Topics:
    """The topics of one run, which no other run has."""

    def __init__(self, bootstrap, partitions):
        self.bootstrap, self.partitions = bootstrap, partitions
        # Kept: what it was asked for is dropped with it.
        self.admin = AdminClient({"bootstrap.servers": bootstrap})
        self.name = f"growth-{os.getpid()}-{time.monotonic_ns()}"
        self.read, self.written, self.rejected = (f"{self.name}-{what}" for what in ("posts", "answers", "dead-letters"))
        made = [NewTopic(self.read, partitions, 1), NewTopic(self.written, WRITTEN, 1), NewTopic(self.rejected, 1, 1)]
        for topic in self.admin.create_topics(made, operation_timeout=30).values():
            topic.result()

    def write(self, lines):
        """Writes the posts, one after the other to each partition, and waits until the broker has them."""
        producer = Producer({"bootstrap.servers": self.bootstrap, "linger.ms": 20})
        for number, line in enumerate(lines):
            while True:
                try:
                    producer.produce(self.read, line, partition=number % self.partitions)
                    break
                except BufferError:
                    producer.poll(0.1)
            producer.poll(0)
        if producer.flush(60):
            raise SystemExit("the broker did not take all posts within a minute")

    def answers(self):
        """A consumer of all that is written from the beginning on."""
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": f"{self.name}-bench", "enable.auto.commit": False})
        consumer.assign([TopicPartition(self.written, partition, 0) for partition in range(WRITTEN)])
        return consumer

    def drop(self):
        for topic in self.admin.delete_topics([self.read, self.written, self.rejected], operation_timeout=30).values():
            topic.result()

    def settings(self, state):
        return [
            f"kafka.bootstrap={self.bootstrap}", f"ingest.topic={self.read}", f"ingest.group={self.name}",
            f"publish.topic={self.written}", f"publish.dead_letter_topic={self.rejected}", f"engine.state={state}",
            "telemetry.address=",
        ]


def run(given, topics, sets, count, warm):
    """The answers to so many posts behind those that warm up: each with its time; processor seconds and peak memory."""
    state = given.out / topics.name
    flags = [flag for one in [*topics.settings(state), f"expand.lexicon={given.world / 'lexicon.jsonl'}", *sets]
             for flag in ("--set", one)]
    with open(given.out / "log", "ab") as log:
        engine = Process([given.riveg, "--log", "warn", "run", *flags], os.sched_getaffinity(0), log, stdout=log)
    consumer, answers, before = topics.answers(), [], None
    last = time.perf_counter()
    while len(answers) < warm + count:
        message = consumer.poll(1.0)
        if message is not None and message.error():
            raise SystemExit(f"reading {topics.written}: {message.error()}")
        if message is not None:
            last = time.perf_counter()
            answers.append((last, message.value()))
        if before is None and len(answers) >= warm:
            before = engine.processor_seconds()[WHOLE]
        if engine.process.poll() is not None:
            raise SystemExit(f"riveg ended with {engine.process.returncode} after {len(answers)} answers: see {given.out / 'log'}")
        if time.perf_counter() - last > PATIENCE_SECONDS:
            engine.process.kill()
            raise SystemExit(f"no answer within {PATIENCE_SECONDS} s after the first {len(answers)}")
    processor, peak = engine.processor_seconds()[WHOLE] - before, engine.peak_mib()
    engine.process.send_signal(signal.SIGTERM)
    if engine.process.wait() != 0:
        raise SystemExit(f"riveg ended with {engine.process.returncode}: see {given.out / 'log'}")
    consumer.close()
    return answers[warm - 1:], processor, peak

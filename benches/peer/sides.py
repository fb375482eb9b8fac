"""Sides: riveg and the peer as processes that read posts and write answers, on so many cores, and what they use meanwhile."""

import os
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
WHOLE = "all threads"


def used(stat):
    """The name and the processor seconds of a task."""
    name, fields = stat[stat.index("(") + 1 : stat.rindex(")")], stat.rsplit(")", 1)[1].split()
    return name, (int(fields[11]) + int(fields[12])) / TICKS


class Process:
    """A process on so many cores, and what it uses."""

    def __init__(self, command, cores, log, **pipes):
        # Both sides see as many cores as they may use, and make as many threads as they like of them.
        limit = lambda: os.sched_setaffinity(0, cores)  # noqa: E731
        self.process = subprocess.Popen(command, stderr=log, preexec_fn=limit, **pipes)

    def processor_seconds(self):
        """By the names of threads; what threads that have ended used is the process's alone."""
        home = Path(f"/proc/{self.process.pid}")
        found = Counter()
        for task in home.glob("task/*/stat"):
            name, seconds = used(task.read_text())
            found[name] += seconds
        found[WHOLE] = used((home / "stat").read_text())[1]
        return found

    def peak_mib(self):
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmHWM:")).split()[1]) / 1024


class Running(Process):
    """A process that has been given posts; each answer is a line, kept with the time at which it came."""

    def __init__(self, command, cores, log):
        self.answers, self.times, self.changed, self.ended = [], [], threading.Condition(), False
        super().__init__(command, cores, log, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            with self.changed:
                self.answers.append(line)
                self.times.append(time.perf_counter())
                self.changed.notify_all()
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def feed(self, lines):
        def write():
            for line in lines:
                self.process.stdin.write(line)
            self.process.stdin.flush()

        threading.Thread(target=write, daemon=True).start()

    def wait(self, count):
        """Waits for that many answers in all."""
        with self.changed:
            self.changed.wait_for(lambda: len(self.answers) >= count or self.ended)
            if len(self.answers) < count:
                raise SystemExit(f"{self.process.args[0]} ended after {len(self.answers)} of {count} answers")

    def close(self):
        self.process.stdin.close()
        if self.process.wait() != 0:
            raise SystemExit(f"{self.process.args[0]} ended with {self.process.returncode}")


class Setting:
    """One way to run one side. `processes` share the posts, with one core each where there are several."""

    def __init__(self, side, name, cores, processes=1, mode=None):
        self.side, self.name, self.cores, self.processes, self.mode = side, name, cores, processes, mode

    def command(self, given):
        if self.side == "riveg":
            settings = [f"bundle.path={given.bundle}", *given.set]
            flags = [flag for one in settings for flag in ("--set", one)]
            return [given.riveg, "--log", "warn", "annotate", "-", "--lexicon", str(given.lexicon), *flags]
        threads = self.cores // self.processes
        return [
            sys.executable, str(Path(__file__).with_name("peer.py")), "--bundle", str(given.bundle), "--lexicon",
            str(given.lexicon), "--mode", self.mode, "--threads", str(threads), "--window", str(given.window), "--batch",
            str(given.batch),
        ]

    def run(self, given, warm, posts):
        """Posts a second, processor time a post and memory; start-up, loading and the posts of `warm` are left out."""
        allowed = sorted(os.sched_getaffinity(0))[: self.cores]
        if len(allowed) < self.cores:
            raise SystemExit(f"`{self.name}` needs {self.cores} cores, and {len(allowed)} may be used")
        each = [{core} for core in allowed] if self.processes > 1 else [set(allowed)]
        load = os.getloadavg()[0]
        with open(given.log, "ab") as log:
            running = [Running(self.command(given), cores, log) for cores in each]
        for one in running:
            one.feed(warm)
        for one in running:
            one.wait(len(warm))
        shares = [posts[number :: len(running)] for number in range(len(running))]
        before, began = sum((one.processor_seconds() for one in running), Counter()), time.perf_counter()
        for one, share in zip(running, shares):
            one.feed(share)
        for one, share in zip(running, shares):
            one.wait(len(warm) + len(share))
        seconds = max(one.times[-1] for one in running) - began
        # Without names whose time did not grow.
        threads = sum((one.processor_seconds() for one in running), Counter()) - before
        processor = threads.pop(WHOLE)
        peak = sum(one.peak_mib() for one in running)
        for one in running:
            one.close()
        return {
            "posts": len(posts), "posts/s": len(posts) / seconds, "processor ms a post": 1e3 * processor / len(posts),
            "ms by thread": {name: 1e3 * own / len(posts) for name, own in threads.most_common()},
            "cores used": processor / seconds, "peak MiB": peak, "load before": load,
        }, [line for one in running for line in one.answers]


def settings(cores):
    """What is compared on so many cores."""
    found = []
    for count in cores:
        found += [
            Setting("riveg", "riveg, default settings", count),
            Setting("peer", "peer, one by one", count, mode="one"),
            Setting("peer", "peer, hand-batched", count, mode="batched"),
        ]
        if count > 1:
            found += [
                Setting("riveg", f"riveg, {count} processes", count, processes=count),
                Setting("peer", f"peer, hand-batched, {count} processes", count, processes=count, mode="batched"),
            ]
    return found

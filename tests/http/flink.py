"""Posts of a file through PyFlink's asynchronous operator to `POST /v1/annotate`, as a stream job would send them.

Usage: flink.py POSTS ADDRESS OUT. Needs apache-flink and aiohttp. Each post is one request; more are under way than
riveg admits, so that the operator waits as Retry-After says and asks again.
"""
import asyncio
import json
import pathlib
import sys

from pyflink.common import Time, Types
from pyflink.datastream import AsyncDataStream, AsyncFunction, StreamExecutionEnvironment


class Annotate(AsyncFunction):
    """Asks riveg about a post."""

    def __init__(self, address):
        self.address = address
        self.session = None

    async def async_invoke(self, value):
        import aiohttp

        if self.session is None:
            self.session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60))
        refused = 0
        while True:
            headers = {"content-type": "application/json", "x-server-timeout": "60"}
            async with self.session.post(f"http://{self.address}/v1/annotate", data=value.encode(), headers=headers) as response:
                if response.status in (429, 503):
                    refused += 1
                    await asyncio.sleep(int(response.headers["retry-after"]))
                    continue
                return [json.dumps({"status": response.status, "refused": refused, "answer": await response.json(content_type=None)})]

    def timeout(self, value):
        return [json.dumps({"status": 0, "refused": 0, "answer": value})]


def main():
    posts, address, out = sys.argv[1:]
    lines = pathlib.Path(posts).read_text().splitlines()
    environment = StreamExecutionEnvironment.get_execution_environment()
    environment.set_parallelism(1)
    environment.set_python_executable(sys.executable)
    stream = environment.from_collection(lines, type_info=Types.STRING())
    answers = AsyncDataStream.unordered_wait(
        stream, Annotate(address), Time.seconds(120), capacity=16, output_type=Types.STRING()
    )
    with answers.execute_and_collect() as collected, open(out, "w") as file:
        count = 0
        for answer in collected:
            file.write(answer + "\n")
            count += 1
    print(f"{count} posts went through PyFlink's asynchronous operator")
    assert count == len(lines)


if __name__ == "__main__":
    main()

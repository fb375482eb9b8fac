"""A client of `POST /v1/annotate` that needs nothing but Python.

Usage: client.py POSTS ADDRESS TOKEN. Sends the lines of a file as one batch, waits as Retry-After says where it is asked
to, reads the answers line by line as they are done, and prints them in the order of the posts.
"""
import json
import pathlib
import sys
import time
import urllib.error
import urllib.request


def annotate(lines, address, token):
    """Yields the index and the answer of each post, in the order of completion."""
    request = urllib.request.Request(
        f"http://{address}/v1/annotate?order=completion",
        data="\n".join(lines).encode(),
        headers={
            "authorization": f"Bearer {token}",
            "content-type": "application/x-ndjson",
            "accept": "application/x-ndjson",
            "x-server-timeout": "50",
        },
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while True:
        try:
            with opener.open(request, timeout=60) as response:
                for line in response:
                    answer = json.loads(line)
                    yield answer["index"], answer["answer"]
            return
        except urllib.error.HTTPError as refused:
            if refused.code not in (429, 503):
                raise SystemExit(f"{refused.code}: {refused.read().decode()}") from refused
            time.sleep(int(refused.headers["retry-after"]))


def main():
    posts, address, token = sys.argv[1:]
    lines = pathlib.Path(posts).read_text().splitlines()
    answers = dict(annotate(lines, address, token))
    for index in range(len(lines)):
        print(json.dumps(answers[index]))


if __name__ == "__main__":
    main()

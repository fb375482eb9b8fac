"""Holds `/v1/openapi.json` against the specification, and real answers against its schemas.

Usage: openapi.py ADDRESS POSTS. Needs openapi-spec-validator and jsonschema.
"""
import json
import pathlib
import sys
import urllib.error
import urllib.request

import jsonschema
import openapi_spec_validator

OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def ask(address, path, body=None, content_type="application/json", accept="*/*"):
    """The status and the text of a response."""
    request = urllib.request.Request(f"http://{address}{path}", data=body, headers={"content-type": content_type, "accept": accept})
    try:
        with OPENER.open(request, timeout=120) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


def main():
    address, posts = sys.argv[1:]
    described = json.loads(ask(address, "/v1/openapi.json")[1])
    openapi_spec_validator.validate(described)

    def holds(text, schema):
        validator = jsonschema.Draft202012Validator({**schema, "components": described["components"]})
        validator.validate(json.loads(text))

    responses = described["paths"]["/v1/annotate"]["post"]["responses"]
    batch = pathlib.Path(posts).read_text().splitlines()[:3] + ['{"text": "no id"}']
    array = ("[" + ",".join(batch) + "]").encode()
    checked = 0
    for query in ["", "?order=completion", "?shape=triple&masks=polygon&boxes=relative"]:
        status, text = ask(address, f"/v1/annotate{query}", array)
        assert status == 200, text
        holds(text, responses["200"]["content"]["application/json"]["schema"])
        status, text = ask(address, f"/v1/annotate{query}", array, accept="application/x-ndjson")
        for line in text.splitlines():
            holds(line, responses["200"]["content"]["application/x-ndjson"]["schema"])
        checked += 1
    # An annotation alone is told from all else.
    status, text = ask(address, "/v1/annotate", batch[0].encode())
    holds(text, {"$ref": "#/components/schemas/annotation"})
    for body, expected in [(batch[-1], 422), ("{", 400)]:
        status, text = ask(address, "/v1/annotate", body.encode())
        assert status == expected, text
        holds(text, responses[str(status)]["content"]["application/problem+json"]["schema"])
        checked += 1
    print(f"the description is OpenAPI {described['openapi']}, and {checked + 1} responses are as it says")


if __name__ == "__main__":
    main()

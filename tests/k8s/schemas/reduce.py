#!/usr/bin/env python3
"""Makes the files of this folder from what the projects publish:
    tests/k8s/schemas/reduce.py swagger.json CRD.yaml...
`swagger.json` is api/openapi-spec/swagger.json of Kubernetes. Needs PyYAML. What stays is the shape: names, types, and which
values are allowed; texts are left out.
"""
import json
import pathlib
import sys

import yaml

FOLDER = pathlib.Path(__file__).resolve().parent
CORE = {
    "Namespace": "core.v1", "ServiceAccount": "core.v1", "ConfigMap": "core.v1", "Service": "core.v1",
    "Deployment": "apps.v1", "StatefulSet": "apps.v1", "PodDisruptionBudget": "policy.v1",
    "PriorityClass": "scheduling.v1", "NetworkPolicy": "networking.v1",
}
KEPT = {
    "type", "required", "enum", "pattern", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems",
    "x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields",
}
INT_OR_STRING = {"x-kubernetes-int-or-string": True}
# These are written by the server alone.
OF_THE_SERVER = {"status", "managedFields"}


def reduced(schema, definitions):
    """The shape of a schema, with every reference replaced by what it refers to."""
    if reference := schema.get("$ref"):
        name = reference.rsplit("/", 1)[-1]
        if name.endswith((".IntOrString", ".Quantity")):
            return INT_OR_STRING
        return reduced(definitions[name], definitions)
    shape = {key: value for key, value in schema.items() if key in KEPT}
    if "properties" in schema:
        fields = schema["properties"].items()
        shape["properties"] = {name: reduced(field, definitions) for name, field in fields if name not in OF_THE_SERVER}
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            shape[key] = reduced(schema[key], definitions)
    return shape


def write(kind, api_version, schema):
    text = json.dumps({"apiVersion": api_version, "schema": schema}, separators=(",", ":"))
    (FOLDER / f"{kind}.json").write_text(text + "\n")


definitions = json.loads(pathlib.Path(sys.argv[1]).read_text())["definitions"]
for kind, version in CORE.items():
    definition = definitions[f"io.k8s.api.{version}.{kind}"]
    group = definition["x-kubernetes-group-version-kind"][0]
    write(kind, f"{group['group']}/{group['version']}".lstrip("/"), reduced(definition, definitions))
metadata = reduced(definitions["io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"], definitions)
for path in sys.argv[2:]:
    custom = yaml.safe_load(pathlib.Path(path).read_text())["spec"]
    version = next(version for version in custom["versions"] if version["storage"])
    schema = reduced(version["schema"]["openAPIV3Schema"], {})
    # A custom resource leaves its metadata to the server, which knows their fields.
    schema["properties"]["metadata"] = metadata
    write(custom["names"]["kind"], f"{custom['group']}/{version['name']}", schema)

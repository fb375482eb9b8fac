"""Reads events of the format neo4j-cud as Neo4j's Kafka connector does, and builds the graph in memory.

The rules are those of the connector's documentation (CUD strategy) and of its published JSON Schema `cud.v1.0`: which fields
an event of each type and operation has, and no others; ids that are not empty; properties that Neo4j can hold.
Arguments: the file of events, and the answers that they were made of.
"""

import json
import sys
from collections import Counter

# Required and further fields by type and operation. `update` has the fields of `merge`.
FIELDS = {
    ("node", "create"): ({"properties"}, {"labels"}),
    ("node", "merge"): ({"ids", "properties"}, {"labels"}),
    ("node", "delete"): ({"ids"}, {"labels", "detach"}),
    ("relationship", "create"): ({"rel_type", "from", "to", "properties"}, set()),
    ("relationship", "merge"): ({"rel_type", "from", "to", "properties"}, {"ids"}),
    ("relationship", "delete"): ({"rel_type", "from", "to"}, {"ids"}),
}


class Graph:
    """Nodes by labels and ids; relationships by their ends, type and ids."""

    def __init__(self):
        self.nodes, self.relationships = {}, {}

    def apply(self, event):
        kind, op = event["type"], event["op"]
        required, optional = FIELDS[kind, "merge" if op == "update" else op]
        fields = set(event) - {"type", "op"}
        assert required <= fields <= required | optional, (kind, op, fields)
        check_properties(event.get("properties", {}), "properties")
        getattr(self, f"{op}_{kind}")(event)

    def merge_node(self, event):
        self.nodes.setdefault(name_of(event), {}).update(event["properties"])

    def delete_node(self, event):
        name = name_of(event)
        ends = [key for key in self.relationships if name in key[:2]]
        # Neo4j refuses to delete a node with relationships.
        assert event.get("detach") is True or not ends, event
        for key in ends:
            del self.relationships[key]
        self.nodes.pop(name, None)

    def merge_relationship(self, event):
        assert isinstance(event["rel_type"], str) and event["rel_type"], event
        ends = []
        for side in ("from", "to"):
            end = event[side]
            assert {"ids"} <= set(end) <= {"ids", "labels", "op"}, end
            op = end.get("op", "match")
            assert op in ("match", "merge"), end
            name = name_of(end)
            if op == "merge":
                self.nodes.setdefault(name, dict(end["ids"]))
            # A match that finds nothing makes no relationship, and says nothing.
            assert name in self.nodes, end
            ends.append(name)
        ids = event.get("ids", {})
        check_properties(ids, "ids")
        key = (*ends, event["rel_type"], tuple(sorted(ids.items())))
        self.relationships.setdefault(key, dict(ids)).update(event["properties"])


def name_of(node):
    labels, ids = node.get("labels", []), node["ids"]
    assert isinstance(labels, list) and all(isinstance(label, str) and label for label in labels), node
    assert ids, f"no ids: {node}"
    check_properties(ids, "ids")
    return tuple(sorted(labels)), tuple(sorted(ids.items()))


def check_properties(properties, what):
    """Neo4j holds strings, numbers, booleans, and lists of one of these."""
    assert isinstance(properties, dict), (what, properties)
    for name, value in properties.items():
        kinds = {type(inner) for inner in value} if isinstance(value, list) else {type(value)}
        kinds = {float if kind is int else kind for kind in kinds}
        assert len(kinds) <= 1 and kinds <= {str, bool, float}, (what, name, value)


def expected(answers):
    """What the answers say: nodes by label, relationships by type."""
    posts, pictures, entities, relations = set(), set(), set(), Counter()
    for answer in answers:
        posts.add(answer["post_id"])
        pictures.update(medium["blake3"] for medium in answer["media"])
        relations["HAS_PICTURE"] += len(answer["media"])
        relations["MENTIONS"] += len(answer["entities"])
        relations["DEPICTED_IN"] += sum(len(entity["regions"]) for entity in answer["entities"])
        entities.update((entity["type"], entity.get("surface", entity["text"]).casefold()) for entity in answer["entities"])
    return Counter(Post=len(posts), Picture=len(pictures), Entity=len(entities)), relations


def main(events, answers):
    lines = [json.loads(line) for line in open(events, encoding="utf-8")]
    answers = [json.loads(line) for line in open(answers, encoding="utf-8")]
    graph = Graph()
    for event in lines:
        graph.apply(event)
    nodes = Counter(labels[0] for labels, _ in graph.nodes)
    relations = Counter(key[2] for key in graph.relationships)
    assert (nodes, relations) == expected(answers), (nodes, relations, expected(answers))
    print(f"cud: {len(lines)} events keep the connector's rules; {dict(nodes)}, {dict(relations)}, as the answers have")

    # The same again changes nothing, and the connector may take relationships before nodes.
    before = (dict(graph.nodes), dict(graph.relationships))
    turned = Graph()
    for event in sorted(lines, key=lambda event: event["type"], reverse=True):
        turned.apply(event)
    for event in lines:
        graph.apply(event)
    assert before == (graph.nodes, graph.relationships), "a repeat changes the graph"
    assert set(turned.nodes) == set(graph.nodes) and turned.relationships == graph.relationships, "the order matters"

    post = answers[0]["post_id"]
    graph.apply({"type": "node", "op": "delete", "labels": ["Post"], "ids": {"id": post}, "detach": True})
    gone = (("Post",), (("id", post),))
    assert gone not in graph.nodes and all(gone not in key[:2] for key in graph.relationships)
    print("cud: repeats and another order give the same graph; a deletion takes its post and the post's relationships")


if __name__ == "__main__":
    main(*sys.argv[1:3])

"""Reads exported graphs with rdflib: JSON-LD and N-Triples are the same graph, and SPARQL counts what `riveg eval` does."""

import json
import sys
from pathlib import Path

from rdflib import Dataset, Graph, Literal, Namespace, URIRef
from rdflib.compare import isomorphic
from rdflib.plugins.shared.jsonld import context as jsonld_context

# The context of Web Annotation is fetched from w3.org by its readers. Here it is left empty, or is the file that
# ANNO names: the context of riveg has every term that its documents use, with the same meaning.
ANNO = "http://www.w3.org/ns/anno.jsonld"


def offline(anno):
    def source(address, *_args, **_options):
        if address != ANNO:
            raise ValueError(f"unexpected context {address}")
        return anno, None

    jsonld_context.source_to_json = source


def main(folder, anno):
    offline(json.loads(Path(anno).read_text()) if anno else {"@context": {}})
    triples = Graph().parse(folder / "ntriples", format="nt")
    documents = Graph()
    lines = (folder / "jsonld").read_text().splitlines()
    for line in lines:
        documents.parse(data=line, format="json-ld")
    assert isomorphic(triples, documents), "JSON-LD and N-Triples differ"
    print(f"rdflib: {len(triples)} statements; those of {len(lines)} JSON-LD documents are the same graph")

    quads = Dataset()
    quads.parse(folder / "nquads", format="nquads")
    in_graphs = sum(1 for _ in quads.quads())
    graphs = sum(1 for graph in quads.graphs() if len(graph))
    assert graphs == len(lines), (graphs, len(lines))
    print(f"rdflib: {in_graphs} statements of N-Quads in {graphs} graphs, one a post")

    scores = json.loads((folder / "scores.json").read_text())["scores"]["mner"]
    gold = Namespace("urn:gold:")
    for line in (folder / "world/gold.jsonl").read_text().splitlines():
        post = json.loads(line)
        for number, mention in enumerate(post["mentions"]):
            node = URIRef(f"urn:gold:{post['id']}:{number}")
            triples.add((node, gold.post, Literal(post["id"])))
            triples.add((node, gold.start, Literal(mention["start"])))
            triples.add((node, gold.end, Literal(mention["end"])))
            triples.add((node, gold.type, Literal(mention["type"])))
    predicted = """
        ?mention oa:hasTarget ?target ; oa:hasBody ?entity .
        ?target oa:hasSource ?post ; oa:hasSelector ?position .
        ?position a oa:TextPositionSelector ; oa:start ?start ; oa:end ?end .
        ?post dcterms:identifier ?id . ?entity riveg:entityType ?type ."""
    right = predicted + " ?gold gold:post ?id ; gold:start ?start ; gold:end ?end ; gold:type ?type ."
    found = {name: count(triples, where) for name, where in [("predicted", predicted), ("right", right)]}
    assert found == {name: scores[name] for name in found}, (found, scores)
    print(f"SPARQL: {found['predicted']} mentions, {found['right']} of them as in the gold; riveg eval counts the same")
    shown = count(triples, predicted + " ?region riveg:regionOf ?mention .")
    of_answers = sum(
        len(entity["regions"])
        for line in (folder / "answers.jsonl").read_text().splitlines()
        for entity in json.loads(line)["entities"]
    )
    assert shown == of_answers, (shown, of_answers)
    print(f"SPARQL: {shown} regions, as the answers have")


def count(graph, where):
    query = f"""
        PREFIX oa: <http://www.w3.org/ns/oa#>
        PREFIX dcterms: <http://purl.org/dc/terms/>
        PREFIX riveg: <urn:riveg:vocabulary#>
        PREFIX gold: <urn:gold:>
        SELECT (COUNT(*) AS ?count) WHERE {{ {where} }}"""
    return int(next(iter(graph.query(query)))[0])


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None)

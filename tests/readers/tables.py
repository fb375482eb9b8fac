"""Reads exported tables: masks with pycocotools, Parquet with pyarrow and DuckDB, tables for Neo4j by its header rules."""

import csv
import json
import re
import sys
from pathlib import Path

import duckdb
import pyarrow.parquet as parquet
from pycocotools import mask as masks
from pycocotools.coco import COCO


def main(folder):
    answers = [json.loads(line) for line in (folder / "answers.jsonl").read_text().splitlines()]
    entities = [entity for answer in answers for entity in answer["entities"]]
    regions = [region for entity in entities for region in entity["regions"]]
    coco(folder, regions)
    rows(folder, entities, regions)
    neo4j(folder, answers, entities, regions)
    tasks(folder, answers, regions)


def coco(folder, regions):
    parts = sorted((folder / "coco").glob("part-*.json"))
    decoded = 0
    for part in parts:
        data = COCO(str(part))
        for annotation in data.loadAnns(data.getAnnIds()):
            pixels = data.annToMask(annotation)
            image = data.loadImgs(annotation["image_id"])[0]
            assert pixels.shape == (image["height"], image["width"])
            assert int(pixels.sum()) == annotation["area"] == int(masks.area(annotation["segmentation"]))
            decoded += 1
    assert decoded == len(regions), (decoded, len(regions))
    print(f"pycocotools: {decoded} masks decoded, of the size of their images and of the area that is told")


def rows(folder, entities, regions):
    path = str(folder / "parquet/*.parquet")
    table = parquet.read_table(folder / "parquet")
    expected = sum(max(1, len(entity["regions"])) for entity in entities)
    assert table.num_rows == expected, (table.num_rows, expected)
    found = table.to_pylist()
    assert [row["text"] for row in found if row["media_key"] is None] == [e["text"] for e in entities if not e["regions"]]
    assert [row["mask_counts"] for row in found if row["media_key"]] == [region["mask"]["counts"] for region in regions]
    assert [row["x0"] for row in found if row["media_key"]] == [round(region["box"][0], 6) for region in regions] or all(
        abs(row["x0"] - region["box"][0]) < 1e-4
        for row, region in zip((row for row in found if row["media_key"]), regions)
    )
    print(f"pyarrow: {table.num_rows} rows, {table.num_columns} columns: {', '.join(f'{f.name} {f.type}' for f in table.schema)}")
    counted = duckdb.sql(
        f"select count(*), count(media_key), sum(depicted::int), max(published_at) from '{path}'"
    ).fetchall()[0]
    assert counted[:2] == (expected, len(regions)), counted
    print(f"DuckDB: {counted[0]} rows, {counted[1]} with a region, {counted[2]} depicted, the last of {counted[3]}")


# Neo4j's operations manual: a header field is a name, a type and an id space, all of them optional.
FIELD = re.compile(
    r"^(?P<name>[A-Za-z_]\w*)?(?::(?P<type>ID|LABEL|START_ID|END_ID|TYPE|int|long|float|double|boolean|byte|short|string)"
    r"(?P<list>\[\])?(?:\((?P<space>\w+)\))?)?$"
)


def neo4j(folder, answers, entities, regions):
    ids = {}
    numbers = {}
    for file in sorted((folder / "neo4j-csv").glob("*.csv")):
        with file.open(newline="") as lines:
            reader = csv.reader(lines)
            header = [FIELD.match(field) for field in next(reader)]
            assert all(header), file
            body = list(reader)
        numbers[file.stem] = len(body)
        assert all(len(row) == len(header) for row in body), file
        for place, field in enumerate(header):
            column = [row[place] for row in body]
            kind, is_list = field["type"], field["list"]
            if kind == "ID":
                ids.setdefault(field["space"], set()).update(column)
            elif kind in ("int", "float"):
                parts = [part for value in column if value for part in (value.split(";") if is_list else [value])]
                [(int if kind == "int" else float)(part) for part in parts]
            elif kind == "boolean":
                assert set(column) <= {"true", "false", ""}
            elif kind in ("LABEL", "TYPE"):
                assert all(column), file
    for file in ("has_picture", "mentions", "depicted_in"):
        with (folder / "neo4j-csv" / f"{file}.csv").open(newline="") as lines:
            reader = csv.reader(lines)
            header = [FIELD.match(field) for field in next(reader)]
            for row in reader:
                for field, value in zip(header, row):
                    if field["type"] in ("START_ID", "END_ID"):
                        assert value in ids[field["space"]], (file, value)
    assert numbers["mentions"] == len(entities) and numbers["depicted_in"] == len(regions), numbers
    assert numbers["posts"] == len(answers), numbers
    print(f"neo4j-admin's header rules hold; rows: {numbers}; every end of a relationship is a node")


def tasks(folder, answers, regions):
    found = [task for part in sorted((folder / "labelstudio").glob("part-*.json")) for task in json.loads(part.read_text())]
    assert len(found) == sum(len(answer["media"]) for answer in answers)
    results = [result for task in found for prediction in task["predictions"] for result in prediction["result"]]
    boxes = [result["value"] for result in results if result["type"] == "rectanglelabels"]
    assert len(boxes) == len(regions)
    outlines = [result["value"]["points"] for result in results if result["type"] == "polygonlabels"]
    assert all(0 <= number <= 100 for points in outlines for point in points for number in point)
    assert all(len(points) >= 3 for points in outlines)
    print(f"Label Studio: {len(found)} tasks, {len(boxes)} boxes, {len(outlines)} outlines, all within their pictures")
    pictures = len(list((folder / "png").glob("*.png")))
    assert pictures == len(regions), (pictures, len(regions))


if __name__ == "__main__":
    main(Path(sys.argv[1]))

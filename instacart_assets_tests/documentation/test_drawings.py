"""Drawings of the graph and of column lineage, on graphs that fit on a hand."""

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from itertools import combinations

import pytest

from docs.compiler.graph_drawing import HEIGHT, WIDTH, draw_graph
from docs.compiler.lineage_drawing import draw_lineage
from instacart_assets.contracts.load import load_contracts
from instacart_assets.contracts.model import Column
from instacart_assets.graph import all_tables
from instacart_assets.tables.declare import Table

SVG = "{http://www.w3.org/2000/svg}"


def read_drawing(drawing: str) -> ET.Element:
    return ET.fromstring(drawing)  # noqa: S314 - written here, a moment ago


def list_texts(drawing: str) -> list[str]:
    return [text.text or "" for text in read_drawing(drawing).iter(f"{SVG}text")]


def make_graph(**sources: list[str]) -> list[Table]:
    """Silver tables of these names, each made of the named ones."""
    some = next(table for table in all_tables() if table.address == "silver.aisles")
    return [
        replace(
            some,
            contract=replace(some.contract, address=f"silver.{name}", rules=()),
            sources={f"silver_{one}": f"silver.{one}" for one in made_of},
        )
        for name, made_of in sources.items()
    ]


def test_a_line_leads_from_each_source_column_to_the_column_made_of_it() -> None:
    contract = replace(
        load_contracts()["gold.dim_product"],
        columns=(
            Column("product_id", "int", True, "Which.", sources=("silver.products.product_id",)),
            Column(
                "sold",
                "bigint",
                True,
                "How many.",
                sources=("silver.order_items.product_id", "silver.order_items.order_id"),
                logic="count of lines",
            ),
            Column("rank", "int", True, "Of nothing."),
        ),
    )
    drawing = draw_lineage(contract, load_contracts(), lambda address: f"{address}.html")
    # Sources in the order of where they lead, their columns in the order of their contracts, then the table.
    assert list_texts(drawing) == [
        *("silver.products", "product_id"),
        *("silver.order_items", "order_id", "product_id"),
        *("gold.dim_product", "product_id", "sold", "rank"),
    ]
    columns = {
        (group.findtext(f"{SVG}text") or ""): len(group.findall(f"{SVG}path"))
        for group in read_drawing(drawing).iter(f"{SVG}g")
        if group.get("class") == "column"
    }
    assert columns == {"product_id": 1, "sold": 2, "rank": 0}
    assert "sold = count of lines, from silver.order_items.product_id, silver.order_items.order_id" in drawing
    links = [link.get("href") for link in read_drawing(drawing).iter(f"{SVG}a")]
    assert links == ["silver.products.html", "silver.order_items.html"]


@pytest.mark.parametrize("address", sorted(load_contracts()))
def test_every_column_of_every_table_is_drawn_with_all_its_sources(address: str) -> None:
    contracts = load_contracts()
    drawing = read_drawing(draw_lineage(contracts[address], contracts, lambda _: None))
    drawn = {
        group.findtext(f"{SVG}text"): len(group.findall(f"{SVG}path"))
        for group in drawing.iter(f"{SVG}g")
        if group.get("class") == "column"
    }
    assert drawn == {column.name: len(column.sources) for column in contracts[address].columns}


def test_a_line_that_follows_from_others_is_left_out() -> None:
    drawing = draw_graph(make_graph(a=[], b=["a"], c=["a", "b"], d=["a"]))
    lines = len(re.findall("<path", drawing))
    assert lines == 3, "a to b, b to c, a to d; not a to c"


def test_every_table_has_a_place_of_its_own_below_what_it_is_made_of() -> None:
    tables = all_tables()
    drawing = read_drawing(draw_graph(tables, lambda address: f"{address}.html"))
    places = {
        (link.get("href") or "").removesuffix(".html"): (float(box.get("x", "")), float(box.get("y", "")))
        for link in drawing.iter(f"{SVG}a")
        for box in link.iter(f"{SVG}rect")
    }
    assert places.keys() == {table.address for table in tables}
    for (_, one), (_, other) in combinations(places.items(), 2):
        assert abs(one[0] - other[0]) >= WIDTH or abs(one[1] - other[1]) >= HEIGHT
    for table in tables:
        for source in set(table.sources.values()) & places.keys():
            assert places[source][1] < places[table.address][1], (source, table.address)


def test_a_drawing_is_told_to_those_who_do_not_see_it() -> None:
    for drawing in (
        draw_graph(all_tables()),
        draw_lineage(load_contracts()["silver.orders"], load_contracts(), lambda _: None),
    ):
        root = read_drawing(drawing)
        named = (root.get("aria-labelledby") or "").split()
        told = [part.text for part in root if part.get("id") in named]
        assert len(told) == 2
        assert all(told)

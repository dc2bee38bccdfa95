"""Draws where the columns of a table come from: the columns of its sources at the left, its own at the right."""

import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping, Sequence

from docs.compiler.svg import (
    Point,
    add_box,
    add_group,
    add_line,
    add_link,
    add_text,
    average,
    begin_drawing,
    finish_drawing,
)
from instacart_assets.contracts.model import Column, Contract

ROW, HEAD, GAP, WIDTH, BETWEEN = 20, 26, 16, 262, 190
MARGIN = 1


def draw_lineage(
    contract: Contract, contracts: Mapping[str, Contract], link: Callable[[str], str | None]
) -> str:
    """The columns of a table, each with lines from its source columns, as SVG.

    Args:
        contract: the table.
        contracts: of all tables, by address; they give the order of the sources' columns.
        link: returns the page of the table at an address; None where it has none.
    """
    sources = _order_sources(contract, contracts)
    height = max(
        _measure(len(contract.columns)), sum(_measure(len(names)) + GAP for names in sources.values()) - GAP
    )
    width = 2 * WIDTH + BETWEEN + 2 * MARGIN
    lines = sum(len(column.sources) for column in contract.columns)
    drawing = begin_drawing(
        width,
        height + 2 * MARGIN,
        "lineage",
        f"Column lineage of {contract.address}",
        f"{len(contract.columns)} columns of {contract.address} at the right, and {lines} lines to them from columns of "
        f"{', '.join(sources) or 'no table'}. The table of columns on this page says the same in its last column.",
    )
    places: dict[str, Point] = {}
    top = MARGIN + (height - sum(_measure(len(names)) + GAP for names in sources.values()) + GAP) / 2
    boxes = add_group(drawing, "sources")
    for address, names in sources.items():
        places |= _draw_source(boxes, Point(MARGIN, top), address, names, link(address))
        top += _measure(len(names)) + GAP
    _draw_table(drawing, contract, places, height)
    return finish_drawing(drawing)


def _measure(columns: int) -> int:
    return HEAD + ROW * columns + 4


def _order_sources(contract: Contract, contracts: Mapping[str, Contract]) -> dict[str, list[str]]:
    """The columns used from each source, sources ordered by where their lines lead."""
    used: dict[str, dict[str, None]] = {}
    leads_to: dict[str, list[float]] = {}
    for place, column in enumerate(contract.columns):
        for source in column.sources:
            address, _, name = source.rpartition(".")
            used.setdefault(address, {})[name] = None
            leads_to.setdefault(address, []).append(place)
    order = sorted(used, key=lambda address: average(leads_to[address], 0))
    return {address: _order_columns(list(used[address]), contracts.get(address)) for address in order}


def _order_columns(names: Sequence[str], source: Contract | None) -> list[str]:
    if source is None:  # a landed file
        return list(names)
    return sorted(names, key=source.column_names.index)


def _draw_source(
    parent: ET.Element, at: Point, address: str, names: Sequence[str], page: str | None
) -> dict[str, Point]:
    """Draw the box of a source; returns where lines leave it, by column."""
    add_box(parent, at, WIDTH, _measure(len(names)), address.partition(".")[0])
    add_text(add_link(parent, page), Point(at.x + 10, at.y + 18), address, "head")
    places = {}
    for number, name in enumerate(names):
        foot = at.y + HEAD + ROW * number + 14
        add_text(parent, Point(at.x + 10, foot), name)
        places[f"{address}.{name}"] = Point(at.x + WIDTH, foot - 4)
    return places


def _draw_table(drawing: ET.Element, contract: Contract, places: Mapping[str, Point], height: float) -> None:
    size = _measure(len(contract.columns))
    at = Point(MARGIN + WIDTH + BETWEEN, MARGIN + (height - size) / 2)
    add_box(drawing, at, WIDTH, size, contract.layer)
    add_text(drawing, Point(at.x + 10, at.y + 18), contract.address, "head")
    for number, column in enumerate(contract.columns):
        foot = at.y + HEAD + ROW * number + 14
        row = add_group(drawing, "column", _explain(column))
        for source in column.sources:
            add_line(row, places[source], Point(at.x, foot - 4))
        add_text(row, Point(at.x + 10, foot), column.name, "" if column.sources else "faint")


def _explain(column: Column) -> str:
    made = f" = {column.logic}" if column.logic else ""
    return f"{column.name}{made}" + (f", from {', '.join(column.sources)}" if column.sources else "")

"""What the site has beyond the pages of the repository: drawings whose parts are links, and pages of modules.

This is a Sphinx extension. A page's text marks where a drawing belongs; in the repository that place is an image, or
empty, and the surrounding text says the same in words.
"""

from pathlib import Path, PurePosixPath
from typing import Any

from sphinx.application import Sphinx

from docs.compiler.api import write_modules
from docs.compiler.graph_drawing import draw_graph
from docs.compiler.lineage_drawing import draw_lineage
from docs.compiler.pages import GRAPH
from docs.compiler.tables import LINEAGE
from instacart_assets.contracts.load import load_contracts
from instacart_assets.graph import all_tables

TABLES, MODULES = "tables/", "reference/api"


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the hooks that write the pages of modules first, and insert drawings as pages are read."""
    app.connect("builder-inited", lambda app: write_modules(Path(app.srcdir) / MODULES))
    app.connect("source-read", _draw)
    return {"version": "1", "parallel_read_safe": True}


def _draw(_: Sphinx, page: str, text: list[str]) -> None:
    """Insert a page's drawings where its text marks them."""
    lines = text[0].split("\n")
    text[0] = "\n".join(_show(line, page) for line in lines)


def _show(line: str, page: str) -> str:
    if line.startswith("![") and line.endswith(f"]({GRAPH})"):
        return _embed(draw_graph(all_tables(), _link_from(PurePosixPath(page).parent)))
    if line == LINEAGE and page.startswith(TABLES):
        contracts = load_contracts()
        return _embed(
            draw_lineage(contracts[page.removeprefix(TABLES)], contracts, _link_from(PurePosixPath(TABLES)))
        )
    return line


def _link_from(folder: PurePosixPath) -> Any:
    """A function that returns the link to a table's page, from pages in a folder."""
    prefix = "" if folder == PurePosixPath(TABLES) else TABLES

    def link(address: str) -> str | None:
        return f"{prefix}{address}.html" if address in load_contracts() else None

    return link


def _embed(drawing: str) -> str:
    return f'```{{raw}} html\n<div class="drawing" tabindex="0">\n{drawing}</div>\n```'

"""Which pages are generated, and where they are kept.

Contains only their list; their content is defined elsewhere.
"""

from pathlib import Path

from docs.compiler.commands import document_commands
from docs.compiler.graph_drawing import draw_graph
from docs.compiler.quarantine import document_quarantine
from docs.compiler.service_levels import document_service_levels
from docs.compiler.tables import document_index, document_table
from docs.compiler.variables import document_variables
from instacart_assets.graph import all_tables

GRAPH = "images/graph.svg"


def compile_pages() -> dict[str, str]:
    """The text of every page and drawing that is kept, by its path below the folder of the documentation."""
    tables = all_tables()
    return {
        "tables/index.md": document_index(tables),
        **{f"tables/{table.address}.md": document_table(table, tables) for table in tables},
        "tables/quarantine.md": document_quarantine(tables),
        "reference/cli.md": document_commands(),
        "reference/settings.md": document_variables(),
        "reference/service_levels.md": document_service_levels(tables),
        GRAPH: draw_graph(tables),
    }


def write_pages(folder: Path) -> None:
    """Write every page below a folder; the page of a table that no longer exists is removed."""
    pages = compile_pages()
    for path in (folder / "tables").glob("*.md"):
        if f"tables/{path.name}" not in pages:
            path.unlink()
    for name, text in pages.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")

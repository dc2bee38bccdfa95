"""Links from an asset to its table's function, contract and page.

Defines how these become links in Dagster's web UI. Without the repository's URL they lead to the files that
the code was loaded from, which an editor on the same machine opens.
"""

import inspect
import warnings
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import dagster as dg

from instacart_assets.contracts.load import CONTRACTS_DIR
from instacart_assets.settings import LinkSettings
from instacart_assets.tables.declare import Table

ROOT = Path(__file__).parents[2]
"""The root of the repository, or the folder that a wheel was installed into."""

PAGES = "docs/tables"
"""Folder of the table pages in the repository; on the site it is the same without its first part."""


def add_links(
    assets: Sequence[dg.AssetsDefinition], tables: Sequence[Table], links: LinkSettings
) -> list[dg.AssetsDefinition]:
    """The assets, each with links to the sources and the page of its table.

    Args:
        assets: one per table, in the order of the tables.
        tables: the graph.
        links: where the repository and the site are.
    """
    with warnings.catch_warnings():
        # Code references are beta: a minor version of Dagster may change them, and the project is pinned to one.
        warnings.simplefilter("ignore", dg.BetaWarning)
        return [
            definition.map_asset_specs(partial(_add_links, table=table, links=links))
            for definition, table in zip(assets, tables, strict=True)
        ]


def _add_links(spec: dg.AssetSpec, table: Table, links: LinkSettings) -> dg.AssetSpec:
    metadata: dict[str, object] = {
        **spec.metadata,
        "dagster/code_references": dg.CodeReferencesMetadataValue(
            code_references=[*list_references(table, links)]
        ),
    }
    page = find_page(table.address, links)
    if page is None:
        return spec.replace_attributes(metadata=metadata)
    return spec.replace_attributes(
        description=f"{spec.description}\n\n[Columns and rules of {table.address}]({page})",
        metadata={**metadata, "page": dg.MetadataValue.url(page)},
    )


def list_references(
    table: Table, links: LinkSettings
) -> Iterator[dg.LocalFileCodeReference | dg.UrlCodeReference]:
    """The function that builds a table, its contract and, where there is no site, its page."""
    function = inspect.unwrap(table.transform).__code__
    places = [
        ("function", Path(function.co_filename), function.co_firstlineno),
        ("contract", CONTRACTS_DIR / table.contract.layer / f"{table.contract.name}.yml", 1),
    ]
    if links.docs is None:
        places.append(("page", ROOT / PAGES / f"{table.address}.md", 1))
    for label, path, line in places:
        if links.repository is not None:
            yield dg.UrlCodeReference(url=f"{_address_of(path, links)}#L{line}", label=label)
        elif path.is_file():  # a wheel has no pages
            yield dg.LocalFileCodeReference(file_path=str(path), line_number=line, label=label)


def find_page(address: str, links: LinkSettings) -> str | None:
    """URL of a table's page: on the site, or else in the repository; None where there is neither."""
    if links.docs is not None:
        return f"{links.docs}/tables/{address}.html"
    return None if links.repository is None else _address_of(ROOT / PAGES / f"{address}.md", links)


def _address_of(path: Path, links: LinkSettings) -> str:
    return f"{links.repository}/blob/{links.revision}/{path.relative_to(ROOT).as_posix()}"

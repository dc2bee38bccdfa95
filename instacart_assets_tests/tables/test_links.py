"""Links from an asset to what its table is written down in."""

from pathlib import Path

import dagster as dg

from instacart_assets.definitions import build_defs
from instacart_assets.graph import all_tables
from instacart_assets.settings import LinkSettings, Settings
from instacart_assets.tables.assets import asset_key, build_assets
from instacart_assets.tables.declare import Table
from instacart_assets.tables.links import ROOT, add_links, find_page, list_references

REPOSITORY, SITE = "https://github.com/owner/lakehouse", "https://owner.github.io/lakehouse"
TABLES = {table.address: table for table in all_tables()}
ORDERS = TABLES["silver.orders"]


def find_line(path: Path, text: str) -> int:
    """The number of the one line that begins with a text."""
    (number,) = [
        number for number, line in enumerate(path.read_text("utf-8").splitlines(), 1) if line.startswith(text)
    ]
    return number


def list_links(table: Table, **links: str) -> list[str]:
    return [reference.source for reference in list_references(table, LinkSettings(**links))]


def test_without_an_address_links_lead_to_files_of_this_machine() -> None:
    function = ROOT / "instacart_assets/silver/orders.py"
    assert list_links(ORDERS) == [
        f"{function}:{find_line(function, '@table(')}",
        f"{ROOT}/instacart_assets/contracts/silver/orders.yml:1",
        f"{ROOT}/docs/tables/silver.orders.md:1",
    ]
    assert find_page("silver.orders", LinkSettings()) is None


def test_in_a_repository_links_name_the_revision_that_runs() -> None:
    line = find_line(ROOT / "instacart_assets/silver/orders.py", "@table(")
    assert list_links(ORDERS, repository=f"{REPOSITORY}/", revision="v1.2.0") == [
        f"{REPOSITORY}/blob/v1.2.0/instacart_assets/silver/orders.py#L{line}",
        f"{REPOSITORY}/blob/v1.2.0/instacart_assets/contracts/silver/orders.yml#L1",
        f"{REPOSITORY}/blob/v1.2.0/docs/tables/silver.orders.md#L1",
    ]
    assert find_page("silver.orders", LinkSettings(repository=REPOSITORY)) == (
        f"{REPOSITORY}/blob/main/docs/tables/silver.orders.md"
    )


def test_where_there_is_a_site_the_page_is_read_there() -> None:
    assert find_page("silver.orders", LinkSettings(repository=REPOSITORY, docs=f"{SITE}/")) == (
        f"{SITE}/tables/silver.orders.html"
    )
    assert len(list_links(ORDERS, repository=REPOSITORY, docs=SITE)) == 2


def test_a_table_made_as_it_landed_leads_to_the_one_function_of_its_layer() -> None:
    first, *_ = list_links(TABLES["bronze.orders"])
    assert first.startswith(f"{ROOT}/instacart_assets/bronze/landed.py:")


def test_every_file_that_a_table_links_to_is_there() -> None:
    for table in TABLES.values():
        links = [Path(link.rpartition(":")[0]) for link in list_links(table)]
        assert len(links) == 3, table.address
        assert all(path.is_file() for path in links), table.address


def test_an_asset_says_where_its_page_is_and_keeps_what_it_said() -> None:
    (plain,) = build_assets([ORDERS])
    (linked,) = add_links([plain], [ORDERS], LinkSettings(docs=SITE))
    for key in (asset_key("silver.orders"), asset_key("quarantine.orders")):
        before, after = plain.get_asset_spec(key), linked.get_asset_spec(key)
        page = f"{SITE}/tables/silver.orders.html"
        assert after.description == f"{before.description}\n\n[Columns and rules of silver.orders]({page})"
        assert after.metadata["page"] == dg.MetadataValue.url(page)
        assert after.metadata["key"] == before.metadata["key"]


def test_every_table_of_the_code_location_is_linked() -> None:
    graph = build_defs(Settings(links=LinkSettings(docs=SITE))).resolve_asset_graph()
    for address in TABLES:
        metadata = graph.get(asset_key(address)).metadata
        assert str(metadata["page"].value) == f"{SITE}/tables/{address}.html"
        assert metadata["dagster/code_references"].code_references

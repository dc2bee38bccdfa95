"""Dagster's web UI in a real browser: what a person sees of the lakehouse, and what they can press."""

import re
from collections.abc import Iterator
from functools import partial

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from instacart_assets.automation.environments import AUTOMATIONS
from instacart_assets.contracts.load import load_contracts
from instacart_assets.contracts.rules import compile_rules
from instacart_assets.synthetic.generate import generate
from instacart_assets.tables.assets import asset_key
from instacart_assets_tests.processes import Processes, open_history
from instacart_assets_tests.ui.web import BROWSERS, PATIENCE, SITE, SOURCE, WebUi, find_browser, open_browser

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_browser() is None, reason=f"no browser: install one of {', '.join(BROWSERS)}"),
]

SALES = "gold.department_daily_sales"
CONTRACT = load_contracts()[SALES]


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebUi]:
    """A small lake with one table of gold and all that it is made of, in a web UI with its daemon."""
    processes = Processes(tmp_path_factory.mktemp("web"))
    try:
        made = WebUi(processes)
        with open_history(made.home):  # its tables are there before two ask for them
            made.start()
        generate(60, 7, made.landing)
        assert made.run("--select", f"+{SALES}") == 0, processes.read_logs()
        made.wait_until_there()
        yield made
    finally:
        processes.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as opened:
        yield opened


@pytest.fixture
def page(web: WebUi, browser: Browser) -> Iterator[Page]:
    opened = browser.new_page(base_url=web.url, viewport={"width": 1280, "height": 1600})
    opened.set_default_timeout(PATIENCE)
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def _patient() -> None:
    expect.set_options(timeout=PATIENCE)


def show_asset(page: Page, address: str, view: str = "overview") -> None:
    page.goto(f"/assets/{'/'.join(asset_key(address).path)}?view={view}")


def test_the_graph_shows_every_layer_and_opens_to_its_tables(page: Page) -> None:
    page.goto("/asset-groups")
    graph = page.locator("svg foreignObject")
    for group in ("landing", "bronze", "silver", "gold", "quarantine", "maintenance", "report"):
        expect(graph.get_by_text(group, exact=True)).to_be_visible()
    graph.get_by_text("silver", exact=True).click()
    for name in ("orders", "order_items", "products", "promotions"):
        expect(graph.get_by_text(name, exact=True)).to_be_visible()


def test_the_page_of_a_table_tells_its_contract(page: Page) -> None:
    show_asset(page, SALES)
    expect(page.get_by_text(CONTRACT.description.split(".")[0])).to_be_visible()
    expect(page.get_by_text(f"Grain: {CONTRACT.grain}")).to_be_visible()
    expect(page.get_by_text("analytics", exact=True)).to_be_visible()
    for kind in ("Delta Lake", "Gold", "PySpark"):
        expect(page.get_by_text(kind, exact=True)).to_be_visible()
    for column in CONTRACT.columns:
        expect(page.get_by_text(column.name, exact=True).first).to_be_attached()
        expect(page.get_by_text(column.description).first).to_be_attached()


def test_a_table_leads_to_its_page_its_function_and_its_contract(page: Page) -> None:
    show_asset(page, SALES)
    documented = page.get_by_role("link", name=f"Columns and rules of {SALES}")
    expect(documented).to_have_attribute("href", f"{SITE}/tables/{SALES}.html")
    for label, file in (
        ("function", "gold/department_daily_sales.py"),
        ("contract", "gold/department_daily_sales.yml"),
    ):
        source = re.compile(f"^{SOURCE}/blob/main/instacart_assets/.*{file}#L")
        link = page.get_by_role("link").filter(has=page.get_by_title(label, exact=True))
        expect(link).to_have_attribute("href", source)


def test_what_was_made_is_drawn_in_its_place_with_numbers_to_plot(page: Page) -> None:
    show_asset(page, SALES)
    charts = page.locator("pre", has_text="fruit & vegetables").filter(has_text="█")
    expect(charts).to_have_count(2)  # units, and the share that was reordered
    page.get_by_role("button", name="Plots").click()
    for number in ("dagster/row_count", "seconds", "checks_failed"):
        expect(page.get_by_text(number, exact=True)).to_be_visible()
    expect(page.locator("canvas")).not_to_have_count(0)


def test_every_rule_is_a_check_that_says_what_it_measured(page: Page) -> None:
    show_asset(page, SALES, "checks")
    rules = {rule.id: rule for rule in compile_rules(CONTRACT)}
    expect(page.get_by_text(f"Checks ({len(rules)})")).to_be_visible()
    page.get_by_placeholder("Filter checks").fill("units_is_filled")
    page.get_by_text("units_is_filled", exact=True).first.click()
    expect(page.get_by_text(rules["units_is_filled"].description).first).to_be_visible()
    expect(page.get_by_text("Passed", exact=True)).to_be_visible()
    expect(page.get_by_text("threshold", exact=True)).to_be_visible()


def test_a_table_is_made_by_a_press_and_the_run_ends_well(page: Page) -> None:
    show_asset(page, "gold.dim_date")
    page.get_by_role("button", name="Materialize").click()
    page.get_by_text("Launched run").wait_for()
    page.get_by_role("link", name="View", exact=True).click()
    expect(page.get_by_text("Success", exact=True).first).to_be_visible()
    show_asset(page, "gold.dim_date", "events")
    # The newest event is shown: it found nothing to do, as the first run had made the table.
    expect(page.get_by_role("row", name="made nothing has changed")).to_be_visible()


@pytest.mark.parametrize("name", ["landing", "daily"])
def test_what_runs_by_itself_is_listed_and_can_be_switched_on_and_off(
    web: WebUi, page: Page, name: str
) -> None:
    page.goto("/automation")
    for automation in AUTOMATIONS:
        expect(find_row(page, automation.name)).to_be_visible()
    switch = find_row(page, name).locator("..").locator("label[class*=Switch]")
    for state in ("RUNNING", "STOPPED"):
        switch.click()
        expect(switch.locator("input")).to_be_checked(checked=state == "RUNNING")
        web.processes.wait_for(partial(is_state, web, name, state), f"{name} is not {state}")


def find_row(page: Page, name: str) -> Locator:
    """What leads from the list to a sensor or schedule."""
    return page.locator(f"a[href$='s/{name}']")


def is_state(web: WebUi, name: str, state: str) -> bool:
    """Whether a sensor or schedule is on or off, as the daemon reads it."""
    with open_history(web.home) as instance:
        found = {one.instigator_name: one.status.value for one in instance.all_instigator_state()}
    return found.get(name) == state

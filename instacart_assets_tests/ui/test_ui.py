"""Dagster's web UI in a real browser: what a person sees of the lakehouse, and what they can press."""

import re
from collections.abc import Iterator

import dagster as dg
import pytest
from playwright.sync_api import Browser, Page, expect

from instacart_assets.automation.environments import AUTOMATIONS
from instacart_assets.contracts.load import load_contracts
from instacart_assets.contracts.rules import compile_rules
from instacart_assets.synthetic.generate import generate
from instacart_assets.tables.assets import asset_key
from instacart_assets_tests.processes import Processes
from instacart_assets_tests.ui.web import BROWSERS, PATIENCE, SITE, WebUi, find_browser, open_browser

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_browser() is None, reason=f"no browser: install one of {', '.join(BROWSERS)}"),
]

SALES = "gold.department_daily_sales"
CONTRACT = load_contracts()[SALES]


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebUi]:
    """A small lake that one run has built, in a web UI with its daemon."""
    processes = Processes(tmp_path_factory.mktemp("web"))
    try:
        made = WebUi(processes)
        with dg.DagsterInstance.from_config(str(made.home)):  # its tables are there before two ask for them
            made.start()
        generate(60, 7, made.landing)
        assert made.run() == 0, processes.read_logs()
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
    for group in ("landing", "bronze", "silver", "gold", "quarantine", "maintenance"):
        expect(graph.get_by_text(group, exact=True)).to_be_visible()
    graph.get_by_text("gold", exact=True).click()
    for name in ("department_daily_sales", "product_repeat_purchase", "promotion_performance"):
        expect(graph.get_by_text(name, exact=True)).to_be_visible()


def test_the_page_of_a_table_tells_its_contract(page: Page) -> None:
    show_asset(page, SALES)
    expect(page.get_by_text(CONTRACT.description.split(".")[0])).to_be_visible()
    expect(page.get_by_text(f"Grain: {CONTRACT.grain}")).to_be_visible()
    expect(page.get_by_text("analytics", exact=True)).to_be_visible()
    for kind in ("delta", "gold", "pyspark"):
        expect(page.get_by_role("link", name=kind, exact=True)).to_be_visible()
    for column in CONTRACT.columns:
        expect(page.get_by_text(column.name, exact=True).first).to_be_attached()
        expect(page.get_by_text(column.description).first).to_be_attached()


def test_a_table_leads_to_its_page_its_function_and_its_contract(page: Page) -> None:
    show_asset(page, SALES)
    documented = page.get_by_role("link", name=f"Columns and rules of {SALES}")
    expect(documented).to_have_attribute("href", f"{SITE}/tables/{SALES}.html")
    for file in ("department_daily_sales.py", "department_daily_sales.yml"):
        expect(page.get_by_role("link", name=f"Open {file} in GitHub")).to_have_attribute(
            "href", re.compile(f"^https://github.com/owner/lakehouse/blob/main/instacart_assets/.*/{file}#L")
        )


def test_what_was_made_is_drawn_in_its_place_with_numbers_to_plot(page: Page) -> None:
    show_asset(page, SALES)
    chart = page.locator("pre", has_text="produce").filter(has_text="█")
    expect(chart).to_have_count(2)  # units, and the share that was reordered
    page.get_by_role("button", name="Plots").click()
    for number in ("dagster/row_count", "seconds", "checks_failed"):
        expect(page.get_by_role("heading", name=number, exact=True)).to_be_visible()
    expect(page.locator("canvas")).not_to_have_count(0)


def test_every_rule_is_a_check_that_says_what_it_measured(page: Page) -> None:
    show_asset(page, SALES, "checks")
    expect(page.get_by_role("heading", name=f"Checks ({len(compile_rules(CONTRACT))})")).to_be_visible()
    page.get_by_placeholder("Filter checks").fill("every_department")
    page.get_by_text("every_department_has_every_day").click()
    (rule,) = [rule for rule in CONTRACT.rules if rule.id == "every_department_has_every_day"]
    expect(page.get_by_text(rule.description).first).to_be_visible()
    expect(page.get_by_text("Passed", exact=True)).to_be_visible()
    expect(page.get_by_text("threshold", exact=True)).to_be_visible()


def test_a_table_is_made_by_a_press_and_the_run_ends_well(page: Page) -> None:
    show_asset(page, "gold.dim_date")
    page.get_by_role("button", name="Materialize").click()
    page.get_by_text("Launched run").wait_for()
    page.get_by_role("link", name="View", exact=True).click()
    expect(page.get_by_text("Success", exact=True).first).to_be_visible()
    show_asset(page, "gold.dim_date", "events")
    expect(page.get_by_text("Materialized").nth(1)).to_be_visible()  # once by the first run, and now


@pytest.mark.parametrize("name", ["landing", "daily"])
def test_what_runs_by_itself_is_listed_and_can_be_switched_on_and_off(
    web: WebUi, page: Page, name: str
) -> None:
    page.goto("/automation")
    for automation in AUTOMATIONS:
        expect(page.get_by_role("link", name=automation.name)).to_be_visible()
    switch = page.get_by_role("link", name=name).locator("..").get_by_role("checkbox").last
    expect(switch).not_to_be_checked()
    switch.click()
    expect(switch).to_be_checked()
    assert read_state(web, name) == "RUNNING"
    switch.click()
    expect(switch).not_to_be_checked()
    assert read_state(web, name) == "STOPPED"


def read_state(web: WebUi, name: str) -> str:
    """Whether a sensor or schedule is on, as the daemon reads it."""
    with dg.DagsterInstance.from_config(str(web.home)) as instance:
        (found,) = [one for one in instance.all_instigator_state() if one.instigator_name == name]
        return found.status.value

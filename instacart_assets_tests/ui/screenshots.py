"""Takes the pictures of the documentation from Dagster's web UI and from the report: `make screenshots`.

Defines what is pictured and how the lake gets there: a daemon takes in a drop, then a few changes of it, and at last
a broken file. Run as a module, it writes the pictures into a folder.
"""

import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image
from playwright.sync_api import Locator, Page

from instacart_assets.automation.environments import AUTOMATIONS
from instacart_assets.synthetic.generate import generate
from instacart_assets_tests.processes import Processes, open_history
from instacart_assets_tests.ui.web import PATIENCE, WebUi, open_browser

USERS, SEED = 2_000, 1
"""Those of `make demo`."""

WIDTH, HEIGHT = 1280, 860
COLOURS = 128

RUNS_TAKE = 1_200
"""Longest wait for the runs of a drop, in seconds: the whole graph, beside whatever else the machine does."""

BAD_ORDERS = 20
"""Orders that get an hour which no day has: fewer than may be refused."""


KINDS_OF_AUTOMATION = re.compile(r"^(Scheduled .*|Standard sensor|Automation condition sensor)$")
"""How the web UI tells of a schedule or a sensor, once it knows."""


@dataclass(frozen=True)
class Picture:
    """A picture of the documentation.

    Attributes:
        path: of the web UI, or ``REPORT``.
        wait: waits until all that is to be seen is there, and opens what has to be open.
        height: of the window, in pixels.
    """

    path: str
    wait: Callable[[Page], None]
    height: int = HEIGHT


def wait_for_text(*texts: str) -> Callable[[Page], None]:
    """Waits until each text is there."""

    def wait(page: Page) -> None:
        for text in texts:
            page.get_by_text(text, exact=True).first.wait_for()

    return wait


def show_graph(page: Page) -> None:
    """Waits until groups, tables and what leads from one to the other are drawn, in colours, and gives them the window."""
    page.get_by_role("button", name="Hide navigation").click()
    page.locator("[style*='accent-green']", has_text="order_items").wait_for()
    page.locator("path[marker-end]").nth(8).wait_for(state="attached")


def show_sample(page: Page) -> None:
    """Opens the sample of rows that a check failed by."""
    wait_for_text("Failed", "failing_sample")(page)
    page.get_by_text("[Show Markdown]").first.click()
    page.get_by_role("table").last.wait_for()


def show_switches(page: Page) -> None:
    """Waits until every sensor and schedule has its switch, and is told of."""
    page.locator("label[class*=Switch]").nth(len(AUTOMATIONS) - 1).wait_for()
    page.get_by_text(KINDS_OF_AUTOMATION).nth(len(AUTOMATIONS) - 1).wait_for()


def show_charts(mark: str) -> Callable[[Page], None]:
    """Brings the charts of a table into the window, once one has a mark that is drawn."""

    def show(page: Page) -> None:
        page.get_by_role("button", name="Hide navigation").click()
        page.locator("pre", has_text=mark).first.wait_for()
        page.get_by_placeholder("Filter metadata keys").fill("chart")
        bring_up(page.get_by_text("Metadata", exact=True).first)

    return show


def show_plots(page: Page) -> None:
    """Opens the plots over runs."""
    page.get_by_role("button", name="Plots").click()
    page.locator("canvas").first.wait_for()
    bring_up(page.get_by_text("Metadata", exact=True).first)


def bring_up(place: Locator) -> None:
    """Has something stand at the top of the window."""
    place.evaluate("element => element.scrollIntoView()")


def show_question(question: str) -> Callable[[Page], None]:
    """Brings a question of the report to the top of the window."""
    return lambda page: bring_up(page.get_by_role("heading", name=question))


REPORT = "report"
SALES, PROMOTIONS = "/assets/gold/department_daily_sales", "/assets/gold/promotion_performance"
CHECKS = "/assets/silver/orders?view=checks&checkDetail="

PICTURES = {
    "graph": Picture("/asset-groups?expanded=global%40global%3Asilver", show_graph, 720),
    "lineage": Picture(
        f"{PROMOTIONS}?view=lineage&lineageScope=upstream", wait_for_text("promotion_noise"), 760
    ),
    "asset": Picture(f"{SALES}?view=overview", wait_for_text("Passing", "order_date"), 1100),
    "asset_charts": Picture(f"{SALES}?view=overview", show_charts("█"), 1100),
    "asset_lifts": Picture(f"{PROMOTIONS}?view=overview", show_charts("●"), 620),
    "asset_plots": Picture(f"{SALES}?view=overview", show_plots, 1100),
    "check_passing": Picture(f"{CHECKS}order_id_is_filled", wait_for_text("Passed")),
    "check_failing": Picture(f"{CHECKS}order_hour_is_in_day", show_sample),
    "automation": Picture("/automation", show_switches, 580),
    "automation_runs": Picture("/runs", wait_for_text("Failure"), 800),
    "report": Picture(REPORT, show_question("Which products drive repeat purchases?"), 1200),
}
"""Every picture in docs/images, by its name."""


def take_pictures(folder: Path) -> None:
    """Make a lake, watch it from a web UI, and write all pictures into a folder."""
    with TemporaryDirectory() as place, open_browser() as browser:
        processes = Processes(Path(place))
        try:
            web = WebUi(processes, {"INSTACART_ENVIRONMENT": "dev", "INSTACART_LOOK_SECONDS": "2"})
            for count in tell_story(web):
                wait_for_runs(web, count)
            for name, picture in PICTURES.items():
                page = browser.new_page(base_url=web.url, viewport={"width": WIDTH, "height": picture.height})
                page.set_default_timeout(PATIENCE)
                page.goto(web.report.as_uri() if picture.path == REPORT else picture.path)
                picture.wait(page)
                page.wait_for_load_state("networkidle")
                (folder / f"{name}.png").write_bytes(shrink(page.screenshot(animations="disabled")))
                page.close()
        finally:
            processes.stop()


def tell_story(web: WebUi) -> Iterator[int]:
    """What lands, one thing after the other; gives how many runs there are when it is taken in."""
    generate(USERS, SEED, web.landing)
    with open_history(web.home):
        web.start()
    web.wait_until_there()
    yield 2
    promotions = web.landing / "promotions.csv"
    promotions.write_bytes(promotions.read_bytes() + promotions.read_bytes().splitlines(keepends=True)[-1])
    yield 4
    spoil_hours(web.landing / "orders.csv", BAD_ORDERS)
    yield 6
    (web.landing / "aisles.csv").write_text("aisle;name\n1;x\n")
    yield 7


def spoil_hours(orders: Path, count: int) -> None:
    """Give the first orders of a file an hour that no day has."""
    header, *lines = orders.read_text("utf-8").splitlines()
    place = header.split(",").index("order_hour_of_day")
    spoilt = [
        [*cells[:place], "25", *cells[place + 1 :]] for cells in (line.split(",") for line in lines[:count])
    ]
    orders.write_text(
        "\n".join([header, *(",".join(cells) for cells in spoilt), *lines[count:], ""]), "utf-8"
    )


def wait_for_runs(web: WebUi, count: int) -> None:
    """Wait until so many runs have ended."""

    def are_over() -> bool:
        with open_history(web.home) as instance:
            runs = instance.get_runs()
        return len(runs) >= count and all(run.is_finished for run in runs)

    web.processes.wait_for(are_over, f"there are no {count} runs", seconds=RUNS_TAKE)


def shrink(picture: bytes) -> bytes:
    """The picture as a PNG of few colours, which a page of the documentation loads quickly."""
    written = BytesIO()
    opened = Image.open(BytesIO(picture)).convert("RGB")
    # Colours that few pixels have, as those of icons, are kept.
    few = opened.quantize(COLOURS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    few.save(written, "PNG", optimize=True)
    return written.getvalue()


if __name__ == "__main__":
    take_pictures(Path(sys.argv[1]))

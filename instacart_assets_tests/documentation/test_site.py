"""The documentation builds without a warning, leads nowhere wrong, and asks no other host for anything."""

import re
import shlex
import subprocess
from itertools import product
from pathlib import Path
from typing import get_args

import pytest

from docs.compiler.api import list_modules
from instacart_assets.contracts.load import load_contracts
from instacart_assets_tests.documentation.links import find_broken_links, find_foreign_loads
from instacart_assets_tests.project_tree import copy_project, list_files, run_make
from instacart_assets_tests.ui.web import BROWSERS, WIDTHS, Scheme, find_browser, open_browser, read_page

pytestmark = pytest.mark.slow

READ = (
    "index.html",
    "tutorial/from_clone_to_answer.html",
    "performance.html",
    "tables/gold.promotion_performance.html",
    "reference/cli.html",
)
"""Pages of each kind, those with the widest tables and drawings among them."""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def site(project: Path) -> Path:
    done = run_make(project, "docs")
    assert done.returncode == 0, done.stderr
    return project / "docs/_build/html"


def test_every_page_of_the_repository_is_a_page_of_the_site(site: Path) -> None:
    pages = {path.relative_to("docs").with_suffix(".html") for path in list_files("docs/**.md")}
    assert {Path("index.html"), Path("adr/0001-contract-and-pure-function.html")} <= pages
    assert {path for path in pages if not (site / path).is_file()} == set()


def test_pages_kept_at_the_root_are_there_in_full(site: Path) -> None:
    assert "The public interface is the tables" in (site / "CHANGELOG.html").read_text("utf-8")
    assert "Variables of tests and of the build" in (site / "CONTRIBUTING.html").read_text("utf-8")


def test_lineage_is_drawn_on_the_page_of_each_table_with_links_to_its_sources(site: Path) -> None:
    for address, contract in load_contracts().items():
        page = (site / f"tables/{address}.html").read_text("utf-8")
        (drawing,) = re.findall(r'<div class="drawing".*?</svg>', page, re.DOTALL)
        assert f"Column lineage of {address}" in drawing
        pages = {source for source in contract.source_tables if source in load_contracts()}
        assert set(re.findall(r'href="([^"]+)\.html"', drawing)) == pages, address


def test_the_picture_of_the_graph_leads_to_every_table(site: Path) -> None:
    (drawing,) = re.findall(
        r'<div class="drawing".*?</svg>', (site / "index.html").read_text("utf-8"), re.DOTALL
    )
    assert set(re.findall(r'href="tables/([^"]+)\.html"', drawing)) == load_contracts().keys()


def test_every_module_of_the_package_is_on_the_site(site: Path) -> None:
    text = "".join(path.read_text("utf-8") for path in (site / "reference/api").glob("*.html"))
    assert len(list_modules()) > 100
    assert [name for name in list_modules() if f'id="module-{name}"' not in text] == []


def test_no_link_within_the_site_is_broken(site: Path) -> None:
    assert find_broken_links(site) == []


def test_nothing_is_loaded_from_another_host(site: Path) -> None:
    assert find_foreign_loads(site) == []


@pytest.mark.skipif(find_browser() is None, reason=f"no browser: install one of {', '.join(BROWSERS)}")
def test_pages_are_read_on_a_phone_and_at_a_desk_by_day_and_by_night(site: Path) -> None:
    with open_browser() as browser:
        for name, width, scheme in product(READ, WIDTHS, get_args(Scheme)):
            reading = read_page(browser, site / name, width, scheme)
            assert (reading.beyond, reading.problems) == (0, ()), (name, width, scheme)
            assert (reading.brightness > 128) == (scheme == "light"), (name, width)


def build_again(project: Path) -> subprocess.CompletedProcess[str]:
    """What make would run, but for beginning anew: only what changed is read."""
    (command,) = (
        line for line in run_make(project, "--dry-run", "docs").stdout.splitlines() if "sphinx" in line
    )
    return subprocess.run(
        shlex.split(command), cwd=project, capture_output=True, check=False, text=True, timeout=300
    )


@pytest.mark.usefixtures("site")
def test_a_link_to_nowhere_breaks_the_build(project: Path) -> None:
    page = project / "docs/concepts/lake.md"
    before = page.read_text("utf-8")
    page.write_text(
        f"{before}\n[there](no_such_page.md) and [there](../how-to/databricks.md#no-such-heading)\n", "utf-8"
    )
    done = build_again(project)
    page.write_text(before, "utf-8")
    assert done.returncode != 0
    assert "no_such_page.md" in done.stderr
    assert "no-such-heading" in done.stderr

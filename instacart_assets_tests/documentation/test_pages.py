"""The documentation builds without a warning, leads nowhere wrong, and asks no other host for anything."""

from pathlib import Path

import pytest

from instacart_assets_tests.documentation.links import (
    find_broken_links,
    find_broken_markdown_links,
    find_foreign_loads,
)
from instacart_assets_tests.project_tree import ROOT, copy_project, list_files, run_make


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
    assert "Known limits" in (site / "CHANGELOG.html").read_text("utf-8")
    assert "Add a rule" in (site / "CONTRIBUTING.html").read_text("utf-8")


def test_no_link_within_the_site_is_broken(site: Path) -> None:
    assert find_broken_links(site) == []


def test_nothing_is_loaded_from_another_host(site: Path) -> None:
    assert find_foreign_loads(site) == []


def test_no_link_within_the_repository_is_broken() -> None:
    assert find_broken_markdown_links(ROOT, list_files("*.md")) == []


def test_a_link_to_nowhere_breaks_the_build(project: Path) -> None:
    page = project / "docs/concepts/lake.md"
    before = page.read_text("utf-8")
    page.write_text(
        f"{before}\n[there](no_such_page.md) and [there](../how-to/databricks.md#no-such-heading)\n", "utf-8"
    )
    done = run_make(project, "docs")
    page.write_text(before, "utf-8")
    assert done.returncode != 0
    assert "no_such_page.md" in done.stderr
    assert "no-such-heading" in done.stderr


@pytest.mark.parametrize(
    "loaded",
    [
        '<script src="https://cdn.example/a.js"></script>',
        '<link rel="stylesheet" href="//cdn.example/a.css">',
        '<img srcset="here.png 1x, https://cdn.example/a.png 2x">',
        '<p style="background: url(https://cdn.example/a.png)">',
        "<style>@import 'https://cdn.example/a.css';</style>",
    ],
)
def test_what_a_page_loads_from_another_host_is_found(tmp_path: Path, loaded: str) -> None:
    (tmp_path / "index.html").write_text(f'<a href="https://fine.example">a link</a>{loaded}', "utf-8")
    (found,) = find_foreign_loads(tmp_path)
    assert found.startswith("index.html: ")
    assert "//cdn.example/a." in found


def test_what_a_style_loads_from_another_host_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.css").write_text("@font-face { src: url('https://fonts.example/a.woff2') }", "utf-8")
    assert find_foreign_loads(tmp_path) == ["a.css: https://fonts.example/a.woff2"]


def test_links_to_nowhere_are_found(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text('<a href="b.html#there">1</a><a href="b.html#gone">2</a>', "utf-8")
    (tmp_path / "b.html").write_text('<p id="there"></p><img src="gone.png"><a href="#gone">3</a>', "utf-8")
    assert find_broken_links(tmp_path) == ["a.html: b.html#gone", "b.html: #gone", "b.html: gone.png"]


def test_links_of_markdown_to_nowhere_are_found(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("[1](b.md#who-it-is-1) [2](b.md#who) [3](gone/) ![4](gone.png)", "utf-8")
    (tmp_path / "b.md").write_text(
        "# Who, it is\n## `Who` it is?\n[5](a.md) [6](https://else.example)", "utf-8"
    )
    broken = find_broken_markdown_links(tmp_path, [Path("a.md"), Path("b.md")])
    assert broken == ["a.md: b.md#who", "a.md: gone/", "a.md: gone.png"]

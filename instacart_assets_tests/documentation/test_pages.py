"""Links of pages lead somewhere, and what is wrong with a page is found."""

from pathlib import Path

import pytest

from instacart_assets_tests.documentation.commands import read_blocks
from instacart_assets_tests.documentation.links import (
    find_broken_links,
    find_broken_markdown_links,
    find_foreign_loads,
)
from instacart_assets_tests.project_tree import ROOT, list_files


def test_no_link_within_the_repository_is_broken() -> None:
    assert find_broken_markdown_links(ROOT, list_files("*.md")) == []


def test_code_that_the_readme_shows_is_what_the_file_says() -> None:
    shown = [block.text.splitlines() for block in read_blocks(ROOT / "README.md") if block.text[:2] == "# "]
    assert [Path(lines[0].split()[1]).name for lines in shown] == ["departments.yml", "departments.py"]
    for place, *lines in shown:
        file = [line.strip() for line in (ROOT / place.split()[1]).read_text("utf-8").splitlines()]
        start = file.index(lines[0].strip())
        said = iter(file[start:])
        assert all(line.strip() in said for line in lines), place


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

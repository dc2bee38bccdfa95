"""Where pages lead and what they load: read from built HTML, and from Markdown as the repository shows it."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.anchors import anchors_plugin

LOADED_BY_STYLES = re.compile(r"""(?:url\(|@import)\s*["']?([^"')\s;]+)""")


class Page(HTMLParser):
    """What a built page leads to, what a browser loads for it, and the anchors it has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.leads_to: list[str] = []
        self.loads: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if value is None:
                continue
            if name == "id":
                self.anchors.add(value)
            elif tag == "a" and name == "href":
                self.leads_to.append(value)
            elif name in {"src", "href", "data", "poster"}:
                self.loads.append(value)
            elif name == "srcset":
                self.loads += [part.split()[0] for part in value.split(",")]
            elif name == "style":
                self.loads += LOADED_BY_STYLES.findall(value)

    def handle_data(self, data: str) -> None:
        if self.lasttag == "style":
            self.loads += LOADED_BY_STYLES.findall(data)


def is_of_another_host(address: str) -> bool:
    """Whether an address names a host; `data:` holds what it stands for."""
    return bool(urlsplit(address).netloc)


def find_foreign_loads(site: Path) -> list[str]:
    """What the pages and styles of a built site load from other hosts: `FILE: ADDRESS`."""
    return [
        f"{path.relative_to(site)}: {address}"
        for path in sorted(site.rglob("*"))
        for address in _list_loads(path)
        if is_of_another_host(address)
    ]


def find_broken_links(site: Path) -> list[str]:
    """Links and loads within a built site that lead nowhere: `FILE: ADDRESS`."""
    pages = {path: Page(path.read_text("utf-8")) for path in sorted(site.rglob("*.html"))}
    anchors = {path: page.anchors for path, page in pages.items()}
    return [
        f"{path.relative_to(site)}: {address}"
        for path, page in pages.items()
        for address in [*page.leads_to, *page.loads]
        if _leads_nowhere(path, address, anchors)
    ]


def find_broken_markdown_links(root: Path, files: list[Path]) -> list[str]:
    """Links of Markdown files, relative to the root, that lead nowhere in the repository: `FILE: ADDRESS`."""
    tokens = {root / path: _read_markdown((root / path).read_text("utf-8")) for path in files}
    anchors = {
        path: {str(one.attrs["id"]) for one in read if "id" in one.attrs} for path, read in tokens.items()
    }
    return [
        f"{path.relative_to(root)}: {address}"
        for path, read in tokens.items()
        for address in _list_addresses(read)
        if _leads_nowhere(path, address, anchors)
    ]


def _list_loads(path: Path) -> list[str]:
    match path.suffix:
        case ".html":
            return Page(path.read_text("utf-8")).loads
        case ".css":
            return LOADED_BY_STYLES.findall(path.read_text("utf-8"))
        case _:
            return []


def _leads_nowhere(path: Path, address: str, anchors: dict[Path, set[str]]) -> bool:
    parts = urlsplit(address)
    if parts.scheme or parts.netloc:
        return False
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if not target.exists():
        return True
    return bool(parts.fragment) and unquote(parts.fragment) not in anchors.get(target, set())


def _read_markdown(text: str) -> list[Token]:
    tokens = MarkdownIt("commonmark").enable("table").use(anchors_plugin, max_level=6).parse(text)
    return [one for token in tokens for one in (token, *(token.children or []))]


def _list_addresses(tokens: list[Token]) -> Iterator[str]:
    for token in tokens:
        if address := {"link_open": "href", "image": "src"}.get(token.type):
            yield str(token.attrs[address])

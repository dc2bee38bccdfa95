"""Markdown elements that several pages share."""

from collections.abc import Iterable, Iterator, Sequence


def tabulate(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """The lines of a table."""
    yield f"| {' | '.join(header)} |"
    yield f"| {' | '.join('---' for _ in header)} |"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"


def link_table(address: str, folder: str = "") -> str:
    """A link to the page of a table, or just the address if it has no page."""
    if address.startswith("landing."):
        return f"`{address}`"
    return f"[`{address}`]({folder}{address}.md)"


def list_words(words: Iterable[str]) -> str:
    """Words separated by commas, or "none"."""
    return ", ".join(words) or "none"

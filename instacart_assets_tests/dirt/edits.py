"""Ways to spoil a drop of landed files, each small enough to be told apart at a glance.

Defines how lines are changed; which line, and what of it, a defect says. An edit takes a drop and gives another.
"""

import csv
import hashlib
from collections.abc import Callable
from dataclasses import replace
from io import StringIO

from instacart_assets_tests.dirt.drop import ORDERS, PRIOR, TRAIN, Drop, Pick, Row

Edit = Callable[[Drop], Drop]
Lines = tuple[bytes, ...]


def rewrite(source: str, change: Callable[[Lines], Lines]) -> Edit:
    """The file's lines, header included, as the function gives them."""
    name = f"{source}.csv"
    return lambda drop: replace(drop, files={**drop.files, name: change(drop.files[name])})


def rewrite_line(source: str, pick: Pick, change: Callable[[bytes], bytes]) -> Edit:
    """One record's line as the function gives it."""
    return _at_line(source, pick, lambda line: (change(line),))


def put(source: str, pick: Pick, **cells: str) -> Edit:
    """One record with other values."""
    return lambda drop: _at_line(source, pick, lambda _: (spell({**pick(drop), **cells}),))(drop)


def put_all(source: str, column: str, change: Callable[[str], str], share: float = 1.0) -> Edit:
    """A column changed in all records, or in the first share of them."""

    def edit(drop: Drop) -> Drop:
        header, *_ = drop.files[f"{source}.csv"]
        rows = drop.rows(source)
        spoilt = int(len(rows) * share)
        changed = [
            spell({**row, column: change(row[column])} if place < spoilt else row)
            for place, row in enumerate(rows)
        ]
        return rewrite(source, lambda _: (header, *changed))(drop)

    return edit


def remove(source: str, pick: Pick) -> Edit:
    """One record gone."""
    return _at_line(source, pick, lambda _: ())


def repeat(source: str, pick: Pick, **cells: str) -> Edit:
    """One record once more, with some values of its own; ``next`` as a value is the number after the largest."""

    def edit(drop: Drop) -> Drop:
        free = {
            name: str(max(int(row[name]) for row in drop.rows(source)) + 1)
            for name, value in cells.items()
            if value == "next"
        }
        again = {**pick(drop), **cells, **free}
        return _at_line(source, pick, lambda line: (line, spell(again)))(drop)

    return edit


def insert(source: str, pick: Pick, line: bytes) -> Edit:
    """A line after one record."""
    return _at_line(source, pick, lambda before: (before, line))


def insert_header(source: str, pick: Pick) -> Edit:
    """The header a second time, after one record."""
    return lambda drop: insert(source, pick, drop.files[f"{source}.csv"][0])(drop)


def add_line(source: str, order: Pick, product: Pick, **cells: str) -> Edit:
    """A line at the end of a file of baskets."""

    def edit(drop: Drop) -> Drop:
        row = {"order_id": order(drop)["order_id"], "product_id": product(drop)["product_id"], **cells}
        return rewrite(source, lambda lines: (*lines, spell(row)))(drop)

    return edit


def add_file(name: str, change: Callable[[Lines], Lines], like: str) -> Edit:
    """One more file, made of the lines of another."""
    return lambda drop: replace(drop, files={**drop.files, name: change(drop.files[f"{like}.csv"])})


def remove_file(source: str) -> Edit:
    """No file of a source."""
    return lambda drop: replace(
        drop, files={name: lines for name, lines in drop.files.items() if name != f"{source}.csv"}
    )


def withdraw_file(source: str) -> Edit:
    """No file of a source, as somebody took it out with its rows."""

    def withdraw(drop: Drop) -> Drop:
        name = f"{source}.csv"
        content = b"".join(line + b"\n" for line in drop.files[name])
        listed = f"{hashlib.sha256(content).hexdigest()}  {name}".encode()
        return replace(remove_file(source)(drop), withdrawn=(*drop.withdrawn, listed))

    return withdraw


def replay(source: str, pick: Pick, **cells: str) -> Edit:
    """A later file of the same source with one record, with some values of its own."""

    def edit(drop: Drop) -> Drop:
        header = drop.files[f"{source}.csv"][0]
        return add_file(f"{source}/later.csv", lambda _: (header, spell({**pick(drop), **cells})), source)(
            drop
        )

    return edit


def rename_column(source: str, old: str, new: str) -> Edit:
    """A header that calls a column otherwise."""
    return rewrite(source, lambda lines: (lines[0].replace(old.encode(), new.encode()), *lines[1:]))


def drop_last_column(source: str) -> Edit:
    """A file without its last column."""
    return rewrite(source, lambda lines: tuple(line.rpartition(b",")[0] for line in lines))


def add_column(source: str, name: str, value: Callable[[Row], str]) -> Edit:
    """A file with one more column."""

    def edit(drop: Drop) -> Drop:
        header, *lines = drop.files[f"{source}.csv"]
        values = [value(row).encode() for row in drop.rows(source)]
        more = [b"%b,%b" % pair for pair in zip(lines, values, strict=True)]
        return rewrite(source, lambda _: (b"%b,%b" % (header, name.encode()), *more))(drop)

    return edit


def keep_customers(share: float) -> Edit:
    """Only the first customers, with their orders and baskets."""

    def edit(drop: Drop) -> Drop:
        users = list(drop.histories)
        kept = set(users[: int(len(users) * share)])
        orders = {row["order_id"] for row in drop.orders if row["user_id"] in kept}
        for source in (ORDERS, PRIOR, TRAIN):
            lines = drop.files[f"{source}.csv"]
            left = tuple(line for line in lines[1:] if line.split(b",")[0].decode() in orders)
            drop = replace(drop, files={**drop.files, f"{source}.csv": (lines[0], *left)})
        return drop

    return edit


def in_turn(*edits: Edit) -> Edit:
    """One edit after the other."""

    def edit(drop: Drop) -> Drop:
        for one in edits:
            drop = one(drop)
        return drop

    return edit


def _at_line(source: str, pick: Pick, change: Callable[[bytes], Lines]) -> Edit:
    """The line of the picked record replaced by the lines that the function gives."""

    def edit(drop: Drop) -> Drop:
        place = drop.rows(source).index(pick(drop)) + 1
        return rewrite(source, lambda lines: (*lines[:place], *change(lines[place]), *lines[place + 1 :]))(
            drop
        )

    return edit


def spell(row: Row) -> bytes:
    """A record as a line."""
    text = StringIO()
    csv.writer(text, lineterminator="").writerow(row.values())
    return text.getvalue().encode()

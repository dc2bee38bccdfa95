"""Generated files with damage of many kinds, so that what engines refuse is compared too.

Defines what is done to which line. What becomes of each kind of damage is tested in ``dirt``; here only that it
is the same on every engine. Damage is to single last orders, lines and names: the rest of the rows reach gold.
"""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from instacart_assets_tests.landing_files import write_file

ODD_NUMBERS = (
    *(b"x", b"", b'""', b'"7"', b" 7 ", b'" 7"', b"\t7", b"+7", b"-7", b"007", b"7.", b"7.0", b"7.5", b".7"),
    *(
        b"1e1",
        b"1E+1",
        b"0x7",
        b"1_0",
        b"7L",
        b"7d",
        b"7f",
        b"NaN",
        b"Infinity",
        b"null",
        b"true",
        b"\xd9\xa7",
    ),
    *(
        b"2147483647",
        b"2147483648",
        b"-2147483649",
        b"9223372036854775808",
        b"9" * 40,
        b"\xef\xbc\x97",
        b"\\N",
    ),
)
"""Texts that one engine or another might take for a number."""

NO_NUMBERS = (b"x", b"", b'""', b"7.5", b"9" * 40)
"""Texts that no engine takes for a number."""

ODD_NAMES = (
    *(
        b'""',
        b'" "',
        b"  Rye  Bread ",
        b'"Rye, ""Old"" Bread"',
        b"na\xc3\xafve CAF\xc3\x89",
        b"\xe6\x97\xa5\xe6\x9c\xac",
    ),
    *(
        b'"Semi;colon"',
        b"\xc2\xa0Rye\xc2\xa0",
        b"Stra\xc3\x9fe",
        b"\xc4\xb0stanbul",
        b"\\N",
        b"NULL",
        b"'",
        b"\xf0\x9f\x8d\x8e",
    ),
)
"""Names that are well-formed, and that engines might write otherwise."""


ODD_DATES = (
    *(
        b"2015-01-03",
        b"2015-1-3",
        b"20150103",
        b"2015",
        b"2015-01",
        b" 2015-01-03 ",
        b"2015-02-30",
        b"0000-01-01",
    ),
    *(
        b"2015-01-03T",
        b"2015-01-03 10",
        b"2015-01-03 10:11",
        b"2015-01-03T10:11:12Z",
        b"2015-01-03 10:11:12.123456789",
    ),
    *(
        b"2015-01-03T10:11:12+05:30",
        b"2015-01-03 10:11:12 Europe/Berlin",
        b"2015-01-03 24:00:00",
        b"2015-01-03 10:61:00",
    ),
    *(
        b"10:11:12",
        b"T10:11",
        b"+2015-01-03",
        b"-2015-01-03",
        b"12015-01-03",
        b"03/01/2015",
        b"2015-01-03x",
        b"epoch",
    ),
    *(b"now", b"today", b"1420243200", b"2015-W01-6", b"2015-003", b"2015/01/03", b"\xd9\xa2015-01-03"),
)
"""Texts that one engine or another might take for a date."""


def damage_drop(landing: Path, place: Path) -> Path:
    """A copy of generated files in a new folder, damaged."""
    shutil.copytree(landing, place)
    _rewrite(place / "orders.csv", _damage_orders)
    _rewrite(place / "order_products__prior.csv", _damage_lines)
    _rewrite(place / "products.csv", _damage_products)
    _rewrite(place / "aisles.csv", lambda lines: [*lines, b"9001,   ", b"ninety,bread"])
    _rewrite(
        place / "promotions.csv",
        lambda lines: [_put(lines[0], 6, b"soon"), *lines[1:], lines[-1].replace(b",", b";")],
    )
    return place


def mend_drop(damaged: Path, place: Path) -> Path:
    """A copy of damaged files in a new folder: some damage gone, some there still, some new."""
    shutil.copytree(damaged, place)
    _rewrite(place / "orders.csv", _mend_orders)
    write_file(
        place, "aisles.csv", b"".join((damaged / "aisles.csv").read_bytes().splitlines(keepends=True)[:-2])
    )
    return place


def _rewrite(file: Path, change: Callable[[list[bytes]], list[bytes]]) -> None:
    header, *lines = file.read_bytes().removesuffix(b"\n").split(b"\n")
    write_file(file.parent, file.name, b"\n".join([header, *change(lines)]) + b"\n")


def _last_orders(lines: Sequence[bytes]) -> list[int]:
    """Where each customer's last order stands: nothing follows from what is refused of it but its lines."""
    users = [line.split(b",")[1] for line in lines]
    return [place for place, user in enumerate(users) if users[place + 1 : place + 2] != [user]]


def _damage_orders(lines: list[bytes]) -> list[bytes]:
    changed = list(lines)
    # id, customer, set, number, day, hour, gap
    last = iter(_last_orders(lines))
    for column, values in (
        (2, (b"holdout", b"", b'""', b'"prior"', b" prior")),
        (5, (b"24", b"noon", b"8", b'"08"')),
        (6, ODD_NUMBERS),
        (4, (b"7", b'""', b"\xff")),
    ):
        for value in values:
            place = next(last)
            changed[place] = _put(lines[place], column, value)
    short, long, doubled = next(last), next(last), next(last)
    changed[short] = changed[short].rpartition(b",")[0]
    changed[long] += b",1"
    return [*changed, changed[doubled], b"   ", b"", _put(changed[doubled], 5, b"3")]


def _mend_orders(lines: list[bytes]) -> list[bytes]:
    """Without the lines at the end; orders of a set that is not known are of the one that is; one more is short."""
    kept = [line.replace(b",holdout,", b",test,") for line in lines[:-4]]
    place = _last_orders(kept)[-1]
    kept[place] = kept[place].rpartition(b",")[0]
    return kept


def _damage_lines(lines: list[bytes]) -> list[bytes]:
    changed = list(lines)
    # order, product, place in the basket, reordered
    for column, start, values in (
        (0, 10, NO_NUMBERS),
        (1, 210, ODD_NUMBERS),
        (2, 410, NO_NUMBERS),
        (3, 610, ODD_NUMBERS),
    ):
        for place, value in enumerate(values, start=start):
            changed[place] = _put(lines[place], column, value)
    changed[800] += b","
    changed[801] = b'"' + changed[801]
    return [*changed, changed[900]]


def _damage_products(lines: list[bytes]) -> list[bytes]:
    changed = list(lines)
    for place, name in enumerate(
        (*ODD_NAMES, b"Caf\xe9", b'"Fine" wine', b'"No end', b"Fine\rwine"), start=100
    ):
        product, _, rest = lines[place].partition(b",")
        aisle, department = rest.rsplit(b",", 2)[1:]
        changed[place] = b",".join((product, name, aisle, department))
    return changed


def _put(line: bytes, column: int, value: bytes) -> bytes:
    cells = line.split(b",")
    return b",".join((*cells[:column], value, *cells[column + 1 :]))

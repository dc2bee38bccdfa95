"""Tables that follow what lands hold the same on every engine, whichever of them followed before."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from instacart_assets_tests.drops.shop import HAPPENINGS, Shop
from instacart_assets_tests.faults.proof import IS_PROOF, scale, write_report
from instacart_assets_tests.parity.comparison import compare_lakes, list_tables
from instacart_assets_tests.parity.conftest import Made, find_spark
from instacart_assets_tests.parity.engines import Engine

pytestmark = pytest.mark.slow

USERS = scale(15, 60)
DROPS: Sequence[Sequence[str]] = (
    ("sell", "correct_order", "rename_product", "repeat_rows"),
    ("replace_file", "spoil_order", "prolong_promotion", "add_product"),
)
"""What is appended and what is merged, in every layer."""

BY_CHANCE = 6
"""Drops of a proof that follow these."""

PART = "what has to do"


def list_drops(shop: Shop) -> Iterator[Sequence[str]]:
    yield from DROPS
    if IS_PROOF:
        names = list(HAPPENINGS)
        yield from (names[2:6], names[6:11], names[11:])
        yield from (shop.choose() for _ in range(BY_CHANCE))


def follow(engines: Mapping[Path, Engine], landing: Path) -> list[Mapping[str, Any]]:
    """What each engine says of its lake; all of them are at work at the same time."""
    asked = [
        engine.ask("follow_landing", landing=str(landing), lake=str(lake))
        for lake, engine in reversed([*engines.items()])  # the last is the one in this process
    ]
    return [answer.result() for answer in reversed(asked)]


def copy_lake(lake: Path, number: int) -> Path:
    return shutil.copytree(lake, lake.with_name(f"{lake.name}-{number}"))


def check_same(lakes: Sequence[Path], told: Sequence[Mapping[str, Any]], said: str) -> None:
    here, there = lakes
    assert list_tables(here) == list_tables(there), said
    differences = compare_lakes(here, there, sorted(list_tables(here)))
    assert not differences, f"{said}:\n" + "\n".join(differences)
    compared = ("rows", "is_published", "checks")
    ours, theirs = (
        {address: [one[name] for name in compared] for address, one in answer.items()} for answer in told
    )
    assert ours == theirs, said


@pytest.mark.parametrize("name", ["spark", "lts"] if IS_PROOF else ["spark"])
def test_tables_follow_alike_on_both_engines_and_when_they_take_over_from_each_other(
    name: str, embedded: Made, sparks: Mapping[str, Made], tmp_path: Path
) -> None:
    spark = find_spark(name, sparks).engine
    shop = Shop(tmp_path / "landing", USERS, seed=23)
    lakes = [tmp_path / "embedded", tmp_path / "spark"]
    engines: dict[Path, Engine] = dict(zip(lakes, (embedded.engine, spark), strict=True))
    check_same(lakes, follow(engines, shop.landing), "the first files")
    told: list[str] = []
    parts = 0
    for drop in list_drops(shop):
        told.append(shop.happen(drop))
        said = " → ".join(told)
        takes_over = IS_PROOF or len(told) == len(DROPS)
        copies = [copy_lake(lake, len(told)) for lake in lakes if takes_over]
        ours, theirs = follow(engines, shop.landing)
        check_same(lakes, (ours, theirs), said)
        assert tell_made(ours) == tell_made(theirs), said
        parts += sum(why.startswith(PART) for why in tell_made(theirs).values())
        if not takes_over:
            continue
        taken_over = follow(dict(zip(reversed(copies), (embedded.engine, spark), strict=True)), shop.landing)
        check_same((lakes[0], copies[1]), (ours, taken_over[0]), f"{said}, begun by {name}")
        check_same((lakes[0], copies[0]), (ours, taken_over[1]), f"{said}, continued by {name}")
    assert parts
    again = follow(engines, shop.landing)
    assert {why for one in again for why in tell_made(one).values()} == {"nothing has changed"}
    write_report("followed.json", {f"{name}, {USERS} customers": told})


def tell_made(told: Mapping[str, Any]) -> dict[str, str]:
    """What each table was made of, and why no less."""
    return {address: one["made"] for address, one in told.items()}

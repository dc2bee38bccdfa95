"""Tables that follow what lands hold the same on every engine, whichever of them followed before."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from instacart_assets_tests.drops.shop import HAPPENINGS, Shop
from instacart_assets_tests.faults.proof import write_report
from instacart_assets_tests.parity.comparison import compare_lakes, list_tables
from instacart_assets_tests.parity.conftest import find_engine
from instacart_assets_tests.parity.engines import EmbeddedEngine, Engine

pytestmark = [pytest.mark.slow, pytest.mark.proof]

USERS = 60
DROPS: Sequence[Sequence[str]] = (
    ("sell", "correct_order", "rename_product", "repeat_rows"),
    ("replace_file", "spoil_order", "prolong_promotion", "add_product"),
)
"""What is appended and what is merged, in every layer."""

EMBEDDED = EmbeddedEngine.name

BY_CHANCE = 2
"""Drops that follow these and those that make everything happen once."""

MANY = "spark"
"""The Spark that follows all of them; the other follows the first."""

PART = "the part that depends"
COMPARED = ("rows", "is_published", "made", "checks")


def list_drops(shop: Shop, name: str) -> Iterator[Sequence[str]]:
    yield from DROPS
    if name != MANY:
        return
    names = list(HAPPENINGS)
    # A basket lacks its first line, which comes with the drop after it.
    yield from (["sell_in_part"], names[2:6], names[6:11], names[11:])
    yield from (shop.choose() for _ in range(BY_CHANCE))


def follow(engines: Sequence[Engine], lakes: Sequence[Path], landing: Path) -> list[Mapping[str, Any]]:
    """What each engine says of its lake, in the order of the lakes; both are at work at the same time."""
    asked = {
        lake: engine.ask("follow_landing", landing=str(landing), lake=str(lake))
        # The one in this process answers at once: it is asked last.
        for engine, lake in sorted(
            zip(engines, lakes, strict=True), key=lambda pair: pair[0].name == EMBEDDED
        )
    }
    return [asked[lake].result() for lake in lakes]


def check_same(lakes: Sequence[Path], told: Sequence[Mapping[str, Any]], said: str) -> None:
    here, there = lakes
    assert list_tables(here) == list_tables(there), said
    differences = compare_lakes(here, there, sorted(list_tables(here)))
    assert not differences, f"{said}:\n" + "\n".join(differences)
    ours, theirs = (
        {address: {name: one[name] for name in COMPARED} for address, one in answer.items()}
        for answer in told
    )
    assert ours == theirs, said


@pytest.mark.parametrize("name", ["spark", "lts"])
def test_tables_follow_alike_on_both_engines_and_when_they_take_over_from_each_other(
    name: str, engines: Mapping[str, Engine], tmp_path: Path
) -> None:
    spark = find_engine(name, engines)
    pair: list[Engine] = [EmbeddedEngine(), spark]
    lakes = [tmp_path / "begun by embedded", tmp_path / f"begun by {name}"]
    shop = Shop(tmp_path / "landing", USERS, seed=23)
    check_same(lakes, follow(pair, lakes, shop.landing), "the first files")
    told: list[str] = []
    parts = 0
    for drop in list_drops(shop, name):
        told.append(shop.happen(drop))
        if len(told) % 2 == 0:  # each takes over what the other made, knowing nothing of where that lay
            pair.reverse()
        answers = follow(pair, lakes, shop.landing)
        check_same(lakes, answers, " → ".join(told))
        parts += sum(one["made"].startswith(PART) for one in answers[1].values())
    assert parts
    write_report("followed.json", {str(spark.started.result()): {"customers": USERS, "drops": told}})

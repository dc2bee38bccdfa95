"""Promotions fall where they can be measured and do exactly what the truth file says."""

from collections import Counter, defaultdict
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instacart_assets.order_calendar import OrderCalendar
from instacart_assets.synthetic import generate as generate_module
from instacart_assets.synthetic.catalogue import build_catalogue
from instacart_assets.synthetic.facts import load_facts
from instacart_assets.synthetic.generate import GeneratedFiles, generate
from instacart_assets.synthetic.promotions import PromotedProduct, UpliftTally, apply_uplift, draw_ledger
from instacart_assets.synthetic.shopping import Baskets
from instacart_assets.synthetic.visits import Visits
from instacart_assets.synthetic.worlds import WORLDS
from instacart_assets_tests.synthetic.landing import Landing, read_landing

CALENDAR = OrderCalendar()
CATALOGUE = build_catalogue(1_500, 1, load_facts())
ONE_AISLE = np.zeros(3, np.int64)


def neutral_ledger(*arguments: object) -> list[PromotedProduct]:
    return [replace(promoted, lift=1.0) for promoted in draw_ledger(*arguments)]  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def without_effects(large_files: GeneratedFiles, tmp_path_factory: pytest.TempPathFactory) -> Landing:
    """The large run once more, with promotions that do nothing."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(generate_module, "draw_ledger", neutral_ledger)
        out = tmp_path_factory.mktemp("neutral") / "landing"
        files = generate(large_files.users, large_files.seed, out, products=large_files.products)
    return read_landing(files.landing, files.truth)


def find_overlapped(landing: Landing) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which promotions run on a day of another one of their product."""
    spans = [(row["product_id"], row["start_date"], row["end_date"]) for row in landing.truth]
    return np.array(
        [
            any(
                other != at and product == beside and start <= last and first <= end
                for other, (beside, first, last) in enumerate(spans)
            )
            for at, (product, start, end) in enumerate(spans)
        ]
    )


def test_base_units_are_those_of_a_world_without_effects(large: Landing, without_effects: Landing) -> None:
    base = np.array([float(row["base_units"]) for row in large.truth])
    realised, overlapped = np.array(without_effects.units_in_promotions(CALENDAR)), find_overlapped(large)
    assert (base[~overlapped] == realised[~overlapped]).all()
    assert base.sum() > 300
    assert 0 < overlapped.mean() < 0.5


def test_base_units_beside_another_promotion_have_its_lift() -> None:
    baskets, visits = day_of_baskets(baskets=400, holders=60)
    ledger = [
        PromotedProduct(1, 0, "Test", "display", None, 0, 0, 1.5),
        PromotedProduct(2, 0, "Test", "coupon", None, 0, 0, 2.0),
    ]
    tally = UpliftTally.start(ledger)
    after = apply_uplift(baskets, visits, ledger, tally, np.random.default_rng(3), aisle_of=ONE_AISLE)
    assert tally.base_units.tolist() == [
        120.0,
        90.0,
    ]  # 60 units, doubled by the other, and half as many again
    assert (tally.base_units + tally.extra_units).tolist() == [(after.product == 0).sum()] * 2


def test_files_hold_base_and_extra_units(large: Landing) -> None:
    told = [float(row["base_units"]) + float(row["extra_units"]) for row in large.truth]
    assert large.units_in_promotions(CALENDAR) == pytest.approx(told, abs=0.011)


def test_realised_lift_is_the_true_lift(large: Landing) -> None:
    lift = np.array([float(row["true_lift"]) for row in large.truth])
    base = np.array([float(row["base_units"]) for row in large.truth])
    extra = np.array([float(row["extra_units"]) for row in large.truth])
    assert (extra[lift == 1] == 0).all()
    # Beyond 1 as many units are drawn as usual ones would bring, and the base is drawn, too.
    variance = np.where(lift > 1, base * (lift - 1) * lift, base * lift * (1 - lift))
    assert abs((extra - base * (lift - 1)).sum()) < 3.5 * np.sqrt(variance.sum())
    assert extra[lift > 1].sum() > 10 * np.sqrt(variance[lift > 1].sum())  # so an effect is there to be found


def test_what_the_aisle_lost_is_told_and_nothing_else_is_lost(
    large: Landing, without_effects: Landing
) -> None:
    promoted = [int(row["product_id"]) for row in large.truth]
    aisle_of = np.array([0, *(int(row["aisle_id"]) for row in large.products)])
    kept, before = (
        np.bincount(landing.lines["product_id"], minlength=len(aisle_of))
        for landing in (large, without_effects)
    )
    is_mate = np.isin(aisle_of, aisle_of[promoted])
    is_mate[promoted] = False
    others = ~is_mate
    others[promoted] = False
    lost, won = (
        sum(float(row[name]) for row in large.truth if float(row["true_lift"]) > 1)
        for name in ("aisle_lost_units", "extra_units")
    )
    assert (kept[others] == before[others]).all()
    assert (before - kept)[is_mate].sum() == pytest.approx(lost, abs=0.5)
    assert 0.2 < lost / won < 0.4
    assert large.orders["order_id"].tolist() == without_effects.orders["order_id"].tolist()


def test_extra_units_fall_on_days_of_promotions(large: Landing, without_effects: Landing) -> None:
    dates = large.order_dates(CALENDAR)
    spans = defaultdict(list)
    for row in large.truth:
        spans[int(row["product_id"])].append((row["start_date"], row["end_date"]))
    for product, promoted in spans.items():
        sold, without = (
            Counter(
                dates[order]
                for order in landing.lines["order_id"][landing.lines["product_id"] == product].tolist()
            )
            for landing in (large, without_effects)
        )
        moved = {day for day in sold | without if sold[day] != without[day]}
        assert all(any(start <= day.isoformat() <= end for start, end in promoted) for day in moved)


def test_ledger_rows(large: Landing) -> None:
    spans = defaultdict(set)
    for row in large.promotions:
        spans[row["promotion_id"]].add(
            (row["promotion_name"], row["promotion_type"], row["start_date"], row["end_date"])
        )
        assert row["is_simulated"] == "true"
        assert (row["discount_rate"] == "") == (row["promotion_type"] == "display")
        assert row["discount_rate"] == "" or 0 < float(row["discount_rate"]) < 1
    assert all(len(span) == 1 for span in spans.values())
    keys = [(row["promotion_id"], row["product_id"]) for row in large.promotions]
    assert len(set(keys)) == len(keys) > len(spans)
    assert {row["promotion_type"] for row in large.promotions} == {
        "percent_off",
        "multi_buy",
        "coupon",
        "display",
    }
    assert keys == [(row["promotion_id"], row["product_id"]) for row in large.truth]
    lifts = [float(row["true_lift"]) for row in large.truth]
    assert min(lifts) >= 0.6
    assert max(lifts) > 1.5
    assert 1.0 in lifts


@settings(max_examples=settings().max_examples // 3)
@given(
    weeks=st.integers(72, 260),
    start=st.dates(date(2000, 1, 1), date(2030, 1, 1)),
    seed=st.integers(0, 1000),
    world=st.sampled_from(["plain", "harsh"]),
)
def test_promotions_leave_room_in_full_coverage(weeks: int, start: date, seed: int, world: str) -> None:
    calendar = OrderCalendar(window_start=start, window_weeks=weeks)
    by_product = defaultdict(list)
    for promoted in draw_ledger(CATALOGUE, 3_000, calendar, seed, WORLDS[world]):
        first, last = (calendar.window_start + timedelta(days=day) for day in (promoted.start, promoted.end))
        assert first <= last
        assert first - timedelta(days=28) >= calendar.full_coverage_start
        assert last + timedelta(days=28) <= calendar.window_end
        by_product[promoted.product].append((promoted.start, promoted.end))
    for spans in by_product.values():
        spans.sort()
        is_apart = all(later[0] - earlier[1] > 28 for earlier, later in pairwise(spans))
        assert is_apart or world == "harsh"


def day_of_baskets(baskets: int, holders: int) -> tuple[Baskets, Visits]:
    """One day: baskets of one line (product 0) or more (product 0 and 1), then such without product 0."""
    order = np.concatenate([np.arange(holders), np.arange(baskets), np.arange(baskets)])
    product = np.repeat([0, 1, 2], [holders, baskets, baskets])
    grouped = np.argsort(order, kind="stable")
    zeros = np.zeros(baskets, np.int64)
    users = np.arange(baskets)
    visits = Visits(users + 1, np.arange(baskets + 1), users, zeros + 1, zeros, zeros, zeros, zeros, zeros)
    return Baskets(order[grouped], product[grouped]), visits


@pytest.mark.parametrize("lift", [0.4, 0.8, 1.0, 1.3, 2.5])
def test_mean_effect_over_many_draws(lift: float) -> None:
    baskets, visits = day_of_baskets(baskets=400, holders=60)
    ledger = [PromotedProduct(1, 0, "Test", "display", None, 0, 0, lift)]
    stream, tally = np.random.default_rng(8), UpliftTally.start([*ledger])
    rounds = 400
    for _ in range(rounds):
        after = apply_uplift(baskets, visits, ledger, tally, stream, aisle_of=ONE_AISLE)
        pairs = after.order * 10 + after.product
        assert len(np.unique(pairs)) == len(pairs)
        assert (np.diff(after.order) >= 0).all()
    assert tally.base_units[0] == 60 * rounds
    variance = (lift - 1 if lift > 1 else lift * (1 - lift)) * 60 * rounds
    assert abs(tally.extra_units[0] - (lift - 1) * 60 * rounds) <= 3.5 * np.sqrt(variance)


def test_no_basket_is_emptied() -> None:
    order, zeros = np.arange(30), np.zeros(30, np.int64)
    visits = Visits(order + 1, np.arange(31), order, zeros + 1, zeros, zeros, zeros, zeros, zeros)
    ledger = [PromotedProduct(1, 0, "Test", "display", None, 0, 0, 0.1)]
    after = apply_uplift(
        Baskets(order, zeros),
        visits,
        ledger,
        UpliftTally.start(ledger),
        np.random.default_rng(1),
        aisle_of=ONE_AISLE,
    )
    assert after.order.tolist() == order.tolist()


def test_extra_units_without_room_are_left_out() -> None:
    baskets, visits = day_of_baskets(baskets=10, holders=9)
    ledger = [PromotedProduct(1, 0, "Test", "display", None, 0, 0, 5.0)]
    tally = UpliftTally.start(ledger)
    after = apply_uplift(baskets, visits, ledger, tally, np.random.default_rng(1), aisle_of=ONE_AISLE)
    assert tally.extra_units[0] == 1
    assert (after.product == 0).sum() == 10


def test_truth_path_can_be_chosen(tmp_path: Path) -> None:
    files = generate(5, 1, tmp_path / "landing", truth=tmp_path / "elsewhere" / "truth.csv")
    assert files.truth.read_text().startswith(
        "promotion_id,product_id,start_date,end_date,true_lift,base_units,extra_units,aisle_lost_units\n"
    )

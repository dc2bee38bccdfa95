"""The statistics are the measured ones, within what chance explains for 6,000 users."""

import numpy as np
import numpy.typing as npt
import pytest

from instacart_assets.synthetic.calibration import wanted_reorder_rates
from instacart_assets.synthetic.facts import load_facts
from instacart_assets.synthetic.popularity import curve_of_ranks
from instacart_assets_tests.synthetic.landing import Landing

FACTS = load_facts()
Numbers = npt.NDArray[np.float64]


def shares_of(values: npt.NDArray[np.int64], size: int) -> Numbers:
    counts = np.bincount(values, minlength=size)
    assert len(counts) == size
    return np.asarray(counts / counts.sum())


def largest_gap(reached: Numbers, wanted: Numbers) -> float:
    """Largest distance between two cumulative distributions (Kolmogorov-Smirnov)."""
    size = max(len(reached), len(wanted))
    padded = [np.pad(shares, (0, size - len(shares))) for shares in (reached, wanted)]
    return float(np.abs(np.cumsum(padded[0]) - np.cumsum(padded[1])).max())


def total_variation(reached: Numbers, wanted: Numbers) -> float:
    return float(np.abs(reached - wanted).sum() / 2)


def test_orders_per_user(large: Landing) -> None:
    counts = np.bincount(large.orders["user_id"])[1:]
    assert largest_gap(shares_of(counts, 101), FACTS.order_count_shares) < 0.02
    assert counts.mean() == pytest.approx(16.55, abs=0.6)
    assert np.median(counts) == 10


def test_share_of_train_users(large: Landing) -> None:
    last = large.eval_set[large.eval_set != "prior"]
    assert (last == "train").mean() == pytest.approx(131_209 / 206_209, abs=0.02)


def test_weekday_and_hour(large: Landing) -> None:
    cell = large.orders["order_dow"] * 24 + large.orders["order_hour_of_day"]
    reached = shares_of(cell, 168)
    assert total_variation(reached, FACTS.weekday_hour_shares.ravel()) < 0.022
    weekdays = reached.reshape(7, 24).sum(axis=1)
    assert np.abs(weekdays - FACTS.weekday_hour_shares.sum(axis=1)).max() < 0.004


@pytest.mark.parametrize("number", [1, 2, 5, 10])
def test_weekdays_keep_their_shares_from_order_to_order(number: int, large: Landing) -> None:
    dow = large.orders["order_dow"][large.orders["order_number"] == number]
    assert np.abs(shares_of(dow, 7) - FACTS.weekday_hour_shares.sum(axis=1)).max() < 0.02


def test_gaps(large: Landing) -> None:
    gaps, prior = large.orders["days_since_prior_order"], large.eval_set == "prior"
    regular = shares_of(gaps[prior & (gaps >= 0)], 31)
    final = shares_of(gaps[~prior], 31)
    assert total_variation(regular, FACTS.gap_shares) < 0.015
    assert total_variation(final, FACTS.final_gap_shares) < 0.04
    for peak in (7, 14, 21, 28):
        assert regular[peak] > max(regular[peak - 1], regular[peak + 1])
    assert regular[30] == pytest.approx(FACTS.gap_shares[30], abs=0.006)
    assert final[30] == pytest.approx(FACTS.final_gap_shares[30], abs=0.02)


def test_gaps_shrink_with_the_number_of_orders(large: Landing) -> None:
    counts = np.bincount(large.orders["user_id"])
    gaps, orders = large.orders["days_since_prior_order"], counts[large.orders["user_id"]]
    prior = large.eval_set == "prior"
    means = [
        gaps[prior & (gaps >= 0) & (orders >= low) & (orders < high)].mean()
        for low, high in ((4, 6), (10, 13), (45, 60))
    ]
    assert means[0] > 17
    assert means[1] == pytest.approx(15.3, abs=2)
    assert means[2] == pytest.approx(6, abs=0.7)


def test_basket_sizes(large: Landing) -> None:
    for lines, wanted in ((large.prior, FACTS.prior_size_shares), (large.train, FACTS.train_size_shares)):
        sizes = np.unique(lines["order_id"], return_counts=True)[1]
        assert largest_gap(np.bincount(sizes) / len(sizes), wanted) < 0.02
        assert sizes.mean() == pytest.approx((wanted * np.arange(len(wanted))).sum(), rel=0.025)


def test_reorder_rate_by_order_number(large: Landing) -> None:
    number = large.of_order("order_number", large.prior["order_id"])
    reached = [large.prior["reordered"][number == order].mean() for order in range(1, 21)]
    assert reached[0] == 0
    assert np.abs(np.array(reached) - FACTS.reorder_rates[:20]).max() < 0.03
    assert np.abs(np.array(reached) - wanted_reorder_rates(FACTS)[:20]).max() < 0.015  # the same, smoothed
    later = [large.prior["reordered"][number == order].mean() for order in range(21, 51)]
    assert np.abs(np.array(later) - wanted_reorder_rates(FACTS)[20:50]).mean() < 0.03


def test_reorder_rates_overall(large: Landing) -> None:
    assert large.prior["reordered"].mean() == pytest.approx(0.5897, abs=0.015)
    assert large.train["reordered"].mean() == pytest.approx(0.5986, abs=0.02)


def test_reorder_rate_by_cart_position(large: Landing) -> None:
    position, reordered = large.lines["add_to_cart_order"], large.lines["reordered"]
    reached = np.array([reordered[position == place].mean() for place in range(1, 26)])
    assert np.abs(reached - FACTS.cart_reorder_rates[:25]).max() < 0.05
    assert reached[0] == pytest.approx(0.698, abs=0.025)


def test_popularity_by_rank(large: Landing) -> None:
    reached = np.sort(shares_of(large.lines["product_id"], 49_689))[::-1]
    wanted = curve_of_ranks(49_688, FACTS)
    assert wanted[:20].sum() == pytest.approx(0.1005, abs=0.0005)
    assert reached[0] == pytest.approx(
        wanted[0], rel=0.3
    )  # one product, whose aisle varies from seed to seed
    assert reached[:20].sum() == pytest.approx(0.1005, abs=0.01)
    assert reached[:1000].sum() == pytest.approx(0.532, abs=0.015)
    for rank in (20, 100, 1000, 5000):
        near = slice(round(rank * 0.8) - 1, round(rank * 1.2))
        assert reached[near].mean() == pytest.approx(wanted[near].mean(), rel=0.12)


def test_popularity_bends_down(large: Landing) -> None:
    reached = np.sort(shares_of(large.lines["product_id"], 49_689))[::-1]
    slopes = [
        np.log(reached[high - 1] / reached[low - 1]) / np.log(high / low)
        for low, high in ((10, 100), (200, 2000))
    ]
    assert slopes[0] == pytest.approx(-0.66, abs=0.1)
    assert slopes[1] == pytest.approx(-0.81, abs=0.08)


def test_department_shares(large: Landing) -> None:
    reached = shares_of(large.line_departments, 22)[1:]
    assert np.abs(reached - FACTS.department_shares).max() < 0.015


def test_aisle_shares(large: Landing) -> None:
    reached = shares_of(large.line_aisles, 135)[1:]
    assert total_variation(reached, FACTS.aisle_shares) < 0.02


def test_department_shares_of_a_small_catalogue(small: Landing) -> None:
    reached = shares_of(small.line_departments, 22)[1:]
    assert np.abs(reached - FACTS.department_shares).max() < 0.035


def test_reorder_rates_of_departments(large: Landing) -> None:
    lines, reordered = large.line_departments, large.lines["reordered"]
    for department, measured in ((16, 0.67), (4, 0.66), (13, 0.36), (11, 0.34)):
        assert reordered[lines == department].mean() == pytest.approx(measured, abs=0.04)


def test_some_aisles_go_together_more_than_others(large: Landing) -> None:
    order, aisle = large.lines["order_id"], large.line_aisles
    largest = np.argsort(-np.bincount(aisle))[:30]
    holds = np.zeros((len(largest), int(order.max()) + 1))
    for row, number in enumerate(largest):
        holds[row, order[aisle == number]] = 1
    baskets = len(np.unique(order))
    lift = (holds @ holds.T) * baskets / np.outer(holds.sum(axis=1), holds.sum(axis=1))
    assert (
        np.log(lift[np.triu_indices(len(largest), 1)]).std() > 0.08
    )  # about 0.065 without tastes, 0.10 with

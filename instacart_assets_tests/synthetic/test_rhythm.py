"""The gap tables agree with all margins at once: gaps, weekdays, and how the two are tied."""

import numpy as np
import numpy.typing as npt
import pytest

from instacart_assets.synthetic.facts import FEWEST_ORDERS, MOST_ORDERS, load_facts
from instacart_assets.synthetic.rhythm import PACES, kind_of, load_rhythm

FACTS, RHYTHM = load_facts(), load_rhythm()
WEEKDAYS = FACTS.weekday_hour_shares.sum(axis=1)
Numbers = npt.NDArray[np.float64]


def chances(cumulative: Numbers) -> Numbers:
    return np.diff(cumulative, axis=2, prepend=0)


@pytest.mark.parametrize("table", [RHYTHM.regular, RHYTHM.final])
def test_weekdays_are_stationary_for_every_kind_of_user(table: Numbers) -> None:
    after = (np.arange(7)[:, None] + np.arange(37)) % 7
    for of_kind in chances(table):
        reached = np.bincount(after.ravel(), weights=(WEEKDAYS[:, None] * of_kind).ravel())
        assert reached == pytest.approx(WEEKDAYS, abs=1e-6)


@pytest.mark.parametrize("is_final", [False, True])
def test_mixture_of_all_kinds_is_the_measured_one(is_final: bool) -> None:
    orders = np.repeat(np.arange(FEWEST_ORDERS, MOST_ORDERS + 1), len(PACES))
    weights = FACTS.order_count_shares[orders] * (1 if is_final else orders - 2)
    table = chances(RHYTHM.final if is_final else RHYTHM.regular)
    states = np.einsum("k,d,kdg->g", weights / weights.sum(), WEEKDAYS, table)
    wanted = FACTS.final_gap_shares if is_final else FACTS.gap_shares
    assert states[:30] == pytest.approx(wanted[:30], abs=2e-4)
    assert states[30:].sum() == pytest.approx(wanted[30], abs=2e-4)


def test_weekday_before_matters() -> None:
    usual = kind_of(np.array([10]), np.array([1]))[0]
    from_busiest, from_quietest = chances(RHYTHM.regular)[usual, 0], chances(RHYTHM.regular)[usual, 4]
    assert from_busiest[7] > 1.2 * from_quietest[7]  # a week later it is the busiest day again


def test_rows_are_probabilities() -> None:
    for table in (RHYTHM.regular, RHYTHM.final):
        assert (chances(table) >= 0).all()
        assert table[:, :, -1] == pytest.approx(1)

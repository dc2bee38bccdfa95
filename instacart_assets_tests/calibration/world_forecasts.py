"""Forecasts beside what was sold: of each product and week, and of each product and day.

Contains the comparing, on days that forecasts did not know. What comes out of it stands in the tests.
"""

from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from instacart_assets.gold.dim_date import dim_date
from instacart_assets.gold.forecast_errors import SMALLEST_MEAN
from instacart_assets.gold.replenishment_forecast import replenishment_forecast
from instacart_assets.order_calendar import OrderCalendar
from instacart_assets_tests.frames import make_table

FORECASTS = ("forecast", "naive", "seasonal_naive", "mean_of_four_weeks", "year_before")
"""The table's own, the two that it names, and two more: the mean of the last four weeks, and the week 52 weeks before."""

BEST_SELLERS = 10


def compare_weeks(
    spark: SparkSession, orders: DataFrame, order_items: DataFrame, products: DataFrame, as_of: date
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What was expected at a day, and what was sold after it.

    Returns:
        A row per product and week after ``as_of``: product_id, units, a column for each of ``FORECASTS``, low and high; and a
        row per product and day: units, forecast, low and high.
    """
    calendar = OrderCalendar(as_of_date=as_of)
    days = dim_date(orders, make_table(spark, "silver.promotions"), calendar)
    made = replenishment_forecast(orders, order_items, products, days, calendar).toPandas()
    sold = (
        order_items.groupBy("product_id", F.datediff("order_date", F.lit(as_of)).alias("days_ahead"))
        .agg(F.count("*").alias("units"))
        .toPandas()
    )
    of_days = made.merge(sold, on=["product_id", "days_ahead"], how="left").fillna({"units": 0})
    one_each = made[made["days_ahead"] == 1].set_index("product_id")

    def sum_week(last_day: int) -> pd.Series:
        in_week = sold["days_ahead"].between(last_day - 6, last_day)
        return sold[in_week].groupby("product_id")["units"].sum().reindex(one_each.index).fillna(0)

    of_weeks = [
        pd.DataFrame(
            {
                "units": sum_week(last_day),
                "forecast": one_each["expected_units_7d"],
                "naive": sum_week(0),
                "seasonal_naive": sum_week(last_day - 28),
                "mean_of_four_weeks": sum(sum_week(-7 * week) for week in range(4)) / 4,
                "year_before": sum_week(last_day - 364),
                "low": one_each["expected_units_7d_low"],
                "high": one_each["expected_units_7d_high"],
            }
        )
        for last_day in (7, 14)
    ]
    names = {"expected_units": "forecast", "expected_units_low": "low", "expected_units_high": "high"}
    return pd.concat(of_weeks).reset_index(), of_days.rename(columns=names)[["units", *names.values()]]


def tell_forecasts(weeks: pd.DataFrame, days: pd.DataFrame) -> dict[str, Any]:
    """How far each forecast errs over all product-weeks, how often intervals hold, and how it does for best sellers."""
    best = weeks.groupby("product_id")["units"].sum().nlargest(BEST_SELLERS).index
    of_best = weeks[weeks["product_id"].isin(best)]
    errors = pd.DataFrame(
        {
            name: (of_best[name] - of_best["units"]).pow(2).groupby(of_best["product_id"]).mean()
            for name in FORECASTS
        }
    )
    return {
        "product_weeks": len(weeks),
        "rmse": _of_each(find_rmse, weeks),
        "deviance": _of_each(find_mean_deviance, weeks),
        "expected_by_sold": float(weeks["forecast"].sum() / weeks["units"].sum()),
        "coverage_of_weeks": float(is_held(weeks).mean()),
        "coverage_of_weeks_from_one_unit": float(is_held(weeks[weeks["forecast"] >= 1]).mean()),
        "coverage_of_days": float(is_held(days).mean()),
        "coverage_of_days_from_one_unit": float(is_held(days[days["forecast"] >= 1]).mean()),
        "best_sellers_better_than_naive": int((errors["forecast"] < errors["naive"]).sum()),
        "best_sellers_better_than_seasonal_naive": int((errors["forecast"] < errors["seasonal_naive"]).sum()),
    }


def _of_each(measure: Callable[[pd.DataFrame, str], float], weeks: pd.DataFrame) -> dict[str, float]:
    return {name: measure(weeks, name) for name in FORECASTS}


def find_rmse(weeks: pd.DataFrame, name: str) -> float:
    """Root of the mean squared error of a forecast."""
    return float(np.sqrt(((weeks["units"] - weeks[name]) ** 2).mean()))


def find_mean_deviance(weeks: pd.DataFrame, name: str) -> float:
    """Mean Poisson deviance of a forecast, of means of at least 1/8."""
    units = weeks["units"].to_numpy(float)
    mean = np.maximum(weeks[name].to_numpy(float), SMALLEST_MEAN)
    return float(np.mean(2 * (units * np.log(np.maximum(units, 1) / mean) * (units > 0) - (units - mean))))


def is_held(rows: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Whether each row's units lie within its interval."""
    return ((rows["low"] <= rows["units"]) & (rows["units"] <= rows["high"])).to_numpy()

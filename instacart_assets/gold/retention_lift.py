"""Whether customers who start with a product stay more often than others with an equally large first basket.

Contains the estimate behind ``product_repeat_purchase``: counts per product and size of the first basket, and the
statistics of them. Large first baskets hold more of everything, and their customers may stay more often: compared with
all customers, every product of large baskets would seem to keep them. So customers are compared only within strata of
equally large first baskets.

Of the N customers of a stratum M are retained; n of them start with the product, of whom a are retained, and m = N - n
do not, of whom b are. Mantel and Haenszel (1959) weight each stratum by n m / N, which gives

    weight H = sum(n m / N)    observed r = sum(a m / N) / H    expected e = sum(b n / N) / H    lift = r / e
    variance V = sum(n m M (N - M) / (N^2 (N - 1)))             score = H (r - e) / sqrt(V)

The score is that of the Cochran-Mantel-Haenszel test, without continuity correction: standard normal if the product
makes no difference. The interval of the lift is Wilson's (1927) for the observed rate, with an effective sample size of
e (1 - e) H^2 / V customers, divided by e: it excludes 1 exactly where that test rejects, stays within the range of
rates, and is valid where nearly all are retained. The usual standard error of log(r / e), by Greenland and Robins
(1985), is not: where 26 of 30 stay and 56 % are expected to, it gives z = 6 where chance gives 3.4, and among
thousands of products such luck occurs.
"""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from instacart_assets.gold.measures import divide, find_highest_order_numbers
from instacart_assets.gold.statistics import adjust_p_values, find_two_sided_p, find_wilson_interval

RETAINED_ORDERS = 10
"""A customer with at least this many orders counts as retained."""

FEWEST_STARTERS = 40
"""With fewer customers who start with a product, a lift of a quarter cannot be told from chance."""

FEWEST_EXPECTED = 10
"""At least this many retained and this many other customers must be expected, for the normal approximation to hold."""

SIGNIFICANCE = 0.05
"""Of the products that are called a signal, about one in twenty is due to chance."""

_DIGITS = 9  # engines sum in different orders: further digits mean nothing


def measure_retention(order_items: DataFrame, orders: DataFrame) -> DataFrame:
    """What starting with a product says of staying, per product that a first order held.

    Returns:
        product_id, first_order_buyers, retained_buyers, retention_lift with its interval, retention_lift_adjusted with
        its own, is_enough_first_orders, retention_p_value, retention_p_value_adjusted, is_retention_signal and
        retention_rank. The first lift is relative to the share over all customers, the second to that of customers
        without the product and with equally large first baskets.
    """
    return judge_lifts(estimate_lifts(sum_strata(count_starters(order_items, orders)), orders))


def count_starters(order_items: DataFrame, orders: DataFrame) -> DataFrame:
    """Customers by what their first basket held and how large it was.

    A first basket is what was published of order number 1. Customers without a first basket start with no product.

    Returns:
        product_id, first_basket_units, starters (customers with that product in a first basket of that size),
        retained_starters, and of all customers with a first basket of that size: customers, retained_customers.
    """
    first_lines = order_items.where("order_number = 1").select("user_id", "product_id")
    is_retained = F.col("highest_order_number") >= RETAINED_ORDERS
    first_baskets = (
        first_lines.groupBy("user_id")
        .agg(F.count("*").alias("first_basket_units"))
        .join(find_highest_order_numbers(orders), "user_id")
        .select("user_id", "first_basket_units", is_retained.alias("is_retained"))
    )
    of_size = first_baskets.groupBy("first_basket_units").agg(
        F.count("*").alias("customers"), F.count_if("is_retained").alias("retained_customers")
    )
    # A first order holds a product once: each line is a different customer.
    return (
        first_lines.join(first_baskets, "user_id")
        .groupBy("product_id", "first_basket_units")
        .agg(F.count("*").alias("starters"), F.count_if("is_retained").alias("retained_starters"))
        .join(F.broadcast(of_size), "first_basket_units")
    )


def sum_strata(strata: DataFrame) -> DataFrame:
    """One row per product: starters, retained_starters and the stratum sums weight, observed, expected and variance."""
    return strata.groupBy("product_id").agg(
        *(F.sum(name).alias(name) for name in ("starters", "retained_starters")),
        *(F.round(F.sum(term), _DIGITS).alias(name) for name, term in weigh_stratum().items()),
    )


def weigh_stratum(prefix: str = "") -> dict[str, Column]:
    """A stratum's terms of H, H r, H e and V, from its starters, retained_starters, customers and retained_customers.

    Args:
        prefix: prefix of the names of the four.
    """
    n, a, everyone, retained = (
        F.col(name).cast("double")
        for name in ("starters", "retained_starters", "customers", "retained_customers")
    )
    m, b = everyone - n, retained - a
    variance = divide(n * m * retained * (everyone - retained), everyone * everyone * (everyone - 1))
    return {
        f"{prefix}weight": divide(n * m, everyone),
        f"{prefix}observed": divide(a * m, everyone),
        f"{prefix}expected": divide(b * n, everyone),
        # A single customer has nobody to be compared with, and has no weight.
        f"{prefix}variance": F.coalesce(variance, F.lit(0.0)),
    }


def estimate_lifts(sums: DataFrame, orders: DataFrame) -> DataFrame:
    """The lifts of each product, within strata and over all customers, with the sums they are based on.

    Over all customers, the ratio is first computed to those without the product, in one stratum of all customers with
    an order. A ratio of L to the others is a ratio of N L / (m + n L) to all customers, which rises with L: so the ends
    of the interval are converted in the same way.

    Returns:
        the columns of ``sum_strata``, lift with lift_low and lift_high, their score, and all_lift with all_lift_low and
        all_lift_high.
    """
    is_retained = F.col("highest_order_number") >= RETAINED_ORDERS
    everyone = find_highest_order_numbers(orders).agg(
        F.count("*").alias("customers"), F.count_if(is_retained).alias("retained_customers")
    )
    in_strata = compare_rates(sums).select(*sums.columns, "lift", "lift_low", "lift_high", "score")
    over_all = compare_rates(in_strata.crossJoin(everyone).withColumns(weigh_stratum("all_")), "all_")
    starters, customers = F.col("starters"), F.col("customers")
    lift = divide(
        divide(F.col("retained_starters"), starters), divide(F.col("retained_customers"), customers)
    )
    return over_all.select(
        *in_strata.columns,
        lift.alias("all_lift"),
        *(
            divide(customers * F.col(end), customers - starters + starters * F.col(end)).alias(end)
            for end in ("all_lift_low", "all_lift_high")
        ),
    )


def compare_rates(sums: DataFrame, prefix: str = "") -> DataFrame:
    """The rows with the lift, its interval and its score, from the sums weight, observed, expected and variance.

    Computed in steps, as an engine may expand each name wherever it is used.

    Args:
        sums: with the four sums, their names prefixed.
        prefix: prefix of their names, and of those added.

    Returns:
        the rows with lift, lift_low, lift_high and score, null where there is nothing to compare with.
    """
    weight, observed, expected, variance, rate, expected_rate, size = (
        F.col(prefix + name)
        for name in ("weight", "observed", "expected", "variance", "rate", "expected_rate", "size")
    )
    rates = sums.withColumns(
        {
            f"{prefix}rate": divide(observed, weight),
            f"{prefix}expected_rate": divide(expected, weight),
            f"{prefix}size": divide(expected * (weight - expected), variance),
            f"{prefix}score": divide(observed - expected, F.sqrt(variance)),
        }
    )
    low, high = find_wilson_interval(rate, size)
    return rates.withColumns(
        {
            f"{prefix}lift": divide(rate, expected_rate),
            f"{prefix}lift_low": divide(low, expected_rate),
            f"{prefix}lift_high": divide(high, expected_rate),
        }
    )


def judge_lifts(lifts: DataFrame) -> DataFrame:
    """The lifts of each product under their final names and, where enough customers start with it, its significance.

    Products are ranked by the lower end of the interval, so that rare ones do not win by luck; ties by first orders,
    then by product_id. P-values are adjusted for the number of products that are judged.
    """
    is_enough = (
        (F.col("starters") >= FEWEST_STARTERS)
        & (F.col("expected") >= FEWEST_EXPECTED)
        & (F.col("weight") - F.col("expected") >= FEWEST_EXPECTED)
        & F.col("lift_low").isNotNull()
    )
    best_first = (F.desc("lift_low"), F.desc("starters"), F.asc("product_id"))
    position = F.row_number().over(Window.partitionBy("is_enough").orderBy(*best_first))
    judged = (
        lifts.withColumn("is_enough", is_enough)
        .withColumn("p_value", F.when(F.col("is_enough"), find_two_sided_p(F.col("score"))))
        .withColumn("position", F.when(F.col("is_enough"), position))
    )
    return adjust_p_values(judged, ["product_id"]).select(
        "product_id",
        F.col("starters").alias("first_order_buyers"),
        F.col("retained_starters").alias("retained_buyers"),
        F.col("all_lift").alias("retention_lift"),
        F.col("all_lift_low").alias("retention_lift_ci_low"),
        F.col("all_lift_high").alias("retention_lift_ci_high"),
        F.col("lift").alias("retention_lift_adjusted"),
        F.col("lift_low").alias("retention_lift_adjusted_ci_low"),
        F.col("lift_high").alias("retention_lift_adjusted_ci_high"),
        F.col("is_enough").alias("is_enough_first_orders"),
        F.col("p_value").alias("retention_p_value"),
        F.col("p_value_adjusted").alias("retention_p_value_adjusted"),
        F.when(F.col("is_enough"), (F.col("p_value_adjusted") < SIGNIFICANCE) & (F.col("lift") > 1)).alias(
            "is_retention_signal"
        ),
        F.col("position").alias("retention_rank"),
    )

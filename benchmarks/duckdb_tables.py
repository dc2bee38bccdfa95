"""The project's tables as a plain DuckDB script, without checks, quarantine or an orchestrator.

A peer in the benchmarks: it builds the same Delta tables from the same landed files, which must be clean. Each table is
an SQL script that creates a DuckDB table if later tables read it, else a view. None of the functions that build the
project's tables are imported.

    python benchmarks/duckdb_tables.py LANDING LAKE
"""

from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from benchmarks.peer_tables import (
    BRONZE,
    COMPRESSION,
    SETTINGS,
    Landed,
    clock_tables,
    find_landed,
    list_landed_columns,
    run_peer,
)
from instacart_assets.contracts.load import load_contracts
from instacart_assets.order_calendar import WEEKDAYS

MEMORY = "6GB"
"""How much memory DuckDB may use; it spills the rest to its temporary folder."""

TYPES = {"timestamp": "TIMESTAMPTZ"}
"""DuckDB's names of the contracts' types, where they differ."""

ORIGIN = ("_source_file", "_source_fingerprint", "_row_number", "_ingested_at")

HELPERS = r"""
CREATE SCHEMA landed; CREATE SCHEMA bronze; CREATE SCHEMA silver; CREATE SCHEMA gold;

CREATE MACRO clean_name(name) AS trim(replace(name, '\"', '"'), ' ' || chr(160));

CREATE MACRO divide(a, b) AS a::DOUBLE / nullif(b::DOUBLE, 0);

CREATE MACRO days_since_monday(day) AS isodow(day) - 1;

-- erfc(abs(z) / sqrt(2)): a Chebyshev fit, Press et al., Numerical Recipes, section 6.2.
CREATE MACRO fit_erfc(x, t) AS t * exp(-x * x - 1.26551223 + t * (1.00002368 + t * (0.37409196 + t * (0.09678418
    + t * (-0.18628806 + t * (0.27886807 + t * (-1.13520398 + t * (1.48851587 + t * (-0.82215223 + t * 0.17087277)))))))));
CREATE MACRO two_sided_p(z) AS
    CASE WHEN z IS NOT NULL THEN least(fit_erfc(abs(z) / sqrt(2), 1 / (1 + abs(z) / sqrt(2) / 2)), 1.0) END;

-- The 95 % score interval of a share: Wilson (1927).
CREATE MACRO wilson_slack(size) AS CASE WHEN size > 0 THEN pow(1.959963984540054, 2) / size END;
CREATE MACRO wilson_reach(share, slack) AS sqrt(slack * share * (1 - share) + slack * slack / 4);
CREATE MACRO wilson_ends(share, slack) AS CASE WHEN share IS NOT NULL AND slack IS NOT NULL THEN {
    'low': greatest((share + slack / 2 - wilson_reach(share, slack)) / (slack + 1), 0.0),
    'high': least((share + slack / 2 + wilson_reach(share, slack)) / (slack + 1), 1.0)} END;
CREATE MACRO wilson(share, size) AS wilson_ends(share, wilson_slack(size));

-- Poisson counts: Byar's interval (Breslow and Day 1987), and the score of Wilson and Hilferty (1931).
CREATE MACRO middle(size) AS 1 - 1 / (9 * size);
CREATE MACRO count_low(n) AS greatest(n * pow(middle(n) - 1.959963984540054 / 3 / sqrt(n), 3), 0.0);
CREATE MACRO count_high(n) AS (n + 1) * pow(middle(n + 1) + 1.959963984540054 / 3 / sqrt(n + 1), 3);
CREATE MACRO score_side(size, expected) AS 3 * sqrt(size) * (middle(size) - pow(expected / size, 1.0 / 3));
CREATE MACRO score_count(n, expected) AS CASE
    WHEN score_side(n, expected) > 0 THEN score_side(n, expected)
    WHEN score_side(n + 1, expected) < 0 THEN score_side(n + 1, expected)
    WHEN expected IS NOT NULL THEN 0.0 END;
"""

SCRIPTS = {
    "silver.aisles": """
CREATE TABLE silver.aisles AS
SELECT aisle_id::INTEGER AS aisle_id, clean_name(aisle) AS aisle FROM bronze.aisles;
""",
    "silver.departments": """
CREATE TABLE silver.departments AS
SELECT department_id::INTEGER AS department_id, clean_name(department) AS department FROM bronze.departments;
""",
    "silver.products": """
CREATE TABLE silver.products AS
SELECT
    product_id::INTEGER AS product_id,
    clean_name(product_name) AS product_name,
    p.aisle_id::INTEGER AS aisle_id,
    aisle,
    p.department_id::INTEGER AS department_id,
    department,
    aisle <> 'missing' AND department <> 'missing' AS is_classified
FROM bronze.products p
LEFT JOIN silver.aisles a ON a.aisle_id = p.aisle_id::INTEGER
LEFT JOIN silver.departments d ON d.department_id = p.department_id::INTEGER;
""",
    "silver.product_history": """
CREATE VIEW silver.product_history AS
SELECT *, now() AS valid_from_at, NULL AS valid_to_at, true AS is_current FROM silver.products;
""",
    "silver.promotions": """
CREATE TABLE silver.promotions AS
SELECT
    promotion_id::INTEGER AS promotion_id,
    b.product_id::INTEGER AS product_id,
    product_name,
    clean_name(promotion_name) AS promotion_name,
    lower(promotion_type) AS promotion_type,
    discount_rate::DOUBLE AS discount_rate,
    left(start_date, 10)::DATE AS start_date,
    left(end_date, 10)::DATE AS end_date,
    is_simulated::BOOLEAN AS is_simulated
FROM bronze.promotions b
LEFT JOIN silver.products p ON p.product_id = b.product_id::INTEGER;
""",
    "silver.orders": """
CREATE TABLE silver.orders AS
WITH typed AS (
    SELECT
        order_id::BIGINT AS order_id,
        user_id::BIGINT AS user_id,
        eval_set,
        order_number::INTEGER AS order_number,
        order_dow::INTEGER AS order_dow,
        order_hour_of_day::INTEGER AS order_hour_of_day,
        days_since_prior_order::DOUBLE::INTEGER AS days_since_prior_order,
        order_timestamp
    FROM bronze.orders
), spaced AS (
    SELECT *, CASE
        WHEN order_number = 1 THEN
            (user_id % 2147483647) * 1327217884 % 2147483647 % getvariable('window_weeks') * 7
            + (order_dow + 7 - getvariable('window_dow')) % 7
        WHEN days_since_prior_order = 30 THEN (order_dow - lag(order_dow) OVER history + 12) % 7 + 30
        ELSE days_since_prior_order END AS days
    FROM typed
    WINDOW history AS (PARTITION BY user_id ORDER BY order_number)
)
SELECT
    * EXCLUDE (order_timestamp, days),
    getvariable('day_names')[order_dow + 1] AS order_day_name,
    coalesce(days_since_prior_order = 30, false) AS is_gap_censored,
    coalesce(
        left(order_timestamp, 10)::DATE,
        getvariable('window_start') + (sum(days) OVER (PARTITION BY user_id ORDER BY order_number))::INTEGER
    ) AS order_date,
    order_timestamp IS NULL AS is_date_estimated
FROM spaced;
""",
    # Lines are kept without the columns of their product: only numbers, so that all of gold can stay in memory.
    "silver.order_items": """
CREATE TABLE lines AS
WITH typed AS (
    SELECT
        order_id::BIGINT AS order_id,
        product_id::INTEGER AS product_id,
        add_to_cart_order::INTEGER AS add_to_cart_order,
        reordered::BOOLEAN AS is_reordered
    FROM (
        SELECT order_id, product_id, add_to_cart_order, reordered FROM bronze.order_products__prior
        UNION ALL
        SELECT order_id, product_id, add_to_cart_order, reordered FROM bronze.order_products__train
    )
)
SELECT
    typed.*,
    user_id,
    eval_set::ENUM ('prior', 'train', 'test') AS eval_set,
    order_number,
    order_date,
    is_date_estimated,
    order_dow,
    order_hour_of_day,
    department_id
FROM typed
LEFT JOIN silver.orders USING (order_id)
LEFT JOIN silver.products USING (product_id);

CREATE VIEW silver.order_items AS
SELECT lines.*, product_name, aisle_id, aisle, department
FROM lines LEFT JOIN silver.products USING (product_id);

DROP SCHEMA landed CASCADE;
""",
    "gold.dim_product": """
CREATE VIEW gold.dim_product AS
WITH sold AS (
    SELECT product_id, min(order_date) AS first_order_date, max(order_date) AS last_order_date
    FROM lines GROUP BY product_id
)
SELECT
    p.*,
    first_order_date,
    last_order_date,
    first_order_date IS NOT NULL AS is_ever_sold,
    (SELECT coalesce(bool_or(is_date_estimated), false) FROM lines) AS is_date_estimated
FROM silver.products p LEFT JOIN sold USING (product_id);
""",
    "gold.dim_date": """
CREATE VIEW gold.dim_date AS
WITH of_orders AS (
    SELECT
        min(order_date) AS first_order_date,
        max(order_date) AS last_order_date,
        coalesce(bool_or(is_date_estimated), false) AS is_date_estimated
    FROM silver.orders
), of_promotions AS (
    SELECT min(start_date) - 28 AS first_day, max(end_date) + 28 AS last_day FROM silver.promotions
), days AS (
    SELECT of_orders.*, unnest(generate_series(
        least(first_order_date, first_day)::TIMESTAMP, greatest(last_order_date, last_day)::TIMESTAMP, INTERVAL 1 DAY
    ))::DATE AS date_day
    FROM of_orders, of_promotions
), numbered AS (
    SELECT *, (days_since_monday(date_day) + 7 - getvariable('first_weekday')) % 7 AS order_dow FROM days
)
SELECT
    date_day,
    getvariable('day_names')[order_dow + 1] AS day_name,
    order_dow,
    date_day - order_dow::INTEGER AS week_start_date,
    date_trunc('month', date_day)::DATE AS month_start_date,
    monthname(date_day) AS month_name,
    days_since_monday(date_day) >= 5 AS is_weekend,
    CASE WHEN is_date_estimated
        THEN date_day BETWEEN getvariable('coverage_start') AND getvariable('window_end')
        ELSE coalesce(date_day BETWEEN first_order_date AND last_order_date, false) END AS is_full_coverage,
    is_date_estimated
FROM numbered;
""",
    "gold.daily_product_sales": """
CREATE VIEW gold.daily_product_sales AS
WITH by_customer AS (
    SELECT
        order_date, product_id, user_id,
        count(*) AS units,
        count_if(is_reordered) AS reordered_units,
        bool_or(is_date_estimated) AS is_date_estimated
    FROM lines GROUP BY ALL
), sales AS (
    SELECT
        order_date, product_id,
        sum(units) AS units,
        count(*) AS customers,
        sum(reordered_units) AS reordered_units,
        bool_or(is_date_estimated) AS is_date_estimated
    FROM by_customer GROUP BY ALL
), promoted AS (
    SELECT DISTINCT
        product_id,
        unnest(generate_series(start_date::TIMESTAMP, end_date::TIMESTAMP, INTERVAL 1 DAY))::DATE AS order_date,
        true AS is_on_promotion
    FROM silver.promotions
)
SELECT
    sales.*,
    units AS orders,
    product_name, aisle, department,
    divide(reordered_units, units) AS reorder_rate,
    coalesce(is_on_promotion, false) AS is_on_promotion
FROM sales
LEFT JOIN silver.products USING (product_id)
LEFT JOIN promoted USING (product_id, order_date);
""",
    # The baskets by department are also used by the hourly profile.
    "gold.department_daily_sales": """
CREATE TABLE department_baskets AS
SELECT
    department_id, order_id,
    any_value(user_id) AS user_id,
    any_value(order_date) AS order_date,
    any_value(order_dow) AS order_dow,
    any_value(order_hour_of_day) AS order_hour_of_day,
    count(*) AS units,
    count_if(is_reordered) AS reordered_units
FROM lines GROUP BY department_id, order_id;

CREATE VIEW gold.department_daily_sales AS
WITH by_customer AS (
    SELECT
        order_date, department_id, user_id,
        sum(units) AS units, count(*) AS orders, sum(reordered_units) AS reordered_units
    FROM department_baskets GROUP BY ALL
), sales AS (
    SELECT
        order_date, department_id,
        sum(units) AS units, sum(orders) AS orders, count(*) AS customers, sum(reordered_units) AS reordered_units
    FROM by_customer GROUP BY ALL
), span AS (
    SELECT
        min(order_date)::TIMESTAMP AS first,
        max(order_date)::TIMESTAMP AS last,
        coalesce(bool_or(is_date_estimated), false) AS is_date_estimated
    FROM lines
), days AS (
    SELECT unnest(generate_series(first, last, INTERVAL 1 DAY))::DATE AS order_date, is_date_estimated FROM span
), dense AS (
    SELECT
        order_date, department_id, department, is_date_estimated,
        coalesce(units, 0) AS units,
        coalesce(orders, 0) AS orders,
        coalesce(customers, 0) AS customers,
        coalesce(reordered_units, 0) AS reordered_units
    FROM days CROSS JOIN silver.departments LEFT JOIN sales USING (order_date, department_id)
), averaged AS (
    SELECT
        *,
        sum(units) OVER (PARTITION BY order_date) AS units_of_day,
        avg(units) OVER (days_to_day ROWS 6 PRECEDING) AS units_7d_average,
        avg(units) OVER (days_to_day ROWS 27 PRECEDING) AS units_28d_average,
        lag(units, 7) OVER days_to_day AS units_week_before,
        row_number() OVER days_to_day AS day_of_range
    FROM dense WINDOW days_to_day AS (PARTITION BY department_id ORDER BY order_date)
)
SELECT
    *,
    divide(reordered_units, units) AS reorder_rate,
    divide(units, units_of_day) AS units_share,
    divide(units_7d_average, CASE WHEN day_of_range >= 14 THEN
        lag(units_7d_average, 7) OVER (PARTITION BY department_id ORDER BY order_date) END) AS week_on_week_index
FROM averaged;
""",
    "gold.department_hourly_profile": """
CREATE VIEW gold.department_hourly_profile AS
WITH sales AS (
    SELECT
        department_id, order_dow, order_hour_of_day,
        sum(units) AS units, count(*) AS orders, sum(reordered_units) AS reordered_units
    FROM department_baskets GROUP BY ALL
), dense AS (
    SELECT
        department_id, department, order_dow, order_hour_of_day, reordered_units,
        coalesce(units, 0) AS units,
        coalesce(orders, 0) AS orders
    FROM silver.departments
    CROSS JOIN range(7) AS days (order_dow)
    CROSS JOIN range(24) AS hours (order_hour_of_day)
    LEFT JOIN sales USING (department_id, order_dow, order_hour_of_day)
)
SELECT
    *,
    divide(reordered_units, units) AS reorder_rate,
    coalesce(divide(units, avg(units) OVER (PARTITION BY department_id)), 0) AS demand_index
FROM dense;
""",
    # Baskets and each customer's highest order number are also used by the tables below.
    "gold.order_retention": """
DROP TABLE department_baskets;

CREATE TABLE baskets AS
SELECT
    order_id,
    any_value(order_number) AS order_number,
    count(*) AS units,
    count_if(is_reordered) AS reordered_units
FROM lines GROUP BY order_id;

CREATE TABLE customers AS
SELECT user_id, max(order_number) AS highest_order_number FROM silver.orders GROUP BY user_id;

CREATE VIEW gold.order_retention AS
WITH reached AS (
    SELECT order_number, count(*) AS customers
    FROM customers, unnest(range(1, highest_order_number + 1)) AS numbers (order_number) GROUP BY order_number
), rates AS (
    SELECT
        order_number, customers, all_customers,
        divide(customers, all_customers) AS retention_rate,
        divide(coalesce(lead(customers) OVER (ORDER BY order_number), 0), customers) AS continuation_rate
    FROM reached, (SELECT count(*) AS all_customers FROM customers)
), placed AS (
    SELECT order_number, count(*) AS orders, avg(days_since_prior_order) AS average_days_since_prior_order
    FROM silver.orders GROUP BY order_number
), filled AS (
    SELECT order_number, count(*) AS baskets, sum(units) AS units, sum(reordered_units) AS reordered_units
    FROM baskets GROUP BY order_number
)
SELECT
    order_number, customers, retention_rate, continuation_rate, average_days_since_prior_order,
    wilson(retention_rate, all_customers).low AS retention_rate_ci_low,
    wilson(retention_rate, all_customers).high AS retention_rate_ci_high,
    wilson(continuation_rate, customers).low AS continuation_rate_ci_low,
    wilson(continuation_rate, customers).high AS continuation_rate_ci_high,
    coalesce(orders, 0) AS orders,
    divide(units, baskets) AS average_basket_units,
    divide(reordered_units, units) AS reorder_rate
FROM rates LEFT JOIN placed USING (order_number) LEFT JOIN filled USING (order_number);
""",
    # Product and day in one number: each customer's purchases are a short list to sort; a window would sort all lines.
    "gold.product_repeat_purchase": """
CREATE VIEW gold.product_repeat_purchase AS
WITH sums AS (
    SELECT
        product_id,
        count(*) AS units,
        count_if(is_reordered) AS reordered_units,
        avg(add_to_cart_order) AS average_cart_position
    FROM lines GROUP BY product_id
), histories AS (
    SELECT list_sort(list(product_id::BIGINT << 32 | (order_date - DATE '1900-01-01'))) AS purchases
    FROM lines GROUP BY user_id
), purchases AS (
    SELECT
        unnest(purchases) AS purchase,
        unnest([NULL] || purchases[:-2]) AS earlier,
        unnest(purchases[2:] || [NULL]) AS later
    FROM histories
), repeats AS (
    SELECT
        (purchase >> 32)::INTEGER AS product_id,
        coalesce(earlier >> 32 = purchase >> 32, false) AS is_again,
        coalesce(later >> 32 = purchase >> 32, false) AS is_repeated,
        CASE WHEN is_again THEN purchase - earlier END AS gap
    FROM purchases
), bought AS (
    SELECT
        product_id,
        count_if(NOT is_again) AS buyers,
        count_if(NOT is_again AND is_repeated) AS repeat_buyers,
        median(gap) AS median_days_between_purchases
    FROM repeats GROUP BY product_id
), first_lines AS (
    SELECT user_id, product_id FROM lines WHERE order_number = 1
), first_baskets AS (
    SELECT user_id, count(*) AS size, any_value(highest_order_number) >= 10 AS is_retained
    FROM first_lines JOIN customers USING (user_id) GROUP BY user_id
), strata AS (
    SELECT size, count(*)::DOUBLE AS everyone, count_if(is_retained)::DOUBLE AS retained
    FROM first_baskets GROUP BY size
), starters AS (
    SELECT product_id, size, count(*)::DOUBLE AS n, count_if(is_retained)::DOUBLE AS a
    FROM first_lines JOIN first_baskets USING (user_id) GROUP BY product_id, size
), summed AS (
    SELECT
        product_id,
        sum(n) AS starters,
        sum(a) AS retained_starters,
        round(sum(n * (everyone - n) / everyone), 9) AS weight,
        round(sum(a * (everyone - n) / everyone), 9) AS observed,
        round(sum((retained - a) * n / everyone), 9) AS expected,
        round(sum(coalesce(divide(
            n * (everyone - n) * retained * (everyone - retained), everyone * everyone * (everyone - 1)
        ), 0)), 9) AS variance
    FROM starters JOIN strata USING (size) GROUP BY product_id
), shop AS (
    SELECT count(*)::DOUBLE AS everyone, count_if(highest_order_number >= 10)::DOUBLE AS retained FROM customers
), rated AS (
    SELECT
        summed.*,
        everyone,
        divide(observed, weight) AS rate,
        divide(expected, weight) AS expected_rate,
        wilson(rate, divide(expected * (weight - expected), variance)) AS ends,
        divide(observed - expected, sqrt(variance)) AS score,
        divide(divide(retained_starters, starters), divide(retained, everyone)) AS all_lift,
        divide(starters * (everyone - starters), everyone) AS all_weight,
        divide((retained - retained_starters) * starters, everyone) AS all_expected,
        divide(divide(retained_starters * (everyone - starters), everyone), all_weight) AS all_rate,
        divide(all_expected, all_weight) AS all_expected_rate,
        coalesce(divide(
            starters * (everyone - starters) * retained * (everyone - retained), everyone * everyone * (everyone - 1)
        ), 0) AS all_variance,
        wilson(all_rate, divide(all_expected * (all_weight - all_expected), all_variance)) AS all_ends
    FROM summed, shop
), compared AS (
    SELECT
        *,
        divide(rate, expected_rate) AS lift,
        divide(ends.low, expected_rate) AS lift_low,
        divide(ends.high, expected_rate) AS lift_high,
        divide(all_ends.low, all_expected_rate) AS all_low,
        divide(all_ends.high, all_expected_rate) AS all_high,
        coalesce(
            starters >= 40 AND expected >= 10 AND weight - expected >= 10 AND lift_low IS NOT NULL, false
        ) AS is_enough
    FROM rated
), ranked AS (
    SELECT
        *,
        two_sided_p(score) AS p_value,
        p_value * (count(*) OVER () / row_number() OVER (ORDER BY p_value, product_id)) AS ratio,
        row_number() OVER (ORDER BY lift_low DESC, starters DESC, product_id) AS retention_rank
    FROM compared WHERE is_enough
), judged AS (
    SELECT
        product_id, p_value, retention_rank,
        least(min(ratio) OVER (ORDER BY p_value DESC, product_id DESC ROWS UNBOUNDED PRECEDING), 1.0) AS p_value_adjusted
    FROM ranked
)
SELECT
    product_id, product_name, aisle, department,
    coalesce(units, 0) AS units,
    coalesce(buyers, 0) AS buyers,
    coalesce(repeat_buyers, 0) AS repeat_buyers,
    divide(repeat_buyers, buyers) AS repeat_buyer_rate,
    coalesce(reordered_units, 0) AS reordered_units,
    divide(reordered_units, units) AS reorder_rate,
    median_days_between_purchases,
    average_cart_position,
    coalesce(starters, 0) AS first_order_buyers,
    divide(retained_starters, starters) AS retention_rate_10,
    all_lift AS retention_lift,
    divide(everyone * all_low, everyone - starters + starters * all_low) AS retention_lift_ci_low,
    divide(everyone * all_high, everyone - starters + starters * all_high) AS retention_lift_ci_high,
    lift AS retention_lift_adjusted,
    lift_low AS retention_lift_adjusted_ci_low,
    lift_high AS retention_lift_adjusted_ci_high,
    coalesce(is_enough, false) AS is_enough_first_orders,
    p_value AS retention_p_value,
    p_value_adjusted AS retention_p_value_adjusted,
    CASE WHEN is_enough THEN p_value_adjusted < 0.05 AND lift > 1 END AS is_retention_signal,
    retention_rank,
    CASE WHEN buyers >= 20 THEN row_number() OVER (
        PARTITION BY department_id, buyers >= 20 ORDER BY repeat_buyer_rate DESC, buyers DESC, product_id
    ) END AS repeat_rank_in_department
FROM silver.products
LEFT JOIN sums USING (product_id)
LEFT JOIN bought USING (product_id)
LEFT JOIN compared USING (product_id)
LEFT JOIN judged USING (product_id);
""",
    # Lines of frequent products are joined within their order; customers are counted only for the remaining pairs.
    "gold.product_affinity": """
CREATE TABLE frequent AS
SELECT product_id, count(*) AS orders
FROM lines GROUP BY product_id
HAVING orders >= greatest(
    (SELECT count(*) FROM baskets) * getvariable('minimum_support'), getvariable('minimum_orders'));

CREATE TABLE frequent_lines AS
SELECT order_id, user_id, product_id FROM lines SEMI JOIN frequent USING (product_id);

CREATE TABLE pairs AS
SELECT a.product_id AS product_id_a, b.product_id AS product_id_b, count(*) AS orders_together
FROM frequent_lines a JOIN frequent_lines b ON a.order_id = b.order_id AND a.product_id < b.product_id
GROUP BY ALL
HAVING orders_together >= greatest(
    (SELECT count(*) FROM baskets) * getvariable('minimum_support'), getvariable('minimum_orders'));

CREATE TABLE by_size AS
WITH counts AS (
    SELECT product_id, units, count(*) AS orders
    FROM lines JOIN (SELECT order_id, units FROM baskets WHERE units > 1) USING (order_id) GROUP BY ALL
), sizes AS (
    SELECT
        units,
        sum(orders) / units AS baskets,
        units - sum(orders * orders) / (sum(orders) / units) ^ 2 AS spread
    FROM counts GROUP BY units
)
SELECT product_id, units, baskets, spread, orders / baskets AS share
FROM counts JOIN sizes USING (units) SEMI JOIN frequent USING (product_id);

CREATE VIEW gold.product_affinity AS
WITH by_customer AS (
    SELECT product_id_a, product_id_b, count(*) AS orders
    FROM (
        SELECT a.product_id AS product_id_a, b.product_id AS product_id_b, a.user_id
        FROM frequent_lines a JOIN frequent_lines b ON a.order_id = b.order_id AND a.product_id < b.product_id
    ) SEMI JOIN pairs USING (product_id_a, product_id_b)
    GROUP BY product_id_a, product_id_b, user_id
), customers_together AS (
    SELECT product_id_a, product_id_b, count(*) AS customers_together, sum(orders * orders) AS squares
    FROM by_customer GROUP BY ALL
), expected AS (
    SELECT
        product_id_a, product_id_b,
        round(sum(a.baskets * a.share * b.share * greatest(
            1 - coalesce(divide((1 - a.share) * (1 - b.share), a.spread), 0), 0.0
        )), 9) AS expected_orders_together
    FROM pairs
    JOIN by_size a ON a.product_id = product_id_a
    JOIN by_size b ON b.product_id = product_id_b AND b.units = a.units
    GROUP BY ALL
), estimated AS (
    SELECT
        pairs.*, customers_together, expected_orders_together,
        a.product_name AS product_name_a, b.product_name AS product_name_b,
        a.department AS department_a, b.department AS department_b,
        fa.orders AS orders_a, fb.orders AS orders_b,
        (SELECT count(*) FROM baskets) AS all_orders,
        (SELECT count(*) * (count(*) - 1) // 2 FROM frequent) AS looked_at,
        divide(orders_together * orders_together, squares) AS effective_orders_together,
        divide(orders_together, expected_orders_together) AS lift_adjusted,
        lift_adjusted * count_low(effective_orders_together) / effective_orders_together AS lift_adjusted_ci_low,
        lift_adjusted * count_high(effective_orders_together) / effective_orders_together AS lift_adjusted_ci_high,
        two_sided_p(score_count(
            effective_orders_together, divide(effective_orders_together, lift_adjusted)
        )) AS p_value
    FROM pairs
    JOIN customers_together USING (product_id_a, product_id_b)
    JOIN expected USING (product_id_a, product_id_b)
    JOIN silver.products a ON a.product_id = product_id_a JOIN frequent fa ON fa.product_id = product_id_a
    JOIN silver.products b ON b.product_id = product_id_b JOIN frequent fb ON fb.product_id = product_id_b
), ranked AS (
    SELECT *, p_value * (looked_at / row_number() OVER (ORDER BY p_value, product_id_a, product_id_b)) AS ratio
    FROM estimated
), adjusted AS (
    SELECT *, CASE WHEN p_value IS NOT NULL THEN least(1.0, min(ratio) OVER (
        ORDER BY p_value DESC, product_id_a DESC, product_id_b DESC ROWS UNBOUNDED PRECEDING
    )) END AS p_value_adjusted
    FROM ranked
), judged AS (
    SELECT *, CASE
        WHEN p_value_adjusted < 0.05 AND lift_adjusted > 1 THEN 'together'
        WHEN p_value_adjusted < 0.05 THEN 'apart'
        WHEN p_value IS NOT NULL THEN 'chance' END AS affinity
    FROM adjusted
)
SELECT
    *,
    orders_together / all_orders AS support,
    orders_together / orders_a AS confidence_a_to_b,
    orders_together / orders_b AS confidence_b_to_a,
    orders_together * all_orders / (orders_a * orders_b) AS lift,
    CASE WHEN affinity = 'together' THEN row_number() OVER (
        PARTITION BY affinity
        ORDER BY lift_adjusted_ci_low DESC, orders_together DESC, product_id_a, product_id_b
    ) END AS affinity_rank
FROM judged;
""",
}
"""The script of each silver and gold table, sources first."""


def build(landing: Path, lake: Path) -> dict[str, float]:
    """Build all tables from the landed files in a new lake; returns seconds by address, in build order."""
    lake.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=lake.parent) as folder, open_engine(Path(folder)) as engine:
        addresses = [*(f"bronze.{source}" for source in BRONZE), *SCRIPTS]
        return clock_tables(addresses, lake, partial(write_table, engine, landing))


def open_engine(folder: Path) -> duckdb.DuckDBPyConnection:
    """An in-memory database that spills to the folder, with the helpers and the settings."""
    engine = duckdb.connect(config={"memory_limit": MEMORY, "temp_directory": str(folder)})
    engine.execute("SET TimeZone = 'UTC'")
    engine.execute(HELPERS)
    calendar, baskets = SETTINGS.calendar, SETTINGS.baskets
    variables = {
        "window_start": calendar.window_start,
        "window_end": calendar.window_end,
        "window_weeks": calendar.window_weeks,
        "window_dow": calendar.dow_of(calendar.window_start),
        "coverage_start": calendar.full_coverage_start,
        "first_weekday": WEEKDAYS.index(calendar.first_weekday),
        "day_names": list(calendar.day_names),
        "minimum_support": baskets.minimum_support,
        "minimum_orders": float(baskets.minimum_orders),
    }
    for name, value in variables.items():
        engine.execute(f"SET VARIABLE {name} = $1", [value])
    return engine


def write_table(engine: duckdb.DuckDBPyConnection, landing: Path, address: str, file: Path) -> None:
    """Build one table, and write its rows with the contract's columns and types to a Parquet file."""
    layer, _, name = address.partition(".")
    if layer == "bronze":
        read_source(engine, name, find_landed(landing, name))
    else:
        engine.execute(SCRIPTS[address])
    columns = ", ".join(
        f"{column.name}::{TYPES.get(column.type, column.type)} AS {column.name}"
        for column in load_contracts()[address].columns
    )
    rows = f"SELECT {columns} FROM {address}"
    engine.execute(f"COPY ({rows}) TO {quote(file)} (FORMAT parquet, COMPRESSION {COMPRESSION})")


def read_source(engine: duckdb.DuckDBPyConnection, source: str, files: list[Landed]) -> None:
    """Read the files of a source, each into its own table, under a view that adds the origin of records.

    A row's position in its table is its number: counting rows while reading would use one thread, this uses all.
    """
    columns = list_landed_columns(source)
    parts = [f"SELECT {', '.join(f'NULL AS {name}' for name in (*columns, *ORIGIN))} WHERE false"]
    engine.execute("SET preserve_insertion_order = true")
    for number, file in enumerate(files):
        part = f"landed.{source}_{number}"
        types = ", ".join(f"'{name}': 'VARCHAR'" for name in file.header)
        engine.execute(
            f"CREATE TABLE {part} AS FROM read_csv($1, auto_detect = false, header = true, delim = ',', "
            f"""quote = '"', escape = '"', columns = {{{types}}})""",
            [str(file.path)],
        )
        landed = ", ".join(name if name in file.header else f"NULL AS {name}" for name in columns)
        parts.append(
            f"SELECT {landed}, {quote(file.name)}, {quote(file.fingerprint)}, rowid + 1, {quote(file.read_at)} "
            f"FROM {part}"
        )
    engine.execute("SET preserve_insertion_order = false")
    engine.execute(f"CREATE VIEW bronze.{source} AS {' UNION ALL '.join(parts)}")


def quote(value: object) -> str:
    """A value as an SQL string literal."""
    return "'" + str(value).replace("'", "''") + "'"


if __name__ == "__main__":
    run_peer(build)

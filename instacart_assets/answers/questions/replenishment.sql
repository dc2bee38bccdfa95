/*
place: 10
question: What will be needed next week?
about: >-
  Units that are expected of the products that sell most. What happens lies in the interval in nine weeks of ten. A filled mark
  says that in past weeks the forecast erred no more than both plain rules: as much as last week, as much as four weeks before.
chart:
  kind: dots
  label: product
  detail: department
  value: expected
  low: at_least
  high: at_most
  sure: beats_plain_rules
  title: Units expected in the coming seven days, with 90 % interval
  means: { sure: erred no more than both plain rules, unsure: "a plain rule erred less, or not tested yet" }
context:
  query: >-
    SELECT count(*) AS products, date_format(max(as_of_date), 'yyyy-MM-dd') AS as_of,
    count(CASE WHEN backtest_rmse <= least(naive_rmse, seasonal_naive_rmse) THEN 1 END) AS better,
    bool_or(is_date_estimated) AS is_date_estimated
    FROM gold.replenishment_forecast
    WHERE days_ahead = 1
  says: >-
    From {as_of} on, {products} products have a forecast; of {better} it erred no more than both plain rules.
empty: Nothing was sold lately.
*/
SELECT
  product_name AS product,
  department,
  round(expected_units_7d, 1) AS expected,
  round(expected_units_7d_low, 1) AS at_least,
  round(expected_units_7d_high, 1) AS at_most,
  round(backtest_rmse, 2) AS error,
  round(naive_rmse, 2) AS error_of_last_week,
  round(seasonal_naive_rmse, 2) AS error_of_four_weeks_before,
  coalesce(backtest_rmse <= least(naive_rmse, seasonal_naive_rmse), false) AS beats_plain_rules
FROM gold.replenishment_forecast
WHERE days_ahead = 1
ORDER BY expected_units_7d DESC, product_id
LIMIT 12

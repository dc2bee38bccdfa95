-- What to have in stock for the coming week: expected units, the bounds that should hold 90 % of outcomes, and how much
-- smaller the error of such forecasts was than that of "as last week" (0.8: a fifth smaller; above 1: worse).
SELECT
  product_name,
  department,
  round(expected_units_7d, 1) AS expected,
  expected_units_7d_low AS at_least,
  floor(expected_units_7d_high) AS at_most,
  round(backtest_rmse / nullif(naive_rmse, 0), 2) AS error_by_naive
FROM gold.replenishment_forecast
WHERE days_ahead = 1
ORDER BY expected_units_7d DESC, product_id
LIMIT 8

-- Promotions with enough data, largest effect first. A lift of 1.5 is half as much again as without it.
SELECT
  promotion_name,
  start_date AS starts,
  promotion_days AS days,
  units,
  round(baseline_units, 1) AS without_it,
  round(lift, 2) AS lift
FROM gold.promotion_performance
WHERE is_enough_data
ORDER BY lift DESC, promotion_id, product_id
LIMIT 8

-- Promotions that hold up: a lift of 1.5 is half as much again as without it, and lies within its interval 19 times in 20.
-- Picked by a p-value adjusted for the number of promotions, strongest evidence first.
SELECT
  promotion_name,
  promotion_days AS days,
  units,
  round(baseline_units, 1) AS without_it,
  round(lift, 2) AS lift,
  round(lift_ci_low, 2) AS at_least,
  round(lift_ci_high, 2) AS at_most
FROM gold.promotion_performance
WHERE p_value_adjusted < 0.05
ORDER BY p_value_adjusted, promotion_id, product_id
LIMIT 8

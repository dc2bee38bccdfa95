-- What is bought together beyond chance: how much more often than baskets of these sizes would have it, at least (the lower end
-- of the 95 % interval). lift alone is above 1 for nearly every pair; in a small shop nearly every pair is chance.
SELECT
  product_name_a,
  product_name_b,
  orders_together AS orders,
  round(lift, 2) AS lift,
  round(lift_adjusted, 2) AS adjusted,
  round(lift_adjusted_ci_low, 2) AS at_least,
  affinity
FROM gold.product_affinity
ORDER BY affinity_rank NULLS LAST, lift_adjusted_ci_low DESC, product_id_a, product_id_b
LIMIT 8

/*
place: 3
question: Which promotions work?
about: >-
  A lift of 1.5 is half as much again as without the promotion, and lies within its interval 19 times in 20. Strongest
  evidence first: of many promotions a few look good by luck alone, and only those that stand although so many were
  tried hold up: as more than luck, for good above 1 or for bad below.
chart:
  kind: dots
  label: product
  detail: promotion
  value: lift
  low: at_least
  high: at_most
  reference: 1
  sure: holds_up
  title: Lift, with 95 % interval
  means: { sure: more than luck, unsure: may be luck }
context:
  query: >-
    SELECT count(*) AS promoted, count(lift) AS judged,
    count(CASE WHEN p_value_adjusted < 0.05 THEN 1 END) AS holding_up,
    count(CASE WHEN p_value_adjusted < 0.05 AND lift < 1 THEN 1 END) AS losing,
    bool_or(is_simulated) AS is_simulated, bool_or(is_date_estimated) AS is_date_estimated
    FROM gold.promotion_performance
  says: >-
    {judged} of {promoted} promoted products have enough data to be judged; of these, {holding_up} can be told from luck, {losing} of them below 1. About the
    others nothing is said.
empty: No promotion has enough data to be judged.
*/
SELECT
  product_name AS product,
  promotion_name AS promotion,
  performance.units,
  round(baseline_units, 1) AS without_it,
  round(lift, 2) AS lift,
  round(lift_ci_low, 2) AS at_least,
  round(lift_ci_high, 2) AS at_most,
  p_value_adjusted < 0.05 AS holds_up
FROM gold.promotion_performance AS performance
JOIN gold.dim_product AS products ON products.product_id = performance.product_id
WHERE lift IS NOT NULL
ORDER BY p_value_adjusted, p_value, promotion_id, performance.product_id
LIMIT 8

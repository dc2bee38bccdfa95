/*
place: 4
question: What do promotions do before, during and after?
about: >-
  Units sold by units expected without the promotion, over all promotions that can be judged. Week 0 is the promotion,
  however long; a week after it below 1 would be what was only brought forward. The weeks before lie near 1 by
  construction. Days on which another promotion of the product ran are left out. The 95 % interval takes promotions for the ones drawn at random.
chart:
  kind: line
  across: week
  value: effect
  low: at_least
  high: at_most
  reference: 1
  title: Units sold by units expected, with 95 % interval
  across_title: Weeks before and after the promotion
context:
  query: >-
    SELECT count(DISTINCT promotion_id) AS promotions,
    count(DISTINCT CASE WHEN expected_units IS NOT NULL THEN promotion_id END) AS judged,
    bool_or(is_simulated) AS is_simulated, bool_or(is_date_estimated) AS is_date_estimated
    FROM gold.promotion_daily_effect
  says: "{judged} of {promotions} promotions have products with enough data to be judged."
empty: No promotion has enough data to be judged.
*/
WITH days AS (
  SELECT
    effect.promotion_id,
    CASE
      WHEN effect.is_promotion_day THEN 0
      WHEN effect.order_date < start_date THEN -CAST(ceil(datediff(start_date, effect.order_date) / 7) AS INT)
      ELSE CAST(ceil(datediff(effect.order_date, end_date) / 7) AS INT)
    END AS week,
    effect.units,
    effect.expected_units
  FROM gold.promotion_daily_effect AS effect
  JOIN gold.promotion_performance AS performance
    ON performance.promotion_id = effect.promotion_id AND performance.product_id = effect.product_id
  LEFT JOIN gold.promotion_daily_effect AS other
    ON other.product_id = effect.product_id AND other.order_date = effect.order_date
    AND other.promotion_id <> effect.promotion_id AND other.is_promotion_day
  WHERE effect.expected_units IS NOT NULL AND other.promotion_id IS NULL
),
promotions AS (
  SELECT week, promotion_id, sum(units) AS units, sum(expected_units) AS expected
  FROM days
  GROUP BY week, promotion_id
),
weeks AS (
  SELECT week, count(*) AS promotions, sum(units) AS units, sum(expected) AS expected, sum(units) / nullif(sum(expected), 0) AS effect
  FROM promotions
  GROUP BY week
  HAVING count(*) > 1
),
-- The error of a ratio of sums, to first order: how far each promotion lies from what the common ratio expects.
errors AS (
  SELECT
    weeks.week,
    sqrt(sum(power(promotions.units - effect * promotions.expected, 2)) * max(weeks.promotions) / (max(weeks.promotions) - 1))
      / nullif(max(weeks.expected), 0) AS error
  FROM promotions
  JOIN weeks ON weeks.week = promotions.week
  GROUP BY weeks.week
)
SELECT
  weeks.week,
  promotions,
  units,
  round(expected, 1) AS expected,
  round(effect, 3) AS effect,
  round(effect - 1.96 * error, 3) AS at_least,
  round(effect + 1.96 * error, 3) AS at_most
FROM weeks
JOIN errors ON errors.week = weeks.week
ORDER BY weeks.week

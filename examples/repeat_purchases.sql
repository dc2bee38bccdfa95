-- Products whose first customers stay: how much more often than customers with an equally large first basket, at least
-- (the lower end of the 95 % interval), and whether that is more than luck among so many products.
SELECT
  product_name,
  first_order_buyers AS starts,
  round(repeat_buyer_rate, 2) AS again,
  round(retention_lift, 2) AS crude,
  round(retention_lift_adjusted, 2) AS lift,
  round(retention_lift_adjusted_ci_low, 2) AS at_least,
  is_retention_signal AS signal
FROM gold.product_repeat_purchase
WHERE retention_rank <= 8
ORDER BY retention_rank

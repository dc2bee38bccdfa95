-- Products that customers come back to: of those who bought one, how many bought it again.
SELECT
  product_name,
  department,
  buyers,
  round(repeat_buyer_rate, 2) AS repeat_buyer_rate,
  median_days_between_purchases AS median_days_between
FROM gold.product_repeat_purchase
WHERE repeat_rank_in_department = 1
ORDER BY repeat_buyer_rate DESC, product_name
LIMIT 8

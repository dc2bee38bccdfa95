-- Products that customers come back to: how many of a product's buyers bought it again, and how soon.
SELECT
  product_name,
  department,
  buyers,
  round(repeat_buyer_rate, 2) AS came_back,
  median_days_between_purchases AS after_days
FROM gold.product_repeat_purchase
WHERE buyers >= 100
ORDER BY repeat_buyer_rate DESC, product_name
LIMIT 8

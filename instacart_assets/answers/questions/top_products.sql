/*
place: 1
question: Which products sell most?
about: >-
  Units are order lines: the files hold no quantities. The reorder rate is the share of units whose customer had bought
  the product before.
chart: { kind: bars, label: product, detail: department, value: units, title: Units sold }
context:
  query: >-
    SELECT count(*) AS products, sum(units) AS units,
    round(sum(CASE WHEN place <= 12 THEN units END) / nullif(sum(units), 0), 4) AS top_share
    FROM (SELECT units, row_number() OVER (ORDER BY units DESC, product_id) AS place FROM gold.product_repeat_purchase)
  says: "{units} units of {products} products were sold; the first twelve products are {top_share} of that."
empty: No product was sold yet.
*/
SELECT
  product_name AS product,
  department,
  units,
  buyers,
  round(reorder_rate, 4) AS reorder_rate
FROM gold.product_repeat_purchase
WHERE units > 0
ORDER BY units DESC, product_id
LIMIT 12

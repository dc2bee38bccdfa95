-- Units by the department that products were in when their history began, and by the one they are in now.
WITH beginning AS (
  SELECT min(valid_from_at) AS begun_at FROM silver.product_history
),
placed AS (
  SELECT product_id, department
  FROM silver.product_history
  JOIN beginning ON valid_from_at <= begun_at AND (valid_to_at IS NULL OR begun_at < valid_to_at)
)
SELECT
  coalesce(placed.department, 'not known yet') AS department_then,
  items.department AS department_now,
  count(*) AS units
FROM silver.order_items AS items
LEFT JOIN placed ON placed.product_id = items.product_id
GROUP BY placed.department, items.department
ORDER BY units DESC, department_then, department_now
LIMIT 8

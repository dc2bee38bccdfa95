-- How a department's sales move over the week: each day's share of its units, in percent.
SELECT
  department,
  sum(units) AS units,
  round(100 * sum(CASE WHEN order_dow = 0 THEN units END) / sum(units), 1) AS day_0,
  round(100 * sum(CASE WHEN order_dow = 1 THEN units END) / sum(units), 1) AS day_1,
  round(100 * sum(CASE WHEN order_dow = 2 THEN units END) / sum(units), 1) AS day_2,
  round(100 * sum(CASE WHEN order_dow = 3 THEN units END) / sum(units), 1) AS day_3,
  round(100 * sum(CASE WHEN order_dow = 4 THEN units END) / sum(units), 1) AS day_4,
  round(100 * sum(CASE WHEN order_dow = 5 THEN units END) / sum(units), 1) AS day_5,
  round(100 * sum(CASE WHEN order_dow = 6 THEN units END) / sum(units), 1) AS day_6
FROM gold.department_hourly_profile
GROUP BY department
ORDER BY units DESC
LIMIT 8

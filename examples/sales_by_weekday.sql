-- How each department's sales move over the week: a day's share of the department's units, in percent.
SELECT
  department,
  sum(units) AS units,
  round(100 * sum(CASE WHEN day_name = 'Saturday' THEN units END) / sum(units), 1) AS sat,
  round(100 * sum(CASE WHEN day_name = 'Sunday' THEN units END) / sum(units), 1) AS sun,
  round(100 * sum(CASE WHEN day_name = 'Monday' THEN units END) / sum(units), 1) AS mon,
  round(100 * sum(CASE WHEN day_name = 'Tuesday' THEN units END) / sum(units), 1) AS tue,
  round(100 * sum(CASE WHEN day_name = 'Wednesday' THEN units END) / sum(units), 1) AS wed,
  round(100 * sum(CASE WHEN day_name = 'Thursday' THEN units END) / sum(units), 1) AS thu,
  round(100 * sum(CASE WHEN day_name = 'Friday' THEN units END) / sum(units), 1) AS fri
FROM gold.department_daily_sales
JOIN gold.dim_date ON order_date = date_day
GROUP BY department
ORDER BY units DESC
LIMIT 8

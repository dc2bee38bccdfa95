/*
place: 6
question: When in the week does each department sell?
about: >-
  The six departments that sell most, hour by hour. 2 is twice the department's mean hour of the week. Days and hours are
  those of the source, so nothing here depends on reconstructed dates.
chart:
  kind: weeks
  panel: department
  down: weekday
  across: hour
  value: index
  steps: [0.1, 0.5, 1, 1.5, 2, 2.5]
  title: Units by those of the department's mean hour
  across_title: Hour of the day
empty: No department sold anything yet.
*/
WITH largest AS (
  SELECT department_id, sum(units) AS department_units
  FROM gold.department_hourly_profile
  GROUP BY department_id
  HAVING sum(units) > 0
  ORDER BY department_units DESC, department_id
  LIMIT 6
)
SELECT
  hours.department,
  day_name AS weekday,
  order_hour_of_day AS hour,
  hours.units,
  round(hours.demand_index, 2) AS index
FROM gold.department_hourly_profile AS hours
JOIN largest ON largest.department_id = hours.department_id
JOIN gold.department_weekday_profile AS days
  ON days.department_id = hours.department_id AND days.order_dow = hours.order_dow
ORDER BY department_units DESC, hours.department_id, hours.order_dow, hour

/*
place: 5
question: How do sales move by department and day of the week?
about: >-
  1.2 is a fifth more than the department's mean day. Days of the week are those of the source, so nothing here depends on
  reconstructed dates. Sure days are those whose 95 % interval leaves 1 out.
chart:
  kind: heat
  label: department
  across: [sat, sun, mon, tue, wed, thu, fri]
  steps: [0.75, 0.85, 0.95, 1.05, 1.15, 1.25]
  title: Units by those of the department's mean day
empty: No department sold anything yet.
*/
SELECT
  department,
  sum(profile.units) AS units,
  round(max(CASE WHEN day_name = 'Saturday' THEN demand_index END), 2) AS sat,
  round(max(CASE WHEN day_name = 'Sunday' THEN demand_index END), 2) AS sun,
  round(max(CASE WHEN day_name = 'Monday' THEN demand_index END), 2) AS mon,
  round(max(CASE WHEN day_name = 'Tuesday' THEN demand_index END), 2) AS tue,
  round(max(CASE WHEN day_name = 'Wednesday' THEN demand_index END), 2) AS wed,
  round(max(CASE WHEN day_name = 'Thursday' THEN demand_index END), 2) AS thu,
  round(max(CASE WHEN day_name = 'Friday' THEN demand_index END), 2) AS fri,
  count(CASE WHEN demand_index_ci_low > 1 OR demand_index_ci_high < 1 THEN 1 END) AS sure_days
FROM gold.department_weekday_profile AS profile
GROUP BY department_id, department
HAVING sum(profile.units) > 0
ORDER BY units DESC, department_id
LIMIT 8

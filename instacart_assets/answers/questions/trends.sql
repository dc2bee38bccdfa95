/*
place: 7
question: Which departments sell more than they did?
about: >-
  The last four weeks by the four weeks before; 1 is no change. A trend is called one where it is more than chance
  although every department was tried; a holiday or the whole shop can make one too. Departments with a trend come first, then
  the largest; ten are shown.
chart:
  kind: dots
  label: department
  value: change
  low: at_least
  high: at_most
  reference: 1
  sure: is_trend
  title: Units by those of four weeks before, with 95 % interval
  means: { sure: a trend, unsure: within chance }
context:
  query: >-
    SELECT max(as_of_date) AS as_of_date, count(*) AS departments,
    count(CASE WHEN trend <> 'steady' THEN 1 END) AS trends, bool_or(is_date_estimated) AS is_date_estimated
    FROM gold.department_trends
  says: "Up to {as_of_date}: {trends} of {departments} departments have a trend."
empty: There are no eight weeks of sales to compare yet.
*/
SELECT
  department,
  units_28d AS units,
  units_28d_before AS units_before,
  round(change_index, 2) AS change,
  round(change_index_ci_low, 2) AS at_least,
  round(change_index_ci_high, 2) AS at_most,
  trend <> 'steady' AS is_trend
FROM gold.department_trends
WHERE change_index IS NOT NULL AND trend IS NOT NULL
ORDER BY trend = 'steady', units DESC, department_id
LIMIT 10

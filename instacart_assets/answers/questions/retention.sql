/*
place: 8
question: How many customers come back, and how often?
about: >-
  Share of all customers who get as far as their n-th order. Who is still active at the end of the data counts as not yet
  further, so later shares are the least they can be. The public files hold customers with 4 to 100 orders only: the first
  four shares are 1 by selection.
chart:
  kind: line
  across: order_number
  value: retention_rate
  low: at_least_rate
  high: at_most_rate
  title: Share of customers who get there, with 95 % interval
  across_title: Number of the order
context:
  query: >-
    SELECT max(customers) AS customers, max(CASE WHEN retention_rate >= 0.5 THEN order_number END) AS half
    FROM gold.order_retention
  says: "Of {customers} customers, half get as far as order {half}."
empty: Nobody ordered yet.
*/
SELECT
  order_number,
  customers,
  round(retention_rate, 4) AS retention_rate,
  round(retention_rate_ci_low, 4) AS at_least_rate,
  round(retention_rate_ci_high, 4) AS at_most_rate,
  round(average_days_since_prior_order, 1) AS days_since_order_before,
  round(average_basket_units, 1) AS basket_units
FROM gold.order_retention
WHERE order_number <= 30
ORDER BY order_number

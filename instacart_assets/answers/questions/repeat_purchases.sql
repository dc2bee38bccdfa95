/*
place: 2
question: Which products drive repeat purchases?
about: >-
  Customers whose first order held the product, against customers with an equally large first basket: how much more often
  do they go on to ten orders? 1 is no difference. The product is ranked by the lower end of its 95 % interval. A signal
  stands although thousands of products were tried; the others may be luck. It is an association, no proof of a cause.
chart:
  kind: dots
  label: product
  detail: department
  value: lift
  low: at_least
  high: at_most
  reference: 1
  sure: is_signal
  title: Retention lift, with 95 % interval
  means: { sure: a signal, unsure: may be luck }
context:
  query: >-
    SELECT count(*) AS products,
    count(CASE WHEN is_enough_first_orders THEN 1 END) AS judged,
    count(CASE WHEN is_retention_signal THEN 1 END) AS signals
    FROM gold.product_repeat_purchase
  says: >-
    {judged} of {products} products were in enough first orders to be judged; {signals} of these give a signal.
    About the others nothing is said.
empty: No product was in enough first orders to be judged.
*/
SELECT
  product_name AS product,
  department,
  first_order_buyers AS starts,
  round(repeat_buyer_rate, 4) AS again_rate,
  round(retention_lift_adjusted, 2) AS lift,
  round(retention_lift_adjusted_ci_low, 2) AS at_least,
  round(retention_lift_adjusted_ci_high, 2) AS at_most,
  is_retention_signal AS is_signal
FROM gold.product_repeat_purchase
WHERE retention_rank <= 8
ORDER BY retention_rank

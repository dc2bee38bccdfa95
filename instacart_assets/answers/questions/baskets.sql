/*
place: 9
question: What is bought together?
about: >-
  How many times as many orders hold both products as chance would put them together in baskets of the same sizes; 1 is chance.
  Ranked by the lower end of the 95 % interval, so that rare pairs do not win by luck. Pairs that hold up stand although all
  pairs of frequent products were tried.
chart:
  kind: dots
  label: product
  detail: bought_with
  value: lift
  low: at_least
  high: at_most
  reference: 1
  sure: holds_up
  title: Orders with both by those that chance would make, with 95 % interval
  means: { sure: holds up, unsure: may be luck }
context:
  query: >-
    SELECT count(*) AS pairs,
    count(CASE WHEN affinity = 'together' THEN 1 END) AS together,
    count(CASE WHEN affinity = 'apart' THEN 1 END) AS apart
    FROM gold.product_affinity
  says: >-
    {pairs} pairs are in enough orders to be judged; {together} of these are together more often than by chance, {apart}
    less often.
empty: No pair of products is in enough orders to be judged.
*/
SELECT
  product_name_a AS product,
  product_name_b AS bought_with,
  orders_together AS orders,
  customers_together AS customers,
  round(lift_adjusted, 2) AS lift,
  round(lift_adjusted_ci_low, 2) AS at_least,
  round(lift_adjusted_ci_high, 2) AS at_most,
  coalesce(affinity = 'together', false) AS holds_up
FROM gold.product_affinity
WHERE lift_adjusted IS NOT NULL
ORDER BY affinity_rank NULLS LAST, lift_adjusted_ci_low DESC, product_id_a, product_id_b
LIMIT 8

"""Questions, and what is made of them: charts, a page, a report, a dashboard."""

"""Answers: business questions to gold, as SQL files, and what is built from them: a report, a dashboard, an asset."""

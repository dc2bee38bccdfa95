"""Answers: what people ask of gold, as SQL files, and what is made of them: a report, a dashboard, an asset."""

"""The report: one self-contained folder of pages with the leaderboard."""

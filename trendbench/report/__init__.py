"""The report: one self-contained folder that shows the leaderboard to people."""

"""The leaderboard: generated from records."""

"""The leaderboard: generated from records, never typed."""

"""Entries: images from elsewhere as one file, and how a leaderboard takes them in."""

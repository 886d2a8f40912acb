"""Who takes part in a campaign and what they said: one table of moves, votes, and who had the last word."""

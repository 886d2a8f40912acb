"""The rules of the house as pure functions: roles, limits, kinds and gates, quiet hours, pacing, reach."""

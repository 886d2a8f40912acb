"""The chat door: grammar and words of staff commands."""

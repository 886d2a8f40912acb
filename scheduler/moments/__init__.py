"""The Moments calendar: which day, which minute or why not, in pictures and words, and what mirrors make of it."""

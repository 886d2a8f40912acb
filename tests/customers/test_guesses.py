"""Nobody becomes somebody else by guessing: ends of numbers are tried a few times a day, and merge nobody."""

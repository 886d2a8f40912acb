"""A process at work: its lock, its clockwork, its screen, its share of the accounts, and how it is watched."""

"""Everything that may be wrong with an installation: looked at without changing it, each with its mend."""

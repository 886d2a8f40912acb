"""What staff may ask for, whatever door they come through: typed, complete, and plain enough to be kept as JSON."""

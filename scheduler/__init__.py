"""What is due, when, and to whom."""

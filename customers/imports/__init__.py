"""Tables that shops bring: orders and customers, read with suspicion, written once, taken back whole."""

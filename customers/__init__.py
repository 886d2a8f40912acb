"""People: friends, orders, claims, levels, consent, channels."""

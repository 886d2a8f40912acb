"""How fast the fleet is, measured against the bare wire in the same run. See README.md here."""

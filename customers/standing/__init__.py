"""What somebody is to the shop: purchases, level, tier, core and bond."""

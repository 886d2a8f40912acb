"""Campaigns under way: started, steered, led through their phases, answered, and held again."""

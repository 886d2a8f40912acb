"""Campaigns of several phases: their files, their timeline, who takes part and what they answered."""

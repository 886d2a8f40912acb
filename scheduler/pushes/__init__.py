"""Welfare pushes: whom they reach, in which words, how they are planned, opened, paused and taken back."""

"""Voices: the operators' YAML, templates, replies, words."""

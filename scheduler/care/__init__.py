"""Kindness that sells nothing: birthdays, festivals, the days after a purchase; and lessons for partners."""

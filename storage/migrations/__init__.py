"""Migrations, oldest first. A change of `storage/tables.py` brings one."""

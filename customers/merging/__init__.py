"""Several entries that are one person: on evidence, and apart again."""

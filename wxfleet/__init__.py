"""The composition root: settings, wiring, service, command line."""

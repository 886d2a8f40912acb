"""`python -m wxfleet`: the same as the command."""

from wxfleet.cli import main

main()

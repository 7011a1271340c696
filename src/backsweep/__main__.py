"""`python -m backsweep` is the command line."""

from backsweep.cli import main

main()

"""`python -m pushforward`: the command line."""

from .cli import main

main()

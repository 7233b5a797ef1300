"""`python -m edge`."""

from edge.main import main

main()

"""`python -m responder`."""

from responder.main import main

if __name__ == "__main__":
    main()

"""`python -m voice_service`."""

from voice_service.main import main

main()

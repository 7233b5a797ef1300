"""`python -m tts_proxy`."""

from tts_proxy.main import main

main()

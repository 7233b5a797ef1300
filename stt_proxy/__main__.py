"""`python -m stt_proxy`."""

from stt_proxy.main import main

main()

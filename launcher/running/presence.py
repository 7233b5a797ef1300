"""Whether a mesh runs already where one is wanted."""

from launcher.running.plan import Plan
from launcher.running.probes import http_json


async def is_running(planned: Plan) -> bool:
    """Whether an edge of Parley's answers at the planned address."""
    match await http_json(*planned.edge, "/v1/health", timeout_s=3.0):
        case {"stt_up": bool(), "tts_up": bool(), "llm_up": bool()}:
            return True
        case _:
            return False

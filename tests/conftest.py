"""What all tests share. The harnesses that several folders use are these:

- `tests/fakes`: servers on real ports, each of which behaves as a test says.
- `tests/moshi_client/server.py`: a moshi-server that does with each stream what a test says.
- `standins`: whole engines, which keep to a schedule and can be given faults.
- `tests/mesh/discovery/cluster.py`: replicas under one name, and the name service that knows them.
- `tests/orchestrator/harness.py`: an orchestrator among fakes; `caller.py` beside it is its client.
- `tests/edge/conftest.py`: an edge in front of a scripted orchestrator, and clients for it.
- `tests/unmute/mesh_with_standins.py`: the processes of a mesh in front of stand-ins of the engines.
- `tests/e2e/mesh.py`: the processes of a mesh with the embedded engines.
"""

from hypothesis import HealthCheck, settings

# How fast an example is made and run says how busy the machine is, not whether the code is right.
settings.register_profile("parley", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("parley")

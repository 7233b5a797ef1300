"""Load tests: simulated users who talk to a mesh, and the figures of what they experience.

| where | what |
|---|---|
| `speech`, `opus_stream` | what users say, encoded once; Ogg pages of one's own around it |
| `microphone`, `user` | one user: speaks in real time, listens, asks again |
| `targets/` | what a test can be aimed at |
| `websocket` | a client connection that costs little |
| `conversation`, `sessions` | what is noted of a session: turns and their moments |
| `load` | the run: who comes when, and what is sampled |
| `processes` | CPU time and memory of a mesh on this machine |
| `results`, `statistics`, `report/` | figures, and how they are shown |

It knows the public contracts and the codec of the edge. It imports no service otherwise, and no command.
"""

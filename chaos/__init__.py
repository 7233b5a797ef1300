"""Fault injection: conversations on a mesh of real processes, one of which is killed, frozen, stopped or cut off.

    parley chaos --victim orchestrator --fault kill

`mesh` runs the processes, each behind a `link`, which can be cut. `caller` is one client with a microphone, and
`phases` what it says before and after the fault. Everything that is said, heard and lost goes into a `journal`.
`judging` reads journals: pure functions that decide whether the promises of docs/reliability.md were kept.
`strikes` puts them together, and `matrix` prints.
"""

"""What a check finds; see `mesh.findings`."""

from mesh.findings import Finding, State, advice, fine, wrong

__all__ = ["Finding", "State", "advice", "fine", "wrong"]

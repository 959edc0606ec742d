"""ATT&CK's tactics by name: what a FortiSIEM rule calls its subcategory is often one of them."""

TACTICS = (
    "Reconnaissance",
    "Resource Development",
    "Initial Access",
    "Execution",
    "Persistence",
    "Privilege Escalation",
    "Defense Evasion",
    "Credential Access",
    "Discovery",
    "Lateral Movement",
    "Collection",
    "Command and Control",
    "Exfiltration",
    "Impact",
)
"""The enterprise matrix, in ATT&CK's order and spelling."""

_BY_NAME = {name.lower(): name for name in TACTICS}


def tactics_of(subcategory: str) -> tuple[str, ...]:
    """Give the tactic that a subcategory names, in any case; none if it is something else."""
    tactic = _BY_NAME.get(subcategory.strip().lower())
    return () if tactic is None else (tactic,)

"""The verbs under which the audit tells of a wheel."""

TAKEN = "take the wheel"
LET_GO = "let the wheel go"
HANDED_OVER = "hand the wheel over"
ASKED = "ask for the wheel"

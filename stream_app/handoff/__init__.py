"""Hand-off: an incident in the words of whoever receives it."""

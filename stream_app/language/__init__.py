"""The rule language: text in, a predicate over an event's attributes out. It imports no other room."""

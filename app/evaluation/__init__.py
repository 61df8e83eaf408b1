"""Scores of people and of the machine held against each other: what is read, what is worked out, how it is shown."""

"""How the figures move with the number of finished assessments."""

"""The result: fusion of all scores, skills, summary."""

"""Scoring essays: prompts, models' answers, local estimates, detection of attacks on the grader."""

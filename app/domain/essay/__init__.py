"""Scoring essays: prompts, answers of models, local estimates, attacks on the grader."""

"""Assay: scores assessments by rule at once, essays by a language model, and recommends with sources."""

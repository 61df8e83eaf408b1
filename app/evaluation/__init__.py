"""Evaluating scorers against people's scores, and recommendations against labelled queries: files, measures, output."""

"""Tests of the insights and the grade book, over HTTP."""

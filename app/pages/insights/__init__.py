"""Pages of figures: insights with charts, and the grade book."""

"""Pages of advisors: the review queue, judging a score, lists of assessments, and traces."""

"""Pages of students: their assessments, answering, and the outcome."""

"""Managing tracks, questions and credentials."""

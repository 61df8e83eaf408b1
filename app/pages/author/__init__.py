"""Pages of authors: tracks, questions and credentials."""

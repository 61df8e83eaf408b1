"""Managing tracks, questions and credentials, importing credentials, and adding the sample data."""

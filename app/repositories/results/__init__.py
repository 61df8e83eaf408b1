"""What people change of results: overrides of scores, and appeals."""

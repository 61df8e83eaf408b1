"""A bare service that does the same work for the same requests, and what it takes Assay in comparison."""

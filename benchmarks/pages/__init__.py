"""The pages at scale."""

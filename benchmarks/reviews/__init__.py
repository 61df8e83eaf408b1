"""The review queue at scale."""

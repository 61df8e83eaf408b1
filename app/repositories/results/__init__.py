"""What belongs to results: overrides, appeals, the review queue, feedback and traces."""

"""Results: fusion, overrides, traces, feedback."""

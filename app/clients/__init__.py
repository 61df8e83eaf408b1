"""Everything that leaves the process: the model, the embedding runtime, the doorbell."""

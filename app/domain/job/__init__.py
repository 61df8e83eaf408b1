"""When a failed job is tried again."""

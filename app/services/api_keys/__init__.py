"""API keys: managing them, and accepting requests that carry one."""

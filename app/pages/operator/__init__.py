"""What operators see and do: the system's state, jobs, webhooks, API keys, people and the audit log."""

"""Worker processes: arq brings the messages, `app.services` does the work."""

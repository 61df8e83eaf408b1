"""Starting, answering, submitting and following assessments."""

"""Starting assessments, saving answers, submitting, and reading or waiting for the status."""

"""What `assay doctor` checks of the servers and models that a deployment uses."""

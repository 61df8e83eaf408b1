"""What `make run` needs and a deployment does not."""

"""What operators read of the running system."""

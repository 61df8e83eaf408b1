"""One use case for each module. They own the transactions and take what they need as arguments."""

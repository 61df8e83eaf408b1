"""Several processes of one service under a supervisor that starts, watches, replaces and stops them."""

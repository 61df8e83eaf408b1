"""Searching credentials and recommending them."""

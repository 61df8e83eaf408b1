"""Tokens, right and wrong, and the identity provider that issues them."""

"""Handlers of the JSON API, one module for each kind of resource."""

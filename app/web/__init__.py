"""The JSON API: one table of routes, handlers that parse, call one service and render, and the OpenAPI document."""

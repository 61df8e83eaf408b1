"""HTTP: one table of routes, handlers that parse, call one service and render, and the mapping of errors."""

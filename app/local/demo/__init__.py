"""Everything on one machine with one command: servers, API, worker, and a sample assessment sent through it."""

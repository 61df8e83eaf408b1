"""One module for each aggregate; each function takes a connection or pool, runs one named statement, returns values."""

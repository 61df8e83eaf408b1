"""`assay up` and `assay demo`: a whole deployment on this machine, and a sample assessment that goes through it."""

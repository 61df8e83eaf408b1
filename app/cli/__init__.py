"""The `assay` command, one module for each subcommand."""

"""How many files a service may open: each waiting client is one."""

import resource

# More than the clients that one server handles at the same time.
_MOST = 65_536
# Files besides the connections of clients and to the database: those of the program itself, and that it serves.
OTHER_FILES = 200


def open_file_limit() -> int:
    """The limit of a service, after it has raised it."""
    _, maximum = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _MOST if maximum == resource.RLIM_INFINITY else min(maximum, _MOST)


def raise_open_file_limit() -> None:
    """Raises the shell's limit of about a thousand towards the system's."""
    _, maximum = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (open_file_limit(), maximum))


def connections_that_fit(maximum: int, database_connections: int) -> int:
    """How many clients may be connected, `maximum` at most, so that the process never runs out of files: a server that
    does accepts nobody, says nothing about it, and cannot connect to the database again."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(1, min(maximum, limit - OTHER_FILES - database_connections))

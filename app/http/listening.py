"""Errors of listening on HOST and PORT."""

import errno
import os

from app.settings import UnusableSetting


def address_error(host: str, port: int, error: OSError) -> UnusableSetting:
    """Why HOST and PORT cannot be listened on, with the name of the one to change."""
    if error.errno == errno.EADDRINUSE:
        return UnusableSetting(f"PORT: {host}:{port} is already in use")
    if error.errno in (errno.EACCES, errno.EPERM):
        return UnusableSetting(f"PORT: no permission to listen on {host}:{port}")
    reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or str(error)
    return UnusableSetting(f"HOST: cannot listen on {host}: {reason}")

"""What errors of the network mean, in words for operators, and which addresses only this machine reaches."""

import errno
import ipaddress
import os
import re
import socket
import ssl
from collections.abc import Iterator

from app.settings import UnusableSetting

# asyncio puts the numbers of several addresses into one text.
_NUMBER = re.compile(r"\[Errno (\d+)\]")
_REFUSED_ADDRESS = re.compile(r"Connect call failed \('([^']+)', (\d+)")


def describe_error(error: BaseException) -> str:
    """The error in one line: for those of the network what happened, such as `connection refused`; for others their
    first line, or their name where they have no text."""
    for cause in _chain(error):
        if isinstance(cause, socket.gaierror):
            return f"the host name cannot be resolved: {cause.strerror or cause}"
        if isinstance(cause, ssl.SSLError):
            if words := _tls_error(cause):
                return words
            # Its number is none of the system's.
            continue
        if reason := _reason(cause):
            address = _REFUSED_ADDRESS.search(str(cause))
            return f"{reason} by {address[1]} port {address[2]}" if address else reason
        if isinstance(cause, TimeoutError):
            return "no answer in time"
    return next(iter(str(error).splitlines()), "") or type(error).__name__


def address_error(host: str, port: int, error: OSError) -> UnusableSetting:
    """Why HOST and PORT cannot be listened on, with the name of the one to change."""
    if error.errno == errno.EADDRINUSE:
        return UnusableSetting(f"PORT: {host}:{port} is already in use")
    if error.errno in (errno.EACCES, errno.EPERM):
        return UnusableSetting(f"PORT: no permission to listen on {host}:{port}")
    return UnusableSetting(f"HOST: cannot listen on {host}: {_reason(error) or error.strerror or str(error)}")


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and its causes."""
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__


def _tls_error(error: ssl.SSLError) -> str | None:
    """What is wrong with TLS. aiohttp's errors are of these types without their attributes; their causes have them."""
    if isinstance(error, ssl.SSLCertVerificationError):
        message = getattr(error, "verify_message", None)
        return f"the certificate is not valid: {message}" if message else None
    reason: str | None = getattr(error, "reason", None)
    return f"TLS failed: {reason.replace('_', ' ').lower()}" if reason else None


def _reason(error: BaseException) -> str | None:
    """The system's words for the number of the error."""
    number = error.errno if isinstance(error, OSError) else None
    if number is None and (match := _NUMBER.search(str(error))):
        number = int(match[1])
    return os.strerror(number).lower() if number is not None and number > 0 else None


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the address."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

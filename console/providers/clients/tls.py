"""Whom a connection trusts: this computer's store, or certificates of a target's own, kept out of files."""

import functools
import os
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import truststore


@functools.cache
def computer_trust() -> ssl.SSLContext:
    """Return this computer's trust store for HTTP, read once for all clients: it takes time and memory."""
    found: ssl.SSLContext = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    found.set_alpn_protocols(["http/1.1"])
    return found


def client_context(authority: str, certificate: str = "", key: str = "") -> ssl.SSLContext:
    """Return a context that trusts the `authority` alone (PEM; "" is this computer's trust store) and shows the certificate given, if any.

    Raises ssl.SSLError or ValueError for what is no PEM, and for a key that does not fit.
    """
    context: ssl.SSLContext = (ssl if authority else truststore).SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if authority:
        context.load_verify_locations(cadata=authority)
    if certificate:
        with _as_file(f"{certificate.strip()}\n{key.strip()}\n".encode("ascii")) as path:
            context.load_cert_chain(path, password=_no_password)
    return context


def _no_password() -> str:
    """Answer for a key that has a password, so that nothing asks for it at a terminal."""
    raise ValueError("the key has a password")


@contextmanager
def _as_file(data: bytes) -> Iterator[str]:
    """Give data a path for as long as OpenSSL reads it: in memory where the system can, else in a file for us alone."""
    if hasattr(os, "memfd_create") and os.path.isdir("/proc/self/fd"):
        number = os.memfd_create("key")
        try:
            os.write(number, data)
            yield f"/proc/self/fd/{number}"
        finally:
            os.close(number)
        return
    number, path = tempfile.mkstemp()  # made readable for us alone
    try:
        os.write(number, data)
        os.close(number)
        yield path
    finally:
        os.unlink(path)

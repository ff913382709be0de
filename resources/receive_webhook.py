#!/usr/bin/env python3
"""Receive what a `webhook` channel of release-console tells, and refuse what is forged, changed, old or sent before.

    RELEASE_NOTES_KEY=whsec_... python receive_webhook.py 8443

It shares no code with the program and needs Python 3.9 or newer, nothing else: take `refusal` into a receiver of your own. Each note comes
with the headers `webhook-id`, `webhook-timestamp` (seconds since 1970) and `webhook-signature`, as Standard Webhooks 1.0 has them; their
libraries verify it too. A note that was not accepted comes again with the same id, a new timestamp and a new signature.
"""

import base64
import hmac
import http.server
import json
import os
import sys
import time

TOLERANCE_S = 300
"""A timestamp further from now is refused, so an id has to be remembered for twice as long, and no longer."""


def key_of(secret):
    """Return the signing key that a secret spells."""
    return base64.b64decode(secret[6:], validate=True) if secret.startswith("whsec_") else secret.encode()


def refusal(headers, body, key, now, seen):
    """Return why a request is refused, "" when it is taken; `headers` have small names, `seen` keeps the ids taken, with their times."""
    note, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    signed = note.encode() + b"." + stamp.encode() + b"." + body
    wanted = "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
    given = headers.get("webhook-signature", "").split()
    if not any(hmac.compare_digest(wanted.encode(), each.encode()) for each in given):
        return "the signature is not ours"
    if not stamp.isascii() or not stamp.isdigit() or abs(now - int(stamp)) > TOLERANCE_S:
        return "the timestamp is too old, or ahead"
    for old in [each for each, at in seen.items() if now - at > 2 * TOLERANCE_S]:
        del seen[old]
    if note in seen:
        return "this note came before"
    seen[note] = now
    return ""


class Receiver(http.server.BaseHTTPRequestHandler):
    """Prints each note that is taken, in one line."""

    key, seen = b"", {}

    def do_POST(self):
        """Take one note."""
        body = self.rfile.read(min(int(self.headers.get("content-length", "0")), 65536))
        headers = {name.lower(): value for name, value in self.headers.items()}
        why = refusal(headers, body, self.key, time.time(), self.seen)
        before = why == "this note came before"
        self.send_response(200 if not why or before else 401)
        self.send_header("content-length", "0")
        self.end_headers()
        print("refused: " + why if why else json.loads(body)["text"], flush=True)

    def log_message(self, *_):
        """Print nothing else."""


if __name__ == "__main__":
    Receiver.key = key_of(os.environ["RELEASE_NOTES_KEY"])
    http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()

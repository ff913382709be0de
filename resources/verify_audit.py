#!/usr/bin/env python3
"""Verify an exported audit of release-console without the program: python verify_audit.py EXPORT.jsonl [ANCHOR.jsonl ...].

It shares no code with the program and needs Python 3.9 or newer, nothing else; where the library `cryptography` is installed,
signatures are checked faster with it. EXPORT may be an evidence bundle (.zip). Exit code 0: every record holds; 1: one does not, and the
first that does not is named; 2: the file cannot be read.

What it checks: each body against its hash, its number, its log, the record before it and its Ed25519 signature (RFC 8032); the Merkle tree
over the hashes (RFC 9162) against every checkpoint (c2sp.org/tlog-checkpoint) and anchor; in an export of a part, each record's proof.
"""

import argparse
import base64
import hashlib
import json
import sys
import zipfile

FIRST_PREV = "0" * 64
ORIGIN = "release-console/"


# Ed25519 (RFC 8032, section 5.1), verification only, in extended coordinates.

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_M1 = pow(2, (P - 1) // 4, P)


def _recover_x(y, sign):
    if y >= P:
        return None
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    if x2 == 0:
        return None if sign else 0
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P != 0:
        x = x * ROOT_M1 % P
    if (x * x - x2) % P != 0:
        return None
    return P - x if (x & 1) != sign else x


def _point(data):
    if len(data) != 32:
        return None
    number = int.from_bytes(data, "little")
    y, sign = number & ((1 << 255) - 1), number >> 255
    x = _recover_x(y, sign)
    return None if x is None else (x, y, 1, x * y % P)


def _add(one, two):
    a = (one[1] - one[0]) * (two[1] - two[0]) % P
    b = (one[1] + one[0]) * (two[1] + two[0]) % P
    c, d = 2 * one[3] * two[3] * D % P, 2 * one[2] * two[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def _times(count, point):
    result = (0, 1, 1, 0)
    while count:
        if count & 1:
            result = _add(result, point)
        point = _add(point, point)
        count >>= 1
    return result


def _same(one, two):
    return (one[0] * two[2] - two[0] * one[2]) % P == 0 and (one[1] * two[2] - two[1] * one[2]) % P == 0


_BASE_Y = 4 * pow(5, P - 2, P) % P
_BASE_X = _recover_x(_BASE_Y, 0)
BASE = (_BASE_X, _BASE_Y, 1, _BASE_X * _BASE_Y % P)


def ed25519_slowly(public, content, signature):
    """Tell whether an Ed25519 signature holds, with nothing but integers."""
    if len(public) != 32 or len(signature) != 64:
        return False
    key, commitment = _point(public), _point(signature[:32])
    scalar = int.from_bytes(signature[32:], "little")
    if key is None or commitment is None or scalar >= ORDER:
        return False
    digest = hashlib.sha512(signature[:32] + public + content).digest()
    challenge = int.from_bytes(digest, "little") % ORDER
    return _same(_times(scalar, BASE), _add(commitment, _times(challenge, key)))


def ed25519(public, content, signature):
    """Tell whether an Ed25519 signature holds."""
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError:
        return ed25519_slowly(public, content, signature)
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, content)
    except (InvalidSignature, ValueError):
        return False
    return True


# The Merkle tree (RFC 9162, section 2.1).


def sha(data):
    return hashlib.sha256(data).digest()


class Edge:
    """The right edge of the growing tree: one full subtree a level."""

    def __init__(self):
        self.levels = []

    def add(self, entry):
        carried, level = sha(b"\0" + entry), 0
        while level < len(self.levels) and self.levels[level] is not None:
            carried = sha(b"\1" + self.levels[level] + carried)
            self.levels[level] = None
            level += 1
        if level == len(self.levels):
            self.levels.append(None)
        self.levels[level] = carried

    def root(self):
        root = None
        for subtree in self.levels:
            if subtree is not None:
                root = subtree if root is None else sha(b"\1" + subtree + root)
        return sha(b"") if root is None else root


def included(entry, index, size, proof, root):
    """Check an inclusion proof (RFC 9162, section 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    here, last, found = index, size - 1, sha(b"\0" + entry)
    for sibling in proof:
        if last == 0:
            return False
        if here & 1 or here == last:
            found = sha(b"\1" + sibling + found)
            while here and not here & 1:
                here, last = here >> 1, last >> 1
        else:
            found = sha(b"\1" + found + sibling)
        here, last = here >> 1, last >> 1
    return last == 0 and found == root


# Checkpoints (c2sp.org/signed-note, c2sp.org/tlog-checkpoint).


class Bad(Exception):
    """The first record that does not hold, and why."""

    def __init__(self, seq, why):
        super().__init__(f"record {seq}: {why}")
        self.seq, self.why = seq, why


def read_note(note):
    """Return log id, size, root, text and signature lines of a checkpoint. Raises ValueError."""
    text, gap, tail = note.rpartition("\n\n")
    lines = (text + "\n").split("\n")
    if not gap or len(lines) < 4 or not lines[0].startswith(ORIGIN) or not all(lines[:-1]):
        raise ValueError("no checkpoint")
    if not (lines[1].isascii() and lines[1].isdigit()) or (lines[1] != "0" and lines[1].startswith("0")) or len(lines[1]) > 19:
        raise ValueError("its size is no number")
    root = base64.b64decode(lines[2], validate=True)
    if len(root) != 32:
        raise ValueError("its root is no hash")
    return lines[0][len(ORIGIN) :], int(lines[1]), root, text + "\n", tail.split("\n")


def signed_by(note, keys):
    """Return whether a known key signed a checkpoint, and none of those named failed. Raises ValueError."""
    log, _, _, text, lines = read_note(note)
    name, held = ORIGIN + log, False
    for line in lines:
        if not line:
            continue
        parts = line.split(" ")
        if len(parts) != 3 or parts[0] != "\u2014":
            raise ValueError("it has a line that is no signature")
        content = base64.b64decode(parts[2], validate=True)
        for public in keys.values():
            if parts[1] == name and content[:4] == sha(name.encode() + b"\n\x01" + public)[:4]:
                if not ed25519(public, text.encode(), content[4:]):
                    raise ValueError("its signature does not hold")
                held = True
    return held


class Head:
    """A checkpoint or an anchor that the records must agree with."""

    def __init__(self, note, keys, log, source=""):
        self.source, self.problem, self.size, self.root = source, "", 0, b""
        try:
            found, self.size, self.root, _, _ = read_note(note)
            if found != log:
                self.problem = "it belongs to another log"
            elif not source and not signed_by(note, keys):
                self.problem = "no known key signed it"
        except ValueError as error:
            self.problem = str(error)

    def __str__(self):
        return f"the anchor in {self.source}" if self.source else "a checkpoint"


# The records.


class Export:
    """What an export holds, line by line."""

    def __init__(self, lines):
        self.lines = iter(enumerate(lines, 1))
        self.keys, self.people, self.newest, self.partial, self.waiting = {}, {}, "", False, None
        for number, line in self.lines:
            if line.strip():
                self.waiting = number, line
                break
        if self.waiting is not None:
            self._head()

    def _head(self):
        try:
            held = json.loads(self.waiting[1])
            if "keys" not in held:
                return
            for key in held["keys"]:
                public = bytes.fromhex(key["public"])
                if hashlib.sha256(public).hexdigest()[:32] == key["id"]:
                    self.keys[key["id"]] = public
                    self.people[key["id"]] = f"{key['person']} ({key['place']}, {key['id'][:8]})"
            self.newest, self.partial = str(held.get("newest", "")), bool(held.get("partial"))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return
        self.waiting = None

    def __iter__(self):
        if self.waiting is not None:
            yield self.waiting
        yield from ((number, line) for number, line in self.lines if line.strip())


class Log:
    """Walks through the records and remembers what it saw."""

    def __init__(self, export, anchors, partial):
        self.export, self.anchors, self.partial = export, anchors, partial
        self.log, self.seq, self.prev, self.checked, self.unsigned = "", 0, FIRST_PREV, 0, 0
        self.edge, self.signed, self.checkpoints, self.anchored, self.agreed = Edge(), {}, 0, 0, 0
        self.open, self.newest, self.heads, self.sure = {}, None, None, False

    def run(self):
        for number, line in self.export:
            try:
                held = json.loads(line)
                note = held.get("checkpoint")
                if isinstance(note, str):
                    self.checkpoint(note)
                    continue
                body = held["body"].encode()
                fields = json.loads(held["body"])
                signature = base64.b64decode(held["signature"], validate=True) if held.get("signature") else None
                record = (held.get("seq", fields["seq"]), held["hash"], fields["log"], fields["prev"], fields["kind"], fields["step"])
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
                raise Bad(self.seq + 1, f"line {number} is not a record") from None
            self.record(record, body, fields, signature, held.get("proof"))
        self.end()

    def record(self, record, body, fields, signature, proof):
        seq, digest, log, prev, kind, step = record
        self.begin(log)
        if not isinstance(seq, int) or isinstance(seq, bool):
            raise Bad(self.seq + 1, "its number is no number")
        if self.partial and seq > self.seq + 1:
            self.seq, self.prev = seq - 1, prev
        if seq > self.seq + 1:
            raise Bad(self.seq + 1, f"it was deleted (the next one is {seq})")
        if seq != self.seq + 1:
            raise Bad(seq, f"it stands where {self.seq + 1} belongs")
        entry = sha(body)
        if entry.hex() != digest:
            raise Bad(seq, "the body does not match its hash")
        if fields.get("v") not in (1, 2) or log != self.log or fields["seq"] != seq:
            raise Bad(seq, "the body belongs elsewhere")
        if prev != self.prev:
            blamed = seq if self.sure or self.seq == 0 or not (self.partial or self.confirmed(digest)) else self.seq
            raise Bad(blamed, f"record {seq} was sealed upon another content of {self.seq}")
        self.signature(seq, fields.get("key", ""), body, signature)
        if not self.partial:
            self.rewritten(seq, entry)
        else:
            self.proof(seq, entry, proof)
        self.edge.add(entry)
        self.seq, self.prev, self.checked = seq, digest, self.checked + 1
        if kind == "intent" and step:
            self.open[step] = True
        elif kind == "outcome":
            self.open.pop(step, None)
        if not self.partial:
            self.pass_anchors()

    def confirmed(self, digest):
        """Tell whether the next record, if there is one, was sealed upon this hash."""
        for _, line in self.export:
            try:
                held = json.loads(line)
                if "checkpoint" not in held:
                    return json.loads(held["body"])["prev"] == digest
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
                return True
        return True

    def begin(self, log):
        if self.heads is not None:
            return
        self.log = log
        self.heads = sorted((Head(a["note"], self.export.keys, log, a["source"]) for a in self.anchors), key=lambda head: head.size)
        if self.export.newest:
            newest = Head(self.export.newest, self.export.keys, log)
            if newest.problem:
                raise Bad(1, f"the newest checkpoint cannot be trusted: {newest.problem}")
            self.newest = newest

    def signature(self, seq, key, body, signature):
        if (key == "") != (signature is None):
            raise Bad(seq, "its signature was taken away or put on")
        self.sure = bool(key)
        if not key:
            self.unsigned += 1
            return
        public = self.export.keys.get(key)
        if public is None or not ed25519(public, body, signature):
            raise Bad(seq, "its signature does not hold")
        self.signed[key] = self.signed.get(key, 0) + 1

    def rewritten(self, seq, entry):
        for anchor in self.anchors:
            place = (seq - 1 - anchor["start"]) * 6
            kept = anchor["digests"][place : place + 6] if place >= 0 else b""
            if len(kept) == 6 and kept != entry[:6]:
                raise Bad(seq, f"it is not the one that was anchored in {anchor['source']}")

    def proof(self, seq, entry, proof):
        if self.newest is None or seq > self.newest.size:
            return
        try:
            hashes = [bytes.fromhex(one) for one in proof]
            if not isinstance(proof, list):
                raise TypeError("no list")
        except (ValueError, TypeError):
            raise Bad(seq, "its proof is missing or no list of hashes") from None
        if not included(entry, seq - 1, self.newest.size, hashes, self.newest.root):
            raise Bad(seq, "its proof does not lead to the newest checkpoint")

    def checkpoint(self, note):
        if self.export.partial:
            return
        try:
            size = read_note(note)[1]
        except ValueError:
            size = self.seq
        if size != self.seq:
            raise Bad(self.seq + 1, f"a checkpoint of {size} records stands behind record {self.seq}")
        self.compare(Head(note, self.export.keys, self.log))
        self.checkpoints += 1

    def pass_anchors(self):
        while self.heads and self.heads[0].size <= self.seq:
            head = self.heads.pop(0)
            self.compare(head)
            self.anchored = head.size

    def compare(self, head):
        since = self.agreed + 1
        if head.problem:
            raise Bad(since, f"{head} cannot be trusted: {head.problem}")
        if head.size != self.seq or head.root != self.edge.root():
            raise Bad(since, f"records {since} to {head.size} are not those of {head}")
        self.agreed = head.size

    def end(self):
        self.begin(self.log)
        for head in [] if self.partial else self.heads:
            if head.problem:
                self.compare(head)
            raise Bad(self.seq + 1, f"it was cut off; {head} has {head.size} records")
        if self.newest is not None and not self.partial and self.newest.size > self.seq:
            raise Bad(self.seq + 1, f"it was cut off; the newest checkpoint has {self.newest.size} records")

    def facts(self, bad):
        return {
            "ok": bad is None,
            "first_bad": None if bad is None else bad.seq,
            "problem": "" if bad is None else bad.why,
            "log_id": self.log,
            "size": self.checked,
            "head": self.prev if self.checked else "",
            "root": self.newest.root.hex() if self.partial and self.newest else self.edge.root().hex(),
            "bodies_checked": self.checked,
            "signatures": {self.export.people[key]: count for key, count in self.signed.items()},
            "unsigned": self.unsigned,
            "checkpoints": self.checkpoints,
            "open_intents": list(self.open),
            "unanchored": self.seq - self.anchored if self.anchors else None,
        }


def read_anchors(paths):
    found = []
    for path in paths:
        with open(path, encoding="utf-8") as file:
            for line in filter(str.strip, file):
                held = json.loads(line)
                digests = base64.b64decode(held.get("digests", ""), validate=True)
                found.append({"note": str(held["note"]), "start": int(held.get("start", 0)), "digests": digests, "source": path})
    return found


def bundle_lines(path):
    """Return the records of an evidence bundle, once its files agree with its list of hashes."""
    with zipfile.ZipFile(path) as bundle:
        for name, digest in json.loads(bundle.read("manifest.json"))["files"].items():
            if hashlib.sha256(bundle.read(name)).hexdigest() != digest:
                raise ValueError(f"{name} is not the file that the bundle lists")
        return bundle.read("records.jsonl").decode("utf-8").split("\n")


def verify(lines, anchors=(), partial=False):
    """Return what was found in the lines of an export."""
    export = Export(lines)
    log = Log(export, list(anchors), partial or export.partial)
    try:
        log.run()
    except Bad as bad:
        return log.facts(bad)
    return log.facts(None)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("export", help="an export (JSON Lines) or an evidence bundle (.zip)")
    parser.add_argument("anchors", nargs="*", help="anchor files")
    parser.add_argument("--partial", action="store_true", help="records were left out of the export")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    given = parser.parse_args()
    try:
        anchors = read_anchors(given.anchors)
        if zipfile.is_zipfile(given.export):
            facts = verify(bundle_lines(given.export), anchors, given.partial)
        else:
            with open(given.export, encoding="utf-8", errors="replace", newline="\n") as file:
                facts = verify(file, anchors, given.partial)
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"{given.export}: {error}", file=sys.stderr)
        return 2
    if given.json:
        print(json.dumps(facts, indent=2))
    else:
        for name, value in facts.items():
            print(f"{name:<15} {value}")
        print("Every record holds." if facts["ok"] else f"Record {facts['first_bad']} does not hold: {facts['problem']}.")
    return 0 if facts["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())

"""The evidence of one rollout in one file: what was planned, done, refused and judged, with the proofs that it is so."""

import hashlib
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from console.files.documents import HEAD, csv_lines, html_lines, record_cells
from console.files.export import export_line, head_line
from console.model.audit import ExportHead, Record, RecordKind
from console.model.clock import iso
from console.model.document import Part
from console.model.errors import BadFile
from console.model.rollout import GateSample, Rollout

MASK = "***"
_ACTIONS = frozenset({RecordKind.INTENT, RecordKind.OUTCOME, RecordKind.PHASE, RecordKind.TAKEOVER, RecordKind.PLAN})
_SAMPLE_HEAD = ("at", "gate", "weight", "baseline ok", "baseline failed", "canary ok", "canary failed")
_README = """Evidence of rollout {rollout}, made {made_at}.

report.html      for reading, and for printing
records.jsonl    the records as they were hashed and signed, each with the proof that it belongs to the checkpoint
checkpoint.txt   the signed checkpoint of the log (c2sp.org/tlog-checkpoint)
consistency.json the proof that the log only grew between the rollout's last record and that checkpoint (RFC 9162)
keys.json        the public keys; compare their ids with what you know of the people
plan.json        the plan that was approved, by its hash
actions, refusals, verdicts, samples   as .json and .csv; graphs.json holds the graphs as they were seen then
manifest.json    the SHA-256 of every file, and what was masked
verify_audit.py  checks all of it with Python alone:  python verify_audit.py {name}
"""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a bundle is made of. `records` are those of the rollout, in order, with their proofs."""

    rollout: Rollout
    made_at: str
    head: ExportHead
    records: Sequence[Record]
    samples: Sequence[GateSample]
    consistency: Mapping[str, Any]
    verifier: bytes


def document(evidence: Evidence) -> Iterator[Part]:
    """Yield the parts of the report in order, for HTML, for a PDF, and for the screen."""
    rollout, plan = evidence.rollout, evidence.rollout.plan
    yield Part(
        f"{plan.release} on {plan.target}",
        (
            f"Rollout {rollout.id}, {rollout.phase.value}. Begun by {rollout.started_by.name} at {iso(rollout.started_at)}.",
            f"Reason: {rollout.reason}",
            f"From {plan.stable_version} ({plan.stable}) to {plan.canary_version} ({plan.canary}). Plan {plan.hash}.",
            f"Log {evidence.head.log_id}; {len(evidence.records)} records of this rollout. {_signed(evidence.records)}",
        ),
    )
    steps = [(str(step.seq), step.verb.value, step.system, _json(step.want), step.reversibility.value) for step in plan.steps]
    yield Part("Plan", (), ("step", "verb", "system", "want", "reversibility"), steps)
    yield Part("Permits", ("No permit was used.",))
    yield Part("Actions", (), HEAD, [record_cells(record) for record in evidence.records if record.entry.kind in _ACTIONS])
    yield Part("Refusals", (), HEAD, [record_cells(record) for record in evidence.records if record.entry.kind is RecordKind.REFUSAL])
    yield Part("Verdicts", (), ("seq", "at", "verdict", "evidence"), list(_verdicts(evidence)))
    yield Part("Samples that the gates saw", (), _SAMPLE_HEAD, [_sample_cells(sample) for sample in evidence.samples])
    yield Part("Checkpoint", tuple(evidence.head.newest.split("\n")) if evidence.head.newest else ("The records are not signed.",))
    keys = [(key.id, key.person, key.place, key.made_at) for key in evidence.head.keys]
    yield Part("Keys", (), ("id", "person", "place", "made"), keys)
    masked = [(str(one["seq"]), str(one["place"])) for one in masked_places(evidence.records)]
    yield Part("Masked", ("What looked like a secret was masked before it was hashed.",), ("record", "place"), masked)


def write_bundle(path: Path, evidence: Evidence) -> None:
    """Write a bundle whole or not at all. Raises BadFile."""
    beside = path.with_name(f".{path.name}.part")
    try:
        digests: dict[str, str] = {}
        with zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED) as bundle:
            for name, lines in _files(evidence, path.name):
                digests[name] = _write(bundle, name, lines)
            _write(bundle, "manifest.json", [_json_text(_manifest(evidence, digests))])
        beside.replace(path)
        path.chmod(0o600)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise BadFile(f"{path} cannot be written: {(error.strerror or str(error)).lower()}.") from error


def read_bundle(path: Path) -> list[str]:
    """Return the record lines of a bundle once every file agrees with the manifest. Raises BadFile."""
    try:
        with zipfile.ZipFile(path) as bundle:
            for name, digest in json.loads(bundle.read("manifest.json"))["files"].items():
                if hashlib.sha256(bundle.read(name)).hexdigest() != digest:
                    raise BadFile(f"{name} in {path} is not the file that the bundle's manifest lists.", advice="Ask for the bundle anew.")
            return bundle.read("records.jsonl").decode("utf-8").split("\n")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise BadFile(f"{path} is no evidence bundle: {error}.") from error


def masked_places(records: Iterable[Record]) -> list[dict[str, object]]:
    """Return where in which record something was masked."""
    return [{"seq": record.seq, "place": place} for record in records for place in _masked(json.loads(record.body), "")]


def _masked(value: Any, place: str) -> Iterator[str]:
    if isinstance(value, str):
        if MASK in value:
            yield place
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _masked(item, f"{place}/{name}")
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _masked(item, f"{place}/{number}")


def _files(evidence: Evidence, name: str) -> Iterator[tuple[str, Iterable[str | bytes]]]:
    records = evidence.records
    lines = (line + "\n" for line in (head_line(evidence.head), *map(export_line, records)))
    yield "records.jsonl", lines
    yield "checkpoint.txt", [evidence.head.newest]
    yield "consistency.json", [_json_text(evidence.consistency)]
    yield "keys.json", [_json_text([{**asdict(key), "public": key.public.hex()} for key in evidence.head.keys])]
    yield "plan.json", [evidence.rollout.plan.text()]
    groups = {
        "actions": [record for record in records if record.entry.kind in _ACTIONS],
        "refusals": [record for record in records if record.entry.kind is RecordKind.REFUSAL],
        "verdicts": [record for record in records if record.entry.kind is RecordKind.VERDICT],
    }
    for group, found in groups.items():
        yield f"{group}.json", [_json_text([json.loads(record.body) for record in found])]
        yield f"{group}.csv", csv_lines(HEAD, map(record_cells, found))
    yield "samples.json", [_json_text([_sample(sample) for sample in evidence.samples])]
    yield "samples.csv", csv_lines(_SAMPLE_HEAD, map(_sample_cells, evidence.samples))
    yield "graphs.json", [_json_text(_graphs(evidence.samples))]
    yield "report.html", html_lines(f"Evidence of rollout {evidence.rollout.id}", document(evidence))
    yield "verify_audit.py", [evidence.verifier]
    yield "README.txt", [_README.format(rollout=evidence.rollout.id, made_at=evidence.made_at, name=name)]


def _write(bundle: zipfile.ZipFile, name: str, lines: Iterable[str | bytes]) -> str:
    """Write one file piece by piece, and return its SHA-256."""
    digest = hashlib.sha256()
    with bundle.open(name, "w") as file:
        for line in lines:
            piece = line if isinstance(line, bytes) else line.encode()
            digest.update(piece)
            file.write(piece)
    return digest.hexdigest()


def _manifest(evidence: Evidence, digests: Mapping[str, str]) -> dict[str, Any]:
    return {
        "bundle": 1,
        "rollout": evidence.rollout.id,
        "made_at": evidence.made_at,
        "log": evidence.head.log_id,
        "files": dict(digests),
        "masked": masked_places(evidence.records),
        "left_out": ["ids of affected customers: records hold a keyed hash of each"],
    }


def _graphs(samples: Sequence[GateSample]) -> dict[str, Any]:
    """Return each gate's graph as it was seen: running sums over time, with the hash of its points."""
    graphs = {}
    for gate, found in groupby(sorted(samples, key=lambda one: one.gate), key=lambda one: one.gate):
        sums, points = [0, 0, 0, 0], []
        for sample in found:
            fresh = (sample.baseline_ok, sample.baseline_failed, sample.canary_ok, sample.canary_failed)
            sums = [before + more for before, more in zip(sums, fresh, strict=True)]
            points.append([iso(sample.at), sample.weight, *sums])
        digest = hashlib.sha256(json.dumps(points, separators=(",", ":")).encode()).hexdigest()
        graphs[gate] = {"columns": ["at", "weight", *_SAMPLE_HEAD[3:]], "points": points, "sha256": digest}
    return graphs


def _verdicts(evidence: Evidence) -> Iterator[tuple[str, ...]]:
    for record in evidence.records:
        if record.entry.kind is RecordKind.VERDICT:
            yield str(record.seq), iso(record.entry.at), record.entry.result, _json(record.entry.detail)


def _sample(sample: GateSample) -> dict[str, Any]:
    return {**asdict(sample), "at": iso(sample.at)}


def _sample_cells(sample: GateSample) -> tuple[str, ...]:
    counts = (sample.weight, sample.baseline_ok, sample.baseline_failed, sample.canary_ok, sample.canary_failed)
    return (iso(sample.at), sample.gate, *map(str, counts))


def _signed(records: Sequence[Record]) -> str:
    unsigned = sum(not record.signed for record in records)
    return f"{unsigned} of them are unsigned." if unsigned else "All of them are signed."


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True, default=str)


def _json_text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, default=str) + "\n"

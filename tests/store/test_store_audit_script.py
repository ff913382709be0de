"""The verifier that shares no code with the program finds what the program finds, and checks signatures with nothing but integers."""

import importlib.util
import json
import os
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
from attacks import fill
from store_kit import ANN, NOON, HandClock, entry
from tampering import TAMPERINGS
from test_store_signing import Drawer

from console.files.export import export_line, head_line, write_export
from console.model.audit import Anchor, AuditFilter, Record, RecordKind
from console.store.exported import verify_export
from console.store.keys import Signer
from console.store.signing import make_key
from console.store.sqlite import open_store

pytestmark = pytest.mark.anyio
SCRIPT = Path(__file__).parent.parent.parent / "resources" / "verify_audit.py"
TRIES = int(os.environ.get("AUDIT_TAMPERINGS", "200"))


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("verify_audit", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


async def exported(folder: Path, chosen: AuditFilter = AuditFilter()) -> tuple[list[str], Anchor]:
    """Write some history, partly unsigned, and return the lines of its export with an anchor of the middle."""
    store = open_store(folder, HandClock())
    for number in range(3):
        await store.audit.append(entry(f"before {number}"))
    await store.close()
    store = open_store(folder, HandClock(), signer=Signer("ann", Drawer()))
    assert await store.audit.begin_signing() == ""
    await fill(store)
    anchor = replace(await store.audit.anchor(0), source="anchor.jsonl")
    for number in range(4):
        await store.audit.append(entry(f"after {number}", RecordKind.VERDICT))
    head = await store.audit.export_head(chosen)
    parts = store.audit.parts(chosen, head)
    lines = [head_line(head), *(export_line(one) if isinstance(one, Record) else json.dumps({"checkpoint": one.note}) for one in parts)]
    await store.close()
    return lines, anchor


def asked(anchor: Anchor) -> dict[str, object]:
    return {"note": anchor.note, "start": anchor.start, "digests": anchor.digests, "source": anchor.source}


async def test_both_tell_the_same_of_an_untouched_export(script: ModuleType, tmp_path: Path):
    lines, anchor = await exported(tmp_path / "data")
    ours, theirs = verify_export(lines, anchors=(anchor,)), script.verify(lines, [asked(anchor)])
    assert ours.ok
    for name in ("log_id", "size", "head", "root", "bodies_checked", "signatures", "unsigned", "checkpoints", "unanchored"):
        assert getattr(ours, name) == theirs[name], name
    assert theirs["open_intents"] == list(ours.open_intents)
    assert (ours.unsigned, ours.unanchored) == (3, 4)


@pytest.mark.parametrize("anchored", [False, True])
@pytest.mark.parametrize("partial", [False, True])
async def test_both_agree_on_random_tamperings(script: ModuleType, tmp_path: Path, anchored: bool, partial: bool):
    chosen = AuditFilter(kinds=frozenset({RecordKind.CONSOLE, RecordKind.INTENT})) if partial else AuditFilter()
    lines, anchor = await exported(tmp_path / "data", chosen)
    anchors = (anchor,) if anchored and not partial else ()
    found = 0
    for seed in range(TRIES // 4):
        chance = random.Random(seed + 1000 * anchored + 2000 * partial)
        tamper = TAMPERINGS[seed % len(TAMPERINGS)]
        changed = tamper(list(lines), chance)
        ours, theirs = verify_export(changed, anchors=anchors), script.verify(changed, [asked(one) for one in anchors])
        told = f"{tamper.__name__} of seed {seed}: {ours.problem!r} and {theirs['problem']!r}"
        assert (ours.ok, ours.first_bad) == (theirs["ok"], theirs["first_bad"]), told
        found += not ours.ok
    assert found >= TRIES // 4 * (0.6 if partial else 0.85)  # a part may lack records, and a hidden end shows outside only


async def test_a_part_of_the_audit_proves_each_record_against_the_newest_checkpoint(script: ModuleType, tmp_path: Path):
    lines, _ = await exported(tmp_path / "data", AuditFilter(kinds=frozenset({RecordKind.FREEZE})))
    assert (verify_export(lines).ok, script.verify(lines)["ok"], len(lines)) == (True, True, 4)
    held = json.loads(lines[2])
    held["proof"][0] = "00" * 32
    lines[2] = json.dumps(held)
    assert verify_export(lines).first_bad == script.verify(lines)["first_bad"] == held["seq"]


def test_signatures_are_checked_with_nothing_but_integers(script: ModuleType):
    key = make_key("ann", "keyring", "")
    public, signature = key.public.public, key.sign(b"body")
    assert script.ed25519_slowly(public, b"body", signature)
    assert not script.ed25519_slowly(public, b"bodY", signature)
    for place in range(0, 64, 7):
        flipped = signature[:place] + bytes([signature[place] ^ 1]) + signature[place + 1 :]
        assert not script.ed25519_slowly(public, b"body", flipped)
    assert not script.ed25519_slowly(b"\xff" * 32, b"body", signature)
    seed_less = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    of_nothing = bytes.fromhex(
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
    )
    assert script.ed25519_slowly(seed_less, b"", of_nothing)  # RFC 8032, section 7.1, test 1


async def test_the_script_runs_by_itself_on_files(tmp_path: Path):
    store = open_store(tmp_path / "data", HandClock(), signer=Signer("ann", Drawer()))
    await store.audit.begin_signing()
    await store.freezes.lift(ANN, "nothing to lift", NOON)
    head = await store.audit.export_head(AuditFilter())
    write_export(tmp_path / "audit.jsonl", store.audit.parts(AuditFilter(), head), head)
    await store.close()
    command = [sys.executable, "-I", "-S", str(SCRIPT), str(tmp_path / "audit.jsonl")]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert (done.returncode, "Every record holds." in done.stdout) == (0, True), done.stderr
    text = (tmp_path / "audit.jsonl").read_text().replace("nothing to lift", "nothing to loft")
    (tmp_path / "audit.jsonl").write_text(text)
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert (done.returncode, "Record 2 does not hold" in done.stdout) == (1, True), done.stdout
    (tmp_path / "audit.jsonl").unlink()
    assert subprocess.run(command, check=False, capture_output=True, text=True, timeout=60).returncode == 2

"""Changes an export at random, as a forger with a text editor, a JSON library and some knowledge of the format would."""

import base64
import json
import random
from collections.abc import Callable
from hashlib import sha256
from typing import Any

Lines = list[str]


def _records(lines: Lines) -> list[int]:
    return [index for index, line in enumerate(lines) if line.startswith('{"seq":')]


def _notes(lines: Lines) -> list[int]:
    return [index for index, line in enumerate(lines) if line.startswith('{"checkpoint":')]


def _one(lines: Lines, chance: random.Random) -> int:
    return chance.choice(_records(lines))


def _change(lines: Lines, index: int, **fields: Any) -> Lines:
    held = json.loads(lines[index]) | fields
    return [*lines[:index], json.dumps({key: value for key, value in held.items() if value is not None}), *lines[index + 1 :]]


def delete(lines: Lines, chance: random.Random) -> Lines:
    index = _one(lines, chance)
    return lines[:index] + lines[index + 1 :]


def delete_many(lines: Lines, chance: random.Random) -> Lines:
    index = _one(lines, chance)
    return lines[:index] + lines[index + chance.randint(2, 6) :]


def truncate(lines: Lines, chance: random.Random) -> Lines:
    return lines[: _one(lines, chance)]


def truncate_and_hide(lines: Lines, chance: random.Random) -> Lines:
    head = json.loads(lines[0])
    head["newest"] = ""
    return [json.dumps(head), *lines[1 : _one(lines, chance)]]


def double(lines: Lines, chance: random.Random) -> Lines:
    index, place = _one(lines, chance), _one(lines, chance)
    return [*lines[:place], lines[index], *lines[place:]]


def swap(lines: Lines, chance: random.Random) -> Lines:
    one, two = chance.sample(_records(lines), 2)
    changed = list(lines)
    changed[one], changed[two] = lines[two], lines[one]
    return changed


def flip(lines: Lines, chance: random.Random) -> Lines:
    """Change one sign anywhere in a record's line."""
    index = _one(lines, chance)
    place = chance.randrange(len(lines[index]))
    sign = chr(chance.randrange(32, 127))
    return [*lines[:index], lines[index][:place] + sign + lines[index][place + 1 :], *lines[index + 1 :]]


def edit_body(lines: Lines, chance: random.Random) -> Lines:
    index = _one(lines, chance)
    body = json.loads(lines[index])["body"].replace('"ann"', '"eve"')
    return _change(lines, index, body=body)


def edit_and_hash(lines: Lines, chance: random.Random) -> Lines:
    index = _one(lines, chance)
    body = json.loads(lines[index])["body"].replace('"ann"', '"eve"')
    return _change(lines, index, body=body, hash=sha256(body.encode()).hexdigest())


def forge_link(lines: Lines, chance: random.Random) -> Lines:
    index = _one(lines, chance)
    fields = json.loads(json.loads(lines[index])["body"]) | {"prev": "f" * 64}
    body = json.dumps(fields, sort_keys=True, separators=(",", ":"))
    return _change(lines, index, body=body, hash=sha256(body.encode()).hexdigest())


def renumber(lines: Lines, chance: random.Random) -> Lines:
    return _change(lines, _one(lines, chance), seq=chance.choice([0, -1, 3, 10**6, 1.5, "2", True]))


def unsign(lines: Lines, chance: random.Random) -> Lines:
    return _change(lines, _one(lines, chance), signature=None)


def sign_wrongly(lines: Lines, chance: random.Random) -> Lines:
    wrong = chance.choice([bytes(64), chance.randbytes(64), chance.randbytes(63)])
    return _change(lines, _one(lines, chance), signature=base64.b64encode(wrong).decode())


def swap_signatures(lines: Lines, chance: random.Random) -> Lines:
    one, two = chance.sample(_records(lines), 2)
    first, second = json.loads(lines[one]).get("signature"), json.loads(lines[two]).get("signature")
    return _change(_change(lines, one, signature=second), two, signature=first)


def chain_anew(lines: Lines, chance: random.Random) -> Lines:
    """Change a record and seal all that follow anew."""
    index, changed, prev = _one(lines, chance), list(lines), None
    for place in _records(lines):
        if place < index:
            continue
        body = json.loads(lines[place])["body"]
        fields = json.loads(body.replace('"ann"', '"eve"') if place == index else body)
        fields["prev"] = prev or fields["prev"]
        fresh = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        prev = sha256(fresh.encode()).hexdigest()
        changed = _change(changed, place, body=fresh, hash=prev)
    return changed


def edit_note(lines: Lines, chance: random.Random) -> Lines:
    notes = _notes(lines)
    if not notes:
        return delete(lines, chance)
    index = chance.choice(notes)
    note = json.loads(lines[index])["checkpoint"]
    place = chance.randrange(len(note) - 1)
    return _change(lines, index, checkpoint=note[:place] + chance.choice("Ax9+/ \n") + note[place + 1 :])


def move_note(lines: Lines, chance: random.Random) -> Lines:
    notes = _notes(lines)
    if not notes:
        return swap(lines, chance)
    index = chance.choice(notes)
    left = lines[:index] + lines[index + 1 :]
    place = chance.choice(_records(left))
    return [*left[:place], lines[index], *left[place:]]


def other_key(lines: Lines, chance: random.Random) -> Lines:
    head = json.loads(lines[0])
    if not head.get("keys"):
        return truncate(lines, chance)
    chance.choice(head["keys"])["public"] = chance.randbytes(32).hex()
    return [json.dumps(head), *lines[1:]]


def no_head(lines: Lines, chance: random.Random) -> Lines:
    return lines[1:]


def garbage(lines: Lines, chance: random.Random) -> Lines:
    place = _one(lines, chance)
    return [*lines[:place], chance.choice(["roses are red", "{}", "[]", "null", '{"body": 5}', '{"checkpoint": 5}']), *lines[place:]]


TAMPERINGS: tuple[Callable[[Lines, random.Random], Lines], ...] = (
    delete,
    delete_many,
    truncate,
    truncate_and_hide,
    double,
    swap,
    flip,
    edit_body,
    edit_and_hash,
    forge_link,
    renumber,
    unsign,
    sign_wrongly,
    swap_signatures,
    chain_anew,
    edit_note,
    move_note,
    other_key,
    no_head,
    garbage,
)

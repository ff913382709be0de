"""Who may do what in the team's database, as data: from this come the grants, the triggers and the rows that a person may touch."""

from collections.abc import Mapping
from dataclasses import dataclass

from console.model.errors import BadFile

ROLES = ("viewer", "operator", "approver", "admin", "auditor")
ENVIRONMENTS = ("production", "staging", "practice")

MEANS: Mapping[str, str] = {
    "viewer": "reads everything but personal data",
    "operator": "starts, drives and takes back rollouts; adds targets; freezes and stops the line",
    "approver": "gives permits to others; ends freezes and stops",
    "admin": "does what an operator does, ends freezes and stops, adds people, deletes what is past its retention",
    "auditor": "reads everything, personal data too; anchors and pins the audit",
}


@dataclass(frozen=True, slots=True)
class Groups:
    """The database roles of one team; nobody logs in as one. Databases of a server share its roles, so the log's id tells teams apart."""

    log: str

    def of(self, role: str) -> str:
        """Return the group that stands for a role of the team."""
        return f"release_console_{self.log[:8]}_{role}"

    @property
    def owner(self) -> str:
        """Return who owns the tables."""
        return self.of("owner")

    @property
    def member(self) -> str:
        """Return what everybody of the team is."""
        return self.of("member")

    @property
    def all(self) -> str:
        """Return the groups of all roles, for a statement."""
        return self.some(ROLES)

    def some(self, roles: tuple[str, ...]) -> str:
        """Return the groups of some roles, for a statement."""
        return ", ".join(map(self.of, roles))


def checked_roles(roles: tuple[str, ...]) -> tuple[str, ...]:
    """Return roles in their usual order. Raises BadFile for an unknown one, and for none."""
    unknown = sorted(set(roles) - set(ROLES))
    if unknown or not roles:
        raise BadFile(f"There is no role {', '.join(unknown) or 'given'}.", advice=f"Roles are: {', '.join(ROLES)}.")
    return tuple(role for role in ROLES if role in roles)


_DRIVE = ("operator", "admin")
_STOP = ("operator", "approver", "admin")
_END = ("approver", "admin")
_ALL = ROLES
_HARD = ("operator", "approver", "admin", "auditor")


@dataclass(frozen=True, slots=True)
class Rule:
    """A table's rights: the roles that may insert, update and delete; `scope` decides by a row which of its rows a person may write.

    `recorded` are the arguments of the trigger that wants a record in the same transaction. `read` are the roles that may read it.
    """

    insert: tuple[str, ...] = ()
    update: tuple[str, ...] = ()
    delete: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    scope: str = ""
    recorded: tuple[str, str] | None = None
    named: str = ""
    read: tuple[str, ...] = _ALL
    grows: bool = False


RULES: Mapping[str, Rule] = {
    "about": Rule(insert=_ALL, delete=_ALL, scope="key = 'frontier'"),
    "audit": Rule(insert=_ALL, grows=True),
    "audit_keys": Rule(insert=_ALL, named="person", grows=True),
    "checkpoints": Rule(insert=_ALL, grows=True),
    "pins": Rule(insert=_HARD, delete=("admin",)),
    "customers": Rule(insert=_DRIVE, delete=_DRIVE, scope="my_rollout(rollout)", read=("operator", "admin", "auditor")),
    "salts": Rule(insert=_DRIVE, delete=_DRIVE, scope="my_rollout(rollout)", read=("operator", "admin", "auditor")),
    "rollouts": Rule(insert=_DRIVE, update=_DRIVE, scope="my_target(target)", recorded=("rollout", "id")),
    "steps": Rule(insert=_DRIVE, update=_DRIVE, scope="my_rollout(rollout)", recorded=("rollout", "rollout")),
    "trains": Rule(insert=_DRIVE, update=_DRIVE, scope="my_targets(targets)", recorded=("rollout", "id")),
    "leases": Rule(insert=_DRIVE, update=_DRIVE, delete=_DRIVE, scope="my_rollout(rollout)"),
    "consoles": Rule(insert=_ALL, update=_ALL, delete=_ALL, scope="person = session_user::text"),
    "merged": Rule(insert=_ALL),
    "windows": Rule(insert=_STOP, update=_END, columns=("removed_at",), recorded=("kind", "=freeze")),
    "stops": Rule(insert=_STOP, update=_END, columns=("lifted_at",), recorded=("kind", "=freeze")),
    "targets": Rule(insert=_DRIVE, update=_DRIVE, delete=_DRIVE, scope="my_environment(environment)", recorded=("target", "name")),
    "samples": Rule(insert=_DRIVE, delete=("admin",), scope="my_rollout(rollout)"),
    "quarantines": Rule(insert=_DRIVE, update=_DRIVE, scope="my_target(target)", recorded=("target", "target")),
    "rehearsals": Rule(insert=_DRIVE, scope="my_target(target)", recorded=("target", "target")),
    "settings": Rule(),
    "people": Rule(insert=("admin",), update=("admin",), recorded=("kind", "=setting")),
    "permits": Rule(insert=_DRIVE, update=_STOP, recorded=("kind", "=permit")),
}
"""By table; a table that is not named here can be read and not written."""


def table_rules(table: str, groups: Groups) -> list[str]:
    """Return the statements that give a table its rights; they can be run again and again."""
    rule = RULES.get(table, Rule())
    found = [f"REVOKE ALL ON {table} FROM PUBLIC, {groups.member}, {groups.all}"]
    found.append(f"GRANT SELECT ON {table} TO {groups.some(rule.read)}")
    columns = f" ({', '.join(rule.columns)})" if rule.columns else ""
    for verb, roles in (("INSERT", rule.insert), (f"UPDATE{columns}", rule.update), ("DELETE", rule.delete)):
        if roles:
            found.append(f"GRANT {verb} ON {table} TO {groups.some(roles)}")
    return [*found, *_triggers(table, rule), *_scope(table, rule)]


def _triggers(table: str, rule: Rule) -> list[str]:
    found = []
    if rule.recorded is not None:
        column, value = rule.recorded
        found += _constraint(table, f"check_state('{column}', '{value}')")
    if table == "leases":
        found += _constraint(table, "check_lease()")
    if rule.named:
        found += _before(table, "named", "INSERT", f"check_named('{rule.named}')")
    if rule.grows:
        found += _before(table, "grows", "UPDATE OR DELETE", "only_grows()")
    found += _before(table, "stays", "TRUNCATE", "only_grows()", each="STATEMENT")
    for name, events, function in (
        ("audit", "INSERT", "check_record()"),
        ("rollouts", "UPDATE", "check_rollout()"),
        ("trains", "UPDATE", "check_train()"),
        ("permits", "INSERT OR UPDATE", "check_permit()"),
    ):
        if table == name:
            found += _before(table, "checked", events, function)
    return found


def _before(table: str, name: str, events: str, function: str, each: str = "ROW") -> list[str]:
    trigger = f"{table}_{name}"
    return [
        f"DROP TRIGGER IF EXISTS {trigger} ON {table}",
        f"CREATE TRIGGER {trigger} BEFORE {events} ON {table} FOR EACH {each} EXECUTE FUNCTION {function}",
    ]


def _constraint(table: str, function: str) -> list[str]:
    """Return a trigger that is asked when the transaction ends, so that the record may come before or after the change."""
    events = "AFTER INSERT OR UPDATE OR DELETE"
    when = "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
    return [
        f"DROP TRIGGER IF EXISTS {table}_recorded ON {table}",
        f"CREATE CONSTRAINT TRIGGER {table}_recorded {events} ON {table} {when} EXECUTE FUNCTION {function}",
    ]


def _scope(table: str, rule: Rule) -> list[str]:
    """Return the policies of a table: everybody of the team reads all rows, and writes those of their environments."""
    if not rule.scope:
        return []
    found = [f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"]
    for name, rest in (
        ("read", "FOR SELECT USING (true)"),
        ("add", f"FOR INSERT WITH CHECK ({rule.scope})"),
        ("change", f"FOR UPDATE USING ({rule.scope}) WITH CHECK ({rule.scope})"),
        ("drop", f"FOR DELETE USING ({rule.scope})"),
    ):
        found += [f"DROP POLICY IF EXISTS {table}_{name} ON {table}", f"CREATE POLICY {table}_{name} ON {table} {rest}"]
    return found

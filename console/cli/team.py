"""The `team` commands: records in a team's database, its people, and copies of the records."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from console.app import team
from console.app.opening import begin_logs
from console.cli.output import plain, print_json, print_table
from console.cli.target import AsJson, Reason
from console.model.audit import VerifyReport

app = typer.Typer(no_args_is_help=True, help="Records in a team's database: set it up, use it, its people, backup and retention.")
_ADDRESS = "postgresql://LOGIN@HOST/DATABASE, without a password; off this computer its server has to prove its name (?sslrootcert=FILE)."
Url = Annotated[str, typer.Argument(help=f"The database: {_ADDRESS}")]
AsAdmin = Annotated[str, typer.Option("--url", help=f"Connect as another login, as the database's administrator: {_ADDRESS}")]
Place = Annotated[str, typer.Option("--password", help="Where the password is: keyring:NAME or env:NAME; left out, ~/.pgpass.")]
Roles = Annotated[list[str], typer.Option("--role", help="viewer, operator, approver, admin or auditor; may be repeated.")]
Environments = Annotated[list[str] | None, typer.Option("--environment", help="Only for targets of it; may be repeated.")]


@app.command()
def setup(
    url: Url,
    *,
    password: Place = "",
    only_print: Annotated[bool, typer.Option("--print", help="Print the statements and run nothing.")] = False,
) -> None:
    """Set a database up, or bring an older one forward, as its administrator; run again it changes nothing."""
    if only_print:
        print(team.setup_text(url))
        return
    for done in team.set_up(url, password):
        print(f"done: {done}")
    print("Add people with: release-console team add-person NAME --role operator --url " + url)


@app.command()
def use(url: Url, *, password: Place = "") -> None:
    """Keep records in a team's database from now on; what was recorded here stays until `team move`."""
    begin_logs("cli")
    reached, protection = asyncio.run(team.use(url, password))
    print(f"Records are kept in {reached}; the database is pinned.")
    print(f"The way there: {protection}.")


@app.command()
def leave() -> None:
    """Keep records in your own folder again."""
    asyncio.run(team.leave())
    print("Records are kept in your own folder.")


@app.command()
def trust() -> None:
    """Pin the team's database anew, after it was restored or moved on purpose."""
    print(f"What answers next as {asyncio.run(team.trust())} is pinned.")


@app.command()
def show(*, as_json: AsJson = False) -> None:
    """Show where records are kept, under which login, and whether it answers."""
    found = asyncio.run(team.shown())
    if as_json:
        print_json(found)
        return
    print_table(("WHAT", "NOW"), [(key, str(value)) for key, value in found.items()])


@app.command("add-person")
def add_person(
    name: Annotated[str, typer.Argument(help="The login.")],
    *,
    role: Roles,
    environment: Environments = None,
    secret: Annotated[str, typer.Option("--secret", help="Where the person's first password is: keyring:NAME or env:NAME.")] = "",
    url: AsAdmin = "",
    password: Place = "",
) -> None:
    """Give somebody a login and these roles, and no others."""
    from console.store.postgres.setup import Person  # noqa: PLC0415  # psycopg, for teams only

    person = Person(name, tuple(role), tuple(environment or ()))
    for done in asyncio.run(team.add_person(person, secret, url, password)):
        print(f"done: {done}")


@app.command("remove-person")
def remove_person(name: Annotated[str, typer.Argument(help="The login.")], *, url: AsAdmin = "", password: Place = "") -> None:
    """Take somebody's rights away; their records stay."""
    asyncio.run(team.remove_person(name, url, password))
    print(f"{name} is not one of the team any more.")


@app.command()
def roles(*, as_json: AsJson = False) -> None:
    """List the people of the team with their roles, and what each role may do."""
    from console.store.postgres.grants import MEANS  # noqa: PLC0415

    people = asyncio.run(team.people())
    if as_json:
        print_json({"people": [plain(person) for person in people], "roles": dict(MEANS)})
        return
    print_table(("WHO", "ROLES", "ENVIRONMENTS"), [(p.login, ", ".join(p.roles), ", ".join(p.environments) or "all") for p in people])
    print()
    print_table(("ROLE", "MAY"), list(MEANS.items()))


@app.command()
def move(*, reason: Reason) -> None:
    """Move the history of your own folder into the team's records, and verify it there."""
    moved = asyncio.run(team.move(reason))
    counted = f"{moved.records} records, {moved.rollouts} rollouts, {moved.targets} targets"
    counted += f", {moved.windows} freeze windows and {moved.stops} stops"
    print(f"In the team's records now: {counted}.")


@app.command()
def backup(file: Annotated[Path, typer.Argument(help="A new file.")], *, as_json: AsJson = False) -> None:
    """Write a whole, verified copy of the records, wherever they are kept."""
    _tell(asyncio.run(team.back_up(file)), f"in {file}", as_json=as_json)


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="A file that `team backup` wrote.")],
    *,
    url: AsAdmin = "",
    password: Place = "",
    replace: Annotated[bool, typer.Option("--replace", help="Keep the records that are there beside the restored ones.")] = False,
    as_json: AsJson = False,
) -> None:
    """Put a backup back: into your own folder, or with --url into an empty database as its administrator."""
    if not url:
        _tell(team.restore_folder(file, replace=replace), "restored", as_json=as_json)
        return
    for login in team.restore_team(file, url, password):
        print(f"{login} needs a login again: release-console team add-person {login} --role ...")
    print("Restored. Consoles of the team pin it anew with: release-console team trust")


def _tell(report: VerifyReport, where: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"ok": report.ok, **plain(report)})
        return
    print(f"log {report.log_id}: {report.size} records {where}, all of them hold, head {report.head[:16]}")


@app.command()
def retention(
    *, days: Annotated[int, typer.Option("--days", min=1, max=36_500, help="Keep samples of so many days; the audit is never deleted.")]
) -> None:
    """Delete the judge's samples of rollouts that are over and older than this, and customers' ids whose time is over."""
    deleted, customers = asyncio.run(team.retain(days))
    print(f"{deleted} samples deleted, and {customers} customers' ids whose time was over. The audit is whole.")

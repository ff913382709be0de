"""HAProxy as a router: servers of one backend, driven by the runtime API."""

import asyncio
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass

from console.model.clock import Clock
from console.model.errors import ConsoleError, OutcomeUnknown, Refused, RemoteError, Unreachable
from console.model.readings import Identity, RequestCounts, Split, SplitChange
from console.model.systems import HaproxyTraffic, Side
from console.model.text import clean
from console.providers.clients.haproxy import HaproxyClient
from console.providers.traffic.haproxy_tables import Server, missing_servers, read_info, read_servers, read_sessions
from console.providers.traffic.shares import server_weights, shares

_BACKWARD_PARTS = 6
"""Readings and phases on the way back at most: each has its part of the deadline, so that a raise that hangs does not keep the canary's
traffic where it is, and the last command still goes out in time."""


@dataclass(frozen=True, slots=True)
class _Move:
    """One command that brings a side nearer to what is wanted."""

    text: str
    server: str


class HaproxyRouter:
    """The two sides of one HAProxy backend.

    A weight holds per server, so a side's share is weight x servers that take new sessions. Measured on HAProxy 2.6: lower-then-raise
    fails requests, raise-then-lower none; and a customer with a sticky cookie stays on a server of weight 0 but leaves one in maintenance.
    """

    def __init__(self, spec: HaproxyTraffic, clock: Clock) -> None:
        self._spec = spec
        self._clock = clock
        self._client = HaproxyClient(spec.address, spec.timeout_s)
        self._part_s = min(0.8, max(0.3, spec.timeout_s / _BACKWARD_PARTS))
        self._system = self._client.system
        self._backs = 0
        """Ways back that were begun: what is left of a change before them is not sent any more, for it would raise what they lowered."""

    async def identity(self) -> Identity:
        """Return the node with its backend's servers; the incarnation is the process and its start, which a reload changes."""
        info = read_info(await self._client.ask("show info"), self._system)
        _, servers = await self._servers()
        names = ",".join(sorted(servers))
        node = clean(info.get("node", "-"), 60)
        started = clean(info.get("Start_time_sec", ""), 20)
        return Identity(
            fingerprint=clean(f"haproxy {node} {self._spec.backend} [{names}]", 400),
            incarnation=f"pid {clean(info['Pid'], 12)} start {started or 'not told'}",
        )

    async def split(self) -> Split:
        """Return each side's share of new sessions; a server in maintenance, in drain or down counts 0, whatever its weight."""
        at = self._clock.now()
        _, servers = await self._servers()
        weights = self._weights(servers)
        return Split(shares(weights), at, "; ".join(self._remarks(servers, weights)))

    async def set_split(self, change: SplitChange) -> None:
        """Raise, then lower; on the way to 0 also put the canary's servers in maintenance, so that sticky customers leave.

        Forward stops at the first command that fails. Backward goes through with all of them, whatever fails, and then says so.
        """
        if change.backward:
            await self._back(change)
        else:
            await self._forward(change)

    async def measured(self) -> RequestCounts:
        """Return the sessions that each side's servers were given since this process started."""
        at = self._clock.now()
        backend_id, _ = await self._servers()
        text = await self._client.ask(f"show stat {backend_id if backend_id.isdigit() else self._spec.backend} 4 -1")
        sessions = read_sessions(text, self._spec.backend, self._system)
        self._check(sessions)
        return RequestCounts({side: float(sum(sessions[name] for name in names)) for side, names in self._spec.servers.items()}, at)

    async def _servers(self, timeout_s: float | None = None) -> tuple[str, Mapping[str, Server]]:
        text = await self._client.ask(f"show servers state {self._spec.backend}", timeout_s)
        backend_id, servers = read_servers(text, self._spec.backend, self._system)
        self._check(servers)
        return backend_id, servers

    def _check(self, found: Container[str]) -> None:
        wanted = [name for names in self._spec.servers.values() for name in names]
        if lacking := missing_servers(wanted, found, self._spec.backend, self._system):
            raise lacking

    def _weights(self, servers: Mapping[str, Server]) -> Mapping[Side, int]:
        return {side: sum(servers[name].weight for name in names if servers[name].takes_new) for side, names in self._spec.servers.items()}

    async def _forward(self, change: SplitChange) -> None:
        until, backs = asyncio.get_running_loop().time() + self._spec.timeout_s, self._backs
        _, servers = await self._servers()
        for side, share in change.weights.items():
            if share and not self._usable(side, servers):
                raise Refused(
                    f"No server of {side} is up at {self._system}.",
                    means=f"{side} could not take its share, so nothing was changed.",
                    advice="Look why its servers are down.",
                )
        moves = [move for phase in self._phases(change, servers) for move in phase]
        for done, move in enumerate(moves):
            if self._backs != backs:
                raise _half(Refused("The way back came first.", means="Nothing was changed."), done, self._system)
            try:
                await self._run(move, max(0.01, until - asyncio.get_running_loop().time()))
            except RemoteError as error:
                raise _half(error, done, self._system) from None

    async def _back(self, change: SplitChange) -> None:
        until = asyncio.get_running_loop().time() + self._spec.timeout_s / 2
        self._backs += 1
        mine = self._backs
        try:
            _, servers = await self._servers(self._part_s)
        except RemoteError:
            servers = self._assumed()  # going back never waits for a reading
        moves = self._phases(change, servers)
        failed = await self._through(moves, mine)
        if failed and asyncio.get_running_loop().time() < until:
            # One lost command must not leave sticky customers on the canary; all of them are absolute, so they may be sent again.
            failed = await self._through([[move for move in phase if move in failed] for phase in moves], mine)
        if failed:
            worst = max(failed.values(), key=lambda error: isinstance(error, Unreachable) and error.sent)
            raise _half(worst, sum(map(len, moves)) - len(failed), self._system)

    async def _through(self, phases: Sequence[Sequence[_Move]], mine: int) -> dict[_Move, RemoteError]:
        """Send all commands, phase by phase, whatever fails, and return those that failed; a later way back goes on in place of this."""
        failed: dict[_Move, RemoteError] = {}
        for phase in phases:
            if self._backs != mine:
                break
            results = await asyncio.gather(*(self._settled(move) for move in phase))
            failed |= {move: error for move, error in zip(phase, results, strict=True) if error}
        return failed

    async def _settled(self, move: _Move) -> RemoteError | None:
        try:
            await self._run(move, self._part_s)
        except RemoteError as error:
            return error
        return None

    def _phases(self, change: SplitChange, servers: Mapping[str, Server]) -> Sequence[Sequence[_Move]]:
        """Return the commands in their order: raises before lowers, and the canary never above both where it was and where it goes."""
        now = shares(self._weights(servers))
        up = {side: len(self._usable(side, servers)) or len(self._spec.servers[side]) for side in change.weights}
        weights = server_weights(change.weights, up)
        rising = max(change.weights, key=lambda side: (change.weights[side] - now[side], change.weights[side]))
        canary = next(side for side in change.weights if (side != rising) == change.backward)
        stable = next(side for side in change.weights if side != canary)
        raises = [self._set(side, weights[side], servers, lower=False) for side in (stable, canary)]
        lowers = [self._set(side, weights[side], servers, lower=True) for side in (canary, stable)]
        phases = [raises[0], self._ready(stable, change, servers), raises[1]]
        if not change.backward:
            phases.append(self._ready(canary, change, servers))
        phases += lowers
        if change.backward and not change.weights[canary]:
            phases.append([self._state(name, "maint") for name in self._spec.servers[canary]])
        return [phase for phase in phases if phase]

    def _set(self, side: Side, weight: int, servers: Mapping[str, Server], *, lower: bool) -> list[_Move]:
        names = [name for name in self._spec.servers[side] if (servers[name].weight > weight) == lower]
        return [_Move(f"set weight {self._spec.backend}/{name} {weight}", name) for name in names]

    def _ready(self, side: Side, change: SplitChange, servers: Mapping[str, Server]) -> list[_Move]:
        """Return what brings a side back that was taken out whole; a server that a person holds out alone stays out."""
        names = self._spec.servers[side]
        if not change.weights[side] or any(servers[name].takes_new for name in names):
            return []
        return [self._state(name, "ready") for name in names if servers[name].held]

    def _state(self, name: str, state: str) -> _Move:
        return _Move(f"set server {self._spec.backend}/{name} state {state}", name)

    def _usable(self, side: Side, servers: Mapping[str, Server]) -> Sequence[str]:
        names = self._spec.servers[side]
        return [n for n in names if servers[n].takes_new] or [n for n in names if servers[n].held]

    def _assumed(self) -> Mapping[str, Server]:
        """Return the servers as they are taken to be when they cannot be read: held out and of no weight on either side."""
        names = [name for side in self._spec.servers.values() for name in side]
        return {name: Server(name, weight=0, takes_new=False, held=True) for name in names}

    async def _run(self, move: _Move, timeout_s: float) -> None:
        said = await self._client.ask(move.text, timeout_s)
        if said.strip():
            raise Refused(
                f"{self._system} refused “{move.text}”: {clean(said, 120)}",
                means=f"{move.server} stays as it was.",
                advice="Check that the stats socket has level admin, and the names in the target file.",
            )

    def _remarks(self, servers: Mapping[str, Server], weights: Mapping[Side, int]) -> list[str]:
        out = [name for names in self._spec.servers.values() for name in names if not servers[name].takes_new]
        remarks = [f"takes no new sessions: {', '.join(out)}"] if out else []
        if not sum(weights.values()):
            remarks.append("no server has any weight: every request is answered 503")
        return remarks


def _half(error: RemoteError, done: int, system: str) -> ConsoleError:
    """Return the error for a change that broke off: when nothing went through it is the first error itself."""
    if not done and isinstance(error, Refused | Unreachable):
        return error
    if isinstance(error, Unreachable):
        return Unreachable(f"{error.message} {done} of its commands had gone through.", sent=True, means=_HALF, advice=error.advice)
    return OutcomeUnknown(f"{error.message} {done} commands to {system} had gone through.", means=_HALF, advice=error.advice)


_HALF = "The weights may be changed by half; reading back will tell."

"""One version of the practice shop: pages, cart, checkout and payment over HTTP, with its version and its counters."""

import argparse
import asyncio
import json
import secrets
import sqlite3
import time
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from console.demo import counters, leash, tokens
from console.demo.counters import Counters
from console.demo.ledger import Checkout, Ledger
from console.demo.wire import COOKIE, Caller, Reply, Request, WireError, answer_json, serve

SWEEP_S = 0.25
PRUNE_S = 60.0
RETRY_S = 0.2
LEAVE_S = 3.0
"""How long requests under way may still take when this process is asked to leave."""
PAGE = '<!doctype html><meta charset="utf-8"><title>Practice shop</title><h1>{title}</h1><p>{text}</p><footer>Version {version}</footer>\n'
WORDS = {
    "paid": "Thank you: your order is on its way.",
    "declined": "Your payment was declined.",
    "pending": "Your payment is being processed.",
}


@dataclass(frozen=True, slots=True)
class Settings:
    """What makes a process this version on this side; the version with `new_payment` reads `payment_ref` where the flag is on."""

    side: str
    version: str
    new_payment: bool
    database: Path
    payments: int
    flags: int
    tokens: int
    time_out_s: float
    port: int = 0


class Shop:
    """Serves customers."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._ledger = Ledger(settings.database, settings.side)
        self._payments = Caller(settings.payments)
        self._flags = Caller(settings.flags)
        self._cache = tokens.CacheClient(settings.tokens)
        self._percent = 0.0
        self._revision = 0
        self._present = 0
        self._quiet = asyncio.Event()
        self._quiet.set()
        self.leaving = False
        self._routes: dict[tuple[str, str], Callable[[Request, str], Awaitable[Reply]]] = {
            ("GET", "/"): self._home,
            ("GET", "/product"): self._product,
            ("POST", "/cart"): self._cart,
            ("POST", "/checkout"): self._checkout,
            ("POST", "/pay"): self._pay,
            ("POST", "/cancel"): self._cancel,
            ("GET", "/order"): self._order,
        }
        self.counters = Counters(path for _, path in self._routes)

    async def answer(self, request: Request) -> Reply:
        """Answer a request; while the process is leaving, each connection ends with its answer."""
        self._present += 1
        self._quiet.clear()
        try:
            reply = await self._answer(request)
        finally:
            self._present -= 1
            if not self._present:
                self._quiet.set()
        return Reply(reply.status, reply.body, reply.kind, {**reply.headers, "connection": "close"}) if self.leaving else reply

    async def leave(self, server: asyncio.Server) -> None:
        """Take no new connection, and return when every request under way is answered, or after 3 s."""
        server.close()
        self.leaving = True
        try:
            async with asyncio.timeout(LEAVE_S):
                await self._quiet.wait()
                await asyncio.sleep(0.05)  # the last answers are on their way out
        except TimeoutError:
            pass

    async def _answer(self, request: Request) -> Reply:
        """Answer a request; what the console asks about the shop itself is not counted as a customer's."""
        if request.path == "/version":
            return answer_json(200, version=self._settings.version, healthy=True, side=self._settings.side)
        if request.path == "/metrics":
            return Reply(200, self.counters.text().encode(), counters.KIND)
        if request.path == "/token":
            return await self._accepts(request.query.get("handle", ""))
        route = self._routes.get((request.method, request.path))
        begun = time.perf_counter()
        reply = self._page(404, "Not here", "There is no such page.") if route is None else await self._serve(route, request)
        self.counters.served("other" if route is None else request.path, reply.status, time.perf_counter() - begun)
        return reply

    async def _serve(self, route: Callable[[Request, str], Awaitable[Reply]], request: Request) -> Reply:
        session = request.cookie(COOKIE)
        fresh = not session
        session = session or secrets.token_hex(8)
        try:
            reply = await route(request, session)
        except (sqlite3.Error, WireError) as error:
            reply = self._page(502, "Sorry", f"Something we need did not answer: {error}")
        if not fresh:
            return reply
        cookie = f"{COOKIE}={session}; Path=/; HttpOnly; SameSite=Lax"
        return Reply(reply.status, reply.body, reply.kind, {**reply.headers, "set-cookie": cookie})

    def _page(self, status: int, title: str, text: str, payment: str = "") -> Reply:
        body = PAGE.format(title=title, text=text, version=self._settings.version)
        headers = {"x-shop-version": self._settings.version}
        return Reply(status, body.encode(), headers={**headers, "x-payment": payment} if payment else headers)

    async def _home(self, _request: Request, _session: str) -> Reply:
        return self._page(200, "Practice shop", "Mugs, kettles and tea.")

    async def _product(self, request: Request, _session: str) -> Reply:
        number = request.query.get("id", "1")
        product = self._ledger.product(int(number)) if number.isascii() and number.isdigit() and len(number) < 10 else None
        if product is None:
            return self._page(404, "Not here", "We do not sell that.")
        return self._page(200, product[0], f"EUR {product[1] / 100:.2f}")

    async def _cart(self, request: Request, session: str) -> Reply:
        product = request.query.get("id", "1")
        if product not in {"1", "2", "3", "4"}:
            return self._page(404, "Not here", "We do not sell that.")
        self._ledger.put_in_cart(session, int(product))
        return self._page(200, "Your cart", "It is in your cart.")

    async def _checkout(self, request: Request, session: str) -> Reply:
        method = request.query.get("method", "1")
        if method not in {"1", "2", "3"}:
            return self._page(404, "Not here", "We do not take that.")
        if self._ledger.start_checkout(session, int(method)):
            self.counters.add("checkouts_started")
        return self._page(200, "Checkout", "How would you like to pay?")

    async def _pay(self, _request: Request, session: str) -> Reply:
        checkout = self._ledger.take_over(session)
        if checkout is None or checkout.state != "open":
            return self._page(409, "Nothing to pay", "Your checkout has ended.")
        self.counters.add("payment_attempts")
        state = await self._charge(await self._cache.settle(session, *self._token(session, checkout)))
        self.counters.add("payments_ok" if state == "paid" else f"payments_{state}")
        if state != "pending" and self._ledger.finish(session, paid=state == "paid"):
            self.counters.add("resolved_ok" if state == "paid" else "resolved_failed")
        return self._page(200, "Payment", WORDS[state], state)

    async def _cancel(self, _request: Request, session: str) -> Reply:
        if self._ledger.finish(session, paid=False):
            self.counters.add("resolved_failed")
        return self._page(200, "Cancelled", "Nothing was ordered.")

    async def _order(self, _request: Request, session: str) -> Reply:
        checkout = self._ledger.checkout(session)
        if checkout is None:
            return self._page(404, "Not here", "You have no order with us.")
        state = {"ok": "paid", "failed": "declined"}.get(checkout.state, "pending")
        return self._page(200, "Your order", WORDS[state], state)

    def _token(self, session: str, checkout: Checkout) -> tuple[int, str]:
        """Return format and reference of a new token: version 5.2b's way where the flag reaches this session, else 5.1's."""
        reached = zlib.crc32(session.encode()) % 100 < self._percent
        reference = self._ledger.reference(checkout.method) if self._settings.new_payment and reached else None
        return (tokens.OLD, self._ledger.token(checkout.method)) if reference is None else (tokens.NEW, reference)

    async def _accepts(self, handle: str) -> Reply:
        """Tell whether a payment with a kept token would be taken here: what a replay of it comes to."""
        if not handle.isascii() or not handle.replace("-", "").isalnum():
            return answer_json(200, accepted=False)
        try:
            return answer_json(200, accepted=await self._cache.knows(handle))
        except WireError as error:
            return answer_json(502, error=str(error))

    async def _charge(self, reference: str) -> str:
        body = json.dumps({"reference": reference}).encode()
        reply = await self._payments.call("POST", "/charge", headers={"user-agent": self._settings.version}, body=body)
        try:
            state = json.loads(reply.body)["state"]
        except (ValueError, KeyError, TypeError) as error:
            raise WireError("the payment provider's answer made no sense") from error
        if state not in WORDS:
            raise WireError("the payment provider's answer made no sense")
        return str(state)

    async def watch_flag(self) -> None:
        """Keep to the flag as its service has it, for ever; while that does not answer, the last known state stands."""
        while True:
            try:
                await self.see_flag()
            except (WireError, ValueError, KeyError):
                await asyncio.sleep(RETRY_S)

    async def see_flag(self) -> None:
        """Wait some seconds for the flag to change, and take it over. Raises WireError, ValueError, KeyError."""
        reply = await self._flags.call("GET", f"/watch?shop={self._settings.side}&seen={self._revision}")
        flag = json.loads(reply.body)
        self._percent = float(flag["percent"]) if flag["on"] else 0.0
        self._revision = int(flag["revision"])

    async def sweep(self) -> None:
        """Count the sessions that timed out, and forget old ones, for ever."""
        prune_at = time.monotonic() + PRUNE_S
        while True:
            await asyncio.sleep(SWEEP_S)
            try:
                self.counters.add("resolved_failed", self._ledger.time_out(self._settings.time_out_s))
                if time.monotonic() > prune_at:
                    prune_at = time.monotonic() + PRUNE_S
                    self._ledger.prune()
            except sqlite3.OperationalError:
                continue  # a writer held the database for long; the next sweep counts the same sessions


async def run(settings: Settings) -> None:
    """Serve until the program that started us is gone, or asks us to leave."""
    shop, loop, asked = Shop(settings), asyncio.get_running_loop(), asyncio.Event()

    def leave() -> None:
        loop.call_soon_threadsafe(asked.set)

    leash.hold(at_word=leave)
    await shop.see_flag()
    server, port = await serve(shop.answer, settings.port)
    leash.tell(port=port)
    chores = [asyncio.create_task(shop.watch_flag()), asyncio.create_task(shop.sweep())]
    leaving = asyncio.create_task(asked.wait())
    done, _ = await asyncio.wait({*chores, leaving}, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()  # a chore that ended has failed, and this process must not go on without it
    await shop.leave(server)
    for chore in chores:
        chore.cancel()
    await asyncio.gather(*chores, return_exceptions=True)


def main() -> None:
    """Read the command line, then serve."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--side", required=True)
    parser.add_argument("--version", required=True)
    parser.add_argument("--new-payment", action="store_true")
    parser.add_argument("--database", type=Path, required=True)
    parser.add_argument("--payments", type=int, required=True, help="the payment provider's port")
    parser.add_argument("--flags", type=int, required=True, help="the flag service's port")
    parser.add_argument("--tokens", type=int, required=True, help="the token cache's port")
    parser.add_argument("--time-out-s", type=float, required=True)
    parser.add_argument("--port", type=int, default=0, help="where to listen; 0 for a free one")
    options = parser.parse_args()
    asyncio.run(run(Settings(**vars(options))))


if __name__ == "__main__":
    main()

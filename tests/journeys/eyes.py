"""Looks at the practice shop's own processes, past the console."""

import http.client
import json
import subprocess

from console.model.systems import CommandUndo, HttpUndo
from console.model.target import Target


def asked(url: str, method: str = "GET") -> dict[str, object]:
    """Ask a process of the shop itself, past the console."""
    host, _, path = url.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(host, timeout=10)
    try:
        connection.request(method, f"/{path}")
        body = connection.getresponse().read()
        return dict(json.loads(body)) if body.startswith(b"{") else {}
    finally:
        connection.close()


class Eyes:
    """Reads the shop's own processes, past the console."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.undo = {step.name: step.spec for step in target.undo}

    def versions(self) -> dict[str, object]:
        return {side: asked(url)["version"] for side, url in self.target.workloads.urls.items()}

    def columns(self) -> str:
        return str(asked(next(check.spec.check for check in self.target.ready if "contracted" in check.name))["detail"])  # type: ignore[arg-type]

    def tokens(self) -> dict[str, object]:
        spec = self.undo["tokens"]
        assert isinstance(spec, HttpUndo)
        return asked(spec.check)

    def mend(self) -> None:
        spec = self.undo["tokens"]
        assert isinstance(spec, HttpUndo)
        asked(spec.run.replace("/purge", "/repair"), "POST")

    def contract(self) -> None:
        """Drop the column that 5.1 pays with: the point of no return."""
        spec = self.undo["migration"]
        assert isinstance(spec, CommandUndo)
        python, isolated, deploy, _, database, _ = spec.run
        subprocess.run([python, isolated, deploy, "contract", database], check=True, capture_output=True, timeout=30)

    def flag(self) -> dict[str, object]:
        assert self.target.flag is not None
        return asked(self.target.flag.url)

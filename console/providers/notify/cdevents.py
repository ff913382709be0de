"""Notes as CDEvents 0.4.1, each in a structured CloudEvent 1.0 over HTTP."""

import uuid
from datetime import UTC
from typing import Any
from urllib.parse import quote

from console.model.notes import CdeventsChannel, Note, NoteKind
from console.providers.clients.http import Call, HttpClient, Token
from console.providers.notify.posting import encoded, post

SPEC = "0.4.1"
PIPELINE_STARTED = "dev.cdevents.pipelinerun.started.0.2.0"
PIPELINE_FINISHED = "dev.cdevents.pipelinerun.finished.0.2.0"
SERVICE_DEPLOYED = "dev.cdevents.service.deployed.0.2.0"
SERVICE_UPGRADED = "dev.cdevents.service.upgraded.0.2.0"
SERVICE_ROLLED_BACK = "dev.cdevents.service.rolledback.0.2.0"
CHANNEL_TESTED = "dev.cdeventsx.releaseconsole-channel.tested.0.1.0"
"""A custom event (CDEvents, custom types), so that a test is taken for no deployment."""

_REAL = frozenset({"rollout", "switch", "rollback"})
_NAMES = uuid.UUID("6f0d0b0e-6f3c-5d0a-9a53-0f4a3f6f2d11")


class CdeventsNotifier:
    """Sends the events of a note; each keeps its id however often it is sent, so that a sink knows it again."""

    def __init__(self, channel: CdeventsChannel, name: str, http: HttpClient, token: Token | None) -> None:
        self._channel, self._name, self._http, self._token = channel, name, http, token

    async def tell(self, note: Note) -> None:
        """Send what the note means there, which may be nothing; accepted when every event was."""
        for event in events(note, self._channel.source):
            call = Call(
                f"The channel {self._name}",
                self._channel.url,
                method="POST",
                timeout_s=self._channel.timeout_s,
                token=self._token,
                content=encoded(event),
                headers={"content-type": "application/cloudevents+json; charset=utf-8"},
            )
            await post(self._http, call)

    async def aclose(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()


def events(note: Note, source: str) -> tuple[dict[str, Any], ...]:
    """Return the CloudEvents of a note: the service's before that of the pipeline run that a rollout is."""
    if note.kind is NoteKind.TEST:
        return (_event(note, source, CHANNEL_TESTED, "releaseconsole-channel", {"text": note.headline}),)
    if note.what not in _REAL:
        return ()
    run: dict[str, Any] = {"pipelineName": note.target, "url": f"{source}/{quote(note.target)}/{quote(note.rollout)}"}
    if note.kind is NoteKind.STARTED:
        return (_event(note, source, PIPELINE_STARTED, "pipelineRun", run),)
    if note.kind is NoteKind.DONE:
        kind = SERVICE_UPGRADED if note.before else SERVICE_DEPLOYED
        finished = {**run, "outcome": "success"}
        return (_service(note, source, kind, note.version), _event(note, source, PIPELINE_FINISHED, "pipelineRun", finished))
    if note.kind is NoteKind.ROLLED_BACK:
        failed = {"outcome": "failure", "errors": note.verdict or note.why or note.phase}
        ended = {**run, **({"outcome": "success"} if note.what == "rollback" else failed)}
        return (
            _service(note, source, SERVICE_ROLLED_BACK, note.before),
            _event(note, source, PIPELINE_FINISHED, "pipelineRun", ended),
        )
    return ()


def artifact(target: str, version: str) -> str:
    """Return a version of a target as a package URL, the form that CDEvents wants for artifacts."""
    return f"pkg:generic/{quote(target, safe='')}@{quote(version or 'unknown', safe='')}"


def _service(note: Note, source: str, kind: str, version: str) -> dict[str, Any]:
    content = {"environment": {"id": note.environment, "source": source}, "artifactId": artifact(note.target, version)}
    return _event(note, source, kind, "service", content)


def _event(note: Note, source: str, kind: str, subject_type: str, content: dict[str, Any]) -> dict[str, Any]:
    """Return one event: the CloudEvent's attributes repeat the CDEvent's context, as the binding asks."""
    moment = note.at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    event_id = str(uuid.uuid5(_NAMES, f"{note.id} {kind}"))
    subject = note.rollout if subject_type == "pipelineRun" else note.target
    chain = str(uuid.uuid5(_NAMES, f"{source} {note.target} {note.rollout}"))
    data = {
        "context": {"version": SPEC, "id": event_id, "source": source, "type": kind, "timestamp": moment, "chainId": chain},
        "subject": {"id": subject, "source": source, "type": subject_type, "content": content},
    }
    return {
        "specversion": "1.0",
        "id": event_id,
        "source": source,
        "type": kind,
        "subject": subject,
        "time": moment,
        "datacontenttype": "application/cdevents+json",
        "data": data,
    }

"""AWS by boto3, in threads of its own: credentials by its chain, one deadline a call, its errors in our words."""

import asyncio
import importlib
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from console.model.errors import ConsoleError, OutcomeUnknown, Refused, Unreachable
from console.model.text import clean

_THREADS = 3
_LOGIN = "Log in again (aws sso login), or set the credentials for the profile that the target file names."
_NOT_SENT = frozenset({"EndpointConnectionError", "ConnectTimeoutError", "ProxyConnectionError", "SSLError", "ParamValidationError"})
_NO_LOGIN = frozenset(
    {
        "NoCredentialsError",
        "PartialCredentialsError",
        "CredentialRetrievalError",
        "ProfileNotFound",
        "SSOTokenLoadError",
        "UnauthorizedSSOTokenError",
        "TokenRetrievalError",
        "NoAuthTokenError",
    }
)
_STATUS = {
    "AccessDenied": 403,
    "AccessDeniedException": 403,
    "UnauthorizedOperation": 403,
    "InvalidClientTokenId": 401,
    "ExpiredToken": 401,
    "ExpiredTokenException": 401,
    "SignatureDoesNotMatch": 401,
    "Throttling": 429,
    "ThrottlingException": 429,
    "RequestLimitExceeded": 429,
}
"""What stands in the code of an error and not always in its HTTP status."""


class AwsClient:
    """The services of one account and region; a call that hangs holds one of its own threads, which end with it, and no other target."""

    def __init__(self, region: str, profile: str, timeout_s: float) -> None:
        self._region = region
        self._profile = profile
        self._timeout_s = timeout_s
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="aws")
        self._lock = threading.Lock()
        self._made: dict[str, Any] = {}
        self.system = f"AWS in {clean(region, 40)}"

    async def ask(self, service: str, operation: str, *, changes: bool = False, **arguments: Any) -> Mapping[str, Any]:
        """Call an operation (boto3's name of it) and return its answer.

        Raises Refused for a no and where there are no credentials, Unreachable, whose `sent` tells whether the request may have reached
        AWS, and OutcomeUnknown for a change without a clear answer.
        """
        work = asyncio.get_running_loop().run_in_executor(self._threads, partial(self._call, service, operation, changes, arguments))
        try:
            async with asyncio.timeout(self._timeout_s):
                return await work
        except TimeoutError:
            raise Unreachable(
                f"{self.system} gave no answer to {operation} in {self._timeout_s:g} s.",
                sent=True,
                means=_means(changes=changes, sent=True),
                advice="Look whether AWS can be reached from here, and at its health page.",
            ) from None

    def _call(self, service: str, operation: str, changes: bool, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        errors = _library("botocore.exceptions")
        try:
            answer: Mapping[str, Any] = getattr(self._client(service), operation)(**arguments)
        except errors.ClientError as error:
            raise self._refused(error.response, operation, changes=changes) from None
        except errors.BotoCoreError as error:
            raise self._failed(error, operation, changes=changes) from None
        return answer

    def _client(self, service: str) -> Any:
        with self._lock:  # a session is not made for several threads, its clients are
            if service not in self._made:
                config = _library("botocore.config").Config(
                    connect_timeout=min(3.0, self._timeout_s), read_timeout=self._timeout_s, retries={"total_max_attempts": 1}
                )
                session = _library("boto3").Session(profile_name=self._profile or None, region_name=self._region)
                self._made[service] = session.client(service, config=config)
            return self._made[service]

    def _refused(self, response: Mapping[str, Any], operation: str, *, changes: bool) -> ConsoleError:
        said, meta = response.get("Error", {}), response.get("ResponseMetadata", {})
        code, words = clean(str(said.get("Code", "")), 60), clean(str(said.get("Message", "")), 160)
        status = _STATUS.get(code) or int(meta.get("HTTPStatusCode", 400))
        message = f"{self.system} refused {operation} ({code}): {words}"
        if changes and status >= 500:
            return OutcomeUnknown(message, means=_means(changes=True, sent=True), advice="Look at AWS's health page.")
        advice = {
            401: _LOGIN,
            403: "Let an administrator allow this operation to these credentials.",
            429: "The console asks less often for a while; other programs use up the account's rate too.",
        }.get(status, "Check the names in the target file against what stands at AWS.")
        return Refused(message, status=status, means=_means(changes=changes, sent=False), advice=advice)

    def _failed(self, error: Exception, operation: str, *, changes: bool) -> ConsoleError:
        kind, words = type(error).__name__, clean(str(error), 160)
        if kind in _NO_LOGIN:
            return Refused(
                f"There are no credentials for {self.system}: {words}",
                status=401,
                means=_means(changes=changes, sent=False),
                advice=_LOGIN,
            )
        sent = kind not in _NOT_SENT
        return Unreachable(
            f"{self.system} did not answer {operation}: {words}",
            sent=sent,
            means=_means(changes=changes, sent=sent),
            advice="Look whether AWS can be reached from here, and at the region in the target file.",
        )


def _library(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        raise Refused(
            "AWS cannot be reached without the library boto3, which is not installed here.",
            means="Nothing was sent.",
            advice="Install it: pip install 'release-console[aws]'",
        ) from None


def _means(*, changes: bool, sent: bool) -> str:
    if not changes:
        return "Its state is not known now."
    return "The change may have taken effect; reading back will tell." if sent else "Nothing was changed."

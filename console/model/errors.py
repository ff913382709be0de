"""The errors that a person can meet; each says what happened, what it means, and what to do next.

ConsoleError
├── BadFile            exit 2   a file or option that we cannot use
├── GateFailed         exit 1   a gate or a verification failed
├── NotAllowed         exit 3   frozen, not permitted, not armed, not the holder
│   └── StaleWrite              somebody else changed it first
├── RemoteError        exit 4   a system that we talk to
│   ├── Unreachable             no answer, or not in time; nothing was sent for sure
│   ├── Refused                 it answered no (401, 403, 4xx, an error text)
│   ├── Malformed               it answered something that is not what its protocol says
│   ├── TooLarge                its answer was cut off at our limit
│   └── WrongSystem             it is not the system that was pinned
├── OutcomeUnknown     exit 5   sent, and nobody knows whether it took effect
└── StoreError         exit 4   our own records
    ├── CannotRecord            disk full, locked, read-only
    └── SecretsUnavailable      no keyring, or it is locked
"""


class ConsoleError(Exception):
    """Something a person has to know about.

    `message` says what happened, `means` what it means for the release, `advice` what to do next.
    """

    exit_code = 1

    def __init__(self, message: str, *, means: str = "", advice: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.means = means
        self.advice = advice

    def __str__(self) -> str:
        return " ".join(part for part in (self.message, self.means, self.advice) if part)


class BadFile(ConsoleError):
    """A file or an option that cannot be used as it is."""

    exit_code = 2


class GateFailed(ConsoleError):
    """A gate or a verification failed."""

    exit_code = 1


class NotAllowed(ConsoleError):
    """The move is frozen, not permitted, not armed, or somebody else holds the wheel."""

    exit_code = 3


class StaleWrite(NotAllowed):
    """Somebody else changed the record first; nothing was written."""


class RemoteError(ConsoleError):
    """A system that we talk to did not do what we asked."""

    exit_code = 4


class Unreachable(RemoteError):
    """No answer within the deadline. `sent` says whether the request may have reached the system."""

    def __init__(self, message: str, *, sent: bool, means: str = "", advice: str = "") -> None:
        super().__init__(message, means=means, advice=advice)
        self.sent = sent


class Refused(RemoteError):
    """The system answered no. `status` is the HTTP status where there is one, `retry_after_s` what it asked for."""

    def __init__(
        self, message: str, *, status: int | None = None, retry_after_s: float | None = None, means: str = "", advice: str = ""
    ) -> None:
        super().__init__(message, means=means, advice=advice)
        self.status = status
        self.retry_after_s = retry_after_s


class Malformed(RemoteError):
    """The answer is not what the protocol says."""


class TooLarge(RemoteError):
    """The answer was longer than our limit and was cut off."""


class WrongSystem(RemoteError):
    """The system reached is not the one that was pinned for this target."""


class OutcomeUnknown(ConsoleError):
    """A change was sent and nobody knows whether it took effect."""

    exit_code = 5


class StoreError(ConsoleError):
    """Our own records could not be read or written."""

    exit_code = 4


class CannotRecord(StoreError):
    """A record could not be written: disk full, locked or read-only."""


class SecretsUnavailable(StoreError):
    """There is no usable keyring, or it is locked."""

"""The kinds of values in a target file, as pydantic reads them and as an editor's schema describes them."""

import re
from collections.abc import Callable
from copy import copy
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, ValidationInfo, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from console.files.spelling import (
    DAYS,
    Misspelled,
    read_database,
    read_day,
    read_harm,
    read_limit,
    read_number,
    read_secret,
    read_share,
    read_span,
    read_text,
    read_url,
    read_weight,
)
from console.model import promql
from console.model.systems import SecretRef

T = TypeVar("T")


class Section(BaseModel):
    """A mapping in a file; unknown keys are mistakes, and the class that read a mapping is remembered to name the nearest known key."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    @model_validator(mode="before")
    @classmethod
    def _remember(cls, value: Any, info: ValidationInfo) -> Any:
        if isinstance(info.context, dict) and isinstance(value, dict):
            info.context[id(value)] = cls
        return value

    @classmethod
    def keys(cls) -> tuple[str, ...]:
        """Return the keys that this mapping may have."""
        return tuple(field.alias or name for name, field in cls.model_fields.items())


def usual(value: Any, spelled: Any) -> Any:
    """Return a default, with how it is written for the schema."""
    return Field(default_factory=lambda: copy(value), json_schema_extra={"default": spelled})


def _reader(read: Callable[[str], T]) -> PlainValidator:
    """Return a validator that reads text and turns a misspelling into a mistake with what is wanted."""

    def validate(value: Any) -> T:
        try:
            if not isinstance(value, str):
                raise Misspelled(_wanted_by(read))
            return read(value)
        except Misspelled as error:
            raise PydanticCustomError("wanted", "{wanted}", {"wanted": error.wanted, "hide": error.hide}) from error

    return PlainValidator(validate)


def _wanted_by(read: Callable[[str], Any]) -> str:
    """Return what a reader wants, in its own words, by giving it nothing."""
    try:
        read("")
    except Misspelled as error:
        return error.wanted
    return "a text"


def _word(pattern: str, wanted: str) -> Callable[[str], str]:
    compiled = re.compile(pattern, re.ASCII)

    def read(text: str) -> str:
        if not compiled.fullmatch(text):
            raise Misspelled(wanted)
        return text

    return read


def _name(pattern: str, wanted: str) -> Callable[[str], str]:
    """Return a reader of a name in a database: letters of any alphabet."""
    compiled = re.compile(pattern)

    def read(text: str) -> str:
        if not compiled.fullmatch(text):
            raise Misspelled(wanted)
        return text

    return read


def _yes_or_no(text: str) -> bool:
    answers = {"true": True, "yes": True, "false": False, "no": False}
    if text.lower() not in answers:
        raise Misspelled("true or false")
    return answers[text.lower()]


def _positive(text: str) -> float:
    number = read_number(text)
    if number <= 0:
        raise Misspelled("a number above 0")
    return number


def _not_negative(text: str) -> float:
    number = read_number(text)
    if number < 0:
        raise Misspelled("a number from 0 up")
    return number


def _whole(text: str) -> int:
    if not re.fullmatch(r"\d{1,9}", text, re.ASCII):
        raise Misspelled("a whole number from 0 up")
    return int(text)


def _some_time(text: str) -> float:
    span = read_span(text)
    if not 0 < span <= 86_400:
        raise Misspelled("a span of time above 0 and up to 24 h, such as 45 s or 15 min")
    return span


def _poll(text: str) -> float:
    span = read_span(text)
    if not 0.1 <= span <= 60:
        raise Misspelled("a span from 100 ms to 60 s")
    return span


def _inner_share(text: str) -> float:
    share = read_share(text)
    if not 0 < share < 1:
        raise Misspelled("a share between 0 % and 100 %")
    return share


def _peak_share(text: str) -> float:
    share = read_share(text)
    if share <= 0:
        raise Misspelled("a share above 0 %, such as 80 %")
    return share


def _program(text: str) -> str:
    if len(text) > 4000 or "\x00" in text:
        raise Misspelled("a word of a command, at most 4,000 characters")
    return text


def _call(value: Any) -> str | tuple[str, ...]:
    """Read an address, or a command as a list of words."""
    wanted = "an address (http://…), or a command as a list of words"
    try:
        if isinstance(value, str):
            return read_url(value)
        if not isinstance(value, list) or not 0 < len(value) <= 200 or not all(isinstance(word, str) for word in value):
            raise Misspelled(wanted)
        return tuple(_program(word) for word in value)
    except Misspelled as error:
        raise PydanticCustomError("wanted", "{wanted}", {"wanted": wanted, "hide": error.hide}) from error


def _null_share(text: str) -> float:
    share = read_share(text)
    if not 0 <= share <= 1:
        raise Misspelled("a share from 0 % to 100 %")
    return share


def _signed(text: str) -> int:
    if not re.fullmatch(r"-?\d{1,10}", text, re.ASCII):
        raise Misspelled("a whole number")
    return int(text)


def _age(text: str) -> float:
    span = read_span(text)
    if not 0 < span <= 366 * 86_400:
        raise Misspelled("a span of time above 0 and up to a year, such as 4 h or 7 d")
    return span


def _scrape(text: str) -> float:
    span = read_span(text)
    if not 0.1 <= span <= 300:
        raise Misspelled("a span from 100 ms to 5 min")
    return span


def _matchers(text: str) -> str:
    if not promql.are_matchers(text):
        raise Misspelled('label matchers such as deployment="checkout-blue"')
    return text.strip()


def _query(text: str) -> str:
    query = " ".join(text.split("\n")).strip()
    try:
        promql.check_query(query)
    except promql.BadQuery as error:
        raise Misspelled(str(error)) from error
    return query


_SLUG = r"[a-z0-9][a-z0-9._-]{0,63}"
_SIDE = r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}"
_URI_PART = r"[A-Za-z0-9._~:/?#@!$&'()*+,;=%-]{1,300}"
_METRIC = r"[A-Za-z_:][A-Za-z0-9_:]{0,199}"
_SPAN_TEXT = r"^\s*(\d+(\.\d+)?\s*(ms|s|min|h|d)\s*)+$"


def _schema(pattern: str = "", *, spelled: bool = False, **more: Any) -> WithJsonSchema:
    """Return what an editor should know: a text (or also a number, where a bare number is text to us) and its pattern."""
    kind: dict[str, Any] = {"type": ["string", "number"]} if spelled else {"type": "string"}
    return WithJsonSchema({**kind, **({"pattern": pattern} if pattern else {}), **more})


_TABLE = r"[^\W\d][\w$]{0,62}(\.[^\W\d][\w$]{0,62})?"
_COLUMN = r"([^\W\d][\w$]{0,62}\.){1,2}[^\W\d][\w$]{0,62}"
_KUBE = r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?"
_LABEL = r"([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_LABEL_VALUE = r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_VERSION_AT = rf"image|(label|annotation)\s+{_LABEL}"
KubeName = Annotated[
    str, _reader(_word(_KUBE, "a Kubernetes name of small letters, digits, dots and dashes, such as checkout-blue")), _schema(f"^{_KUBE}$")
]
KubeLabel = Annotated[str, _reader(_word(_LABEL, "a label's key, such as version or app.kubernetes.io/version")), _schema(f"^{_LABEL}$")]
KubeLabelValue = Annotated[
    str,
    _reader(_word(_LABEL_VALUE, "a label's value of letters, digits, dots, dashes and underscores")),
    _schema(f"^{_LABEL_VALUE}$", spelled=True),
]
KubeVersion = Annotated[
    str,
    _reader(_word(_VERSION_AT, "image, label KEY or annotation KEY")),
    _schema(f"^({_VERSION_AT})$", examples=["image", "label app.kubernetes.io/version"]),
]
TableName = Annotated[str, _reader(_name(_TABLE, "a table's name, such as orders or sales.orders")), _schema(examples=["sales.orders"])]
Column = Annotated[str, _reader(_name(_COLUMN, "TABLE.COLUMN, such as orders.payment_ref")), _schema(examples=["orders.payment_ref"])]
DatabaseAddress = Annotated[str, _reader(read_database), _schema("^postgres(ql)?://")]
NullShare = Annotated[float, _reader(_null_share), _schema(spelled=True, examples=["1 %"])]
SignedWhole = Annotated[int, _reader(_signed), _schema(r"^-?\d{1,10}$", spelled=True)]
Slug = Annotated[str, _reader(_word(_SLUG, "a name of small letters, digits, dots and dashes, such as checkout-eu")), _schema(f"^{_SLUG}$")]
SideName = Annotated[str, _reader(_word(_SIDE, "a side's name of letters, digits, dots and dashes")), _schema(f"^{_SIDE}$")]
Metric = Annotated[str, _reader(_word(_METRIC, "a metric's name, such as http_requests")), _schema(f"^{_METRIC}$")]
UriPart = Annotated[str, _reader(_word(_URI_PART, "a URI or a part of one, such as /release-console")), _schema(f"^{_URI_PART}$")]
Text = Annotated[str, _reader(read_text), _schema(minLength=1, maxLength=300, spelled=True)]
Program = Annotated[str, _reader(_program), _schema(spelled=True)]
Url = Annotated[str, _reader(read_url), _schema("^https?://")]
Secret = Annotated[SecretRef, _reader(read_secret), _schema("^(keyring|env|cmd):.+")]
Span = Annotated[float, _reader(_some_time), _schema(_SPAN_TEXT, examples=["45 s", "15 min", "2 h"])]
Wait = Annotated[float, _reader(read_span), _schema(_SPAN_TEXT, examples=["45 s", "15 min", "2 h"])]
Poll = Annotated[float, _reader(_poll), _schema(_SPAN_TEXT, examples=["5 s"])]
Scrape = Annotated[float, _reader(_scrape), _schema(_SPAN_TEXT, examples=["15 s"])]
Matchers = Annotated[str, _reader(_matchers), _schema(examples=['deployment="checkout-blue"'])]
Query = Annotated[str, _reader(_query), _schema(examples=['sessions_total{result="ok",$side}'])]
Age = Annotated[float, _reader(_age), _schema(_SPAN_TEXT, examples=["4 h", "7 d"])]
Call = Annotated[
    str | tuple[str, ...],
    PlainValidator(_call),
    WithJsonSchema(
        {"oneOf": [{"type": "string", "pattern": "^https?://"}, {"type": "array", "items": {"type": ["string", "number"]}, "minItems": 1}]}
    ),
]
"""An address, or the words of a command that no shell reads."""
Weight = Annotated[int, _reader(read_weight), _schema(r"^\d{1,3}\s*%?$", spelled=True, examples=["5 %"])]
Quantile = Annotated[float, _reader(_inner_share), _schema(spelled=True, examples=["0.95", "95 %"])]
PeakShare = Annotated[float, _reader(_peak_share), _schema(spelled=True, examples=["80 %"])]
Limit = Annotated[float, _reader(read_limit), _schema(spelled=True, examples=["5 %", "300"])]
Harm = Annotated[float, _reader(read_harm), _schema(spelled=True, examples=["total failure", "80 %"])]
Positive = Annotated[float, _reader(_positive), _schema(spelled=True)]
Amount = Annotated[float, _reader(_not_negative), _schema(spelled=True)]
Whole = Annotated[int, _reader(_whole), _schema(r"^\d{1,9}$", spelled=True)]
YesNo = Annotated[bool, _reader(_yes_or_no), WithJsonSchema({"enum": [True, False, "true", "false", "yes", "no"]})]
Day = Annotated[int, _reader(read_day), WithJsonSchema({"type": "string", "examples": list(DAYS)})]

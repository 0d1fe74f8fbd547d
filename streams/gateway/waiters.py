"""Who waits for which answer: records of `responses` and `response.deltas`, dealt out.

Pieces are shown in their order and once. A response ends the waiting, whether or not its pieces
came before it: what they lack is filled in from it.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import msgspec

from schemas.codec import InvalidEvent, decode
from schemas.responses import Response, ResponseDelta
from streams.clients.kafka import Record

log = logging.getLogger(__name__)

MAX_WAITING = 512
REMEMBERED_BYTES = 16 * 1024 * 1024


class TooManyWaiting(Exception):
    """As many wait already as are allowed to."""


class Diverged(Exception):
    """What was shown is not how the answer goes: its writer died, and another wrote anew."""


class Awaited:
    """One question whose answer is awaited, by one caller or by several."""

    def __init__(self) -> None:
        self.text = ""
        """The pieces of the newest attempt so far."""
        self.response: Response | None = None
        self.callers = 0
        self._attempt: str | None = None
        self._abandoned: set[str] = set()
        self._next = 0
        self._early: dict[int, str] = {}
        self._news = asyncio.Event()

    def add(self, delta: ResponseDelta) -> None:
        """Take a piece; one that came before, or of an attempt given up, is left out."""
        if delta.attempt != self._attempt and not self._begin(delta.attempt):
            return
        if delta.index < self._next:
            return
        self._early[delta.index] = delta.text
        while (text := self._early.pop(self._next, None)) is not None:
            self.text += text
            self._next += 1
        self._tell()

    def finish(self, response: Response) -> None:
        """Take the response; of two the first counts."""
        if self.response is None:
            self.response = response
            self._tell()

    async def pieces(self) -> AsyncIterator[str]:
        """The answer from its beginning, piece by piece; ends with the response.

        Raises:
            Diverged: a later attempt, or the response, goes on differently.
        """
        shown = ""
        while self.response is None:
            news = self._news
            if more := _beyond(shown, self.text):
                shown += more
                yield more
            else:
                await news.wait()
        if self.response.status == "answered" and (rest := _rest(shown, self.response.answer)):
            yield rest

    async def final(self) -> Response:
        """The response."""
        while self.response is None:
            await self._news.wait()
        return self.response

    def _begin(self, attempt: str) -> bool:
        if attempt in self._abandoned:
            return False
        if self._attempt is not None:
            self._abandoned.add(self._attempt)
        self._attempt = attempt
        self.text, self._next = "", 0
        self._early.clear()
        return True

    def _tell(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()


class Waiters:
    """All questions that are awaited here, and the responses of late."""

    def __init__(self, *, limit: int = MAX_WAITING, remembered: int = REMEMBERED_BYTES) -> None:
        """At most `limit` callers wait at once; `remembered` bytes of responses are kept."""
        self._limit = limit
        self._awaited: dict[str, Awaited] = {}
        self._late: OrderedDict[str, bytes] = OrderedDict()
        self._room = remembered
        self.count = 0

    @contextmanager
    def join(self, query_id: str) -> Iterator[Awaited]:
        """Wait for a question's answer from here on; a response of late is there at once.

        Raises:
            TooManyWaiting: ask again later.
        """
        if self.count >= self._limit:
            raise TooManyWaiting
        awaited = self._awaited.setdefault(query_id, Awaited())
        if (late := self._late.get(query_id)) is not None:
            self._finish(awaited, late)
        awaited.callers += 1
        self.count += 1
        try:
            yield awaited
        finally:
            self.count -= 1
            awaited.callers -= 1
            if awaited.callers == 0:
                del self._awaited[query_id]

    def dispatch(self, record: Record) -> None:
        """Hand a record to whoever waits for it."""
        if record.key is None or record.value is None:
            return
        query_id = record.key.decode(errors="replace")
        if record.topic == "responses":
            if _is_unseen(record.value):
                return
            self._remember(query_id, record.value)
        if (awaited := self._awaited.get(query_id)) is None:
            return
        if record.topic == "responses":
            self._finish(awaited, record.value)
        elif isinstance(event := _decoded(record.topic, record.value), ResponseDelta):
            awaited.add(event)

    def _finish(self, awaited: Awaited, value: bytes) -> None:
        if isinstance(event := _decoded("responses", value), Response):
            awaited.finish(event)

    def _remember(self, query_id: str, value: bytes) -> None:
        if query_id in self._late:
            return
        self._late[query_id] = value
        self._room -= len(value)
        while self._room < 0:
            self._room += len(self._late.popitem(last=False)[1])


def _beyond(shown: str, text: str) -> str:
    """What `text` adds to what was shown; nothing while a new attempt has not got so far."""
    if text.startswith(shown):
        return text[len(shown) :]
    if shown.startswith(text):
        return ""
    raise Diverged


def _rest(shown: str, answer: str) -> str:
    """What the whole answer, which has no white space at its ends, adds to the pieces."""
    begun = shown.lstrip()
    if answer.startswith(begun):
        return answer[len(begun) :]
    if begun.rstrip() == answer:
        return ""
    raise Diverged


class _Shown(msgspec.Struct):
    shadow_of: str | None = None


def _is_unseen(value: bytes) -> bool:
    """Whether a response is a shadow's: nobody is given that, whatever id they ask for."""
    try:
        return _shown(value).shadow_of is not None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False


_shown = msgspec.json.Decoder(_Shown).decode


def _decoded(topic: str, value: bytes) -> object:
    try:
        return decode(topic, value)
    except InvalidEvent as error:
        # Anybody may write to these topics. What is no event of theirs answers nobody.
        log.warning("a record of `%s` cannot be read: %s", topic, error)
        return None

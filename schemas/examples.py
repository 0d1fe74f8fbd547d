"""One event of each type, as the schemas and the AsyncAPI document show it."""

from typing import Any

from msgspec import Struct

from schemas.control import (
    Alias,
    ApiKey,
    Branch,
    Budget,
    Calibration,
    Environment,
    IndexVersion,
    PromptChecks,
    PromptVersion,
    Quota,
    Route,
    Tenant,
    TenantLimits,
    Variable,
)
from schemas.deadletters import DeadLetter
from schemas.documents import Document
from schemas.evaluations import Claim, Evaluation, Score, Support
from schemas.feedback import Feedback
from schemas.index import (
    IndexChange,
    IndexProgress,
    IndexTick,
    PassageGained,
    PassageSpan,
    RowRef,
    Source,
    UnitGained,
)
from schemas.monitoring import Alert, Drift, Example, Window
from schemas.queries import AdmittedQuery, Cancellation, Query, Reservation, WriteReceipt
from schemas.responses import Citation, Receipt, Response, ResponseDelta, Usage
from schemas.usage import Bound, Charge, Price, Released, Reserved, Settled

_NOW = 1_760_000_000_000_000
_MINUTE = 60_000_000
_TEXT = "Pools close an idle connection after five seconds."

_QUERY = Query(
    query_id="q-1",
    text="When does the pool close idle connections?",
    tenant="acme",
    session_id="s-1",
    variables={"language": "English"},
    top_k=3,
    filters={"product": "httpx", "year": [2024, 2025]},
    max_tokens=128,
    as_of="2025-10-09T08:53:20Z",
    after=WriteReceipt(topic="documents", partition=2, offset=41),
    max_staleness_ms=500,
)

_RECEIPT = Receipt(
    index_version="v1",
    as_of=_NOW,
    applied={"documents/2": 41},
    staleness_ms=12.5,
    prompt="answer@1",
    model="reader@1",
    embedder="minilm-l6@1",
    route="default",
    lexical={"connect": 2.25, "idl": 5.5},
    passages=[f"p-1@{_NOW}"],
)

_CONTROL: dict[str, Any] = {
    "revision": 1,
    "by": "ana@acme.example",
    "why": "first release",
    "at": _NOW,
}

_EVENTS: tuple[Struct, ...] = (
    Document(
        doc_id="handbook/pools.md",
        text=f"# Pools\n\n{_TEXT}\n",
        content_type="text/markdown",
        title="Pools",
        uri="https://docs.example/pools",
        updated_at="2025-10-09T08:53:20.5Z",
        acl=["acme", "group:staff"],
        metadata={"product": "httpx", "year": 2025, "stable": True, "weight": 0.5},
    ),
    _QUERY,
    Cancellation(query_id="q-1", tenant="acme"),
    AdmittedQuery(
        query=_QUERY,
        reservation=Reservation(tokens=2048),
        admitted_at=_NOW,
        deadline=_NOW + _MINUTE // 2,
    ),
    Response(
        query_id="q-1",
        tenant="acme",
        status="answered",
        answer=f"{_TEXT} [1]",
        citations=[
            Citation(
                doc_id="handbook/pools.md",
                passage_id="p-1",
                start=9,
                end=59,
                quote=_TEXT,
                score=0.75,
                marker=1,
            )
        ],
        usage=Usage(input_tokens=210, output_tokens=14),
        receipt=_RECEIPT,
        timings_ms={"read": 31.5, "search": 4.25},
    ),
    ResponseDelta(query_id="q-1", attempt="a-1", index=0, text="Pools close "),
    Feedback(
        query_id="q-1",
        tenant="acme",
        rating=1,
        labels=["complete"],
        comment="Just what I needed.",
        correction="After five seconds.",
        reviewer="ana",
    ),
    IndexChange(
        doc_id="handbook/pools.md",
        index_version="v1",
        index_time=_NOW,
        source=Source(partition=2, offset=41, event_id="5f2b"),
        status="indexed",
        title="Pools",
        content_type="text/markdown",
        text_hash="c0ffee",
        layout=[PassageSpan("p-1", 9, 59, _NOW)],
        passages_gained=[
            PassageGained(
                passage_id="p-1",
                heading=["Pools"],
                text=_TEXT,
                terms={"idl": 1, "pool": 2},
                units=[("u-1", 0, 50)],
            )
        ],
        units_gained=[
            UnitGained(unit_id="u-1", passage_id="p-1", embed_key="ab12", vector=b"\0\0\x80?")
        ],
        passages_lost=[RowRef("p-0", _NOW - _MINUTE)],
        document_lost=_NOW - _MINUTE,
        units_embedded=1,
        words_embedded=9,
        df={"idl": 1, "pool": 0},
    ),
    IndexTick(index_version="v1", index_time=_NOW, applied=41),
    IndexProgress(
        partition=2, index_version="v1", index_time=_NOW, applied=41, changes_offset=1207
    ),
    Evaluation(
        query_id="q-1",
        tenant="acme",
        judge="nli@1",
        at=_NOW,
        scores=[
            Score(name="groundedness", label="grounded", score=0.97, explanation="1 of 1 claims")
        ],
        claims=[
            Claim(
                start=0,
                end=50,
                verdict="supported",
                score=0.97,
                support=[Support(passage=f"p-1@{_NOW}", start=0, end=50)],
            )
        ],
        labels={"prompt": "answer@1", "route": "default"},
        duration_ms=18.5,
        answered_at=_NOW,
        question="How large may a pool be?",
    ),
    Reserved(
        request_id="q-1",
        tenant="acme",
        tokens=2048,
        at=_NOW,
        least=260,
        expires_at=_NOW + _MINUTE,
        model="reader@1",
        route="default",
        key_id="9f86d081884c",
        user="ana",
        priority="low",
        price=Price(input=150, output=600),
        charges=[
            Charge(
                budget="acme-daily",
                bucket="acme ana",
                unit="tokens",
                limit=1_000_000,
                calendar=True,
                usable=800_000,
                pool=Bound(
                    budget="everybody",
                    unit="nanousd",
                    limit=50_000_000_000,
                    window="month",
                    usable=50_000_000_000,
                ),
            ),
            Charge(
                budget="acme:tokens_per_minute",
                unit="tokens",
                limit=100_000,
                window="minute",
                burst=20_000,
                usable=20_000,
                shadow=True,
            ),
        ],
    ),
    Settled(
        request_id="q-1",
        tenant="acme",
        input_tokens=210,
        output_tokens=14,
        nanousd=39_900,
        at=_NOW,
    ),
    Released(request_id="q-2", tenant="acme", reason="cancelled", at=_NOW),
    PromptVersion(
        name="answer",
        version=1,
        template="Answer in {{language}}.\n\n{{passages}}\n\nQuestion: {{question}}\n\nAnswer:",
        variables=[
            Variable(name="language", default="English", max_length=32),
            Variable(name="passages", max_length=16_384),
        ],
        checks=PromptChecks(max_length=40_000, contains=["Answer"], lacks=["please"]),
        parameters={"temperature": 0.0},
        tags={"team": "search"},
        **_CONTROL,
    ),
    Alias(
        name="answer@production", of="prompt", target="answer@2", before=["answer@1"], **_CONTROL
    ),
    Route(
        name="default",
        branches=[
            Branch(
                name="main",
                index_version="v1",
                prompt="answer@production",
                model="reader@1",
                share=0.9,
            ),
            Branch(
                name="terse",
                index_version="v1",
                prompt="answer@4",
                model="reader@1",
                share=0.1,
                top_k=3,
            ),
            Branch(
                name="llm",
                index_version="v1",
                prompt="answer@production",
                model="llm@1",
                share=0.5,
                shadow=True,
                dense_weight=0.7,
            ),
        ],
        **_CONTROL,
    ),
    Quota(tenant="acme", tokens_per_minute=100_000, concurrent=8, **_CONTROL),
    Budget(
        name="acme-daily",
        tenant="acme",
        key_id="9f86d081884c",
        user="ana",
        model="reader",
        route="default",
        each="user",
        unit="tokens",
        limit=1_000_000,
        window="day",
        calendar=True,
        burst=100_000,
        kept={"normal": 0.2, "high": 0.1},
        pool="everybody",
        shadow=True,
        **_CONTROL,
    ),
    Tenant(
        name="acme",
        groups=["group:staff"],
        priority="high",
        prefix="acme/",
        limits=TenantLimits(top_k=10, in_hand=32),
        **_CONTROL,
    ),
    IndexVersion(
        name="v1",
        state="serving",
        embedder="minilm-l6@1",
        chunk={"unit_min": 40, "unit_max": 400, "passage_target": 650, "title": "when-missing"},
        lexical={"k1": 0.9, "b": 0.4, "average_length": 80.0},
        fusion={"dense_weight": 0.5, "lexical_weight": 0.5, "units": 200, "passages": 100},
        complete_from=_NOW,
        **_CONTROL,
    ),
    ApiKey(
        id="9f86d081884c",
        tenant="acme",
        hash="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        label="the search page",
        scopes=["documents:admin"],
        expires_at=_NOW + 30 * 1440 * _MINUTE,
        priority="low",
        **_CONTROL,
    ),
    Calibration(
        name="words-at-fault",
        version=2,
        method="platt",
        points=[(0.0, 0.05), (0.5, 0.6), (1.0, 0.98)],
        threshold=0.5,
        labels=240,
        share=0.1,
        routes=["default"],
        **_CONTROL,
    ),
    Environment(name="staging", **_CONTROL),
    Drift(
        metric="retrieval.top_score",
        method="psi",
        value=0.31,
        threshold=0.2,
        drifted=True,
        current=Window(start=_NOW - 60 * _MINUTE, end=_NOW, count=812),
        reference=Window(start=_NOW - 1440 * _MINUTE, end=_NOW - 60 * _MINUTE, count=20140),
        at=_NOW,
        since=_NOW - 25 * _MINUTE,
        labels={"route": "default"},
        kind="value",
        direction="down",
        summary="The best score of a search lies lower than it did.",
        examples=[Example(id="q-1", text="How large may a pool be?")],
    ),
    Alert(
        metric="retrieval.top_score",
        rule="retrieval has drifted",
        state="firing",
        severity="warning",
        summary="The best score of a search lies lower than it did yesterday.",
        value=0.31,
        threshold=0.2,
        since=_NOW - 25 * _MINUTE,
        at=_NOW,
        labels={"route": "default"},
    ),
    DeadLetter(
        topic="documents",
        partition=2,
        offset=42,
        reason="not_json",
        message="JSON is malformed: invalid character (byte 0)",
        role="indexer",
        at=_NOW,
        key=b"handbook/pools.md",
        value=b"# Pools",
        headers=[("ce_id", b"42")],
    ),
)

EXAMPLES: dict[type[Struct], Struct] = {type(event): event for event in _EVENTS}

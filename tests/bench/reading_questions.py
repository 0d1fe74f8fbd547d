"""Questions about the documentation of installed packages, each with words of a right answer.

The answers to `KNOWN` were looked at again and again while the reader learnt to read markup, those
to `HELD_OUT` twice, to find faults in its patterns: no weight was chosen by them.
"""

from msgspec import Struct


class DocQuestion(Struct, frozen=True):
    """A question, the package that answers it, and words of which a right sentence has one.

    The words are in small letters and without markup.
    """

    text: str
    package: str
    says: tuple[str, ...]


def _ask(package: str, text: str, *says: str) -> DocQuestion:
    return DocQuestion(text, package, says)


KNOWN = (
    _ask("httpx", "Which HTTP versions does HTTPX support?", "http/1.1 and http/2"),
    _ask("uvicorn", "What is uvicorn?", "asgi web server"),
    _ask("uvicorn", "Which protocols does uvicorn support?", "http/1.1, http/2 and websockets"),
    _ask("attrs", "What is the main goal of attrs?", "concise and correct"),
    _ask("attrs", "Who trusts attrs for Mars missions?", "nasa"),
    _ask("aiohttp", "Does aiohttp support both client and server Web-Sockets?", "web-sockets"),
    _ask("annotated-types", "What did PEP-593 add?", "typing.annotated"),
    _ask("click", "What is Click?", "command line interfaces"),
    _ask("tenacity", "What is Tenacity?", "retrying library"),
    _ask("stamina", "What is stamina an opinionated wrapper around?", "tenacity"),
    _ask("anyio", "What does AnyIO work on top of?", "on top of either asyncio or trio"),
    _ask("cachetools", "What does cachetools provide?", "memoizing collections"),
    _ask("cloudpickle", "What is cloudpickle especially useful for?", "cluster computing"),
    _ask("colorlog", "Which Python version does colorlog 6 require?", "3.6"),
    _ask("croniter", "What does croniter provide?", "iteration for the datetime"),
    _ask("faust-streaming", "Why was Faust forked?", "releasing new versions"),
    _ask("gunicorn", "What is Gunicorn?", "wsgi http server"),
    _ask("h11", "Does h11 contain any IO code?", "no io code"),
    _ask("idna", "Which specification does encodings.idna implement?", "2003"),
    _ask("joblib", "Which is the only dependency of joblib?", "cloudpickle"),
    _ask("msgspec", "Which serialization formats does msgspec support?", "json, messagepack"),
    _ask("starlette", "What is Starlette ideal for building?", "async web services"),
)

HELD_OUT = (
    _ask("hypothesis", "What does Hypothesis report when it finds a bug?", "simplest"),
    _ask("justext", "What is jusText for?", "removing boilerplate"),
    _ask("markdown-it-py", "Which spec does markdown-it-py follow?", "commonmark"),
    _ask("markdown-it-py", "What is markdown-it-py a port of?", "port of markdown-it"),
    _ask("pydantic-settings", "What is pydantic-settings for?", "settings management"),
    _ask("pytest-timeout", "What is pytest-timeout designed to catch?", "excessively long"),
    _ask("python-dotenv", "Where does python-dotenv read key-value pairs from?", ".env file"),
    _ask("pytz", "For which dates does pytz fail?", "starting 2038"),
    _ask("pytz", "What does pytz bring into Python?", "olson tz database"),
    _ask("watchfiles", "What was watchfiles previously named?", "watchgod"),
    _ask("watchfiles", "Which library handles file system notifications in watchfiles?", "notify"),
    _ask("websockets", "What is websockets?", "library for building websocket"),
    _ask("websockets", "On top of what is websockets built?", "asyncio"),
    _ask("werkzeug", "What is Werkzeug?", "wsgi web application library"),
    _ask("werkzeug", "What does the word Werkzeug mean in German?", "tool"),
    _ask("yarl", "What is the yarl module for?", "url class"),
    _ask("sniffio", "What is the only purpose of sniffio?", "detect which"),
    _ask("ujson", "Why was UltraJSON put into maintenance-only mode?", "ill-suited", "as a result"),
    _ask("tzlocal", "What does version 5.0 of tzlocal remove?", "pytz_deprecation_shim"),
    _ask("uv", "In which language is uv written?", "rust"),
    _ask("uv", "Which tools does uv replace?", "pip-tools"),
    _ask("itsdangerous", "What is data signed for in ItsDangerous?", "tampered"),
    _ask("huey", "Which storage does huey support?", "redis"),
    _ask("orjson", "What does orjson serialize natively?", "dataclass"),
    _ask("jsonschema", "What is jsonschema an implementation of?", "json schema specification"),
    _ask("filelock", "Where is more information on filelock?", "official documentation"),
)

OFF_TOPIC = (
    "Who won the football World Cup in 1998?",
    "What is the capital of Mongolia?",
    "When was the Battle of Hastings fought?",
    "How high is Mount Everest?",
    "Who painted the Mona Lisa?",
    "What do penguins eat in winter?",
    "How many bones has a human hand?",
    "Which king signed the Magna Carta?",
    "Why is the sea salty?",
    "How long does it take to boil an egg?",
)

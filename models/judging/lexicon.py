"""Small written lists of English words that turn a statement round or change how far it goes."""

from models.judging.words import stem

_STRONG = (
    "all every each only always never must none entire entirely complete completely exclusively "
    "solely most best worst first last largest biggest smallest fully totally sole any everyone "
    "nobody immediately directly highest lowest"
)
_HEDGES = (
    "may might could possibly perhaps probably likely some several many few often sometimes "
    "usually partially partly nearly almost about approximately around suggests suggested "
    "potentially seems"
)
STRONG = frozenset(_STRONG.split())
HEDGES = frozenset(_HEDGES.split())
OPPOSING_PREFIXES = ("un", "dis", "in", "im", "non", "ir", "il", "mis")

_PAIRS = """
increase decrease, rise fall, rise drop, up down, more less, more fewer, most least, high low,
higher lower, good bad, great terrible, great poor, best worst, better worse, big small,
large small, major minor, long short, old new, young old, early late, first last, before after,
accept reject, accept refuse, agree disagree, agree refuse, allow forbid, allow prevent,
allow prohibit, approve reject, approve oppose, support oppose, for against, win lose,
victory defeat, success failure, succeed fail, begin end, start end, start stop, open close,
include exclude, contain exclude, buy sell, import export, love hate, like dislike,
praise criticize, promote discourage, encourage discourage, encourage deter, recommend avoid,
improve worsen, strengthen weaken, expand reduce, expand shrink, grow shrink, gain lose, give take,
add remove, increase reduce, raise lower, raise reduce, easy difficult, easy hard, simple complex,
simple complicated, safe dangerous, strong weak, hot cold, warm cold, wet dry, rich poor,
cheap expensive, affordable expensive, happy sad, positive negative, public private,
publicly secretly, male female, man woman, father mother, son daughter, brother sister,
husband wife, north south, east west, northern southern, eastern western, left right,
inside outside, indoor outdoor, domestic foreign, local foreign, national international,
democrat republican, liberal conservative, true false, correct incorrect, right wrong,
present absent, alive dead, born died, live die, birth death, arrive leave, arrive depart,
enter exit, join leave, attack defend, create destroy, build destroy, unite divide, confirm deny,
admit deny, acknowledge deny, acknowledge dismiss, ignore consider, ignore address,
remember forget, always never, often rarely, often seldom, frequently rarely, all none,
everything nothing, everyone nobody, only also, maximum minimum, majority minority,
ancient modern, traditional modern, temporary permanent, voluntary mandatory, optional mandatory,
optional required, single married, single multiple, full empty, wide narrow, fast slow, quick slow,
heavy light, dark light, deep shallow, day night, summer winter, teacher student,
employer employee, buyer seller, friend enemy, ally enemy, hero villain, comedy tragedy,
fiction nonfiction, advantage disadvantage, benefit drawback, benefit harm, help hinder, help harm,
facilitate hinder, protect harm, connect disconnect, appear disappear, continue stop,
continue discontinue, advance retreat, attract repel, borrow lend, catch miss, hire fire,
push pull, save spend, save waste, send receive, offer request, ask answer, question answer,
teach learn, follow lead, follow ignore, find lose, hide reveal, conceal reveal, keep lose,
remain leave, stay leave, sick healthy, optimistic pessimistic, confident doubtful,
certain uncertain, clear unclear, excited bored, interested uninterested,
satisfied dissatisfied, available unavailable, likely unlikely, possible impossible,
legal illegal, official unofficial, necessary unnecessary, known unknown, popular unpopular,
similar different, same different, equal unequal, near far, close distant, above below, over under,
top bottom, front back, forward backward, upper lower, former current, former latter,
previous next, past future, urban rural, amateur professional, guilty innocent,
convicted acquitted, peace war, hope despair, abundant scarce, plenty shortage, surplus deficit,
profit loss, asset liability, demand supply, cause prevent, begin finish, complete partial,
completely partially, fully partially, entirely partly, rarely usually, excellent terrible,
free paid, extra less, exclusive shared, unique common, rare common, ordinary extraordinary,
broad narrow, wise foolish, smart stupid, generous stingy, brave cowardly, polite rude, kind cruel,
honest dishonest, formal informal, active passive, direct indirect, visible invisible,
dependent independent, efficient inefficient, effective ineffective, important unimportant,
vital trivial, critical trivial
"""


PAIRS: tuple[tuple[str, str], ...] = tuple(
    (one, other) for one, other in (pair.split() for pair in _PAIRS.split(","))
)


def _opposites() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for pair in PAIRS:
        one, other = map(stem, pair)
        found.setdefault(one, set()).add(other)
        found.setdefault(other, set()).add(one)
    return {word: frozenset(others) for word, others in found.items()}


OPPOSITES = _opposites()
"""Stem to the stems that mean the opposite; a word may have several, or be its own neighbour's."""

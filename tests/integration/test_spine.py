"""A document goes in, an answer that can prove itself comes out."""

from processors.answer import prompt_for
from processors.index import Access
from processors.search import search
from schemas.responses import Response
from schemas.times import format_time
from streams.clients.triton import TritonEmbedder
from tests.doubles.client import Client, assert_quotes_are_exact, only, receipt
from tests.doubles.plans import PROMPT

HERON = """# Heron

The Heron is a small ferry on the lake. It was built in 1911 by Ada Brown.

## Engines

The Heron has two diesel engines made in Bergen.

## Crew

Its captain is {captain}. The crew counts seven sailors.
"""


async def test_what_is_put_is_answered_with_exact_quotes(client: Client, own: str) -> None:
    """A document is found, cited word for word, and the receipt says what was read."""
    text = HERON.format(captain="Olga Lind")
    await client.put_shown(f"{own}/heron", text, acl=[own])
    response = await client.ask("Who is the captain of the Heron?", tenant=own)
    assert response.status == "answered"
    assert "Olga Lind" in response.answer
    assert_quotes_are_exact(response, {f"{own}/heron": text})
    assert response.receipt is not None
    assert response.receipt.passages


async def test_what_the_documents_do_not_say_is_unanswerable(client: Client, own: str) -> None:
    """No answer is made up."""
    await client.put_shown(f"{own}/mute", HERON.format(captain="Olga Lind"), acl=[own])
    response = await client.ask("When did the pandas learn to knit?", tenant=own)
    assert (response.status, response.answer, response.citations) == ("unanswerable", "", [])


async def test_a_question_after_a_write_reads_it(client: Client, own: str) -> None:
    """`after` waits for the write, however soon the question follows it."""
    for year in range(1950, 1955):
        write = await client.put(
            f"{own}/after", f"# Lamp\n\nThe lamp was lit in {year}.\n", acl=[own]
        )
        response = await client.ask("When was the lamp lit?", tenant=own, after=receipt(write))
        assert str(year) in response.answer


async def test_an_edit_embeds_only_the_sentence_it_changed(client: Client, own: str) -> None:
    """One unit is embedded again; the others are kept."""
    ship = HERON.replace("Heron", f"Petrel {own}")
    await client.put_shown(f"{own}/edit", ship.format(captain="Per Holm"), acl=[own])
    await client.put_shown(f"{own}/edit", ship.format(captain="Ida Falk"), acl=[own])
    first, second = await client.changes(f"{own}/edit")
    assert first.units_embedded > 1
    assert second.units_embedded == 1
    assert second.units_kept == first.units_kept + len(first.units_gained) - 1


async def test_a_copy_a_revert_and_a_repeat_embed_nothing(client: Client, own: str) -> None:
    """What was embedded once, in any document and version, is never embedded again."""
    ship = HERON.replace("Heron", f"Tern {own}")
    texts = [ship.format(captain=name) for name in ("Ulf Dahl", "Siv Berg", "Ulf Dahl")]
    for text in texts:
        await client.put_shown(f"{own}/revert", text, acl=[own])
    await client.put_shown(f"{own}/copy", texts[0], acl=[own])
    await client.put_shown(f"{own}/copy", texts[0], acl=[own])
    revert = (await client.changes(f"{own}/revert"))[-1]
    copy, repeat = await client.changes(f"{own}/copy")
    assert (revert.units_embedded, copy.units_embedded) == (0, 0)
    assert repeat.status == "unchanged"


async def test_as_of_before_an_edit_gives_the_old_answer(client: Client, own: str) -> None:
    """An earlier index time, or a moment, shows the index as it was."""
    before = await client.put_shown(f"{own}/old", HERON.format(captain="Jon Vik"), acl=[own])
    await client.put_shown(f"{own}/old", HERON.format(captain="Eva Strand"), acl=[own])
    question = "Who is the captain of the Heron?"
    now = await client.ask(question, tenant=own)
    then = await client.ask(question, tenant=own, as_of=before)
    moment = await client.ask(question, tenant=own, as_of=format_time(before))
    assert "Eva Strand" in now.answer
    assert "Jon Vik" in then.answer
    assert then.answer == moment.answer
    assert then.receipt is not None
    assert then.receipt.as_of == before


async def test_a_receipt_repeats_the_retrieval_after_later_edits(client: Client, own: str) -> None:
    """From the receipt alone the same passages come back, in the same order and words."""
    text = HERON.format(captain="Tor Moe")
    await client.put_shown(f"{own}/receipt", text, acl=[own])
    await client.put_shown(f"{own}/receipt2", text.replace("Heron", "Crane"), acl=[own])
    question = "Who is the captain of the Heron?"
    response = await client.ask(question, tenant=own)
    before = await _retrieved(client, question, response)
    await client.put_shown(f"{own}/receipt", text.replace("Heron", "Swan"), acl=[own])
    await client.shown(await client.delete(f"{own}/receipt2"))
    assert response.receipt is not None
    names, prompt = await _retrieved(client, question, response)
    assert names == response.receipt.passages
    assert prompt == before[1]


async def test_a_tenant_never_finds_the_document_of_another(client: Client, own: str) -> None:
    """`acl` holds inside the search: a question sees nothing of what it may not find."""
    text = "# Vault\n\nThe code of the vault is 7341.\n"
    await client.put_shown(f"{own}/vault", text, acl=[own, "auditors"])
    question = "What is the code of the vault?"
    mine = await client.ask(question, tenant=own)
    theirs = await client.ask(question, tenant="stranger")
    assert "7341" in mine.answer
    assert "7341" not in theirs.answer
    assert mine.receipt is not None
    assert theirs.receipt is not None
    (change,) = await client.changes(f"{own}/vault")
    vault = {f"{gained.passage_id}@{change.index_time}" for gained in change.passages_gained}
    assert vault <= set(mine.receipt.passages)
    assert not vault & set(theirs.receipt.passages)


async def test_an_acl_that_is_taken_back_hides_at_once(client: Client, own: str) -> None:
    """Only the acl changes, not the text: the passages are rewritten all the same."""
    text = "# Recipe\n\nThe secret spice of the soup is cardamom.\n"
    await client.put_shown(f"{own}/acl", text, acl=[own, "guest"])
    question = "What is the secret spice of the soup?"
    assert "cardamom" in (await client.ask(question, tenant="guest")).answer
    await client.put_shown(f"{own}/acl", text, acl=[own])
    assert "cardamom" not in (await client.ask(question, tenant="guest")).answer
    assert "cardamom" in (await client.ask(question, tenant=own)).answer


async def test_filters_choose_documents_by_their_metadata(client: Client, own: str) -> None:
    """A value must be equal, or one of a list; 1 and "1" are two values."""
    for product, answer in (("piano", "spruce"), ("violin", "maple")):
        await client.put_shown(
            f"{own}/{product}",
            f"# Body\n\nThe body of the instrument is made of {answer}.\n",
            acl=[own],
            metadata={"product": product, "rank": 1},
        )
    question = "What is the body of the instrument made of?"

    async def found(**filters: object) -> set[str]:
        response = await client.ask(question, tenant=own, filters=filters)
        return {citation.doc_id.rpartition("/")[2] for citation in response.citations}

    assert await found(product="violin") == {"violin"}
    assert await found(product=["piano", "cello"]) == {"piano"}
    assert await found(product="cello") == set()
    assert await found(rank="1") == set()
    assert await found(product="piano", rank=1) == {"piano"}


async def test_a_deletion_is_acknowledged_and_then_invisible(client: Client, own: str) -> None:
    """From the index time acknowledged on nobody sees it; before, it is still there."""
    before = await client.put_shown(
        f"{own}/gone", "# Bell\n\nThe bell weighs nine tons.\n", acl=[own]
    )
    write = await client.delete(f"{own}/gone")
    shown = await client.shown(write)
    question = "How much does the bell weigh?"
    after = await client.ask(question, tenant=own, after=receipt(write))
    assert after.status == "unanswerable"
    assert (await client.ask(question, tenant=own, as_of=shown)).status == "unanswerable"
    assert "nine tons" in (await client.ask(question, tenant=own, as_of=before)).answer
    assert only((await client.changes(f"{own}/gone"))[1:]).status == "deleted"


async def test_the_index_is_what_the_log_says_now_and_earlier(client: Client, own: str) -> None:
    """`verify` counts zero, also as of a time before edits and deletions."""
    first = await client.put_shown(f"{own}/verify", HERON.format(captain="Liv Aas"), acl=[own])
    await client.put_shown(f"{own}/verify", "# Heron\n\nNothing is left of it.\n", acl=[own])
    await client.shown(await client.delete(f"{own}/verify"))
    for as_of in (first, None):
        report = await client.verify(as_of)
        assert report.total == 0, report.faults
        assert report.rows > 0


async def _retrieved(client: Client, question: str, response: Response) -> tuple[list[str], str]:
    """Names of the passages and the prompt, from the receipt."""
    assert response.receipt is not None
    embedder = TritonEmbedder(client.settings.triton.grpc)
    try:
        (vector,) = await embedder.embed([question])
    finally:
        await embedder.close()
    async with client.index() as index:
        found = await search(
            index,
            client.spec,
            vector=vector,
            weights=response.receipt.lexical,
            at=response.receipt.as_of,
            access=Access(tenant=response.tenant),
            top_k=5,
        )
    return [one.name for one in found], prompt_for(PROMPT, {"question": question}, found)

from processors.parse import parse


def test_paragraphs_end_at_blank_lines_and_items_stand_alone():
    text = "One\ntwo.\n \t\nThree.\r\n\r\n- four\n- five\n  six\n"
    assert [(b.kind, text[b.start : b.end]) for b in parse(text, "text/plain")] == [
        ("paragraph", "One\ntwo."),
        ("paragraph", "Three."),
        ("item", "- four"),
        ("item", "- five\n  six"),
    ]


def test_a_content_type_may_have_parameters():
    assert len(parse("text", "Text/Plain; charset=utf-8")) == 1

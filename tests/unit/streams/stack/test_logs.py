"""Log files: bounded, tailed, followed."""

from pathlib import Path

from streams.stack import logs


def test_a_log_that_grew_too_long_is_moved_aside(tmp_path: Path):
    """What was written is in `.1`, and the file begins anew."""
    log = tmp_path / "kafka.log"
    log.write_text("x" * 100)
    logs.rotate(log, most_bytes=99)
    assert log.read_text() == ""
    assert (tmp_path / "kafka.log.1").read_text() == "x" * 100


def test_a_writer_goes_on_at_the_start_of_a_rotated_log(tmp_path: Path):
    """A server keeps its file open, and must leave no hole of zeros in it."""
    log = tmp_path / "kafka.log"
    with logs.opened(log) as output:
        output.write(b"before\n" * 20)
        output.flush()
        logs.rotate(log, most_bytes=99)
        output.write(b"after\n")
    assert log.read_text() == "after\n"


def test_the_tail_is_the_last_lines(tmp_path: Path):
    """Fewer when there are fewer; none without a file."""
    log = tmp_path / "kafka.log"
    assert logs.tail(log, 2) == []
    log.write_text("a\nb\nc\n")
    assert logs.tail(log, 2) == ["b", "c"]
    assert logs.tail(log, 9) == ["a", "b", "c"]
    assert logs.tail(log, 0) == []


def test_what_tells_why_are_the_errors_and_the_last_lines(tmp_path: Path):
    """Triton names the broken model long before its last line."""
    log = tmp_path / "triton.log"
    log.write_text("start\nE1 no such model\nSyntaxError: x\n" + "table\n" * 50 + "bye\n")
    told = logs.telling(log)
    assert told[0] == "SyntaxError: x"
    assert told[-1] == "bye"
    assert len(told) == 7


def test_following_gives_whole_lines_once_each(tmp_path: Path):
    """Half a line waits for its other half; a truncated file is read from its start."""
    log = tmp_path / "kafka.log"
    log.write_text("a\nb")
    lines, at = logs.read_from(log, 0)
    assert lines == ["a"]
    log.write_text("a\nbc\n")
    lines, at = logs.read_from(log, at)
    assert lines == ["bc"]
    log.write_text("d\n")
    assert logs.read_from(log, at)[0] == ["d"]

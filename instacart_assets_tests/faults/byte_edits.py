"""Damage to the bytes of a landed file, from a single flipped bit to lines from elsewhere."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from random import Random

from hypothesis import strategies as st

STRIDE = 7_919
"""What is done many times is done this far apart; a prime, so that it hits other columns each time."""

MARKS = (
    b'"', b'""', b",", b",,", b"\n", b"\n\n", b"\r", b"\r\n", b"\0", b"\xff", b"\xc3", b"\xef\xbb\xbf",
    b"\\", b'\\"', b"'", b";", b"\t", b" ", b"\x0b", b"\x1c", b"\xc2\x85", b"\xc2\xa0", b"\xe2\x80\xa8",
    b'"\n"', b'a"b', b"#", b"{}", b"$",
)  # fmt: skip
WORDS = (
    b"", b"0", b"1", b"2", b"-1", b" 7", b"+7", b"007", b"7.0", b"1.5", b"1e3", b"NaN", b"Infinity", b"null",
    b"NULL", b"true", b"31", b"99999999999", b"9223372036854775808", b"0x1F", b"1_0", b"\xef\xbc\x97", b"test",
    b"train", b"missing", b"2015-02-30", b"0000-01-01", b"99999-01-01", b'"1"', b'"a,b"', b'"', b"\xf0\x9f\x8d\x8e",
    b"\\N", b"_row_number", b"x" * 140_000,
)  # fmt: skip


@dataclass(frozen=True)
class Edit:
    """One kind of damage at one place.

    Attributes:
        kind: name in ``KINDS``.
        where: the place; what is beyond the end counts on from the start.
        other: another place, or how many bytes.
        text: what is written there.
        is_in_header: whether the place may be in the header.
        times: how often it is done.
    """

    kind: str
    where: int
    other: int
    text: bytes
    is_in_header: bool = False
    times: int = 1


def damage(content: bytes, edits: Iterable[Edit], donor: bytes) -> bytes:
    """The content with all edits done, one after the other.

    Args:
        content: bytes of a landed file.
        edits: what is done to them.
        donor: another landed file, which lines may come from.
    """
    for edit in edits:
        for turn in range(edit.times):
            where = edit.where + turn * STRIDE
            if edit.kind == GRAFT:
                lines = donor.split(b"\n")
                line = lines[where % len(lines)] + b"\n"
                content = content[: content.find(b"\n") + 1] + line + content[content.find(b"\n") + 1 :]
            else:
                content = _edit_once(content, edit, where)
    return content


def _edit_once(content: bytes, edit: Edit, where: int) -> bytes:
    start = 0 if edit.is_in_header else content.find(b"\n") + 1
    head, body = content[:start], content[start:]
    if edit.is_in_header:
        where %= content.find(b"\n") + 1 or 1
    return head + KINDS[edit.kind](body, where, edit) if body else content


def _flip(body: bytes, where: int, edit: Edit) -> bytes:
    place = where % len(body)
    return body[:place] + bytes([body[place] ^ (1 << edit.other % 8)]) + body[place + 1 :]


def _insert(body: bytes, where: int, edit: Edit) -> bytes:
    place = where % (len(body) + 1)
    return body[:place] + edit.text + body[place:]


def _delete(body: bytes, where: int, edit: Edit) -> bytes:
    place = where % len(body)
    return body[:place] + body[place + 1 + edit.other % 40 :]


def _overwrite(body: bytes, where: int, edit: Edit) -> bytes:
    place = where % len(body)
    return body[:place] + edit.text + body[place + len(edit.text) :]


def _truncate(body: bytes, where: int, _: Edit) -> bytes:
    return body[: where % (len(body) + 1)]


def _repeat_line(body: bytes, where: int, edit: Edit) -> bytes:
    lines = body.split(b"\n")
    lines.insert(edit.other % len(lines), lines[where % len(lines)])
    return b"\n".join(lines)


def _repeat_key(body: bytes, where: int, edit: Edit) -> bytes:
    """A line once more, with another last value."""
    lines = body.split(b"\n")
    kept, _, _ = lines[where % len(lines)].rpartition(b",")
    lines.insert(edit.other % len(lines), kept + b"," + edit.text)
    return b"\n".join(lines)


def _swap_lines(body: bytes, where: int, edit: Edit) -> bytes:
    lines = body.split(b"\n")
    one, two = where % len(lines), edit.other % len(lines)
    lines[one], lines[two] = lines[two], lines[one]
    return b"\n".join(lines)


def _splice(body: bytes, where: int, edit: Edit) -> bytes:
    """The end of another line after the start of this one."""
    lines = body.split(b"\n")
    one, two = where % len(lines), edit.other % len(lines)
    lines[one] = (
        lines[one][: edit.other % (len(lines[one]) + 1)] + lines[two][where % (len(lines[two]) + 1) :]
    )
    return b"\n".join(lines)


def _replace_field(body: bytes, where: int, edit: Edit) -> bytes:
    lines = body.split(b"\n")
    fields = lines[where % len(lines)].split(b",")
    fields[edit.other % len(fields)] = edit.text
    lines[where % len(lines)] = b",".join(fields)
    return b"\n".join(lines)


KINDS: dict[str, Callable[[bytes, int, Edit], bytes]] = {
    "replace_field": _replace_field,
    "insert": _insert,
    "overwrite": _overwrite,
    "flip": _flip,
    "delete": _delete,
    "repeat_line": _repeat_line,
    "repeat_key": _repeat_key,
    "swap_lines": _swap_lines,
    "splice": _splice,
    "truncate": _truncate,
}

GRAFT = "graft_line"
"""A line of another file, below the header."""

PLACES = 1_000_000
HEADER_CHANCES = (False,) * 11 + (True,)
TIMES = (1,) * 14 + (3, 40)


def edits() -> st.SearchStrategy[Edit]:
    """Any one edit."""
    return st.builds(
        Edit,
        st.sampled_from(sorted((*KINDS, GRAFT))),
        st.integers(0, PLACES),
        st.integers(0, PLACES),
        st.one_of(st.sampled_from((*MARKS, *WORDS)), st.binary(min_size=1, max_size=6)),
        st.sampled_from(HEADER_CHANCES),
        st.sampled_from(TIMES),
    )


def draw_edit(random: Random) -> Edit:
    """Any one edit, by a generator of numbers."""
    return Edit(
        random.choice(sorted((*KINDS, GRAFT))),
        random.randrange(PLACES),
        random.randrange(PLACES),
        random.choice((*MARKS, *WORDS)),
        random.choice(HEADER_CHANCES),
        random.choice(TIMES),
    )

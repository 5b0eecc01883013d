# SPDX-License-Identifier: Apache-2.0
"""Forms read as they come: the same whatever pieces they come in, and refused where they are none."""

from random import Random

import pytest

from ovpo.sop.api.multipart import MOST_PARTS, Began, Data, Ended, Form, FormError, boundary_of

MARK = b"xX-boundary"
VIDEO = b"\r\n--xX-boundar\r\n--\r\n\0\xff--xX-boundary\r\r\n" * 50
"""Content that nearly is a boundary, again and again."""


def part(headers: str, content: bytes) -> bytes:
    return b"--" + MARK + b"\r\n" + headers.encode() + b"\r\n\r\n" + content + b"\r\n"


FORM = (
    b"a preamble that nobody reads\r\n"
    + part('Content-Disposition: form-data; name="task_id"', b"coffee")
    + part('content-disposition: form-data; name="note"\r\nContent-Type: text/plain', b"")
    + part('Content-Disposition: form-data; name="file"; filename="g\u00f6ld.mp4"', VIDEO)
    + b"--"
    + MARK
    + b"--\r\nan epilogue"
)


def read(pieces: list[bytes], mark: bytes = MARK) -> list[tuple[str, str | None, bytes]]:
    """Read a form: name, file and content of each part."""
    form = Form(mark)
    found: list[tuple[str, str | None, bytes]] = []
    held: list[bytes] = []
    for piece in pieces:
        for event in form.feed(piece):
            match event:
                case Began(name, file):
                    held = []
                    found.append((name, file, b""))
                case Data(data):
                    held.append(data)
                case Ended():
                    found[-1] = (*found[-1][:2], b"".join(held))
    form.finish()
    return found


WHOLE = [("task_id", None, b"coffee"), ("note", None, b""), ("file", "göld.mp4", VIDEO)]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 16, 64, 1000, 10**6])
def test_a_form_reads_the_same_in_pieces_of_any_size(size: int) -> None:
    assert read([FORM[at : at + size] for at in range(0, len(FORM), size)]) == WHOLE


def test_a_form_reads_the_same_in_uneven_pieces() -> None:
    rng = Random(1)
    for _ in range(50):
        cuts = sorted(rng.randrange(len(FORM)) for _ in range(20))
        assert read([FORM[a:b] for a, b in zip([0, *cuts], [*cuts, None], strict=True)]) == WHOLE


def test_content_is_given_on_before_the_part_ends() -> None:
    form = Form(MARK)
    list(form.feed(part('Content-Disposition: form-data; name="file"', b"")[:-2]))
    given = b"".join(event.data for event in form.feed(b"\1" * 100_000) if isinstance(event, Data))
    assert len(given) > 99_000


@pytest.mark.parametrize("end", range(1, 60, 7))
def test_a_form_that_breaks_off_is_refused(end: int) -> None:
    body = FORM[: FORM.rindex(b"--" + MARK) + len(MARK) + 2]
    with pytest.raises(FormError, match="breaks off"):
        read([body[:-end]])


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (part("Content-Type: text/plain", b"x"), "no Content-Disposition"),
        (part('Content-Disposition: attachment; name="x"', b"x"), "no Content-Disposition"),
        (part("Content-Disposition: form-data", b"x"), "no Content-Disposition"),
        (part('Content-Disposition: form-data; name=""', b"x"), "no Content-Disposition"),
        (part("Content-Disposition: form-data; name=x; filename*=utf-8''a; filename*0=b", b"x"), "cannot be read"),
        (b"--" + MARK + b"\r\n" + b"X: y\r\n" * 3000, "bytes of headers"),
        (b"--" + MARK + b"\r\nContent-Disposition: \xff\r\n\r\n", "no UTF-8"),
        (b"--" + MARK + b"garbage\r\n", "something else than a line break"),
        (b"--" + MARK + b" " * 300, "something else than a line break"),
        (part('Content-Disposition: form-data; name="x"', b"") * (MOST_PARTS + 1), "more than 20 parts"),
    ],
)
def test_what_is_no_form_is_refused_with_the_reason(body: bytes, reason: str) -> None:
    with pytest.raises(FormError, match=reason):
        read([body])


@pytest.mark.parametrize(
    ("header", "boundary"),
    [
        ("multipart/form-data; boundary=abc", b"abc"),
        ('Multipart/Form-Data; charset=utf-8; boundary="a b"', b"a b"),
        ("application/octet-stream", None),
        ("multipart/mixed; boundary=abc", None),
        ("", None),
    ],
)
def test_the_boundary_is_read_from_the_type(header: str, boundary: bytes | None) -> None:
    assert boundary_of(header) == boundary


@pytest.mark.parametrize("said", ["", "; boundary=", f"; boundary={'a' * 71}", "; boundary=ä", '; boundary="a "'])
def test_a_form_without_a_boundary_that_can_be_is_refused(said: str) -> None:
    with pytest.raises(FormError, match="boundary of 1 to 70"):
        boundary_of(f"multipart/form-data{said}")


def test_random_bytes_are_read_or_refused_and_never_break_it() -> None:
    rng = Random(2)
    for _ in range(300):
        raw = bytearray(FORM)
        for _ in range(rng.randrange(1, 6)):
            at = rng.randrange(len(raw))
            raw[at : at + rng.randrange(4)] = rng.choice((b"", b"\r\n", b"--", b"\0", rng.randbytes(5)))
        try:
            read([bytes(raw)])
        except FormError:
            continue

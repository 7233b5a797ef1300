"""Repairs the sizes in WAV and AIFF files.

A program that writes to a pipe cannot go back to the header at the end. It leaves 0 there, or the largest number. A
recording that was cut off has sizes larger than the file. In all these cases the samples reach to the end of the file.
"""

from typing import Literal, NamedTuple

_HEADER_BYTES = 12
"""The file's mark, its size, and the kind of its content."""
_CHUNK_HEADER_BYTES = 8


class _Form(NamedTuple):
    byte_order: Literal["little", "big"]
    samples: bytes
    """The mark of the chunk that has the samples."""


_FORMS = {
    b"RIFF": _Form("little", b"data"),
    b"RF64": _Form("little", b"data"),
    b"BW64": _Form("little", b"data"),
    b"RIFX": _Form("big", b"data"),
    b"FORM": _Form("big", b"SSND"),
}
_WITH_64_BITS = (b"RF64", b"BW64")


def with_true_sizes(content: bytes) -> bytes:
    """The file with sizes that fit it, if it is WAV or AIFF with samples; else the same bytes."""
    form = _FORMS.get(content[:4])
    if form is None:
        return content
    at = _samples_at(content, form)
    if at is None:
        return content
    stated = int.from_bytes(content[at + 4 : at + 8], form.byte_order)
    there = len(content) - at - _CHUNK_HEADER_BYTES
    if 0 < stated <= there or not there:
        return content
    repaired = bytearray(content)
    if content[:4] in _WITH_64_BITS:
        # 32 bits are enough for a file this size, so the chunk with the sizes of 64 bits is not needed.
        repaired[:4] = b"RIFF"
        if content[_HEADER_BYTES : _HEADER_BYTES + 4] == b"ds64":
            repaired[_HEADER_BYTES : _HEADER_BYTES + 4] = b"JUNK"
    repaired[4:8] = (len(content) - _CHUNK_HEADER_BYTES).to_bytes(4, form.byte_order)
    repaired[at + 4 : at + 8] = there.to_bytes(4, form.byte_order)
    return bytes(repaired)


def _samples_at(content: bytes, form: _Form) -> int | None:
    """Where the chunk with the samples begins."""
    at = _HEADER_BYTES
    while at + _CHUNK_HEADER_BYTES <= len(content):
        if content[at : at + 4] == form.samples:
            return at
        size = int.from_bytes(content[at + 4 : at + 8], form.byte_order)
        # Chunks begin at even positions.
        at += _CHUNK_HEADER_BYTES + size + size % 2
    return None

"""Which encoding the attributes of a Shapefile are in, read from the bytes themselves."""

from __future__ import annotations

import codecs
import struct
from pathlib import Path

SAMPLE_BYTES = 4 << 20


def sniff_encoding(path: Path, stated: str | None) -> str:
    """Find an encoding in which the text of a .dbf can be read.

    Parameters
    ----------
    path : pathlib.Path
        The .dbf file.
    stated : str or None
        What its .cpg says.

    Returns
    -------
    str
        The stated encoding if it fits, otherwise UTF-8 or GB18030, whichever fits.
    """
    values = _text_values(path)
    candidates = [name for name in (stated, "UTF-8", "GB18030") if name and _exists(name)]
    for name in candidates:
        if all(_fits(value, name) for value in values):
            return name
    # A value cut in the middle of a character by some tool: take what fits most of them.
    return max(candidates, key=lambda name: sum(_fits(value, name) for value in values))


def _text_values(path: Path) -> list[bytes]:
    """Text cells that hold anything but ASCII, from the first megabytes."""
    with path.open("rb") as stream:
        data = stream.read(SAMPLE_BYTES)
    if len(data) < 32:
        return []
    header_size, record_size = struct.unpack("<HH", data[8:12])
    spans: list[tuple[int, int]] = []
    offset, position = 1, 32
    while position + 32 <= min(header_size, len(data)) and data[position] != 0x0D:
        width = data[position + 16]
        if data[position + 11] == ord("C"):
            spans.append((offset, offset + width))
        offset += width
        position += 32
    values: set[bytes] = {data[32 + 32 * i : 43 + 32 * i].split(b"\0")[0] for i in range((position - 32) // 32)}
    if record_size > 0:
        for start in range(header_size, len(data) - record_size + 1, record_size):
            record = data[start : start + record_size]
            values.update(record[a:b].strip(b" \0") for a, b in spans)
    return [value for value in values if not value.isascii()]


def _fits(value: bytes, name: str) -> bool:
    """Whether bytes can be read, a character cut off at the field's end forgiven."""
    try:
        value.decode(name)
    except UnicodeDecodeError as error:
        return error.end >= len(value) and len(value) - error.start < 4 and error.start > 0
    return True


def _exists(name: str) -> bool:
    """Whether Python knows an encoding."""
    try:
        codecs.lookup(name)
    except LookupError:
        return False
    return True

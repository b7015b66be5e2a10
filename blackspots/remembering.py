"""Writing a person's answers into a study file, whose comments and order stay as they are."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import Comment, InlineTable, Table, Whitespace

from blackspots.errors import BlackspotsError
from blackspots.sources.proposals import block
from blackspots.store import whole_file

_BOM = "\ufeff"


def remember(path: Path, table: str, columns: Mapping[str, str | Sequence[str]]) -> None:
    """Put headers into ``[table.columns]`` of a study: whole, or not at all.

    Parameters
    ----------
    path
        ``study.toml``.
    table
        ``crashes``, ``roads`` ...
    columns
        Column to header, to several headers, or to ``""`` which leaves the column out.

    Raises
    ------
    BlackspotsError
        ``not-remembered`` when the file is written so that this cannot be done without
        changing something else, with the lines to paste; or what writing the file says.
    """
    path = path.resolve()
    source = path.read_bytes().decode("utf-8")
    mark = _BOM if source.startswith(_BOM) else ""
    ends = "\r\n" if "\r\n" in source else "\n"
    plain = source.removeprefix(_BOM).replace("\r\n", "\n")
    wanted = tomllib.loads(plain)
    made: dict[str, str | list[str]] = {
        c: h if isinstance(h, str) else list(h) for c, h in columns.items()
    }
    refusal = BlackspotsError("not-remembered", file=path.name, table=table, block=block(columns))
    if not isinstance(wanted.get(table), dict):
        raise refusal
    wanted[table].setdefault("columns", {}).update(made)
    result = _extended(plain, table, made)
    if result is None or _read(result) != wanted:
        # Inserted as text of its own: a section may stand anywhere.
        result = f"{plain.rstrip()}\n\n[{table}.columns]\n{block(columns)}\n"
    if _read(result) != wanted:
        raise refusal
    write_whole(path, mark + result.replace("\n", ends))


def write_whole(path: Path, words: str) -> None:
    """Replace a study file at once, whole or not at all.

    Raises
    ------
    BlackspotsError
        ``output-locked`` or ``output-failed``.
    """
    with whole_file(path) as fresh:
        fresh.write_bytes(words.encode("utf-8"))


def _read(source: str) -> Any:
    try:
        return tomllib.loads(source)
    except tomllib.TOMLDecodeError:
        return None


def _extended(source: str, table: str, columns: Mapping[str, str | list[str]]) -> str | None:
    """The text with the columns put in; None where the section is of an unusual form."""
    try:
        document = tomlkit.parse(source)
    except TOMLKitError:
        return None
    section: Any = document[table]
    there = section.get("columns")
    if there is None and isinstance(section, InlineTable):
        there = section["columns"] = tomlkit.inline_table()
    if isinstance(there, InlineTable):
        for column, header in columns.items():
            there[column] = header
        return tomlkit.dumps(document)
    if there is None and isinstance(section, Table):
        own, after = tomlkit.table(), _set_apart(section)
        section.add(tomlkit.nl())
        section["columns"] = own
    elif isinstance(there, Table):
        own, after = there, _set_apart(there)
    elif there is not None and isinstance(section, Table):
        _extend_dotted(section, there, columns)
        return tomlkit.dumps(document)
    else:
        return None
    for column, header in columns.items():
        own[column] = header
    own.value.body.extend(after)
    return tomlkit.dumps(document)


def _extend_dotted(section: Table, there: Any, columns: Mapping[str, str | list[str]]) -> None:
    """Several lines ``columns.date = ...``, which tomlkit holds as parts."""
    after = _set_apart(section)
    for column, header in columns.items():
        if column in there:
            there[column] = header
        else:
            section.add(tomlkit.key(["columns", column]), tomlkit.item(header))
    section.value.body.extend(after)


def _set_apart(table: Table) -> list[Any]:
    """Take away what stands behind the table's last line and speaks of the next section.

    Comments right below the last line stay; what a blank line parts from it goes, as do
    comments right above the next section where no blank line stands.
    """
    body = table.value.body
    while body and isinstance(body[-1][1], Table):
        table = body[-1][1]
        body = table.value.body
    first = len(body)
    while first and isinstance(body[first - 1][1], Comment | Whitespace):
        first -= 1
    tail = body[first:]
    blank = next((i for i, (_, item) in enumerate(tail) if isinstance(item, Whitespace)), 0)
    taken = tail[blank:]
    del body[first + blank :]
    return list(taken)

"""The errors a user can mend: what is wrong, where, and what to do.

An error carries a code and its fields, not a sentence, so that the command line can say it
in the user's language; the sentences stand in ``presets/labels``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from blackspots import labels


class BlackspotsError(Exception):
    """Something in the user's input, named by ``code`` (a key below ``error.``).

    Parameters
    ----------
    code
        Key of the sentence in the label files, without the leading ``error.``.
    **fields
        What the sentence names: file, sheet, row, column, value ...; a
        :class:`blackspots.labels.Term` where that is itself said in the user's language.
    """

    def __init__(self, code: str, /, **fields: Any) -> None:
        super().__init__(code, fields)
        self.code = code
        self.fields = fields

    def message(self, language: str = labels.FALLBACK) -> str:
        """The sentence in a language."""
        return labels.text(f"error.{self.code}", language, **self.fields)

    def __str__(self) -> str:
        return self.message()


class Problems(BlackspotsError):
    """Several errors found together, so that one run tells them all."""

    def __init__(self, errors: Iterable[BlackspotsError]) -> None:
        self.errors = tuple(errors)
        super().__init__("problems", count=len(self.errors))

    def message(self, language: str = labels.FALLBACK) -> str:
        """The head line and one line for each error."""
        lines = "\n".join(f"- {error.message(language)}" for error in self.errors)
        return f"{super().message(language)}\n{lines}"


def raise_all(errors: Iterable[BlackspotsError]) -> None:
    """Raise what was collected: one error as itself, several as :class:`Problems`."""
    found = list(errors)
    if len(found) == 1:
        raise found[0]
    if found:
        raise Problems(found)

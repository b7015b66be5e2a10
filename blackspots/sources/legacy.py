"""Text from before Unicode: which encoding it is in, and the letters it means.

An encoding is told by its words. Each candidate reads the text; of the words it finds with
letters beyond ASCII, those count that are Vietnamese syllables. The best is taken when most of
its words are syllables and no other reading has half as many. What no reading explains, and is
not plausibly Western either, is refused: wrong letters would look like names nobody knows.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from itertools import islice
from typing import Final, NamedTuple

from blackspots.errors import BlackspotsError
from blackspots.presets import encodings

_BOMS: Final = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_HEAD: Final = 200_000
"""Bytes at the start of a file by which its encoding is told ..."""
_FURTHER: Final = (3, 30_000)
"""... and as many pieces of so many bytes, spread over the rest."""
_WORDS: Final = 50_000
"""Cells by which the scheme of a table is told."""
_SHARE: Final = 0.6
"""Least share of syllables among the words of a reading."""
_MARGIN: Final = 2
"""How many times as many syllables as any other reading the best one has."""
_FEWEST: Final = 2
"""Least number of different syllables: one word may be chance."""
_WESTERN: Final = 0.8
"""Least share of plausible words in Western text."""

_FOREIGN: Final = "\u0436"  # A letter that stands in no syllable.
_WORD: Final = re.compile(r"[^\W\d_]{2,}")
_BEYOND: Final = re.compile(r"[^\x00-\u00ff]")
# Capitals with small letters among them, where a scheme has no capitals with tones.
_TONED: Final = "à-ãè-êìíò-õùúýĩũảạ-ỹ"
_CAPITALS: Final = "A-ZĂÂÊÔƠƯĐ"
_MIXED: Final = re.compile(
    rf"(?<![^\W_])(?=[{_TONED}]*[{_CAPITALS}][{_TONED}]*[{_CAPITALS}])[{_CAPITALS}{_TONED}]+(?![^\W_])"
)
# Runs of letters and of signs that touch them; quotes, dashes and no-break spaces part words.
_RUN: Final = re.compile(r"[^\W\d_][^\x00-@\[-`{-~\u00a0«»‘’“”„‚‹›–—…°·]*")
_PLAIN_RUN: Final = re.compile(r"[A-ZÀ-ÖØ-ÞŠŒŽŸ]?[a-zß-öø-ÿšœž]*[ªº]?|[A-ZÀ-ÖØ-ÞŠŒŽŸß]+")
_LONG: Final = 4
_PIECE: Final = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}")


class _Score(NamedTuple):
    """How a reading fares, in words as often as they stand and in different ones."""

    syllables: int
    different: int
    words: int
    spoilt: int = 0
    """Syllables of the text as it stands that this reading would change."""
    spoilt_different: int = 0


def decode(data: bytes, given: str | None = None, *, file: str = "") -> tuple[str, str]:
    """The text of a file in Unicode NFC, and the encoding it was in.

    Found are ``utf-8``, ``utf-16``, ``cp1258``, ``tcvn3``, ``vni`` and ``cp1252``; ``given``
    goes first and may be any codec of Python.

    Raises
    ------
    BlackspotsError
        ``unknown-encoding``; ``no-such-encoding`` or ``wrong-encoding`` for the one given.
    """
    if given is not None:
        return _as_told(data, given, file)
    found = next((name for bom, name in _BOMS.items() if data.startswith(bom)), None)
    wide = None if found else _wide(data)
    try:
        if found or wide:
            codec = wide or {"utf-8": "utf-8-sig"}.get(str(found), str(found))
            return _nfc(data.decode(codec)), found or "utf-16"
        return _nfc(data.decode("utf-8")), "utf-8"
    except UnicodeDecodeError as error:
        if found or wide:
            raise BlackspotsError("unknown-encoding", file=file) from error
    name = _told_by_words(_sample(data))
    if name is None:
        raise BlackspotsError("unknown-encoding", file=file)
    try:
        return _read(data, name), name
    except UnicodeDecodeError as error:
        raise BlackspotsError("unknown-encoding", file=file) from error


def scheme_of(words: Iterable[str]) -> str | None:
    """The scheme whose letters are shown as Western ones in headers and cells, if any.

    Words with true Vietnamese letters beyond U+00FF say nothing: a table may be mixed.
    """
    cells = islice(dict.fromkeys(_nfc(w) for w in words if not w.isascii()), _WORDS)
    sorted_out: dict[bool, list[str]] = {True: [], False: []}
    for cell in cells:
        sorted_out[_is_unicode(cell)].append(cell)
    if not sorted_out[False]:
        return None
    shown = "\n".join(sorted_out[False])
    # Words of another language that has letters beyond U+00FF speak against any scheme.
    true = _words("\n".join(sorted_out[True]))
    against = true.total() - _syllables(true)
    return _best(_readings(shown, against))


def convert(word: str, scheme: str) -> str:
    """A header or cell in the letters it means, NFC.

    It stays as it is when it holds true Unicode letters, or more syllables than its conversion.
    """
    if word.isascii():
        return word
    word = _nfc(word)
    if _is_unicode(word):
        return word
    meant = _nfc(_reader(scheme)(word))
    # Cheap first: most cells of a legacy table hold no syllable as they stand.
    kept = _syllables(_words(word, least=2))
    return word if kept > _syllables(_words(meant, least=2)) else meant


def is_syllable(word: str) -> bool:
    """Whether a word can be a Vietnamese syllable: onset, rhyme and a tone it may bear."""
    return _nfc(word.casefold()) in encodings.syllables()


def _nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _is_unicode(word: str) -> bool:
    """Whether a word has letters that no scheme shows."""
    return any(c.isalpha() or unicodedata.combining(c) for c in _BEYOND.findall(word))


def _as_told(data: bytes, given: str, file: str) -> tuple[str, str]:
    name = given.strip().lower()
    try:
        if name not in encodings.SCHEMES:
            name = codecs.lookup(name).name.removesuffix("-sig")
        return _read(data, name), name
    except UnicodeError as error:
        raise BlackspotsError("wrong-encoding", file=file, encoding=given) from error
    except (LookupError, ValueError) as error:
        # ValueError: a name with a character that no name has.
        known = ", ".join(("utf-8", "utf-16", "cp1258", *encodings.SCHEMES, "cp1252"))
        raise BlackspotsError("no-such-encoding", file=file, encoding=given, known=known) from error


def _read(data: bytes, name: str) -> str:
    if name in encodings.SCHEMES:
        return _nfc(_reader(name)(_shown(data)))
    return _nfc(data.decode("utf-8-sig" if name == "utf-8" else name))


def _shown(data: bytes) -> str:
    """Bytes as cp1252; the five that it leaves open are taken as controls."""
    return codecs.charmap_decode(data, "strict", _cp1252())[0]


@cache
def _cp1252() -> str:
    codes = (bytes([i]) for i in range(256))
    return "".join(c.decode("cp1252", errors="ignore") or c.decode("latin-1") for c in codes)


@cache
def _reader(scheme: str, *, strict: bool = False) -> Callable[[str], str]:
    """A function from what is shown to what is meant.

    ``strict`` puts a foreign letter for each that the scheme does not use, so that the word
    around it is no syllable.
    """
    table = encodings.table(scheme)
    other = {c: _FOREIGN for c in map(chr, range(0xC0, 0x100)) if c not in table}
    known = (other | table) if strict else table
    if all(len(shown) == 1 for shown in known):
        codes = str.maketrans(known)
        read: Callable[[str], str] = lambda text: text.translate(codes)  # noqa: E731
    else:
        pattern = _pattern(known)
        read = lambda text: pattern.sub(lambda m: known[m[0]], text)  # noqa: E731
    if encodings.has_capitals(scheme):
        return read
    return lambda text: _MIXED.sub(lambda m: m[0].upper(), read(text))


def _pattern(known: Mapping[str, str]) -> re.Pattern[str]:
    """One pattern for letters of one and of two characters, the longer ones first."""
    marks: dict[str, str] = {}
    for shown in known:
        marks[shown[0]] = marks.get(shown[0], "") + shown[1:]
    pairs = [f"{base}[{second}]" for base, second in marks.items() if second]
    alone = "".join(shown for shown in known if len(shown) == 1)
    return re.compile("|".join((*pairs, f"[{alone}]")))


def _words(text: str, *, least: int = 3) -> Counter[str]:
    """The words with letters beyond ASCII.

    Shorter ones than ``least`` tell little: *på*, *sí* and *né* pass for syllables, too.
    """
    found = _WORD.findall(text.casefold())
    return Counter(w for w in found if len(w) >= least and not w.isascii())


def _syllables(words: Counter[str]) -> int:
    known = encodings.syllables()
    return sum(count for word, count in words.items() if word in known)


def _readings(shown: str, against: int = 0) -> dict[str, _Score]:
    """The score of each scheme; so many more words count as none of its syllables.

    Words that mean the same as they stand tell nothing.
    """
    scores = {}
    for name in encodings.SCHEMES:
        # Three characters may be two letters: soá is số.
        least = 4 - max(map(len, encodings.table(name)))
        plain = _words(shown, least=least)
        meant = _words(_reader(name, strict=True)(shown), least=least)
        scores[name] = _scored(meant - plain, plain - meant, against)
    return scores


def _scored(words: Counter[str], spoilt: Counter[str], against: int = 0) -> _Score:
    known = encodings.syllables()
    return _Score(
        _syllables(words),
        len(words.keys() & known),
        words.total() + against,
        _syllables(spoilt),
        len(spoilt.keys() & known),
    )


def _best(readings: Mapping[str, _Score]) -> str | None:
    """The reading that is clearly the best.

    Clear by either count: a word that stands often may be a syllable by chance, and in a long
    text so may many words that stand once.
    """
    first, *others = sorted(readings, key=lambda name: readings[name].syllables, reverse=True)
    best, rivals = readings[first], [readings[name] for name in others]
    often = max(best.spoilt, *(rival.syllables for rival in rivals))
    different = max(best.spoilt_different, *(rival.different for rival in rivals))
    clear = best.syllables >= _MARGIN * often or best.different >= _MARGIN * different
    enough = best.different >= _FEWEST and best.syllables >= _SHARE * best.words
    return first if clear and enough else None


def _told_by_words(sample: bytes) -> str | None:
    """The encoding of single bytes that a sample is in."""
    shown = _shown(sample)
    readings = _readings(shown)
    words = _words(_nfc(sample.decode("cp1258", errors="replace")))
    readings["cp1258"] = _scored(words, Counter())
    best = _best(readings)
    return best or ("cp1252" if _is_western(sample, shown) else None)


def _is_western(sample: bytes, shown: str) -> bool:
    """Whether the words look like a Western language: no signs and no odd capitals in them."""
    if any(unicodedata.category(c) == "Cc" and c not in "\t\n\r\x0b\x0c\x1a" for c in set(shown)):
        return False
    high = sum(byte > 0x7F for byte in sample)  # noqa: PLR2004
    if sum(map(len, _PIECE.findall(sample))) * 2 > high:
        return False  # UTF-8 that is broken somewhere.
    runs = {run for run in _RUN.findall(shown) if not run.isascii()}
    good = sum(_is_plausible(run) for run in runs)
    return good >= _WESTERN * len(runs)


def _is_plausible(run: str) -> bool:
    high = sum(not c.isascii() for c in run)
    few = len(run) < _LONG or high * 2 <= len(run)
    return few and _PLAIN_RUN.fullmatch(run) is not None


def _wide(data: bytes) -> str | None:
    """The codec of UTF-16 without a mark: every second byte is often zero, the others never."""
    sample = data[:4096]
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    if odd * 3 > len(sample) // 2 and not even:
        return "utf-16-le"
    return "utf-16-be" if even * 3 > len(sample) // 2 and not odd else None


def _sample(data: bytes) -> bytes:
    """The head of a file and some pieces further on, cut at line breaks."""
    if len(data) <= _HEAD:
        return data
    count, size = _FURTHER
    rest = (len(data) - _HEAD) // count
    starts = [_HEAD + i * rest for i in range(count)]
    pieces = [data[:_HEAD], *(data[start : start + size].partition(b"\n")[2] for start in starts)]
    return b"\n".join(piece.rpartition(b"\n")[0] or piece for piece in pieces)

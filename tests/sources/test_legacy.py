"""Text in encodings from before Unicode: found, and read to the letter."""

import shutil
import subprocess
import time
import unicodedata
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blackspots.errors import BlackspotsError
from blackspots.presets import encodings
from blackspots.sources import legacy

REAL = (
    "số người chết bị thương tại đường quốc lộ tuyến lý trình huyện tỉnh xã phường thị trấn "
    "nguyên nhân phương tiện ô tô mô tô xe máy điều khiển không chú ý quan sát vượt ẩu lấn phần "
    "đâm va chạm hộ gác chắn lối đi tự mở ngã tư cầu hầm đèo dốc trời mưa trơn trượt khuya "
    "hỏng hoàn toàn nghiêm trọng nhẹ nặng giờ ngày tháng năm Lạng Sơn Hữu Lũng Chi Lăng Đồng Đăng "
    "Cao Lộc Văn Lãng Tràng Định Bắc Bình Gia thuỷ quỹ kỹ nghỉ hẹn rẽ dễ mỗi nửa ngựa phẫu "
    "thuật khoẻ uống rượu bia tốc độ nguyễn huệ trưởng ngoằn ngoèo ướt quên được bằng lái giấy"
)
SYLLABLES = REAL.split()
# Different ones: of few that repeat, no register is made, and they may be told as another font.
WORDS = st.lists(st.sampled_from(SYLLABLES), min_size=8, max_size=60, unique=True).map(" ".join)
# Texts with a few words that mean the same in no other reading.
SENTENCES = WORDS.map(lambda words: f"Số người chết, bị thương nặng: {words}")

KNOWN = {
    "tcvn3": {
        "Sè ng\u00adêi chÕt": "Số người chết",
        "L¹ng S¬n": "Lạng Sơn",
        "§Æng V¨n A": "Đặng Văn A",
        "Quèc lé 1A": "Quốc lộ 1A",
        "ph\u00ad¬ng tiÖn": "phương tiện",
        "TØnh Qu¶ng TrÞ": "Tỉnh Quảng Trị",
    },
    "vni": {
        "Soá ngöôøi cheát": "Số người chết",
        "Laïng Sôn": "Lạng Sơn",
        "Ñaëng Vaên A": "Đặng Văn A",
        "Quoác loä 1A": "Quốc lộ 1A",
        "phöông tieän": "phương tiện",
        "Tænh Quaûng Trò": "Tỉnh Quảng Trị",
        "SOÁ NGÖÔØI CHEÁT": "SỐ NGƯỜI CHẾT",
    },
}
FOREIGN = {
    "French": (
        "Décès à la sortie de la forêt, blessé léger près de l'hôpital, « à gauche », où ça ? "
        "Véhicule arrêté, chaussée mouillée, très tôt, été, né là-bas, côté opposé, août, naïf"
    ),
    "Spanish": (
        "El camión chocó contra el árbol; según la policía, más de tres niños iban detrás. "
        "¿Dónde está el peatón? Día, avión, también, sí, tú, carretera de Cádiz a León, año"
    ),
    "German": (
        "Über die Straße, Fußgänger schwer verletzt, Lkw fährt rückwärts, Höhe Königsallee, "
        "außerorts, Böschung, Unfälle mit Getöteten, Änderung, Österreich, für, Tür, größer"
    ),
    "Portuguese": (
        "Colisão na rodovia São João, três vítimas, não há semáforo, atenção à via, é proibido, "
        "pé, avó, você, condição, José, mãe, município de Jundiaí, às vezes, também, até lá"
    ),
    "Norwegian": "Så gå på må få når små år går, både på øya og på fjæra, kjøretøy på veien",
}
TRUE = [
    "Cà Mau", "Hà Nam", "Vĩnh Phúc", "Hà Giang", "Thái Bình", "Lý trình", "Mô tô", "ô tô con",
    "có", "không", "Ninh Thuận", "xã Tân Thành", "Quốc lộ 1A", "Bình Gia", "Hòa Bình", "và", "là",
]  # fmt: skip
LATIN = ["Cà Mau", "Hà Nam", "Thái Bình", "Hòa Bình", "Lý trình", "có", "không", "mô tô", "xã"]


def encoder(scheme: str) -> dict[str, str]:
    """Letter to what is shown; letters without a capital of their own as small ones."""
    table: dict[str, str] = {}
    for shown, meant in encodings.table(scheme).items():
        table.setdefault(meant, shown)
    if not encodings.has_capitals(scheme):
        table |= {m.upper(): s for m, s in table.items() if m.upper() not in table}
    return table


ENCODERS = {scheme: encoder(scheme) for scheme in encodings.SCHEMES}


def shown(text: str, scheme: str) -> str:
    return "".join(ENCODERS[scheme].get(letter, letter) for letter in text)


def cp1258(text: str) -> bytes:
    """Vowels with their quality, and tones as marks after them."""
    out = ""
    for letter in text:
        parts = unicodedata.normalize("NFD", letter)
        tones = "".join(c for c in parts if c in encodings.TONES[1:])
        rest = "".join(c for c in parts if c not in tones)
        out += unicodedata.normalize("NFC", rest) + tones
    return out.encode("cp1258")


def encoded(text: str, encoding: str) -> bytes:
    if encoding in encodings.SCHEMES:
        return shown(text, encoding).encode("cp1252")
    return cp1258(text) if encoding == "cp1258" else text.encode(encoding)


def refusal(data: bytes, name: str | None = None) -> str:
    with pytest.raises(BlackspotsError) as error:
        legacy.decode(data, name, file="a.csv")
    assert "a.csv" in str(error.value)
    return error.value.code


def test_the_tables_have_every_letter() -> None:
    vowels = "aăâeêioôơuưy"
    letters = {
        unicodedata.normalize("NFC", vowel + tone) for vowel in vowels for tone in encodings.TONES
    } | {"đ"}
    accented = {letter for letter in letters if not letter.isascii()}
    assert set(encodings.table("tcvn3").values()) == accented | set("ĂÂÊÔƠƯĐ")
    assert set(encodings.table("vni").values()) == accented | {c.upper() for c in accented}


# What glibc's iconv -f TCVN5712-1 gives for the bytes A1 to FE that TCVN3 uses.
GLIBC = {
    0xA1: "ĂÂÊÔƠƯĐăâêôơưđ", 0xB5: "àảãáạ", 0xBB: "ằẳẵắ", 0xC6: "ặầẩẫấậè", 0xCE: "ẻẽéẹềểễếệìỉ",
    0xDC: "ĩíịò", 0xE1: "ỏõóọồổỗốộờởỡớợù", 0xF1: "ủũúụừửữứựỳỷỹýỵ",
}  # fmt: skip


def test_tcvn3_is_the_table_of_glibc() -> None:
    expected = {
        bytes([start + i]): letter
        for start, letters in GLIBC.items()
        for i, letter in enumerate(letters)
    }
    assert len(expected) == 74
    for byte, letter in expected.items():
        assert legacy.decode(byte, "tcvn3")[0] == letter
        assert legacy.convert(byte.decode("cp1252"), "tcvn3") == letter


@pytest.mark.skipif(shutil.which("iconv") is None, reason="no iconv")
def test_tcvn3_is_what_iconv_reads_on_this_machine() -> None:
    known = subprocess.run(["iconv", "-l"], capture_output=True, text=True, check=True)
    if "TCVN5712-1" not in known.stdout:
        pytest.skip("iconv does not know TCVN")
    for byte, letter in encodings.table("tcvn3").items():
        command = ["iconv", "-f", "TCVN5712-1", "-t", "UTF-8"]
        read = subprocess.run(command, input=byte.encode("cp1252"), capture_output=True, check=True)
        assert unicodedata.normalize("NFC", read.stdout.decode()) == letter


@pytest.mark.parametrize("capital", [False, True])
def test_vni_is_a_letter_and_its_mark(capital: bool) -> None:
    marks = {"\u0301": "ù", "\u0300": "ø", "\u0309": "û", "\u0303": "õ", "\u0323": "ï"}
    round_marks = {"": "â", "\u0301": "á", "\u0300": "à", "\u0309": "å", "\u0303": "ã"}
    short_marks = {"": "ê", "\u0301": "é", "\u0300": "è", "\u0309": "ú", "\u0303": "ü"}
    expected = {f"{v}{m}": v + tone for v in "aeou" for tone, m in marks.items()}
    expected |= {f"y{m}": "y" + tone for tone, m in marks.items() if tone != "\u0323"}
    expected |= {f"{s}{m}": v + t for s, v in ("ôơ", "öư") for t, m in marks.items()}
    round_marks["\u0323"], short_marks["\u0323"] = "ä", "ë"
    expected |= {f"{v}{m}": v + "\u0302" + t for v in "aeo" for t, m in round_marks.items()}
    expected |= {f"a{m}": "a\u0306" + t for t, m in short_marks.items()}
    expected |= {"í": "í", "ì": "ì", "æ": "ỉ", "ó": "ĩ", "ò": "ị", "î": "ỵ"}
    expected |= {"ô": "ơ", "ö": "ư", "ñ": "đ"}
    assert len(expected) == 67
    for word, letter in expected.items():
        meant = unicodedata.normalize("NFC", letter)
        if capital:
            word, meant = word.upper(), meant.upper()  # noqa: PLW2901
        assert legacy.decode(word.encode("cp1252"), "vni")[0] == meant
        assert encodings.table("vni")[word] == meant


@pytest.mark.parametrize("scheme", encodings.SCHEMES)
def test_known_words_are_read(scheme: str) -> None:
    for word, meant in KNOWN[scheme].items():
        assert legacy.convert(word, scheme) == meant
    assert legacy.scheme_of(KNOWN[scheme]) == scheme
    text = "\n".join(KNOWN[scheme])
    assert legacy.decode(text.encode("cp1252")) == ("\n".join(KNOWN[scheme].values()), scheme)


def test_few_words_are_enough() -> None:
    assert legacy.scheme_of(["STT", "Sè ng\u00adêi chÕt"]) == "tcvn3"
    assert legacy.scheme_of(["STT", "Soá ngöôøi cheát"]) == "vni"
    assert legacy.scheme_of(["STT", "L¹ng S¬n"]) == "tcvn3"


def test_capitals_of_the_capital_fonts_of_tcvn3() -> None:
    assert legacy.convert("Sè NG¦êI CHÕT", "tcvn3") == "Số NGƯỜI CHẾT"
    assert legacy.convert("HuyÖn §ç Hå", "tcvn3") == "Huyện Đỗ Hồ"
    assert legacy.convert("Th\u00adêng TÝn, S«ng §µ", "tcvn3") == "Thường Tín, Sông Đà"
    assert legacy.convert("§T234 QLé", "tcvn3") == "ĐT234 QLỘ"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1258", "tcvn3", "vni"])
@given(sentence=SENTENCES)
def test_sentences_come_back_and_their_encoding_is_named(encoding: str, sentence: str) -> None:
    data = encoded(sentence, encoding)
    assert legacy.decode(data) == (sentence, encoding)
    assert legacy.decode(data, encoding) == (sentence, encoding)


SAID = ["Số người", "bị thương nặng", "Nguyên nhân", "Lộc Bình", "không nhường đường", "Huyện"]
"""Enough to tell a font by, whatever words follow."""


@pytest.mark.parametrize("scheme", encodings.SCHEMES)
@given(words=st.lists(st.sampled_from(SYLLABLES), max_size=40))
def test_cells_come_back_and_unicode_ones_are_left_alone(scheme: str, words: list[str]) -> None:
    cells = [shown(word, scheme) for word in [*SAID, *words]]
    assert legacy.scheme_of(["id", *cells]) == scheme
    assert legacy.scheme_of([*words, *TRUE]) is None
    for word in words:
        line = f"Số người chết {word}"
        assert legacy.convert(shown(line, scheme), scheme) == line
        assert legacy.convert(line, scheme) is line
    for word in ("Km45+300", "QL1A", ""):
        assert legacy.convert(word, scheme) is word


@pytest.mark.parametrize("scheme", encodings.SCHEMES)
def test_a_true_cell_in_a_legacy_table_stays(scheme: str) -> None:
    for word in ("Lý trình", "Hà Nam", "Cà Mau", "Bình Gia"):
        assert legacy.convert(word, scheme) == word
    decomposed = unicodedata.normalize("NFD", "Số người chết")
    assert legacy.convert(decomposed, scheme) == "Số người chết"


@pytest.mark.parametrize("words", [TRUE, LATIN, LATIN[:2], ["a", "Km1+200"], [], ["m²", "½", "°"]])
def test_true_texts_have_no_scheme(words: list[str]) -> None:
    assert legacy.scheme_of(words) is None
    assert legacy.decode(";".join(words).encode())[1] == "utf-8"


@pytest.mark.parametrize("language", FOREIGN)
def test_western_texts_are_western(language: str) -> None:
    text = FOREIGN[language]
    assert legacy.scheme_of(text.split()) is None
    assert legacy.scheme_of(text.split(", ")) is None
    assert legacy.decode(text.encode("cp1252")) == (text, "cp1252")


def test_words_with_other_letters_speak_against_a_scheme() -> None:
    assert legacy.scheme_of(["bǎtǎl", "şoferul", "rănit", "începe", "în", "când", "știe"]) is None


def test_a_mark_and_the_width_of_utf_16() -> None:
    for codec in ("utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"):
        text, found = legacy.decode("Ngày;Số người chết\n1;2\n".encode(codec))
        assert text == "Ngày;Số người chết\n1;2\n"
        assert found == codec.removesuffix("-sig").removesuffix("-le").removesuffix("-be")
    decomposed = unicodedata.normalize("NFD", "Số người chết")
    assert legacy.decode(decomposed.encode()) == ("Số người chết", "utf-8")
    assert legacy.decode(b"") == ("", "utf-8")


def test_what_cannot_be_told_is_refused() -> None:
    broken = "Số người chết ở Lạng Sơn; Đường; Huyện".encode()[:-2]
    assert refusal(broken) == "unknown-encoding"
    assert refusal("Дорога и улица города".encode("cp1251")) == "unknown-encoding"
    assert refusal("交通事故発生場所".encode("shift-jis")) == "unknown-encoding"
    assert refusal(b"\xff\xfea") == "unknown-encoding"
    assert refusal(bytes(range(256))) == "unknown-encoding"


@pytest.mark.parametrize("name", ["utf-9", "", "hex", "a\0b", "rot13", "ünïcode"])
def test_a_name_of_no_encoding_is_refused(name: str) -> None:
    assert refusal(b"abc", name) == "no-such-encoding"


def test_a_stated_encoding_goes_first() -> None:
    assert refusal(b"\xff", "UTF-8") == "wrong-encoding"
    assert legacy.decode(b"\xe9t\xe9", "latin-1") == ("été", "iso8859-1")
    assert legacy.decode(b"\xb9", " TCVN3 ") == ("ạ", "tcvn3")
    assert legacy.decode("\ufeffa".encode(), "utf-8") == ("a", "utf-8")


@given(st.binary(max_size=400))
def test_any_bytes_give_text_or_an_error_of_ours(data: bytes) -> None:
    for name in (None, "utf-8", "utf-16", "cp1258", "tcvn3", "vni"):
        with suppress(BlackspotsError):
            text, found = legacy.decode(data, name)
            assert unicodedata.is_normalized("NFC", text)
            assert found


@given(st.text(alphabet=st.characters(max_codepoint=0x24F), max_size=60))
def test_any_cell_is_converted_to_composed_text(cell: str) -> None:
    legacy.scheme_of([cell])
    for scheme in encodings.SCHEMES:
        assert unicodedata.is_normalized("NFC", legacy.convert(cell, scheme))


def test_syllables() -> None:
    for word in SYLLABLES:
        assert legacy.is_syllable(word)
    for word in ("Giết", "gì", "QUỐC", "hoà", "hòa", "thuở", "nghiêng", "khuỷu", "yếu", "Đắk"):
        assert legacy.is_syllable(word)
    for word in ("", "chêt", "chềt", "kà", "nghà", "gê", "cê", "été", "zà", "hoàa", "àà", "đt"):
        assert not legacy.is_syllable(word)


@pytest.mark.parametrize("unit", ["A", "é", "Aé", "­", "aï", "S¬n L", "ÕT", "Ã¡"])
def test_reading_takes_time_in_proportion(unit: str) -> None:
    text = unit * (400_000 // len(unit))
    start = time.perf_counter()
    legacy.scheme_of([text])
    for scheme in encodings.SCHEMES:
        legacy.decode(text.encode("cp1252"), scheme)
        legacy.convert(text, scheme)
    with suppress(BlackspotsError):
        legacy.decode(text.encode("cp1252"))
    assert time.perf_counter() - start < 10

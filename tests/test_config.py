"""``study.toml``: paths, defaults, units, and that all problems are told together."""

from datetime import date
from pathlib import Path

import pytest
from pydantic import ValidationError
from small_study import edit, write_study

from blackspots.config import load_study
from blackspots.errors import BlackspotsError, Problems


def problems(study: Path) -> list[tuple[str, str]]:
    with pytest.raises(BlackspotsError) as refusal:
        load_study(study)
    error = refusal.value
    errors = error.errors if isinstance(error, Problems) else (error,)
    return sorted((e.code, str(e.fields.get("key", ""))) for e in errors)


def test_paths_are_relative_to_the_file_wherever_the_program_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = write_study(tmp_path / "a" / "b")
    (tmp_path / "a" / "roads.geojson").write_bytes((study.parent / "roads.geojson").read_bytes())
    edit(study, '"roads.geojson"', '"../roads.geojson"')
    edit(study, '"boundary.geojson"', f'"{study.parent / "boundary.geojson"}"')
    monkeypatch.chdir(tmp_path)
    loaded = load_study(Path("a/b/study.toml"))
    monkeypatch.chdir("/")
    assert loaded.roads is not None
    assert loaded.boundary is not None
    assert loaded.resolve(loaded.roads.file).samefile(tmp_path / "a" / "roads.geojson")
    assert loaded.resolve(loaded.boundary.file) == study.parent / "boundary.geojson"
    assert loaded.resolve(loaded.output.folder) == study.parent / "out"


def test_a_folder_stands_for_its_study_file(tmp_path: Path) -> None:
    write_study(tmp_path)
    assert load_study(tmp_path) == load_study(tmp_path / "study.toml")


def test_a_study_saved_by_notepad_is_read(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    study.write_bytes(b"\xef\xbb\xbf" + study.read_bytes().replace(b"\n", b"\r\n"))
    assert load_study(study).study.name["vi"] == "Nghiên cứu nhỏ"


def test_a_study_cannot_be_changed(tmp_path: Path) -> None:
    study = load_study(write_study(tmp_path))
    for section, name, value in (
        (study, "budget", None),
        (study.study, "crs", "EPSG:4326"),
        (study.locating, "tolerance", 1.0),
    ):
        with pytest.raises(ValidationError, match="frozen"):
            setattr(section, name, value)


def test_what_a_study_leaves_out_has_its_default(tmp_path: Path) -> None:
    study = load_study(write_study(tmp_path))
    assert study.study.language == "vi"
    assert study.study.definition == "vn-26-2012"
    assert (study.study.costs, study.study.catalogue) == ("vn-2024", "starter")
    assert study.study.simulated is False
    assert study.study.start == date(2021, 1, 1)
    assert study.crashes.date_order == "dmy"
    assert study.locating.tolerance == 50
    assert study.locating.junction_radius is None
    assert study.locating.certain == 0.8
    assert study.locating.decisions is None
    assert study.screening.p_excess == 0.95
    assert str(study.output.folder) == "out"


def test_one_name_serves_both_languages(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    edit(study, '{ vi = "Nghiên cứu nhỏ", en = "Small study" }', '"Lạng Sơn"')
    assert load_study(study).study.name == {"vi": "Lạng Sơn", "en": "Lạng Sơn"}


@pytest.mark.parametrize(
    ("unit", "factor"), [("one", 1), ("thousand", 1e3), ("million", 1e6), ("billion", 1e9)]
)
def test_the_budget_is_counted_in_its_unit(unit: str, factor: float, tmp_path: Path) -> None:
    study = write_study(tmp_path)
    edit(study, 'amount = 500\nunit = "million"', f'amount = 2.5\nunit = "{unit}"')
    budget = load_study(study).budget
    assert budget is not None
    assert budget.total == 2.5 * factor


def test_all_problems_of_the_keys_are_told_together(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    edit(study, "[budget]", "[locating]\ntolerance = -1\n[network]\nnode_tolerence = 2\n[budget]")
    edit(study, "end = 2023-12-31", 'languages = "vi"')
    edit(study, "amount = 500", "")
    assert problems(study) == [
        ("bad-value", "locating.tolerance"),
        ("missing-key", "budget.amount"),
        ("unknown-key-near", "network.node_tolerence"),
        ("unknown-key-near", "study.languages"),
    ]


@pytest.mark.parametrize(
    ("section", "key"),
    [
        ("[locating]\ntolerance = 0", "locating.tolerance"),
        ("[locating]\ntrain_radius = inf", "locating.train_radius"),
        ("[locating]\ncertain = 0.5", "locating.certain"),
        ("[locating]\ncertain = 1.01", "locating.certain"),
        ("[locating]\ndecisions = 3", "locating.decisions"),
        ("[screening]\nwindow = nan", "screening.window"),
        ("[screening]\nmonths = 0", "screening.months"),
        ("[screening]\nmonths = 2.5", "screening.months"),
        ("[screening]\np_excess = 0.5", "screening.p_excess"),
        ("[appraisal]\ndiscount_rate = 1.0", "appraisal.discount_rate"),
        ("[appraisal]\ndiscount_rate = -0.1", "appraisal.discount_rate"),
        ("[network]\njunction_link = -1", "network.junction_link"),
        ("[routes.QL1]\nstart = [106.7, 91]", "routes.QL1.start.1"),
        ("[routes.QL1]\nstart = [106.7]", "routes.QL1.start.1"),
        ("[routes.QL1]\nstart = [106.7, 21.8]\nkm = -1", "routes.QL1.km"),
        ("[output]\nfolder = 3", "output.folder"),
    ],
)
def test_a_number_out_of_its_range_is_refused_by_its_key(
    section: str, key: str, tmp_path: Path
) -> None:
    study = write_study(tmp_path)
    edit(study, "[budget]", f"{section}\n\n[budget]")
    found = problems(study)
    assert [name for _, name in found] == [key]
    assert found[0][0] in {"bad-value", "missing-key"}


@pytest.mark.parametrize("language", ["vi", "en"])
def test_what_a_value_should_be_is_said_without_the_librarys_words(
    language: str, tmp_path: Path
) -> None:
    study = write_study(tmp_path)
    edit(study, "[budget]", "[locating]\ntolerance = 'far'\n[screening]\nmonths = 0\n[budget]")
    with pytest.raises(Problems) as refusal:
        load_study(study)
    told = refusal.value.message(language)
    for words in ("Input should", "valid", "pydantic", "parse"):
        assert words not in told


def test_an_unreadable_study_says_the_line(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    edit(study, "[budget]", "[budget")
    with pytest.raises(BlackspotsError, match=r"line 3[0-9]") as refusal:
        load_study(study)
    assert refusal.value.code == "not-toml"


def test_every_file_that_is_not_there_is_named_with_its_section(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    for name in ("crashes.csv", "railways.geojson", "districts.geojson"):
        (tmp_path / name).unlink()
    assert problems(study) == [
        ("missing-file", "areas"),
        ("missing-file", "crashes"),
        ("missing-file", "railways"),
    ]


def test_areas_alone_are_enough_to_place_crashes_at(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    text = study.read_text(encoding="utf-8")
    for section in ("roads", "crossings", "repairs"):
        start = text.index(f"[{section}]")
        end = text.index("\n\n", start)
        text = text[:start] + text[end + 2 :]
    study.write_text(text, encoding="utf-8")
    assert load_study(study).roads is None


@pytest.mark.parametrize(
    "keys", ["site_minimum = 300\nsite_maximum = 200", "site_maximum = 50", "site_minimum = 2000"]
)
def test_a_greatest_length_of_a_site_below_the_least_is_refused(keys: str, tmp_path: Path) -> None:
    study = write_study(tmp_path)
    edit(study, "[budget]", f"[screening]\n{keys}\n\n[budget]")
    with pytest.raises(BlackspotsError) as refusal:
        load_study(study)
    assert refusal.value.code == "site-bounds"
    for language in ("vi", "en"):
        told = refusal.value.message(language)
        assert "site_maximum" in told
        assert f"{refusal.value.fields['maximum']} m" in told


def test_the_least_length_of_a_site_may_be_the_greatest(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    edit(study, "[budget]", "[screening]\nsite_minimum = 200\nsite_maximum = 200\n\n[budget]")
    assert load_study(study).screening.site_maximum == 200

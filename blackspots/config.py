"""A study: what ``study.toml`` says, checked as a whole.

Every path is relative to the file. Unknown keys are refused, with the nearest known key;
all problems are reported together.
"""

from __future__ import annotations

import difflib
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic import model_validator as after_all

from blackspots import labels
from blackspots.errors import BlackspotsError, raise_all

_SHOWN = 60

UNITS = {"one": 1.0, "thousand": 1e3, "million": 1e6, "billion": 1e9}

_NEEDS = {
    "bool": "boolean",
    "date": "date",
    "dict": "section",
    "finite_number": "finite",
    "float": "number",
    "greater_than": "above",
    "greater_than_equal": "at-least",
    "int": "integer",
    "less_than": "below",
    "less_than_equal": "at-most",
    "list": "list",
    "literal_error": "one-of",
    "model": "section",
    "path": "text",
    "string": "text",
    "too_short": "not-empty",
    "tuple": "list",
}
"""Type of a pydantic error, or its first word, to a key below ``need.`` in the label files."""

Scalar = str | int | float | bool
Unit = Literal["one", "thousand", "million", "billion"]
Positive = Annotated[float, Field(gt=0)]
Text = Annotated[
    dict[str, str],
    BeforeValidator(
        lambda value: dict.fromkeys(labels.LANGUAGES, value) if isinstance(value, str) else value
    ),
    Field(min_length=1),
]
Longitude = Annotated[float, Field(ge=-180, le=180)]
Latitude = Annotated[float, Field(ge=-90, le=90)]


class _Section(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, str_strip_whitespace=True, allow_inf_nan=False
    )


class Layer(_Section):
    """A file with one table: which rows and columns of it, and in which CRS."""

    file: Path
    layer: str | None = None
    crs: str | None = None
    encoding: str | None = None
    columns: dict[str, str | list[str]] = {}
    filter: dict[str, Scalar | list[Scalar]] = {}


class Crashes(_Section):
    """The register: one or several files, all their sheets unless ``sheets`` names some."""

    files: list[Path] = Field(min_length=1)
    sheets: list[str] = []
    crs: str | None = None
    encoding: str | None = None
    columns: dict[str, str | list[str]] = {}
    filter: dict[str, Scalar | list[Scalar]] = {}
    severity: dict[str, str] = {}
    date_order: Literal["dmy", "mdy"] = "dmy"


class Areas(Layer):
    """Polygons of one level: district, commune, corridor ..."""

    level: str


class Repairs(Layer):
    """The user's own works; ``unit`` is that of its cost columns."""

    unit: Unit = "one"


class KmOrigin(_Section):
    """Where a route's official km begin, for roads whose layer holds no km posts."""

    start: tuple[Longitude, Latitude]
    km: float = Field(default=0.0, ge=0)


class Header(_Section):
    """``[study]``."""

    name: Text
    crs: str
    language: Literal["vi", "en"] = "vi"
    start: date | None = None
    end: date | None = None
    definition: str = "vn-26-2012"
    costs: str = "vn-2024"
    catalogue: str = "starter"
    simulated: bool = False
    sources: list[str] = []
    allow_personal: list[str] = []

    @after_all(mode="after")
    def _ordered(self) -> Header:
        if self.start and self.end and self.end < self.start:
            raise ValueError("end-before-start")
        return self


class Locating(_Section):
    """``[locating]``: distances in metres.

    A place of at least the probability ``certain`` is no doubt; ``decisions`` is a review list
    in which a person has decided the others.
    """

    tolerance: Positive = 50.0
    junction_radius: Positive | None = None
    crossing_radius: Positive | None = None
    train_radius: Positive = 200.0
    certain: float = Field(default=0.8, gt=0.5, le=1)
    decisions: Path | None = None


class Network(_Section):
    """``[network]``: how roads become segments and junctions."""

    node_tolerance: float = Field(default=0.01, ge=0, le=10)
    junction_link: float = Field(default=30.0, ge=0)
    divided_gap: float = Field(default=60.0, ge=0, le=200)
    minor_classes: list[str] = [
        "path", "footway", "pedestrian", "bridleway", "track", "steps", "cycleway"
    ]  # fmt: skip


class Screening(_Section):
    """``[screening]``: overrides of the definition's lengths, and the statistical verdicts.

    Lengths in metres. ``site_minimum`` and ``site_maximum`` bound a site on a road;
    ``bandwidth``, ``simulations`` and ``cluster_level`` are of the search for clusters;
    ``draws`` of the rank, to tell how sure it is; ``spf`` names published functions by kind
    of place.
    """

    window: float | None = Field(default=None, ge=1, le=1e6)
    months: Annotated[int, Field(gt=0)] | None = None
    p_excess: float = Field(default=0.95, gt=0.5, lt=1)
    site_minimum: float = Field(default=100.0, gt=0, le=1e4)
    site_maximum: float = Field(default=1000.0, gt=0, le=1e6)
    bandwidth: float = Field(default=150.0, gt=0, le=1e4)
    simulations: int = Field(default=1000, ge=99, le=1_000_000)
    cluster_level: float = Field(default=0.05, gt=0, lt=0.5)
    spf: dict[Literal["segment", "junction"], str] = {}
    draws: int = Field(default=2000, ge=100, le=1_000_000)
    seed: int = Field(default=1, ge=0)


class LevelCrossings(_Section):
    """``[level_crossings]``: finding, rating and closing level crossings.

    Lengths in metres: ``match`` is how far a listed crossing may lie from the one found for it,
    ``facing`` how near to the rail the ends of a path lie that face each other, ``footprint`` how
    far along the line a crash with a train belongs to a crossing. ``verified`` is the list that
    came back from the field; ``close_unknown`` closes paths too whose kind nobody recorded.
    Without ``rules`` they are those of the definition's country, where there are any; without
    ``closing`` the prices shipped, where they are in the currency of the costs.
    """

    model: str = "us-dot"
    rules: str | None = None
    traffic: str = "default"
    closing: str | None = None
    match: Positive = 50.0
    facing: Positive = 10.0
    footprint: Positive = 75.0
    close_unknown: bool = False
    verified: Path | None = None


class Sites(_Section):
    """``[sites]``: the list of sites that the user keeps, as an earlier run wrote it."""

    file: Path


class Appraisal(_Section):
    """``[appraisal]``: overrides of the cost table."""

    discount_rate: float | None = Field(default=None, ge=0, lt=1)
    growth: float | None = Field(default=None, gt=-1, lt=1)


class Budget(_Section):
    """``[budget]``: money to be spent, in the cost table's currency."""

    amount: float = Field(lt=1e15)
    unit: Unit = "one"

    @property
    def total(self) -> float:
        """The budget in currency units."""
        return self.amount * UNITS[self.unit]


class Output(_Section):
    """``[output]``."""

    folder: Path = Path("out")


class Study(_Section):
    """A whole study file; ``path`` is the file itself."""

    path: Path
    study: Header
    crashes: Crashes
    roads: Layer | None = None
    posts: Layer | None = None
    crossings: Layer | None = None
    railways: Layer | None = None
    boundary: Layer | None = None
    places: Layer | None = None
    areas: list[Areas] = []
    repairs: Repairs | None = None
    routes: dict[str, KmOrigin] = {}
    locating: Locating = Locating()
    network: Network = Network()
    screening: Screening = Screening()
    sites: Sites | None = None
    level_crossings: LevelCrossings = LevelCrossings()
    appraisal: Appraisal = Appraisal()
    budget: Budget | None = None
    output: Output = Output()

    @property
    def folder(self) -> Path:
        """The folder that paths are relative to."""
        return self.path.parent

    def resolve(self, path: Path) -> Path:
        """A path of the study as one the program can open."""
        return path if path.is_absolute() else self.folder / path


def load_study(path: str | Path) -> Study:
    """Read ``study.toml``.

    Raises
    ------
    BlackspotsError
        The file is missing or is not TOML; or, all together, every unknown key, missing key
        and value that does not fit, and every input file that is not there.
    """
    path = Path(path)
    if path.is_dir():
        path = path / "study.toml"
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise BlackspotsError("missing-study", file=str(path)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BlackspotsError("not-toml", file=str(path), problem=str(error)) from error
    wrong = []
    if tree.pop("path", None) is not None:  # a field of the study, but no key of its file
        wrong.append(BlackspotsError("unknown-key", file=path.name, key="path"))
    try:
        study = Study(path=path.resolve(), **tree)
    except ValidationError as error:
        raise_all([*wrong, *_translated(error, path.name)])
        raise
    raise_all([*wrong, *_unusable(study)])
    return study


def _translated(error: ValidationError, file: str) -> Iterator[BlackspotsError]:
    for item in error.errors():
        where = ".".join(str(part) for part in item["loc"])
        kind = item["type"]
        if kind == "extra_forbidden":
            near = difflib.get_close_matches(str(item["loc"][-1]), _keys_at(item["loc"][:-1]), 1)
            code = "unknown-key-near" if near else "unknown-key"
            yield BlackspotsError(code, file=file, key=where, near=near[0] if near else "")
        elif kind == "missing":
            yield BlackspotsError("missing-key", file=file, key=where)
        elif "end-before-start" in item["msg"]:
            yield BlackspotsError("end-before-start", file=file)
        else:
            value = _short(item["input"])
            yield BlackspotsError("bad-value", file=file, key=where, value=value, need=_need(item))


def _need(item: Mapping[str, Any]) -> labels.Term:
    """What a value should have been."""
    kind, given = str(item["type"]), item.get("ctx", {})
    need = _NEEDS.get(kind) or _NEEDS.get(kind.partition("_")[0], "other")
    limit = next((given[name] for name in ("gt", "ge", "lt", "le") if name in given), None)
    words = str(given.get("expected", "")).replace("' or '", "', '")
    return labels.Term(f"need.{need}", {"limit": limit, "words": words})


def _short(value: Any) -> str:
    shown = str(value)
    return shown if len(shown) <= _SHOWN else shown[:_SHOWN] + "..."


def _keys_at(location: tuple[int | str, ...]) -> list[str]:
    """The keys that a section of the study may have."""
    model: Any = Study
    for part in location:
        if isinstance(part, int):
            continue
        found = model.model_fields.get(part) if hasattr(model, "model_fields") else None
        if found is None:
            return []
        model = _section_of(found.annotation)
    return list(getattr(model, "model_fields", ()))


def _section_of(annotation: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        section = _section_of(argument)
        if section is not None:
            return section
    return None


def _unusable(study: Study) -> Iterator[BlackspotsError]:
    """Input files that are not there, and values that only make sense together."""
    name = study.path.name
    if study.budget is not None and study.budget.total <= 0:
        yield BlackspotsError("budget-not-positive", file=name, value=study.budget.amount)
    least, most = study.screening.site_minimum, study.screening.site_maximum
    if most < least:
        yield BlackspotsError("site-bounds", file=name, minimum=f"{least:g}", maximum=f"{most:g}")
    if study.roads is None and study.crossings is None and not study.areas:
        yield BlackspotsError("nothing-to-place-at", file=name)
    paths = [("crashes", path) for path in study.crashes.files]
    for section in ("roads", "posts", "crossings", "railways", "boundary", "places", "repairs"):
        layer = getattr(study, section)
        if layer is not None:
            paths.append((section, layer.file))
    paths += [("areas", layer.file) for layer in study.areas]
    kept = {
        "locating": study.locating.decisions,
        "sites": study.sites.file if study.sites else None,
        "level_crossings": study.level_crossings.verified,
    }
    paths += [(section, path) for section, path in kept.items() if path is not None]
    for section, path in paths:
        if not study.resolve(path).is_file():
            yield BlackspotsError("missing-file", file=str(path), key=section, study=name)
    yield from _repeated(study)


def _repeated(study: Study) -> Iterator[BlackspotsError]:
    """What would be counted twice, or hide what came before it."""
    files = Counter(study.resolve(path).resolve() for path in study.crashes.files)
    for path in [path for path, times in files.items() if times > 1]:
        yield BlackspotsError("file-twice", study=study.path.name, file=path.name)
    levels = Counter(layer.level.casefold() for layer in study.areas)
    for level in [level for level, times in levels.items() if times > 1]:
        yield BlackspotsError("level-twice", file=study.path.name, level=level)

"""Write docs/definitions.md: every shipped definition, and how to write one's own.

    python scripts/build_definitions.py [--check]

``--check`` writes nothing and fails when the page is not what the files say.
"""

from __future__ import annotations

import sys
from pathlib import Path

from blackspots.errors import BlackspotsError
from blackspots.presets import definition
from blackspots.presets.definitions import CLASSES, KINDS, PERSONS, Definition, Rule
from blackspots.presets.files import read_toml, shipped

PAGE = Path(__file__).resolve().parents[1] / "docs" / "definitions.md"
HEAD = """# Definitions of black spots

Written by `scripts/build_definitions.py` from `blackspots/presets/definitions/`; do not edit by
hand.

A study names one in `[study] definition = "vn-26-2012"`: an id of this table, or the path of a
file of your own. Marks: V verified in a source, M from memory, A assumption, U the user's. The
column is for the rules; the lengths and the title of the citation have marks of their own.

| id | jurisdiction | site | period | rules (any of them) | unit | mark | citation |
|---|---|---|---|---|---|---|---|
"""
OWN = """
## How a verdict comes about

- A window of the rule's own length starts at every crash of a route, and a period of its own at
  every crash in the window; where `rolling = false` it starts on 1 January. Twelve months end the
  day before the same day a year later; from 29 February they end on 27 February.
- A row without a date is refused where the register has a column of dates; only registers without
  any dates keep their crashes undated. Where the study is no longer than the period, dates do not
  matter, and a crash without a date counts. Else a crash without a date may lie in any period.
- `black-spot`: a rule is met as recorded. `undetermined`: it is not, but would be if what the
  register leaves open (severity, date, type of collision, mode, persons, traffic, type of area)
  were what the rule asks for. Where several sums of one rule are open each is taken for itself,
  so that this is said rather once too often. `potential`: one more crash (for persons: one more
  person) would meet a rule, and at least `minimum_crashes` are there; `short_of` says of which
  class. A tie goes to the window with the most crashes in its period.
- The strongest window takes all its crashes; what it leaves of others is judged again, so that
  each crash counts for one site. `rules` names every rule that a site meets. `tight_from` and
  `tight_to` bound the shortest stretch whose crashes of the period still meet the one in `rule`;
  they are empty at sites that meet none, and away from roads.
- At junctions and level crossings the crashes that were placed there are counted together, within
  `junction_radius` and `crossing_radius` of the definition. A radius of a rule of its own has an
  effect on roads only.
- `months` and `window` in `[screening]` of the study stand for those of the definition; a rule
  that has its own keeps them.

## A file of your own

Copy a shipped file beside the study, change it, and name it: `definition = "own.toml"`. Whoever
has the text of circular 41/2024/TT-BGTVT does so from `vn-26-2012.toml`: no code is needed. A key
that is not known, or a rule that makes no sense, is refused by name.

```toml
id = "own"
jurisdiction = "VN"
citation = "where the rules stand"
mark = "U"                     # V, M, A or U
valid_from = "2025-01-01"      # valid_to, verified, citation_mark likewise
unit = "crashes"               # or "persons", for the rules that do not say

[title]
vi = "..."
en = "..."

[site]
window = 500                   # metres of road, and
junction_radius = 150          # metres from a junction; or radius = r for 2 r and r
crossing_radius = 50
mark = "U"                     # where the window is from; junction_mark for the radius

[period]
months = 36
rolling = true                 # false: whole calendar years

[[rules]]                      # one is enough to be met; within a rule all must hold
id = "three-alike"
title = { vi = "...", en = "..." }
at_least = { casualty = 3 }    # by class, see below
same = "crash_type"            # only crashes of one type are counted together
window = 250                   # of this rule alone; likewise radius, months, rolling, unit
at = ["segment", "junction"]   # kinds of place
risk = { at_least = 0.8, base = 0.5, per_aadt = 7e-5 }   # U / (base + per_aadt AADT)

[[rules]]
id = "weighted"
title = { vi = "...", en = "..." }
score = { unit = "crashes", weights = { serious_or_fatal = 5, slight = 2 }, at_least = 15 }
# for unit = "persons": weights = { deaths = 5, serious = 3, slight = 1 }; and with
# modes = ["pedestrian", "cyclist", "moped"], factor = 1.7 more where one of them took part

[[rules]]
id = "by-area"
title = { vi = "...", en = "..." }
[rules.at_least_by_area_type]
urban = { casualty = 3 }
regional = { casualty = 2 }

[potential]
minimum_crashes = 2            # a single crash is not yet a cluster

[notes]
vi = "..."
en = "..."
```

"""
AFTER = """
A crash of severity `injury` is serious or slight. `risk` divides the crashes of the first class
of `at_least` by the mean traffic over the crashes of the period. Rules read `crash_type`, `mode`,
`deaths`, `serious`, `slight` and `injured` of the register, and `aadt` and `area_type` of the
place; what is not recorded is unknown, never none.

## Notes
"""


def page() -> str:
    """The whole page."""
    lines, notes = [], []
    for name in shipped("definitions"):
        try:
            law = definition(name)
        except BlackspotsError as error:
            tree, _ = read_toml("definitions", name, Path())
            lines.append(
                f"| `{name}` | {tree['jurisdiction']} | ? | ? | disabled | ? | {tree['mark']} "
                f"| {tree['citation']} |"
            )
            notes.append(f"- `{name}`: {error.fields['why']}")
            continue
        lines.append(_line(law))
        notes.append(f"- `{name}`: {law.notes['en']}")
    classes = ["", "| class of crashes | severities |", "|---|---|"]
    classes += [f"| `{name}` | {', '.join(held)} |" for name, held in CLASSES.items()]
    classes += ["", "| class of persons | counts |", "|---|---|"]
    words = {"fatal": "killed", "serious": "seriously injured", "slight": "slightly injured"}
    classes += [f"| `{n}` | {', '.join(words[g] for g in held)} |" for n, held in PERSONS.items()]
    return (
        HEAD
        + "\n".join(lines)
        + "\n"
        + OWN
        + "\n".join(classes[1:])
        + "\n"
        + AFTER
        + "\n"
        + ("\n".join(notes) + "\n")
    )


def _line(law: Definition) -> str:
    site = (
        f"{law.window:g} m of road ({law.site_mark}), {law.junction_radius:g} m at a junction "
        f"({law.junction_mark}), {law.crossing_radius:g} m at a crossing (A)"
    )
    period = f"{law.months} months, {'rolling' if law.rolling else 'from 1 January'}"
    rules = "; ".join(f"`{rule.id}` {rule.title['en']}{_own(law, rule)}" for rule in law.rules)
    units = {rule.unit for rule in law.rules} | {r.score.unit for r in law.rules if r.score}
    cells = [
        f"`{law.id}`", law.jurisdiction, site, period, rules, ", ".join(sorted(units)), law.mark,
        f"{law.citation} ({law.citation_mark})",
    ]  # fmt: skip
    return "| " + " | ".join(cells) + " |"


def _own(law: Definition, rule: Rule) -> str:
    """What a rule has of its own."""
    said = []
    if rule.window is not None and rule.window != law.window:
        said.append(f"{rule.window:g} m of road")
    if rule.months is not None and rule.months != law.months:
        said.append(f"{rule.months} months")
    if rule.at != KINDS:
        said.append("at " + ", ".join(rule.at))
    if rule.mark:
        said.append(f"mark {rule.mark}")
    return f" ({'; '.join(said)})" if said else ""


def main() -> int:
    """Write the page, or check it."""
    made = page()
    if "--check" in sys.argv[1:]:
        same = PAGE.is_file() and PAGE.read_text(encoding="utf-8") == made
        print("docs/definitions.md is current" if same else "run scripts/build_definitions.py")
        return 0 if same else 1
    PAGE.write_text(made, encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

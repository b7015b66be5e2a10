"""Shares of severities, drawn towards those of like places."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blackspots.screening.mix import WORTH, mix_of

LEVELS = ["fatal", "serious", "slight"]


def counts(*rows: tuple[float, ...]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=LEVELS, dtype="float64")


def test_a_share_is_that_of_a_dirichlet_posterior() -> None:
    """Worked by hand: no place has two crashes, so the prior is worth 20."""
    given_ = counts((1, 0, 0), (0, 0, 1), (0, 0, 0), (0, 0, 1))
    mix = mix_of(given_, pd.Series(["a", "a", "b", "b"]))
    overall = np.array([1, 0, 2]) / 3
    a = (20 * overall + [1, 0, 1]) / 22
    b = (20 * overall + [0, 0, 1]) / 21
    assert mix.worth == WORTH
    np.testing.assert_allclose(mix.prior.to_numpy(), [a, a, b, b])
    made = mix.shares(given_)
    np.testing.assert_allclose(made.iloc[0], (20 * a + [1, 0, 0]) / 21)
    np.testing.assert_allclose(made.iloc[2], b)
    assert mix.strength(given_).tolist() == [21, 21, 20, 21]


@pytest.mark.parametrize("worth", [3.0, 12.0, 60.0])
def test_the_worth_that_made_the_counts_is_found(worth: float) -> None:
    rng = np.random.default_rng(int(worth))
    shares = rng.dirichlet(worth * np.array([0.1, 0.3, 0.6]), 4000)
    drawn = np.array([rng.multinomial(rng.integers(0, 25), p) for p in shares])
    mix = mix_of(pd.DataFrame(drawn, columns=LEVELS), pd.Series(["a"] * 4000))
    assert mix.worth == pytest.approx(worth, rel=0.25)
    np.testing.assert_allclose(mix.prior.iloc[0], [0.1, 0.3, 0.6], atol=0.02)


def test_places_that_do_not_differ_take_the_mix_of_all() -> None:
    same = counts(*[(2, 4, 4)] * 50)
    mix = mix_of(same, pd.Series(["a"] * 50))
    assert mix.worth > 400
    np.testing.assert_allclose(mix.shares(same).iloc[0], [0.2, 0.4, 0.4])


def test_no_severity_known_is_unknown_and_overall_serves_a_kind_without_crashes() -> None:
    none = counts((0, 0, 0))
    assert mix_of(none, pd.Series(["a"])).shares(none).isna().all(axis=None)
    overall = pd.Series([0.2, 0.3, 0.5], index=LEVELS)
    np.testing.assert_allclose(
        mix_of(none, pd.Series(["a"]), overall).shares(none).iloc[0], overall
    )


@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9), st.sampled_from("ab")),
        min_size=1,
        max_size=12,
    )
)
def test_shares_sum_to_1_between_the_prior_and_the_own(
    drawn: list[tuple[int, int, int, str]],
) -> None:
    table = counts(*[row[:3] for row in drawn])
    mix = mix_of(table, pd.Series([row[3] for row in drawn]))
    made = mix.shares(table)
    if not table.to_numpy().sum():
        assert made.isna().all(axis=None)
        return
    np.testing.assert_allclose(made.sum(axis=1), 1)
    n = table.sum(axis=1).to_numpy()[:, None]
    own = np.where(n > 0, table.to_numpy() / np.maximum(n, 1), mix.prior.to_numpy())
    low, high = np.minimum(own, mix.prior), np.maximum(own, mix.prior)
    assert ((made >= low - 1e-12) & (made <= high + 1e-12)).all(axis=None)

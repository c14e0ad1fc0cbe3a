"""What a rate promises, told from a plain list of everything that passed."""

from fractions import Fraction

from hypothesis import strategies as st

from gateway.counters.hold import Dimension, Hold, Limit, Refusal

SECOND = 1_000_000
LENGTHS = (60, 86_400)


class Clock:
    """Whole microseconds, told in seconds."""

    def __init__(self):
        self.at = 1_700_000_000 * SECOND

    def __call__(self):
        return self.at / SECOND

    def pass_by(self, microseconds):
        # Seconds in a float are no finer than this.
        self.at += microseconds // 4 * 4


CEILINGS = st.integers(1, 30) | st.sampled_from([1, 50, 999, 1_000, 5_000, 2_000_000])
LIMITS = st.builds(
    lambda ceiling, length: Limit(key="key:a", dimension=Dimension.TPM, ceiling=ceiling, window_s=length),
    CEILINGS,
    st.sampled_from(LENGTHS),
)
STEPS = st.lists(
    st.tuples(
        # Shares of the window to wait, and of the ceiling to ask for: many small ones, and some large.
        st.sampled_from([0, Fraction(1, 2_000), Fraction(1, 300), Fraction(1, 40), Fraction(1, 3), Fraction(1)]),
        st.sampled_from([0, Fraction(1, 2_000), Fraction(1, 250), Fraction(1, 90), Fraction(1, 7), Fraction(1)]),
        st.integers(1, 40),
        # What becomes of it: kept, given back, or settled to so many times what was held.
        st.sampled_from([None, None, None, 0, Fraction(1, 9), 3, 40]),
    ),
    max_size=25,
)


class Oracle:
    """Every request that passed, with its moment."""

    def __init__(self, limit):
        self.limit = limit
        self.length = limit.window_s * SECOND
        self.passed = []

    def used(self, at):
        return sum(amount for moment, amount in self.passed if at - self.length < moment <= at)

    def fits_at(self, at, amount):
        """The first moment from which on so much fits."""
        leave = sorted(moment + self.length for moment, _ in self.passed if moment + self.length > at)
        return next(then for then in [at, *leave] if self.used_of(then, at) + amount <= self.limit.ceiling)

    def used_of(self, then, at):
        return sum(amount for moment, amount in self.passed if then - self.length < moment <= at)


async def keeps_its_promise(reserve, settle, clock, limit, steps):
    """Takes, settles and waits, and sees that a rate lets pass what it may, and nothing else."""
    oracle, is_exact = Oracle(limit), limit.ceiling < 1_000
    for waits, asks, times, becomes in steps:
        for _ in range(times):
            clock.pass_by(int(waits * oracle.length))
            amount = max(1, int(asks * limit.ceiling))
            used = oracle.used(clock.at)
            outcome = await reserve([Hold(limit, amount)])
            if isinstance(outcome, Refusal):
                assert used + amount > (limit.ceiling if is_exact else limit.ceiling * 99 / 100)
                assert outcome.retry_after_s is not None
                if is_exact:
                    assert round(outcome.retry_after_s * SECOND) - 1 == oracle.fits_at(clock.at, amount) - clock.at
                else:
                    assert outcome.retry_after_s <= limit.window_s + 1 / SECOND
            else:
                assert used + amount <= limit.ceiling
                consumed = amount if becomes is None else int(becomes * amount)
                if consumed != amount:
                    await settle(outcome, {limit.key: consumed})
                if consumed:
                    oracle.passed.append((clock.at, consumed))


def spaced(limit, count):
    """Moments that leave a ceiling-th of the window between two requests."""
    apart = -(-limit.window_s * SECOND // limit.ceiling)
    return [number * (apart + -apart % 4) for number in range(count)]

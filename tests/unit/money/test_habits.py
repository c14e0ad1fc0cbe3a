"""What requests usually cost of the most that they can."""

from gateway.money.habits import FEWEST_SAMPLES, MOST_PAIRS, SAMPLES, Habit, Habits


def learned(outputs, prompts=None):
    habits = Habits()
    for position, output in enumerate(outputs):
        habits.learn("dev", "openai/m", output, 100 if prompts is None else prompts[position])
    return habits.of("dev", "openai/m")


def test_nothing_is_usual_of_a_few_answers():
    assert learned([7] * (FEWEST_SAMPLES - 1)) is None
    assert learned([7] * FEWEST_SAMPLES) == Habit(7, 100)


def test_usual_is_what_nine_in_ten_keep_to():
    assert learned(range(1, 41)).output_tokens == 36
    assert learned([5] * 40, range(1, 41)).prompt_per_mille == 36


def test_the_oldest_answers_are_forgotten():
    assert learned([1000] * SAMPLES + [10] * SAMPLES).output_tokens == 10


def test_a_key_and_a_model_have_habits_of_their_own():
    habits = Habits()
    for _ in range(FEWEST_SAMPLES):
        habits.learn("dev", "openai/m", 7, 100)

    assert habits.of("dev", "openai/m") is not None
    assert habits.of("dev", "openai/n") is None
    assert habits.of("ops", "openai/m") is None


def test_those_that_were_idle_for_longest_are_forgotten():
    habits = Habits()
    for number in range(2 * MOST_PAIRS):
        for _ in range(FEWEST_SAMPLES):
            habits.learn("dev", f"openai/{number}", 7, 100)

    assert habits.of("dev", "openai/0") is None
    assert habits.of("dev", f"openai/{MOST_PAIRS}") is not None

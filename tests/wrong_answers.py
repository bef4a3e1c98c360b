"""A wrong answer to each exercise: a source that replaces the cell `exercise-<k>-gap` of a lesson.

`make test` runs it in the lesson's kernel, and the check must say that it is wrong. The keys are the
lesson's number and the exercise's.
"""

WRONG: dict[tuple[str, int], str] = {}

# 01
WRONG |= {}

# 02
WRONG |= {}

# 03
WRONG |= {
    ("03", 1): """
def half_life(bias):
    return np.log(2) / (1 + np.exp(-bias))


grade(half_life, [(0.0, 1.0), (1.0, 2.2126), (3.0, 14.2651)], tolerance=1e-4)
""",
    ("03", 2): """
def coupled_cell(c, f, g):
    return (1 - f) * c + f * g


grade(coupled_cell, [((0.3, 1.0, 0.8), 0.3), ((0.3, 0.0, 0.8), 0.8), ((0.4, 0.75, -0.4), 0.2)])
""",
    ("03", 3): """
input_weights = [0, 0, 0, 0, 0, 0]

grade(input_weights, counts)
""",
}

# 04
WRONG |= {}

# 05
WRONG |= {}

# 06
WRONG |= {}

# 07
WRONG |= {}

# 08
WRONG |= {}

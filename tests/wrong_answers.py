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
WRONG |= {}

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

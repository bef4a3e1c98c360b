"""What makes the embedded samples, which stand in where there are no real data; one kind a module.

verse      a play by a grammar, and how much information is in it
chorales   four voices by a grammar of chords
scenes     pictures of coloured shapes, and whether a caption of them is true
reviews    verdicts in which word order decides
sentences  two grammars whose word order is not that of English, and the one right translation
dna        bases around a junction
posts      sentences with names
digits     three notes, sung
mouths     a mouth that speaks, a shape for each letter
motions    films of a shape that moves, each with a twin of the same frames, and what is true of them
dialogues  two people meet, and an answer needs an earlier turn

In each the best possible result is known. Not here: the splits, and the real data (`utils.datasets`).
"""

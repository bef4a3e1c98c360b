"""What more than one notebook needs and no lecture teaches; one subject a module.

scales        how much work a notebook does: quick, cpu, gpu
datasets      the data sets, one function each, real or embedded sample
fetch         where a file comes from: folder, cache, download; with hashes
samples       what makes the embedded samples, one kind of data a module
side_by_side  many small networks of one kind, trained at once
memory_tasks  adding problem, temporal order, copy, delayed echo
decoding      writing with a model: greedy, drawn, beam search
features      what a network trained on ImageNet sees in a picture
results       result cards and the build folder
plots         one style for all figures; coloured text
checks        evenly spaced test values, and how far two arrays are apart
"""

"""What more than one notebook needs and no lecture teaches; one subject a module.

environment   what must be settled when TensorFlow starts
scales        how much work a notebook does: quick, cpu, gpu
folders       paths as readers write them, and the build folder
datasets      the data sets, one function each, real or embedded sample
fetch         where a file comes from: folder, cache, download; with hashes
samples       what makes the embedded samples, one kind of data a module
side_by_side  many small networks of one kind, trained at once
brackets      a language of nested brackets: to write it, one must count
memory_tasks  adding problem, temporal order, copy, delayed echo
recurrent     recurrent layers at the speed of the machine
pairs         the layer that makes a pyramid of them
decoding      writing with a model: greedy, drawn, beam search
captions      as numbers, networks that write them, their training, and BLEU
seq2seq       from one sequence to another: batches, masked loss, attention, encoder and decoder
chat          dialogues as numbers, networks that answer, their training and perplexity
reviews       as numbers, their batches, training, and layers that read them
lips          windows on a mouth, eyes, networks that label films
segmentation  networks that give each pixel a class, their loss, how they are scored
mean_field    labels of pixels that agree with their neighbours', iteration by iteration
drawing       networks that draw stroke by stroke, with or without windows
scattered     pictures in which digits lie somewhere
glimpses      a network that looks at them glimpse by glimpse
features      what a network trained on ImageNet sees in a picture
training      the loop that captions and seq2seq train by, and its learning rate
resume        training that may be interrupted
processes     programs beside a notebook: written from its functions, run together, always ended
restart       one compiled model, trained again and again
results       result cards, and the rules of a verdict
intervals     of a mean over seeds, of a share, of the difference of two shares or scores
first_screen  what the last stored run of a lesson showed
exercises     what the check of an exercise says
plots         one style for all figures; coloured text; knobs to turn
diagrams      pictures of the models
checks        evenly spaced test values, and how far two arrays are apart
"""

"""The data sets, one function each: named splits, and where they came from.

Each looks in `UNROLLED_DATA`, in the cache and on the network (see `fetch`), and falls back to a
sample that the project makes itself, which it says in one line. `UNROLLED_DATA=sample` asks for
the samples.

common       where data came from, parts of labelled sequences, the real file or a sample
texts        Tiny Shakespeare; the source of Python's library; a text of the reader's own
music        Bach's chorales
pictures     Flickr8k, drawn scenes; free photos, and a photo of the reader's own
digits       MNIST: pictures of handwritten digits
labels       Corel-5K: photos with several labels; drawn scenes whose things keep company
segments     MSRC-21: photos with a class for each pixel; drawn landscapes
sequences    splice junctions, posts with named entities
speech       spoken digits, and strings of them
sentences    AN4: sentences with their sound
films        GRID: films of a mouth that speaks; drawn mouths
clips        MSVD: clips with sentences; drawn films
sentiment    IMDB's reviews
translation  Multi30k: sentences in German or French, and in English
dialogues    DailyDialog without its repeats

Not here: how the samples are made (`utils.samples`).
"""

from utils.datasets.clips import Clips, Described, drawn_clips, msvd
from utils.datasets.common import Source
from utils.datasets.dialogues import Dialogues, dailydialog
from utils.datasets.digits import Digits, mnist
from utils.datasets.films import drawn_films, grid
from utils.datasets.labels import Labelled, company_scenes, corel5k
from utils.datasets.music import jsb_chorales
from utils.datasets.pictures import Pictures, drawn_scenes, flickr8k, free_photos, own_photo, photo
from utils.datasets.segments import Segmented, Segments, drawn_landscapes, msrc21
from utils.datasets.sentences import an4
from utils.datasets.sentiment import imdb, sample_reviews
from utils.datasets.sequences import splice_junctions, wnut17
from utils.datasets.speech import digit_strings, spoken_digits
from utils.datasets.texts import python_library, shakespeare, text_file
from utils.datasets.translation import multi30k

__all__ = [
    "Clips",
    "Described",
    "Dialogues",
    "Digits",
    "Labelled",
    "Pictures",
    "Segmented",
    "Segments",
    "Source",
    "an4",
    "company_scenes",
    "corel5k",
    "dailydialog",
    "digit_strings",
    "drawn_clips",
    "drawn_films",
    "drawn_landscapes",
    "drawn_scenes",
    "flickr8k",
    "free_photos",
    "grid",
    "imdb",
    "jsb_chorales",
    "mnist",
    "msrc21",
    "msvd",
    "multi30k",
    "own_photo",
    "photo",
    "python_library",
    "sample_reviews",
    "shakespeare",
    "splice_junctions",
    "spoken_digits",
    "text_file",
    "wnut17",
]

"""Use what a lesson has trained, in a process that knows its file alone: `python -m tools.use 06 "ROMEO:"`.

Each of these lessons ends with one `.keras` file in the build folder, which holds the words or the alphabet,
too. Another place can be named by --file. Nothing in a file is run as code.
"""

import argparse
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools import notebooks
from utils.environment import prepare
from utils.folders import build_folder

Model = Any  # keras.Model, which is imported when its lines on stderr are taken care of


def inner(model: Model, holds: str) -> Model:
    """The network within a model that has a layer of that name."""
    return next(
        layer for layer in model.layers if any(part.name == holds for part in getattr(layer, "layers", ()))
    )


def vocabulary(model: Model) -> list[str]:
    """The words that the model can write, by their numbers."""
    from keras.layers import StringLookup

    return next(layer for layer in model.layers if isinstance(layer, StringLookup)).get_vocabulary()


def goes_on(model: Model, text: str, options: argparse.Namespace) -> str:
    """06: a text and what the network writes after it."""
    from utils import characters

    symbols = model.get_layer("alphabet").get_vocabulary(include_special_tokens=False)
    strange = sorted(set(text) - set(symbols))
    if strange or not text:
        raise ValueError(f"The network knows no {strange or 'empty text'}; it knows {''.join(symbols)!r}.")
    ids = [symbols.index(symbol) for symbol in text]
    settings = {"temperature": options.temperature, "seed": options.seed}
    written = characters.write(inner(model, "memory"), ids, options.length, **settings)[0]
    return text + "".join(symbols[i] for i in written)


def judges(model: Model, text: str, options: argparse.Namespace) -> str:
    """07: how probable it is that a review praises."""
    import tensorflow as tf

    p = float(model(tf.constant([text]))[0, 0])
    return f"{p:.4f} {'praise' if p > 0.5 else 'blame'}"


def describes(model: Model, path: str, options: argparse.Namespace) -> str:
    """08: a caption for a photo."""
    import keras

    from utils import captions, photos
    from utils.datasets import own_photo

    seen = next(layer for layer in model.layers if isinstance(layer, keras.layers.Normalization))
    eyes = keras.Model(model.inputs[0], seen.output)
    found = captions.write(inner(model, "rnn"), photos.look(eyes, own_photo(path)[None]), width=options.beam)
    return captions.texts(found, vocabulary(model))[0]


def translates(model: Model, text: str, options: argparse.Namespace) -> str:
    """09: a sentence in English."""
    import keras
    import tensorflow as tf

    from utils import seq2seq

    read = next(layer for layer in model.layers if isinstance(layer, keras.layers.TextVectorization))
    numbers = read(tf.constant([text])).numpy().tolist()
    [found] = seq2seq.write(inner(model, "squeeze"), numbers, width=options.beam)
    words = seq2seq.decode(found.tokens, vocabulary(model))
    return seq2seq.sentence([word for word in words if word != "<end>"])


def hears(model: Model, path: str, options: argparse.Namespace) -> str:
    """12: the digits that are said in a WAV file."""
    import numpy as np

    from utils import sound

    return b"".join(np.ravel(model(sound.read_wav(path, 8000)[None]))).decode()


@dataclass(frozen=True)
class Use:
    """How a lesson's file is used.

    Attributes:
        file: its name.
        modules: of `utils`, whose layers it may have.
        answer: from the model, what is given and the options to what is printed.
    """

    file: str
    modules: tuple[str, ...]
    answer: Callable[[Model, str, argparse.Namespace], str]


USES = {
    "06": Use("writer.keras", ("recurrent",), goes_on),
    "07": Use("sentiment.keras", ("recurrent", "reviews"), judges),
    "08": Use("captions.keras", ("recurrent", "captions"), describes),
    "09": Use("translator.keras", ("recurrent", "seq2seq"), translates),
    "12": Use("speech.keras", ("recurrent", "speech"), hears),
}


def load(path: Path, modules: Sequence[str]) -> Model:
    """The model in a file, with the layers of these modules known to Keras."""
    import keras

    for name in modules:
        importlib.import_module(f"utils.{name}")
    return keras.saving.load_model(path, compile=False)


def main() -> int:
    lines = [str(use.answer.__doc__) for use in USES.values()]
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").split("\n\n")[0],
        epilog="\n".join(lines),
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("lesson", choices=USES, help="its number")
    parser.add_argument("given", help="a text, or the path of a photo or of a WAV file")
    parser.add_argument("--file", type=Path, help="another file than that in the build folder")
    parser.add_argument("--length", type=int, default=300, help="06: characters to write")
    parser.add_argument("--temperature", type=float, default=0.8, help="06: lower is safer, higher is wilder")
    parser.add_argument("--seed", type=int, default=0, help="06: another one, another text")
    parser.add_argument("--beam", type=int, default=5, help="08, 09: width of the beam; 1 is greedy")
    options = parser.parse_args()
    use, lesson = USES[options.lesson], notebooks.all_notebooks(options.lesson)[0]
    path = options.file or build_folder(lesson.stem) / use.file
    if not path.is_file():
        print(f"There is no {path}. Train it: make run SCALE=cpu NOTEBOOK={options.lesson}", file=sys.stderr)
        return 1
    card = notebooks.read_json(build_folder("results") / f"{lesson.stem}.json")
    if card and card["scale"] == "quick" and not options.file:
        print("(trained at quick scale, for seconds: do not expect sense)", file=sys.stderr)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # what fails is said by Python
    prepare()
    try:
        print(use.answer(load(path, use.modules), options.given, options))
    except (ValueError, OSError, RuntimeError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

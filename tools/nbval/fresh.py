"""Whether the file with which a lesson ends gives the same answer in a fresh process, asked by `tools.use`.

`make test` runs these sources in the lesson's kernel, each after the cell of that id. They print "right", or
what the two said.
"""

import os
import subprocess
import sys
import tempfile
import wave
from pathlib import Path

import numpy as np

from tools import notebooks

REVIEW, PHOTO = "The end is wonderful. I loved it!", "dog_snow"


def ask(*given: object) -> str:
    """What `tools.use` prints, in a process of its own."""
    command = [sys.executable, "-m", "tools.use", *map(str, given)]
    ran = subprocess.run(
        command, cwd=notebooks.ROOT, capture_output=True, text=True, check=False, env=os.environ
    )
    return ran.stdout[:-1] if ran.returncode == 0 else f"{ran.stdout}\n{ran.stderr}"


def recording(samples: np.ndarray) -> Path:
    """A WAV file with this sound, `(time,)`, int16, 8,000 samples a second."""
    path = Path(tempfile.mkdtemp(), "said.wav")
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(samples.tobytes())
    return path


def compare(here: str, there: str) -> None:
    """Print whether the kernel and the fresh process say the same."""
    print("right" if here == there else f"wrong: here {here!r}, in a fresh process {there!r}")


def compare_chance(here: float, there: str) -> None:
    """The same for a number, of which `tools.use` prints four digits."""
    try:
        same = abs(here - float(there.split()[0])) < 1e-4
    except (IndexError, ValueError):
        same = False
    compare(there if same else str(here), there)


IMPORT = "from tools.nbval import fresh\n"
FRESH = {
    ("06", "file"): IMPORT
    + "asked = PROMPT + write(net, 60, temperature=0.8, seed=3)\n"
    + "fresh.compare(asked, fresh.ask('06', PROMPT, '--length', 60, '--seed', 3))",
    ("07", "save"): IMPORT
    + "[chance] = judge([fresh.REVIEW], best)\n"
    + "fresh.compare_chance(float(chance), fresh.ask('07', fresh.REVIEW))",
    ("08", "file-check"): IMPORT
    + "photo_path = free[fresh.PHOTO]\n"
    + "eyes_see = (look(photo_eyes, own_photo(photo_path)[None]) - mean) / deviation\n"
    + "[caption] = captions.texts(captions.write(model, eyes_see, width=5), vocabulary)\n"
    + "fresh.compare(caption, fresh.ask('08', photo_path))",
    ("09", "file-same"): IMPORT
    + "[one] = seq2seq.write(model, encode([GIVEN], vocabularies[0]), width=5)\n"
    + "fresh.compare(text_of(one.tokens, vocabularies[1]), fresh.ask('09', GIVEN))",
    ("12", "file-check"): IMPORT + "fresh.compare(told[0], fresh.ask('12', fresh.recording(few[0].samples)))",
}

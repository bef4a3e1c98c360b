"""Sentences with their sound: AN4, or sentences whose letters are tones.

Not here: the tones (`utils.samples.tones`); spoken digits and strings of them (`utils.datasets.speech`);
networks that listen (`utils.speech`).
"""

import hashlib
import io
import os
import re
import tarfile
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from utils.datasets.common import Parts, Source, real_file, sha256
from utils.fetch import DataError, Remote, cache_folder, data_folder, fetch, sample_is_pinned
from utils.samples import tones
from utils.sound import mfcc

RATE = 16_000  # samples per second
HALVES = {"train": "an4_clstk", "test": "an4test_clstk"}
COUNTS = {"train": 948, "test": 130}
VALIDATION = 6  # speakers of the training part that are kept for validation
LARGEST = 1_000_000  # bytes of a recording or a list; the largest recording has 210,000
LINE = re.compile(r"^(?:<s>)?\s*(.*?)\s*(?:</s>)?\s*\(([\w-]+)\)\s*$")
SOUND = re.compile(r"(?:^|/)wav/(an4_clstk|an4test_clstk)/(\w+)/([\w-]+)\.sph$")
# of the transcripts with their names, as `transcripts_digest` makes it
TRANSCRIPTS = "9920efe285f73581e5bdf870a35ed569c5fd2d1ca2a23df395719d608661a36a"

# CMU's own address has no https; this mirror is NVIDIA's, of the archive that CMU offers as "NIST's
# Sphere audio". CMU publishes no hash; this is the one that a training example for NVIDIA's NeMo pins.
ARCHIVE = Remote(
    name="an4/an4_sphere.tar.gz",
    url="https://dldata-public.s3.us-east-2.amazonaws.com/an4_sphere.tar.gz",
    sha256="a0525579493735d32b60fb6fa5975dd0eaacde087b0a4eeb7f13b7ef33077b12",
)
PREPARED = Remote(
    name="an4/an4_mfcc13.npz",
    url=ARCHIVE.url,
    sha256="91c0adbe1d3daab0c72561669e96b8c812b800641acfc266084e9ef6100a1cd3",
    saved_as=ARCHIVE.name,
)
SIZE = "64 MB"


@dataclass(frozen=True, eq=False)
class Utterance:
    """A sentence that somebody said.

    Attributes:
        frames: 13 MFCC, 100 times a second, `(time, 13)`, float32; see `utils.sound.mfcc`.
        text: what was said, in capital letters.
        speaker: a name.
        samples: the sound, `(time,)`, int16; None where only the frames are at hand.
        rate: samples per second.
        spans: for each character of the text, where it begins and ends, in samples; empty where nobody knows.
    """

    frames: np.ndarray
    text: str
    speaker: str
    samples: np.ndarray | None = None
    rate: int = RATE
    spans: tuple[tuple[int, int], ...] = ()


Halves = dict[str, dict[str, Utterance]]  # half, then name


def transcripts_digest(halves: Halves) -> str:
    """Of all names and texts, whatever form they came in."""
    lines = [f"{half} {name} {one.text}" for half in sorted(halves) for name, one in halves[half].items()]
    return sha256("\n".join(sorted(lines)))


def transcript(line: str) -> tuple[str, str]:
    """Name and text of a line such as "<s> YES </s> (an254-fash-b)", silences left out.

    Raises:
        ValueError: the line has another form.
    """
    match = LINE.match(line)
    if match is None:
        raise ValueError(f"no transcript: {line[:60]!r}")
    return match[2], " ".join(word for word in match[1].upper().split() if word not in ("<SIL>", "++NOISE++"))


def sphere(data: bytes, name: str) -> np.ndarray:
    """The sound in a NIST SPHERE file, `(time,)`, int16.

    Raises:
        ValueError: it is none, or not mono, 16 bit, 16,000 samples per second and uncompressed.
    """
    if not data.startswith(b"NIST_1A\n"):
        raise ValueError(f"{name} is no SPHERE file")
    size = int(data[8:16])
    fields = {}
    for line in data[16:size].decode("ascii", "replace").splitlines():
        if line.strip() == "end_head":
            break
        key, _, value = line.partition(" ")
        fields[key] = value.split(" ", 1)[-1].strip()
    form = [fields.get(key) for key in ("channel_count", "sample_n_bytes", "sample_rate")]
    order, coding = fields.get("sample_byte_format", "01"), fields.get("sample_coding", "pcm")
    if form != ["1", "2", str(RATE)] or order not in ("01", "10") or coding != "pcm":
        raise ValueError(
            f"{name} has (channels, bytes, rate) {form}, byte order {order} and coding {coding}; "
            f"expected 1, 2, {RATE} and pcm"
        )
    samples = np.frombuffer(data[size:], "<i2" if order == "01" else ">i2").astype(np.int16)
    if len(samples) != int(fields.get("sample_count", -1)):
        raise ValueError(f"{name} has {len(samples)} samples, but says {fields.get('sample_count')}")
    return samples


def read_archive(path: Path) -> Halves:
    """All sentences of the official archive, read in memory: nothing is unpacked to disk.

    Raises:
        ValueError, OSError, EOFError, zlib.error, tarfile.TarError: it is damaged or another file.
    """
    sounds: dict[tuple[str, str], bytes] = {}
    texts: dict[str, dict[str, str]] = {half: {} for half in HALVES}
    with tarfile.open(path, "r:*") as archive:
        for member in archive:
            lists = {f"an4_{half}.transcription": half for half in HALVES}
            half = lists.get(Path(member.name).name, "")
            match = SOUND.search(member.name)
            if not member.isreg() or not (half or match):
                continue  # whatever else is in there is not read
            if member.size > LARGEST:
                raise ValueError(f"{member.name} has {member.size:,} bytes")
            opened = archive.extractfile(member)
            assert opened is not None  # it is a regular file
            if match:
                sounds[match[1], match[3]] = opened.read()
            else:
                text = opened.read().decode("ascii")
                texts[half] = dict(transcript(line) for line in text.splitlines() if line.strip())
    halves: Halves = {}
    for half, folder in HALVES.items():
        halves[half] = {}
        for name, text in texts[half].items():
            if (folder, name) not in sounds:
                raise ValueError(f"{name} has a transcript, but no sound")
            samples = sphere(sounds[folder, name], name)
            halves[half][name] = Utterance(mfcc(samples, RATE), text, speaker_of(name), samples)
    return halves


def speaker_of(name: str) -> str:
    """The speaker in a name such as "an254-fash-b"."""
    return name.split("-")[1]


def read_prepared(path: Path) -> Halves:
    """All sentences from one file of frames: `{train,test}_` and `mfcc`, `len`, `text`, `id`.

    Raises:
        ValueError, KeyError, OSError, zipfile.BadZipFile: it is damaged or another file.
    """
    halves: Halves = {}
    with np.load(path, allow_pickle=False) as stored:
        for half in HALVES:
            ends = np.cumsum(stored[f"{half}_len"])
            parts = np.split(stored[f"{half}_mfcc"].astype(np.float32), ends[:-1])
            names = [Path(str(name)).name for name in stored[f"{half}_id"]]
            rows = zip(names, parts, stored[f"{half}_text"], strict=True)
            halves[half] = {
                name: Utterance(frames, str(text), speaker_of(name)) for name, frames, text in rows
            }
    return halves


def checked(halves: Halves, name: str) -> Halves:
    """The same, if it is the whole of AN4.

    Raises:
        DataError: sentences are missing, or say something else.
    """
    counts = {half: len(rows) for half, rows in halves.items()}
    if counts != COUNTS or transcripts_digest(halves) != TRANSCRIPTS:
        raise DataError(
            f"{name} is incomplete or another data set: {counts.get('train', 0)} and {counts.get('test', 0)} "
            f"sentences (expected {COUNTS['train']} and {COUNTS['test']}), or other texts. Get it again."
        )
    return halves


def real() -> tuple[Halves, str, str] | None:
    """AN4 from the prepared file or the archive, where it came from and its hash; None for the sample.

    Raises:
        DataError: `UNROLLED_DATA` names no folder, or its copy is damaged.
    """
    folder = None if sample_is_pinned() else data_folder()
    if folder is not None and os.path.lexists(folder / PREPARED.name):
        path, origin = fetch(PREPARED)
        read, remote = read_prepared, PREPARED
    else:
        places = [place / ARCHIVE.name for place in (folder, cache_folder()) if place is not None]
        if not sample_is_pinned() and not any(map(os.path.lexists, places)):
            print(f"AN4 is fetched once, {SIZE}.")
        found = real_file(ARCHIVE, "AN4", "sentences whose letters are tones")
        if found is None:
            return None
        path, origin = found
        read, remote = read_archive, ARCHIVE
    try:
        return checked(read(path), remote.name), origin, remote.sha256
    except (
        OSError, EOFError, ValueError, KeyError, zlib.error, tarfile.TarError, zipfile.BadZipFile
    ) as error:  # fmt: skip
        raise DataError(f"{remote.name} cannot be read ({error}). Get it again, or remove it.") from error


def kept_aside(utterances: Iterable[Utterance], count: int = VALIDATION) -> set[str]:
    """So many speakers, spread over the alphabet, whose sentences are the validation part."""
    speakers = sorted({one.speaker for one in utterances})
    return set(speakers[:: max(1, len(speakers) // count)][:count])


def an4() -> Parts[Utterance]:
    """AN4 (Acero 1990), the alphanumeric database of CMU, in its official halves; or sentences of tones.

    People spell names and say numbers. The official archive has the sound; a folder may hold the frames
    alone as `an4/an4_mfcc13.npz`, made by CMU's own tool and rounded to 16 bits. Validation is ours: all
    sentences of 6 of the 74 speakers of the training half. The speakers of the three parts differ.

    Returns:
        Real: 876, 72 and 130 sentences. Sample: 240, 40 and 40, with `spans`.

    Raises:
        DataError: `UNROLLED_DATA` names no folder, or its copy is damaged.
    """
    found = real()
    if found is not None:
        halves, origin, digest = found
        every = list(halves["train"].values())
        aside = kept_aside(every)
        return Parts(
            tuple(one for one in every if one.speaker not in aside),
            tuple(one for one in every if one.speaker in aside),
            tuple(halves["test"].values()),
            Source("AN4", "real", origin, digest),
        )
    return sung()


def sung(count: int = 240) -> Parts[Utterance]:
    """The sample: sentences whose letters are tones; the speakers of the three parts differ.

    Args:
        count: sentences to learn from; a sixth of that each for validation and test.
    """
    rng = np.random.default_rng(0)

    def part(speakers: tuple[str, ...], size: int) -> tuple[Utterance, ...]:
        made = [tones.make_sentence(rng, speakers[k % len(speakers)]) for k in range(size)]
        return tuple(
            Utterance(
                mfcc(one.samples, tones.RATE), one.text, one.speaker, one.samples, tones.RATE, one.spans
            )
            for one in made
        )

    voices = tones.SPEAKERS
    parts = (
        part((*voices[:2], *voices[4:]), count),
        part(voices[2:3], count // 6),
        part(voices[3:4], count // 6),
    )
    with io.BytesIO() as every:
        for one in (one for side in parts for one in side):
            every.write(one.text.encode() + one.samples.tobytes())  # type: ignore[union-attr]
        digest = hashlib.sha256(every.getvalue()).hexdigest()
    return Parts(*parts, Source("sung letters", "sample", "made in memory", digest))

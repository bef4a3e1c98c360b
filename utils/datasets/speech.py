"""Sound with labels: spoken digits, and strings of them.

Not here: the "digits" that are sung instead (`utils.samples.digits`); sentences (`utils.datasets.sentences`);
spectrograms (`utils.sound`).
"""

import hashlib
import io
import re
import tarfile
import wave
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from utils.datasets.common import Parts, Source, Three, real_file, sha256
from utils.fetch import DataError, Remote
from utils.samples import digits
from utils.samples.digits import Recording

WAV = re.compile(r"(?:^|/)recordings/(\d)_([a-z]+)_(\d+)\.wav$")
LARGEST_WAV = 100_000  # bytes; the longest of the recordings has 36,000


def wav_files(path: Path) -> Iterator[tuple[tuple[int, str, int], bytes]]:
    """(digit, speaker, take) and bytes of the recordings in an archive; nothing is unpacked to disk.

    Raises:
        DataError: a recording is too large.
    """
    with tarfile.open(path, "r:*") as archive:
        for member in archive:
            match = WAV.search(member.name)
            if match is None or not member.isreg():
                continue  # whatever else is in there is not read
            if member.size > LARGEST_WAV:
                raise DataError(
                    f"{member.name} in {path.name} has {member.size:,} bytes; get the archive again."
                )
            opened = archive.extractfile(member)
            assert opened is not None  # it is a regular file
            yield (int(match[1]), match[2], int(match[3])), opened.read()


def recordings_digest(path: Path) -> str:
    """Of the recordings in an archive, whatever packed it."""
    lines = [f"{key} {hashlib.sha256(data).hexdigest()}" for key, data in sorted(wav_files(path))]
    return sha256("\n".join(lines))


DIGITS_DIGEST = "f2b46594d0faee330f00dd06a8a5575be6687933eec706094e3c29afd138aa4b"
DIGITS = Remote(
    name="fsdd/free-spoken-digit-dataset.tar.xz",
    url="https://github.com/Jakobovski/free-spoken-digit-dataset/archive/26eb9aaf76e81b692f806f9140c2d2777410d7a1.tar.gz",
    sha256="",  # packed on demand: told by its content
    prepared=lambda path: recordings_digest(path) == DIGITS_DIGEST,
)


def samples_of(data: bytes) -> np.ndarray:
    """The sound in a wav file, `(time,)`, int16.

    Raises:
        DataError: it is not mono, 16 bit, 8,000 samples per second.
    """
    with wave.open(io.BytesIO(data)) as file:
        form = (file.getnchannels(), file.getsampwidth(), file.getframerate())
        if form != (1, 2, digits.RATE):
            raise DataError(f"A recording has (channels, bytes, rate) {form}; expected (1, 2, 8000).")
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.int16)


def split_recordings(recordings: list[Recording]) -> Three[Recording]:
    """Takes 0 to 4 are the test part, 5 to 9 of the rest the validation part."""

    def part(wanted: Callable[[int], bool]) -> tuple[Recording, ...]:
        return tuple(recording for recording in recordings if wanted(recording.take))

    return part(lambda take: take >= 10), part(lambda take: 5 <= take < 10), part(lambda take: take < 5)


def spoken_digits() -> Parts[Recording]:
    """The Free Spoken Digit Dataset (Jackson 2016), or "digits" that are sung by a few lines of code.

    Takes 0 to 4 of every digit and speaker are the test part: that is the rule of the README of
    github.com/Jakobovski/free-spoken-digit-dataset, section "Usage". Takes 5 to 9 are our
    validation part. The speakers are the same in all parts.

    Returns:
        Real: 2,400, 300 and 300 recordings of six speakers. Sample: 300, 150 and 150 of three, with
        `best`, an accuracy of 1.

    Raises:
        DataError: `UNROLLED_DATA` names no folder, or its copy is damaged.
    """
    found = real_file(DIGITS, "The Free Spoken Digit Dataset", "tunes of three notes")
    if found is not None:
        path, origin = found
        recordings = [Recording(samples_of(data), *key) for key, data in sorted(wav_files(path))]
        return Parts(
            *split_recordings(recordings), Source("Free Spoken Digit Dataset", "real", origin, DIGITS_DIGEST)
        )
    rng = np.random.default_rng(0)
    made = [
        digits.make_recording(rng, digit, speaker, take)
        for digit in range(10)
        for speaker in digits.SPEAKERS
        for take in range(20)
    ]
    digest = hashlib.sha256(b"".join(recording.samples.tobytes() for recording in made)).hexdigest()
    return Parts(
        *split_recordings(made), Source("sample digits", "sample", "made in memory", digest), {"both": 1.0}
    )


@dataclass(frozen=True, eq=False)
class String:
    """Digits that one speaker says one after the other.

    Attributes:
        samples: the sound, 8,000 per second, `(time,)`, int16.
        digits: which, such as "407".
        spans: where each was put, from its first sample to behind its last.
        speaker: a name.
    """

    samples: np.ndarray
    digits: str
    spans: tuple[tuple[int, int], ...]
    speaker: str


@dataclass(frozen=True)
class Strings:
    """Strings of digits in four parts.

    Attributes:
        train, validation, test: of the same speakers; no recording is in two parts.
        stranger: of a speaker who is in no other part.
        source: where the recordings came from.
    """

    train: tuple[String, ...]
    validation: tuple[String, ...]
    test: tuple[String, ...]
    stranger: tuple[String, ...]
    source: Source


def join(
    recordings: Sequence[Recording], rng: np.random.Generator, pause: tuple[float, float] = (0.0, 0.25)
) -> String:
    """Recordings of one speaker as one string: a pause around each, and faint noise over all of it.

    Args:
        recordings: at least one, of one speaker.
        rng: of the pauses and the noise.
        pause: the shortest and the longest, seconds.

    Raises:
        ValueError: no recording, or several speakers.
    """
    speakers = {recording.speaker for recording in recordings}
    if len(speakers) != 1:
        raise ValueError(f"A string is of one speaker, not of {sorted(speakers)}.")
    gaps = np.round(rng.uniform(*pause, len(recordings) + 1) * digits.RATE).astype(int)
    pieces, spans, place = [np.zeros(gaps[0])], [], int(gaps[0])
    for recording, gap in zip(recordings, gaps[1:], strict=True):
        pieces += [recording.samples.astype(float), np.zeros(gap)]
        spans.append((place, place + len(recording.samples)))
        place += len(recording.samples) + int(gap)
    sound = np.concatenate(pieces)
    sound += rng.normal(0, 20, len(sound))  # a pause of zeros would tell where a recording was put
    said = "".join(str(recording.digit) for recording in recordings)
    samples = np.clip(np.round(sound), -32768, 32767).astype(np.int16)
    return String(samples, said, tuple(spans), speakers.pop())


def make_strings(
    recordings: Sequence[Recording],
    count: int,
    rng: np.random.Generator,
    lengths: tuple[int, int] = (3, 6),
    pause: tuple[float, float] = (0.0, 0.25),
) -> tuple[String, ...]:
    """So many strings; speakers take turns, digits and takes are drawn.

    Args:
        recordings: to draw from; a speaker has at least one of each digit.
        count: of the strings.
        rng: another one draws other strings.
        lengths: how many digits, at least and at most.
        pause: around each, the shortest and the longest, seconds.
    """
    takes: dict[tuple[str, int], list[Recording]] = {}
    for recording in recordings:
        takes.setdefault((recording.speaker, recording.digit), []).append(recording)
    speakers = sorted({speaker for speaker, _ in takes})

    def one(speaker: str) -> String:
        said = rng.integers(10, size=rng.integers(lengths[0], lengths[1] + 1))
        chosen = [takes[speaker, int(digit)] for digit in said]
        return join([some[rng.integers(len(some))] for some in chosen], rng, pause)

    return tuple(one(speakers[k % len(speakers)]) for k in range(count))


def digit_strings(
    count: int = 2000,
    *,
    others: int = 300,
    lengths: tuple[int, int] = (3, 6),
    pause: tuple[float, float] = (0.0, 0.25),
    seed: int = 0,
) -> Strings:
    """Strings made of the recordings of `spoken_digits`, whose parts they keep.

    One speaker, "theo" (of the sample: "middle"), is left out of all parts and is the stranger.

    Args:
        count: strings to learn from.
        others: strings of each other part.
        lengths: digits of a string, at least and at most.
        pause: around each digit, the shortest and the longest, seconds.
        seed: another one draws other strings.

    Returns:
        The strings, with where each recording was put.

    Raises:
        DataError: `UNROLLED_DATA` names no folder, or its copy is damaged.
    """
    data, rng = spoken_digits(), np.random.default_rng(seed)
    left_out = "theo" if data.source.kind == "real" else "middle"
    train, validation, test = (
        make_strings([one for one in part if one.speaker != left_out], size, rng, lengths, pause)
        for part, size in ((data.train, count), (data.validation, others), (data.test, others))
    )
    every = (one for part in (data.train, data.validation, data.test) for one in part)
    stranger = make_strings([one for one in every if one.speaker == left_out], others, rng, lengths, pause)
    return Strings(train, validation, test, stranger, data.source)

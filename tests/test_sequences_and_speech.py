"""The sample DNA, sentences and digits, the files they stand in for, and spectrograms."""

import io
import math
import tarfile
import wave

import numpy as np
import pytest

from utils import datasets, sound
from utils.datasets import common, sequences, speech
from utils.fetch import DataError
from utils.samples import digits, dna


@pytest.fixture(autouse=True)
def _samples(monkeypatch):
    monkeypatch.setenv("UNROLLED_DATA", "sample")


def test_sample_junctions_and_their_best_accuracy():
    data = datasets.splice_junctions()
    assert [len(part) for part in (data.train, data.validation, data.test)] == [1400, 200, 400]
    assert all(len(bases) == 60 and set(bases) <= set("ACGT") for bases, _ in data.train)
    assert {kind for _, kind in data.test} == set(dna.KINDS)
    assert 0.65 < data.best["before"] < 0.8  # 3/4, were it not for misspelt words and chance ones
    assert 0.97 < data.best["both"] <= 1
    assert datasets.splice_junctions() == data


def test_the_chances_of_a_kind_are_those_it_was_drawn_with():
    rng = np.random.default_rng(1)
    made = [dna.make_junction(rng) for _ in range(4000)]
    for window in ((0, 30), (27, 33), (30, 60)):
        chances = np.array([dna.kind_chances(bases, *window) for bases, _ in made])
        kinds = np.array([[kind == other for other in dna.KINDS] for _, kind in made])
        assert chances.sum(axis=1) == pytest.approx(1)
        for low in np.arange(0, 1, 0.2):  # of those given a chance near p, a share near p is of the kind
            near = (chances > low) & (chances <= low + 0.2)
            if near.any():
                assert abs(chances[near].mean() - kinds[near].mean()) < 4 * np.sqrt(0.25 / near.sum())


def test_sample_sentences_have_tags_that_only_the_words_behind_tell():
    data = datasets.wnut17()
    assert [len(part) for part in (data.train, data.validation, data.test)] == [600, 200, 200]
    before = {}
    for words, tags in data.train:
        assert len(words) == len(tags)
        begin = [place for place, tag in enumerate(tags) if tag.startswith("B-")]
        for place in begin:
            before.setdefault(words[:place], set()).add(tags[place])
    assert min(map(len, before.values())) == 3
    assert 0.4 < data.best["before"] < 0.6
    assert datasets.wnut17() == data


def test_sample_digits_differ_by_the_order_of_their_notes():
    assert len(set(digits.TUNES)) == 10
    data = datasets.spoken_digits()
    assert [len(part) for part in (data.train, data.validation, data.test)] == [300, 150, 150]
    assert {recording.take for recording in data.test} == set(range(5))
    assert {recording.take for recording in data.validation} == set(range(5, 10))
    for samples, digit, speaker, _ in data.test:
        assert samples.dtype == np.int16
        assert 1500 <= len(samples) <= 3000
        assert digit in range(10)
        assert speaker in digits.SPEAKERS
    assert datasets.spoken_digits().source == data.source


def packed(path, files):
    with tarfile.open(path, "w:gz") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))


def wav(samples, rate=8000):
    with io.BytesIO() as file:
        with wave.open(file, "wb") as out:
            out.setparams((1, 2, rate, len(samples), "NONE", ""))
            out.writeframes(np.int16(samples).tobytes())
        return file.getvalue()


def test_an_archive_of_recordings_is_read_in_memory(monkeypatch, tmp_path):
    path = tmp_path / "digits.tar"
    one, two = wav([1, -2, 3]), wav([4])
    files = {"x/recordings/7_ann_0.wav": one, "x/recordings/7_ann_12.wav": two, "x/setup.py": b"!"}
    packed(path, files)
    monkeypatch.delenv("UNROLLED_DATA")
    monkeypatch.setattr(common, "fetch", lambda remote: (path, "UNROLLED_DATA"))
    data = datasets.spoken_digits()
    assert [(r.samples.tolist(), *r[1:]) for r in data.test] == [([1, -2, 3], 7, "ann", 0)]
    assert [r.take for r in data.train] == [12]
    other = tmp_path / "other.tar"
    packed(other, {"recordings/7_ann_12.wav": two, "recordings/7_ann_0.wav": one})
    assert speech.recordings_digest(path) == speech.recordings_digest(other)
    assert [p.name for p in tmp_path.iterdir()] == ["digits.tar", "other.tar"]
    packed(path, {"recordings/1_ann_0.wav": wav([0] * 100_000)})
    with pytest.raises(DataError, match="has 200,044 bytes"):
        datasets.spoken_digits()
    packed(path, {"recordings/1_ann_0.wav": wav([0], rate=16_000)})
    with pytest.raises(DataError, match=r"\(1, 2, 16000\); expected \(1, 2, 8000\)"):
        datasets.spoken_digits()


def test_junctions_with_and_without_a_header_are_the_same(monkeypatch, tmp_path):
    bases = ["ACGT" * 15, "ACGT" * 14 + "AAAA", "TTTG" * 15]
    lines = [f"{kind},  a-name,   {b}" for kind, b in zip(("EI", "N", "IE"), bases, strict=True)]
    bare, headed = tmp_path / "bare", tmp_path / "headed"
    bare.write_bytes("\r\n".join(lines).encode())
    headed.write_text("Class, Donor, Sequence\n" + "\n".join(lines) + "\n")
    assert sequences.junctions_digest(bare) == sequences.junctions_digest(headed)
    monkeypatch.delenv("UNROLLED_DATA")
    monkeypatch.setattr(common, "fetch", lambda remote: (bare, "UNROLLED_DATA"))
    data = datasets.splice_junctions()
    parts = [data.train, data.validation, data.test]
    kinds = dict(zip(bases, ("EI", "N", "IE"), strict=True))
    assert sorted(kinds.items()) == sorted(tuple(junction) for part in parts for junction in part)
    assert any({bases[0], bases[1]} <= {j.bases for j in part} for part in parts)


def test_families_are_found_through_others():
    a, b, c = "A" * 20, "C" * 20, "G" * 20
    numbers = sequences.families([a + b, "T" * 40, b + c, c + "T" * 5, a[:19] + "G"])
    assert numbers[0] == numbers[2] == numbers[3]
    assert len({numbers[0], numbers[1], numbers[4]}) == 3


def test_sentences_of_a_file(tmp_path):
    path = tmp_path / "posts"
    path.write_text("Hi\tO\nÄnn\tB-person\n\n \n!\tO\n", encoding="utf-8")
    assert sequences.sentences(path) == ((("Hi", "Änn"), ("O", "B-person")), (("!",), ("O",)))


def test_a_tone_is_loudest_in_its_band():
    t = np.arange(4000) / 8000
    tones = [np.int16(8000 * np.sin(2 * np.pi * hertz * t)) for hertz in (300, 1000, 3000)]
    frames = [sound.log_mel(tone, 8000) for tone in tones]
    assert {f.shape for f in frames} == {(47, 32)}
    assert {f.dtype for f in frames} == {np.dtype(np.float32)}
    loudest = [int(f.mean(axis=0).argmax()) for f in frames]
    middles = np.linspace(0, float(sound.mel(4000)), 34)[1:-1]
    assert loudest == [int(np.abs(middles - sound.mel(hertz)).argmin()) for hertz in (300, 1000, 3000)]
    louder = sound.log_mel(2 * tones[1], 8000) - frames[1]
    assert louder[:, loudest[1]] == pytest.approx(np.log(4), abs=1e-3)


def test_sound_of_another_kind_or_shorter_than_a_window():
    assert sound.log_mel(np.ones(10, np.int16), 8000).shape == (1, 32)
    with pytest.raises(ValueError, match="float64 of shape"):
        sound.log_mel(np.ones(10), 8000)


def test_bands_are_triangles_that_meet_in_the_middle_of_their_neighbours():
    bands = sound.mel_bands(8, 2001, 8000)
    assert bands.shape == (2001, 8)
    hertz = np.linspace(0, 4000, 2001)
    middles = np.linspace(0, float(sound.mel(4000)), 10)
    assert bands.max(axis=0) == pytest.approx(np.ones(8), abs=0.02)
    assert all(
        abs(sound.mel(hertz[k]) - m) < 3 for k, m in zip(bands.argmax(axis=0), middles[1:-1], strict=True)
    )
    inside = (sound.mel(hertz) > middles[1]) & (sound.mel(hertz) < middles[-2])
    assert bands.sum(axis=1)[inside] == pytest.approx(1)  # what one band loses the next has
    assert bands[0].sum() == bands[-1].sum() == 0
    assert (float(sound.mel(700)), float(sound.mel(6300))) == pytest.approx((2595 * math.log10(2), 2595))


@pytest.mark.parametrize(("window", "hop", "frames"), [(0.032, 0.010, 97), (0.1, 0.02, 46), (1.0, 0.5, 1)])
def test_windows_and_hops_are_in_seconds(window, hop, frames):
    assert sound.log_mel(np.ones(8000, np.int16), 8000, window=window, hop=hop).shape == (frames, 32)

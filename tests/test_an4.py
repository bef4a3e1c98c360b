"""AN4 and the sung letters that stand in for it; strings of digits; MFCC; WAV files of the reader's own."""

import io
import itertools
import tarfile
import wave

import numpy as np
import pytest

from utils import datasets, sound
from utils.datasets import common, sentences, speech
from utils.fetch import DataError, Remote, Unavailable
from utils.samples import digits, tones

TEXTS = {
    "train": {"an1-anna-b": "YES", "an2-anna-b": "G O", "an3-bert-b": "TWO ONE"},
    "test": {"cen1-cleo-b": "A B"},
}


def sphere(samples, **changes):
    fields = {
        "channel_count": "-i 1", "sample_count": f"-i {len(samples)}", "sample_rate": "-i 16000",
        "sample_n_bytes": "-i 2", "sample_byte_format": "-s2 01", "sample_coding": "-s3 pcm",
    } | changes  # fmt: skip
    head = "NIST_1A\n   1024\n" + "".join(f"{key} {value}\n" for key, value in fields.items()) + "end_head\n"
    order = ">i2" if "10" in fields["sample_byte_format"] else "<i2"
    return head.encode().ljust(1024) + np.asarray(samples).astype(order).tobytes()


def noise(length, seed=0):
    return np.random.default_rng(seed).integers(-3000, 3000, length).astype(np.int16)


def pack(path, files):
    with tarfile.open(path, "w:gz") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))


def files_of(texts=None, **changes):
    texts, files = texts or TEXTS, {"an4/README": b"read me", "../../outside": b"!"}
    for half, folder in sentences.HALVES.items():
        lines = [
            f"<s> {text} </s> ({name})" if half == "train" else f"{text} ({name})"
            for name, text in texts[half].items()
        ]
        files[f"an4/etc/an4_{half}.transcription"] = ("\n".join(lines) + "\n").encode()
        for k, name in enumerate(texts[half]):
            data = sphere(noise(3200 + 160 * k), **changes)
            files[f"an4/wav/{folder}/{sentences.speaker_of(name)}/{name}.sph"] = data
    return files


@pytest.fixture
def small(monkeypatch, tmp_path):
    """A folder for AN4 whose right content is three sentences and one."""
    halves = {
        half: {name: sentences.Utterance(np.zeros((1, 13)), text, "") for name, text in rows.items()}
        for half, rows in TEXTS.items()
    }
    monkeypatch.setattr(sentences, "COUNTS", {"train": 3, "test": 1})
    monkeypatch.setattr(sentences, "VALIDATION", 1)
    monkeypatch.setattr(sentences, "TRANSCRIPTS", sentences.transcripts_digest(halves))
    monkeypatch.setattr(sentences.kept_aside, "__defaults__", (1,))
    (tmp_path / "an4").mkdir()
    monkeypatch.setenv("UNROLLED_DATA", str(tmp_path))
    return tmp_path


def put(folder, files, monkeypatch, remote="ARCHIVE"):
    """Store an archive or a prepared file, and let its hash be the right one."""
    old = getattr(sentences, remote)
    path = folder / old.name
    if remote == "ARCHIVE":
        pack(path, files)
    else:
        np.savez(path, **files)
    changed = Remote(old.name, old.url, "", lambda found: True, old.saved_as)
    monkeypatch.setattr(sentences, remote, changed)
    return path


def test_the_archive_is_read_in_memory_with_its_sound(small, monkeypatch):
    put(small, files_of(), monkeypatch)
    data = datasets.an4()
    assert (data.source.name, data.source.kind, data.source.origin) == ("AN4", "real", "UNROLLED_DATA")
    assert [one.text for one in data.train + data.validation] == ["TWO ONE", "YES", "G O"]
    assert {one.speaker for one in data.train} == {"bert"}
    assert {one.speaker for one in data.validation} == {"anna"}
    [one] = data.test
    assert (one.text, one.speaker, one.rate) == ("A B", "cleo", 16_000)
    assert (one.samples == noise(3200)).all()
    assert one.frames.shape == (18, 13)
    assert sorted(path.name for path in small.rglob("*") if path.is_file()) == ["an4_sphere.tar.gz"]
    assert not (small.parent / "outside").exists()


def test_big_endian_sound_is_the_same(small, monkeypatch):
    put(small, files_of(sample_byte_format="-s2 10"), monkeypatch)
    assert (datasets.an4().test[0].samples == noise(3200)).all()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sample_rate": "-i 8000"}, r"has \(channels, bytes, rate\) \['1', '2', '8000'\]"),
        ({"sample_coding": "-s26 pcm,embedded-shorten-v2.00"}, "coding pcm,embedded-shorten"),
        ({"sample_count": "-i 7"}, "3200 samples, but says 7"),
    ],
)
def test_sound_of_another_kind_is_refused(change, said, small, monkeypatch):
    put(small, files_of(**change), monkeypatch)
    with pytest.raises(DataError, match=f"an4/an4_sphere.tar.gz cannot be read .*{said}.*Get it again"):
        datasets.an4()


def without(name):
    return {key: data for key, data in files_of().items() if not key.endswith(name)}


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (without("an2-anna-b.sph"), "an2-anna-b has a transcript, but no sound"),
        (without("an4_test.transcription"), r"3 and 0 sentences \(expected 3 and 1\)"),
        (files_of(TEXTS | {"test": {"cen1-cleo-b": "A C"}}), "or other texts"),
        (files_of() | {"an4/etc/an4_test.transcription": b"no name\n"}, "no transcript: 'no name'"),
        (files_of() | {"an4/wav/an4_clstk/anna/an1-anna-b.sph": b"RIFF"}, "an1-anna-b is no SPHERE file"),
        (files_of() | {"x/wav/an4_clstk/anna/an9-anna-b.sph": b"0" * 1_000_001}, "has 1,000,001 bytes"),
        ({}, "0 and 0 sentences"),
    ],
)
def test_an_archive_that_is_not_whole_is_refused(files, said, small, monkeypatch):
    put(small, files, monkeypatch)
    with pytest.raises(DataError, match=said):
        datasets.an4()


def test_an_archive_that_is_cut_off_is_refused(small, monkeypatch):
    path = put(small, files_of(), monkeypatch)
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(DataError, match=r"an4_sphere.tar.gz cannot be read"):
        datasets.an4()
    path.write_bytes(b"no archive")
    with pytest.raises(DataError, match=r"an4_sphere.tar.gz cannot be read"):
        datasets.an4()


def prepared():
    files = {}
    for half, rows in TEXTS.items():
        lengths = np.arange(len(rows), dtype=np.int32) + 20
        files[f"{half}_mfcc"] = np.random.default_rng(0).normal(size=(lengths.sum(), 13)).astype(np.float16)
        files[f"{half}_len"], files[f"{half}_text"] = lengths, np.array(list(rows.values()))
        files[f"{half}_id"] = np.array([f"an4/{sentences.speaker_of(name)}/{name}" for name in rows])
    return files


def test_a_prepared_file_comes_first_and_has_frames_alone(small, monkeypatch):
    put(small, files_of(), monkeypatch)
    put(small, prepared(), monkeypatch, "PREPARED")
    data = datasets.an4()
    assert [len(one.frames) for one in data.train + data.validation] == [22, 20, 21]
    assert data.train[0].frames.dtype == np.float32
    assert data.test[0].samples is None
    assert data.test[0].frames == pytest.approx(prepared()["test_mfcc"].astype("float32"))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda files: {key: value for key, value in files.items() if key != "test_len"},
        lambda files: files | {"test_len": np.array([7, 7])},
        lambda files: files | {"test_text": np.array(["A C"])},
        lambda files: files | {"test_text": np.array([{}], dtype=object)},
    ],
)
def test_a_prepared_file_that_is_damaged_is_refused(spoil, small, monkeypatch):
    put(small, spoil(prepared()), monkeypatch, "PREPARED")
    with pytest.raises(DataError, match=r"an4/an4_mfcc13.npz (cannot be read|is incomplete)"):
        datasets.an4()


def test_a_prepared_file_with_another_hash_is_refused(small):
    (small / "an4/an4_mfcc13.npz").write_bytes(b"other")
    with pytest.raises(
        DataError, match=r"an4_mfcc13.npz in UNROLLED_DATA is damaged .*saved as an4/an4_sphere.tar.gz"
    ):
        datasets.an4()


def test_lines_of_transcripts():
    assert sentences.transcript("<s> YES </s> (an254-fash-b)") == ("an254-fash-b", "YES")
    assert sentences.transcript("rubout g (an1-x-b)") == ("an1-x-b", "RUBOUT G")
    assert sentences.transcript("<s> A <sil> B </s> (an1-x-b)") == ("an1-x-b", "A B")


def test_without_the_archive_letters_are_sung_and_a_line_says_so(monkeypatch, capsys, tmp_path):
    def nothing(remote):
        raise Unavailable("no connection to the host")

    monkeypatch.delenv("UNROLLED_DATA", raising=False)
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path))
    monkeypatch.setattr(common, "fetch", nothing)
    data = datasets.an4()
    told = capsys.readouterr().out.splitlines()
    assert data.source.kind == "sample"
    assert told[0] == "AN4 is fetched once, 64 MB."
    assert told[1].startswith("AN4 cannot be had: no connection")
    assert "put an4/an4_sphere.tar.gz into a folder" in told[1]


def test_sung_letters_are_where_they_are_said_to_be(monkeypatch, capsys):
    monkeypatch.setenv("UNROLLED_DATA", "sample")
    data = datasets.an4()
    assert capsys.readouterr().out == ""
    assert [len(part) for part in (data.train, data.validation, data.test)] == [240, 40, 40]
    speakers = [{one.speaker for one in part} for part in (data.train, data.validation, data.test)]
    assert not speakers[0] & speakers[1]
    assert not (speakers[0] | speakers[1]) & speakers[2]
    for one in data.test:
        assert len(one.spans) == len(one.text)
        for letter, (begin, end) in zip(one.text, one.spans, strict=True):
            spectrum = np.abs(np.fft.rfft(one.samples[begin:end] * np.hanning(end - begin)))
            hertz = np.argmax(spectrum) * tones.RATE / (end - begin)
            if letter == " ":
                assert np.abs(one.samples[begin:end]).max() < 1000
            else:
                nearest = min(tones.HERTZ, key=lambda key: abs(np.log(tones.HERTZ[key] / hertz)))
                assert nearest == letter
    assert datasets.an4().source == data.source


@pytest.fixture
def strings(monkeypatch):
    monkeypatch.setenv("UNROLLED_DATA", "sample")
    return datasets.digit_strings(40, others=12)


def test_strings_are_made_of_recordings_and_know_where_each_was_put(strings):
    assert [len(p) for p in (strings.train, strings.validation, strings.test, strings.stranger)] == [
        40,
        12,
        12,
        12,
    ]
    data = datasets.spoken_digits()
    for part, made in ((data.train, strings.train), (data.test, strings.test)):
        for one in made:
            assert 3 <= len(one.digits) == len(one.spans) <= 6
            for digit, (begin, end), after in zip(one.digits, one.spans, (*one.spans[1:], None), strict=True):
                assert after is None or end <= after[0] <= end + 0.25 * 8000
                same = [
                    r for r in part
                    if (str(r.digit), r.speaker, len(r.samples)) == (digit, one.speaker, end - begin)
                ]  # fmt: skip
                heard = one.samples[begin:end].astype(float)
                assert min(np.abs(heard - r.samples).max() for r in same) < 150  # noise of 20 at most
            assert one.samples[: one.spans[0][0] + 1].std() < 200


def test_the_stranger_is_in_no_other_part_and_no_recording_in_two(strings):
    assert {one.speaker for one in strings.stranger} == {"middle"}
    assert {one.speaker for part in (strings.train, strings.validation, strings.test) for one in part} == {
        "low",
        "high",
    }
    again = datasets.digit_strings(40, others=12)
    assert all((a.samples == b.samples).all() for a, b in zip(strings.train, again.train, strict=True))
    other = datasets.digit_strings(40, others=12, seed=1)
    assert [one.digits for one in other.train] != [one.digits for one in strings.train]
    assert {len(one.digits) for one in datasets.digit_strings(30, others=2, lengths=(8, 9)).train} == {8, 9}
    apart = [one.spans for one in datasets.digit_strings(9, others=2, pause=(1.0, 1.5)).train]
    assert all(8000 <= a[0] - b[1] <= 12_000 for spans in apart for b, a in itertools.pairwise(spans))


def test_a_string_is_of_one_speaker():
    one = digits.make_recording(np.random.default_rng(0), 3, "low", 0)
    with pytest.raises(ValueError, match=r"one speaker, not of \['high', 'low'\]"):
        speech.join([one, one._replace(speaker="high")], np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"not of \[\]"):
        speech.join([], np.random.default_rng(0))


def tone(hertz, rate, seconds=0.5, loud=8000):
    return np.int16(loud * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate))


def test_mfcc_tell_loudness_first_and_shape_after():
    quiet, loud = (sound.mfcc(tone(700, 16_000, loud=n), 16_000) for n in (2000, 4000))
    assert loud.shape == (48, 13)
    assert loud.dtype == np.float32
    change = (loud - quiet).mean(axis=0)
    assert change[0] == pytest.approx(np.log(4), abs=0.05)  # a sum over the bands, of which each has 4 times
    assert np.abs(change[1:]).max() < 0.05
    low, high = (sound.mfcc(tone(hertz, 16_000), 16_000).mean(axis=0)[1] for hertz in (300, 5000))
    assert low > 0 > high
    # the transform is the usual one: its inverse gives the logarithms of the bands again
    whole = sound.mfcc(noise(4000), 16_000, count=40)
    waves = np.cos(np.pi * np.outer(np.arange(40) + 0.5, np.arange(40)) / 40)
    bands = 2 * whole @ waves.T - whole[:, :1]
    assert bands.min() > 0
    assert bands @ waves / 40 == pytest.approx(whole, abs=1e-4)
    with pytest.raises(ValueError, match="float64 of shape"):
        sound.mfcc(np.ones(9), 8000)


def test_mfcc_of_a_spectrum_that_is_equal_in_all_bands_are_zero_but_for_the_first(monkeypatch):
    monkeypatch.setattr(sound, "mel_bands", lambda bands, bins, *_: np.ones((bins, bands)))
    found = sound.mfcc(tone(700, 16_000), 16_000)
    assert found[:, 0].min() > 1
    assert np.abs(found[:, 1:]).max() < 1e-4


def test_a_band_begins_and_ends_where_it_should():
    bands = sound.mel_bands(10, 257, 16_000, 1000.0, 4000.0)
    hertz = np.linspace(0, 8000, 257)
    heard = hertz[bands.sum(axis=1) > 0]
    assert 1000 <= heard.min() < 1100
    assert 3900 < heard.max() <= 4000


def test_another_rate_keeps_the_tone():
    for rate in (44_100, 16_000, 11_025):
        same = sound.resampled(tone(440, rate, 0.4), rate, 8000)
        right = tone(440, 8000, 0.4)
        assert len(same) == len(right) == 3200
        middle = slice(400, 2800)
        assert np.abs(same[middle].astype(float) - right[middle]).max() < 200
    assert np.abs(sound.resampled(tone(6000, 16_000), 16_000, 8000)[400:3600]).max() < 300  # not folded back
    assert sound.resampled(right, 8000, 8000) is right


def wav(path, samples, rate=8000, channels=1, width=2):
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, width, rate, 0, "NONE", ""))
        file.writeframes(samples)
    return path


def test_recordings_of_the_readers_own_in_every_width(tmp_path):
    right = tone(440, 8000)
    wide = {
        1: (right // 256 + 128).astype(np.uint8).tobytes(),
        2: right.astype("<i2").tobytes(),
        3: b"".join(b"\x07" + int(n).to_bytes(2, "little", signed=True) for n in right),
        4: (right.astype("<i4") * 65536 + 99).astype("<i4").tobytes(),
    }
    for width, data in wide.items():
        found = sound.read_wav(wav(tmp_path / f"{width}.wav", data, width=width), 8000)
        assert found.dtype == np.int16
        assert np.abs(found.astype(float) - right).max() <= (256 if width == 1 else 1)
    both = np.stack([right, np.zeros_like(right)], axis=1).astype("<i2").tobytes()
    stereo = sound.read_wav(wav(tmp_path / "stereo.wav", both, channels=2), 8000)
    assert stereo == pytest.approx(right / 2, abs=1)
    assert (
        len(sound.read_wav(wav(tmp_path / "cd.wav", tone(440, 44_100).tobytes(), rate=44_100), 8000)) == 4000
    )


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: None, r"own.wav cannot be read \(No such file"),
        (
            lambda path: path.write_bytes(b"ID3\x04 a song"),
            r"no WAV file that can be read .*Save the recording as WAV",
        ),
        (lambda path: path.write_bytes(b""), "no WAV file that can be read"),
        (
            lambda path: wav(path, tone(440, 8000, 0.05).tobytes()),
            r"lasts 0.1 s; give 0.1 to 60 s|lasts 0.0 s",
        ),
        (lambda path: wav(path, tone(440, 8000, 61).tobytes()), "lasts 61.0 s"),
        (lambda path: wav(path, bytes(16_000)), "is silent; was the microphone on"),
    ],
)
def test_what_is_no_speech_file_is_told(make, said, tmp_path):
    make(tmp_path / "own.wav")
    with pytest.raises(ValueError, match=said):
        sound.read_wav(tmp_path / "own.wav", 8000)

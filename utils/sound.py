"""Spectrograms of sound, in NumPy: how loud it is in each band of frequencies, moment by moment; WAV files.

Bands are evenly spaced on the mel scale, as the ear hears pitch (O'Shaughnessy 1987): narrow at
low frequencies, wide at high ones.
"""

import io
import wave
from pathlib import Path

import numpy as np


def mel(hertz: np.ndarray | float) -> np.ndarray | float:
    """Hertz to mel."""
    return 2595 * np.log10(1 + np.asarray(hertz) / 700)


def mel_bands(bands: int, bins: int, rate: int, low: float = 0.0, high: float | None = None) -> np.ndarray:
    """Triangular filters, each as high as 1 and reaching to the middles of its neighbours.

    Args:
        bands: how many.
        bins: of the spectrum, from 0 to half the rate.
        rate: samples per second.
        low, high: where the first band begins and the last ends, hertz; half the rate if None.

    Returns:
        Weights `(bins, bands)`, float64.
    """
    hertz = np.linspace(0, rate / 2, bins)
    edges = np.linspace(mel(low), mel(rate / 2 if high is None else high), bands + 2)
    left, middle, right = edges[:-2], edges[1:-1], edges[2:]
    place = np.asarray(mel(hertz))[:, None]
    return np.clip(np.minimum((place - left) / (middle - left), (right - place) / (right - middle)), 0, None)


def require_int16(samples: np.ndarray) -> None:
    """Refuse what is no sound of one channel.

    Raises:
        ValueError: the samples are no 16-bit integers in one dimension.
    """
    if samples.dtype != np.int16 or samples.ndim != 1:
        raise ValueError(
            f"Samples are {samples.dtype} of shape {samples.shape}; give int16 of one channel, `(time,)`."
        )


def log_mel(
    samples: np.ndarray, rate: int, *, bands: int = 32, window: float = 0.032, hop: float = 0.010
) -> np.ndarray:
    """Logarithm of the power in each mel band, for overlapping stretches of sound.

    Args:
        samples: `(time,)`, int16.
        rate: samples per second.
        bands: of frequency.
        window: length of a stretch, seconds.
        hop: from the beginning of one to the beginning of the next, seconds.

    Returns:
        `(frames, bands)`, float32; a frame per hop, at least one.

    Raises:
        ValueError: the samples are no 16-bit integers in one dimension.
    """
    require_int16(samples)
    length, step = round(window * rate), round(hop * rate)
    sound = np.pad(samples / 32768.0, (0, max(0, length - len(samples))))
    frames = np.lib.stride_tricks.sliding_window_view(sound, length)[::step]
    power = np.abs(np.fft.rfft(frames * np.hanning(length))) ** 2
    return np.log(power @ mel_bands(bands, power.shape[1], rate) + 1e-6).astype(np.float32)


def mfcc(samples: np.ndarray, rate: int, *, count: int = 13, hop: float = 0.010) -> np.ndarray:
    """Mel-frequency cepstral coefficients (Davis and Mermelstein 1980), with the settings of CMU Sphinx.

    High frequencies are lifted, 40 bands from 130 to 6,800 Hz (or half the rate) are heard through a window
    of 25.6 ms, and the cosine transform of their logarithms tells the shape of the spectrum in few numbers.

    Args:
        samples: `(time,)`, int16.
        rate: samples per second.
        count: of the coefficients.
        hop: from the beginning of a stretch to that of the next, seconds.

    Returns:
        `(frames, count)`, float32; a frame per hop, at least one.

    Raises:
        ValueError: the samples are no 16-bit integers in one dimension.
    """
    require_int16(samples)
    length, step = round(0.0256 * rate), round(hop * rate)
    sound = np.pad(samples.astype(float), (0, max(0, length - len(samples))))
    sound = np.append(sound[:1], sound[1:] - 0.97 * sound[:-1])
    frames = np.lib.stride_tricks.sliding_window_view(sound, length)[::step] * np.hamming(length)
    power = np.abs(np.fft.rfft(frames, 2 ** (length - 1).bit_length())) ** 2
    bands = np.log(power @ mel_bands(40, power.shape[1], rate, 130.0, min(6800.0, rate / 2)) + 1.0)
    waves = np.cos(np.pi * np.outer(np.arange(40) + 0.5, np.arange(count)) / 40)
    return (bands @ waves / 40).astype(np.float32)


def resampled(samples: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    """The same sound with another number of samples per second; what is too high for it is left out.

    Args:
        samples: `(time,)`, int16.
        rate: samples per second.
        wanted: samples per second of the result.

    Returns:
        `(time * wanted / rate,)`, int16.
    """
    if rate == wanted or not len(samples):
        return samples
    length = max(1, round(len(samples) * wanted / rate))
    spectrum = np.fft.rfft(samples.astype(float))[: length // 2 + 1]
    sound = np.fft.irfft(spectrum, length) * length / len(samples)
    return np.clip(np.round(sound), -32768, 32767).astype(np.int16)


def read_wav(path: str | Path, wanted: int, longest: float = 60.0) -> np.ndarray:
    """A recording of the reader's own, as one channel with so many samples per second.

    Args:
        path: of a WAV file with 8, 16, 24 or 32 bits a sample, any number of channels and any rate.
        wanted: samples per second.
        longest: seconds at most.

    Returns:
        `(time,)`, int16.

    Raises:
        ValueError: there is no such file, it is no WAV file that can be read, it is silent, shorter than a
            tenth of a second, or too long.
    """
    try:
        data = Path(path).expanduser().read_bytes()
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror}).") from error
    try:
        with wave.open(io.BytesIO(data)) as file:
            channels, width, rate = file.getnchannels(), file.getsampwidth(), file.getframerate()
            raw = file.readframes(file.getnframes())
    except (wave.Error, EOFError) as error:
        raise ValueError(
            f"{path} is no WAV file that can be read ({error or 'it is cut off'}). Save the recording as "
            "WAV, PCM, not compressed."
        ) from error
    whole = np.frombuffer(raw[: len(raw) // (channels * width) * channels * width], np.uint8)
    parts = whole.reshape(-1, channels, width)
    if width == 1:
        sound = (parts[..., 0].astype(float) - 128) * 256
    else:  # the two highest bytes, the last one with the sign
        sound = parts[..., -1].view(np.int8).astype(float) * 256 + parts[..., -2]
    seconds = len(sound) / rate
    if not 0.1 <= seconds <= longest:
        raise ValueError(f"{path} lasts {seconds:.1f} s; give 0.1 to {longest:.0f} s of speech.")
    if np.abs(sound).max() < 50:
        raise ValueError(f"{path} is silent; was the microphone on?")
    return resampled(np.round(sound.mean(axis=1)).astype(np.int16), rate, wanted)

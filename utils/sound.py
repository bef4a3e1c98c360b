"""Spectrograms of sound, in NumPy: how loud it is in each band of frequencies, moment by moment.

Bands are evenly spaced on the mel scale, as the ear hears pitch (O'Shaughnessy 1987): narrow at
low frequencies, wide at high ones.
"""

import numpy as np


def mel(hertz: np.ndarray | float) -> np.ndarray | float:
    """Hertz to mel."""
    return 2595 * np.log10(1 + np.asarray(hertz) / 700)


def mel_bands(bands: int, bins: int, rate: int) -> np.ndarray:
    """Triangular filters, each as high as 1 and reaching to the middles of its neighbours.

    Args:
        bands: how many.
        bins: of the spectrum, from 0 to half the rate.
        rate: samples per second.

    Returns:
        Weights `(bins, bands)`, float64.
    """
    hertz = np.linspace(0, rate / 2, bins)
    edges = np.linspace(0, mel(rate / 2), bands + 2)
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    place = np.asarray(mel(hertz))[:, None]
    return np.clip(np.minimum((place - low) / (middle - low), (high - place) / (high - middle)), 0, None)


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
    if samples.dtype != np.int16 or samples.ndim != 1:
        raise ValueError(
            f"Samples are {samples.dtype} of shape {samples.shape}; give int16 of one channel, `(time,)`."
        )
    length, step = round(window * rate), round(hop * rate)
    sound = np.pad(samples / 32768.0, (0, max(0, length - len(samples))))
    frames = np.lib.stride_tricks.sliding_window_view(sound, length)[::step]
    power = np.abs(np.fft.rfft(frames * np.hanning(length))) ** 2
    return np.log(power @ mel_bands(bands, power.shape[1], rate) + 1e-6).astype(np.float32)

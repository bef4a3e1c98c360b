"""What a network trained on ImageNet sees in a picture, whole or place by place, extracted once and kept.

VGG16 (Simonyan and Zisserman 2015) is what the lectures use; MobileNetV2 (Sandler et al. 2018) is a
fortieth of its size and arithmetic. Their weights come from `UNROLLED_DATA`, from the cache of Keras,
or from Keras' official address.

Not here: networks trained in a notebook, and what is done with features.
"""

import hashlib
import json
import os
import shutil
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from utils.datasets import Pictures
from utils.fetch import DataError, Remote, Unavailable, data_folder, fetch, sha256_of
from utils.folders import NoFolder, build_folder, expanded

KERAS = "https://storage.googleapis.com/tensorflow/keras-applications/"
SIDE = 224  # pixels
BATCH = 50  # pictures at a time
PART = 250  # pictures per file on disk: what an interruption can cost


@dataclass(frozen=True)
class Network:
    """A network of `keras.applications`, and where features are taken from it.

    Attributes:
        name: e.g. "VGG16".
        build: makes it, with its classifier and untrained.
        preprocess: from RGB, `(batch, 224, 224, 3)`, 0 to 255, float32, to what it was trained on.
        layers: for each kind of features the layer that gives them: "pooled", the last convolutions
            averaged over the picture; "fc1" and "fc2", the two fully connected layers before the last,
            where there are any. "logits", the scores of the 1,000 classes, need no name.
        features: the kind that a caption model should read.
        weights: the official file.
        prepared: name below `UNROLLED_DATA` of a file in Keras 3's format that may stand in for it.
        grid: the layer of convolutions whose places a network with attention looks at.
    """

    name: str
    build: Callable[[], keras.Model]
    preprocess: Callable[[Any], Any]
    layers: dict[str, str]
    features: str
    weights: Remote
    prepared: str
    grid: str


NETWORKS = {
    "VGG16": Network(
        "VGG16",
        lambda: keras.applications.VGG16(weights=None),
        keras.applications.vgg16.preprocess_input,
        {"pooled": "block5_pool", "fc1": "fc1", "fc2": "fc2"},
        "fc2",
        Remote(
            name="vgg16/vgg16_weights_tf_dim_ordering_tf_kernels.h5",
            url=KERAS + "vgg16/vgg16_weights_tf_dim_ordering_tf_kernels.h5",
            sha256="md5:64373286793e3c8b2b4e3219cbf3544b",
        ),
        "vgg16/vgg16.weights.h5",
        "block5_conv3",  # 14 x 14 places of 512 numbers, as Xu et al. 2015 have them
    ),
    "MobileNetV2": Network(
        "MobileNetV2",
        lambda: keras.applications.MobileNetV2(weights=None),
        keras.applications.mobilenet_v2.preprocess_input,
        {"pooled": "out_relu"},
        "pooled",
        Remote(
            name="mobilenet_v2/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224.h5",
            url=KERAS + "mobilenet_v2/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224.h5",
            sha256="md5:321911b381f6fd09b744356f6796ee18",
        ),
        "mobilenet_v2/mobilenet_v2_1.0_224.weights.h5",
        "out_relu",  # 7 x 7 places of 1,280 numbers
    ),
}


@dataclass(frozen=True)
class Extractor:
    """A trained network that gives features.

    Attributes:
        network: which.
        model: from pictures as preprocessed to a dictionary of features, each `(batch, size)`.
        origin: where the weights were found: "UNROLLED_DATA", "Keras cache", "cache" or "download".
        sha256: of the file of weights.
    """

    network: Network
    model: keras.Model
    origin: str
    sha256: str


def find_weights(network: Network) -> tuple[Path, str]:
    """The file of a network's weights, and where it was found.

    Raises:
        DataError: `UNROLLED_DATA` names no folder, or its copy is damaged.
        Unavailable: the file is in none of the places and cannot be downloaded.
    """
    folder = data_folder()
    if folder is not None and (folder / network.prepared).exists():
        return folder / network.prepared, "UNROLLED_DATA"
    try:
        home = expanded(os.environ.get("KERAS_HOME") or "~/.keras")
    except NoFolder:  # then Keras has kept nothing there
        return fetch(network.weights)
    cached = home / "models" / Path(network.weights.name).name
    in_folder = folder is not None and (folder / network.weights.name).exists()
    if not in_folder and cached.is_file() and network.weights.hash_of(cached) == network.weights.known_hash:
        return cached, "Keras cache"
    return fetch(network.weights)


def with_outputs(network: Network, classifier: keras.Model) -> keras.Model:
    """A classifier's network, changed to give a dictionary: its features by kind, and "logits"."""
    kinds = {}
    for kind, layer in network.layers.items():
        output = classifier.get_layer(layer).output
        kinds[kind] = output if len(output.shape) == 2 else keras.layers.GlobalAveragePooling2D()(output)
    last = classifier.layers[-1]
    scores = keras.layers.Dense(last.units, name="logits")  # the same without its softmax
    kinds["logits"] = scores(last.input)
    scores.set_weights(last.get_weights())
    return keras.Model(classifier.inputs, kinds)


def load_extractor(names: Sequence[str] = ("VGG16", "MobileNetV2")) -> Extractor:
    """The first of some networks whose weights can be had.

    Args:
        names: of `NETWORKS`, the one wanted most first; one line tells of each that is passed over.

    Raises:
        DataError: a file of weights in `UNROLLED_DATA` is damaged or fits another network.
        Unavailable: there are weights for none of them.
        ValueError: a name is not in `NETWORKS`, or there is none.
    """
    unknown = [name for name in names if name not in NETWORKS]
    if unknown:
        raise ValueError(f"{unknown[0]!r} is no network known here; they are {', '.join(NETWORKS)}.")
    for name in names:
        network = NETWORKS[name]
        try:
            path, origin = find_weights(network)
        except Unavailable as reason:
            if name == names[-1]:
                raise
            print(f"The weights of {name} cannot be had: {reason}.")
            continue
        classifier = network.build()
        try:
            classifier.load_weights(path)
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise DataError(
                f"{path.name} ({origin}) is damaged or not of {name}: {str(error).strip().splitlines()[0]} "
                f"Replace it by the file from {network.weights.url}, or remove it."
            ) from error
        return Extractor(network, with_outputs(network, classifier), origin, sha256_of(path))
    raise ValueError(f"Name at least one of {', '.join(NETWORKS)}.")


def see(extractor: Extractor, pictures: np.ndarray) -> dict[str, np.ndarray]:
    """Features of a few pictures.

    Args:
        extractor: the network.
        pictures: RGB, `(batch, 224, 224, 3)`, uint8.

    Returns:
        For each kind of features an array `(batch, size)`, float32.

    Raises:
        ValueError: the pictures have another shape or type.
    """
    if pictures.shape[1:] != (SIDE, SIDE, 3) or pictures.dtype != np.uint8:
        raise ValueError(
            f"The pictures are {pictures.dtype} of shape {pictures.shape}; they must be uint8 of shape "
            f"(batch, {SIDE}, {SIDE}, 3), as `datasets.photo` makes them."
        )
    inputs = tf.constant(extractor.network.preprocess(np.float32(pictures)))
    return {kind: np.float32(found) for kind, found in compiled(extractor.model)(inputs).items()}


def compiled(model: keras.Model) -> Callable[[tf.Tensor], dict[str, tf.Tensor]]:
    """The model as a graph for batches of any size, made once."""
    if not hasattr(model, "unrolled_graph"):
        shape = tf.TensorSpec((None, SIDE, SIDE, 3), tf.float32)
        model.unrolled_graph = tf.function(lambda x: model(x, training=False), input_signature=[shape])
    return model.unrolled_graph


def read_part(path: Path, count: int, extractor: Extractor) -> dict[str, np.ndarray] | None:
    """Features from a file of an earlier run, or None where there is none that is whole."""
    sizes = {kind: output.shape[-1] for kind, output in extractor.model.output.items()}
    try:
        with np.load(path, allow_pickle=False) as stored:
            found = {kind: stored[kind] for kind in sizes}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    fits = all(
        found[kind].shape == (count, size) and found[kind].dtype == np.float32 for kind, size in sizes.items()
    )
    return found if fits else None


def write_part(path: Path, found: dict[str, Any]) -> None:
    """Store features in a file, which is there whole or not at all."""
    part = path.with_suffix(f".{os.getpid()}.part")
    with part.open("wb") as file:
        np.savez(file, **found)
    part.replace(path)


def extract(
    extractor: Extractor, pictures: Pictures, images_sha256: str, mirrored: bool = False
) -> dict[str, np.ndarray]:
    """Features of many pictures; those that an earlier run has extracted are read from disk.

    They lie in the build folder, under a name made of the hashes of the weights and of the pictures, and
    of the precision in which the network computes: in half of it, it sees a little differently.

    Args:
        extractor: the network.
        pictures: names, and how to load them as `(224, 224, 3)`, uint8.
        images_sha256: the hash of the data set that they come from.
        mirrored: swap left and right in every picture first.

    Returns:
        For each kind of features an array `(pictures, size)`, float32, in the order of the names.
    """
    precision = tuple(layer.compute_dtype for layer in extractor.model.layers)
    what = (extractor.network.name, extractor.sha256, precision, images_sha256, mirrored, pictures.names)
    folder = build_folder("features", hashlib.sha256(repr(what).encode()).hexdigest()[:16])
    found, news = [], 0
    with tqdm(total=len(pictures.names), unit="photo", file=sys.stdout, leave=False, disable=None) as bar:
        for first in range(0, len(pictures.names), PART):
            names, path = pictures.names[first : first + PART], folder / f"{first:06d}.npz"
            part = read_part(path, len(names), extractor)
            if part is None:
                part = joined(see(extractor, batch) for batch in loaded(pictures, names, mirrored))
                write_part(path, part)
                news += len(names)
                if bar.disable and news % (4 * PART) == 0:  # nobody watches a bar: a line now and then
                    print(f"features of {first + len(names):,} of {len(pictures.names):,} photos", flush=True)
            bar.update(len(names))
            found.append(part)
    return joined(found)


def loaded(pictures: Pictures, names: Sequence[str], mirrored: bool) -> Iterator[np.ndarray]:
    """Batches of pictures; the next is read while one is worked on."""
    step = -1 if mirrored else 1
    with ThreadPoolExecutor(2) as pool:
        waiting = pool.map(pictures.load, names)
        for first in range(0, len(names), BATCH):
            count = len(names[first : first + BATCH])
            yield np.stack([next(waiting)[:, ::step] for _ in range(count)])


def joined(parts: Any) -> dict[str, np.ndarray]:
    """Dictionaries of arrays, one after the other."""
    parts = list(parts)
    return {kind: np.concatenate([part[kind] for part in parts]) for kind in parts[0]}


def grid_model(extractor: Extractor) -> keras.Model:
    """From photos as preprocessed to what a network sees at each place, `(batch, places, channels)`."""
    model = extractor.model
    if not hasattr(model, "unrolled_grid"):
        seen = model.get_layer(extractor.network.grid).output
        places = keras.layers.Reshape((seen.shape[1] * seen.shape[2], seen.shape[3]))(seen)
        model.unrolled_grid = keras.Model(model.inputs[0], {"grid": places})
    return model.unrolled_grid


def see_grid(extractor: Extractor, pictures: np.ndarray) -> np.ndarray:
    """What the network sees at each place of a few pictures.

    Args:
        extractor: the network.
        pictures: RGB, `(batch, 224, 224, 3)`, uint8.

    Returns:
        `(batch, places, channels)`, float16, the places row by row from the upper left corner.
    """
    inputs = tf.constant(extractor.network.preprocess(np.float32(pictures)))
    return np.float16(compiled(grid_model(extractor))(inputs)["grid"])


def extract_grid(extractor: Extractor, pictures: Pictures, images_sha256: str) -> np.ndarray:
    """What the network sees at each place of many pictures, in one file that is not read into memory.

    It lies in the build folder, as what `extract` gives. Beside it stands which parts of it are written, and
    the checksum of each, so that an interrupted extraction goes on, and damaged parts are made anew.

    Args:
        extractor: the network.
        pictures: names, and how to load them as `(224, 224, 3)`, uint8.
        images_sha256: the hash of the data set that they come from.

    Returns:
        `(pictures, places, channels)`, float16, in the order of the names; read from disk where it is used.

    Raises:
        NoFolder: the disk has no room for it.
    """
    model, count = grid_model(extractor), len(pictures.names)
    shape = (count, *model.output["grid"].shape[1:])
    precision = tuple(layer.compute_dtype for layer in model.layers)
    what = ("grid", extractor.network.grid, extractor.sha256, precision, images_sha256, pictures.names)
    path = build_folder("features", hashlib.sha256(repr(what).encode()).hexdigest()[:16]) / "grid.npy"
    sums = whole_parts(path, shape)
    missing = [first for first in range(0, count, PART) if str(first) not in sums]
    if missing and not sums:
        make_room(path, shape)
    with tqdm(total=count, unit="photo", file=sys.stdout, leave=False, disable=None) as bar:
        bar.update(count - sum(min(PART, count - first) for first in missing))
        for number, first in enumerate(missing, start=1):
            names = pictures.names[first : first + PART]
            part = np.concatenate([see_grid(extractor, some) for some in loaded(pictures, names, False)])
            write_rows(path, first, part)
            sums[str(first)] = zlib.crc32(part.data)
            write_sums(path, sums)
            if bar.disable and number % 4 == 0:  # nobody watches a bar: a line now and then
                print(f"grid features of {first + len(names):,} of {count:,} photos", flush=True)
            bar.update(len(names))
    return np.load(path, mmap_mode="r", allow_pickle=False)


def whole_parts(path: Path, shape: tuple[int, ...]) -> dict[str, int]:
    """The checksum of each part of a file of grid features that is whole, by its first row.

    Args:
        path: of the file; its checksums lie beside it, with the ending .json.
        shape: that it must have.
    """
    try:
        stored = np.load(path, mmap_mode="r", allow_pickle=False)
        sums = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        if stored.shape != shape or stored.dtype != np.float16 or not isinstance(sums, dict):
            return {}
        rows = [first for first in range(0, shape[0], PART) if str(first) in sums]
        found = {str(first): zlib.crc32(stored[first : first + PART].data) for first in rows}
        return {first: value for first, value in found.items() if sums[first] == value}
    except (OSError, ValueError, EOFError):
        return {}


def make_room(path: Path, shape: tuple[int, ...]) -> None:
    """An empty file for grid features; a line says how large it will be.

    Raises:
        NoFolder: the disk has no room for it.
    """
    size = 2 * int(np.prod(shape))
    print(f"What is seen at {shape[1]} places of {shape[0]:,} photos takes {size / 1e9:.2f} GB of disk.")
    if shutil.disk_usage(path.parent).free < 1.05 * size:
        raise NoFolder(f"There is no room for it in {path.parent}. Set UNROLLED_BUILD to a folder with room.")
    part = path.with_suffix(f".{os.getpid()}.part")
    np.lib.format.open_memmap(part, mode="w+", dtype=np.float16, shape=shape).flush()
    part.replace(path)


def write_rows(path: Path, first: int, rows: np.ndarray) -> None:
    """Put rows into a file of grid features; on a full disk this raises an error, as a map would not."""
    with path.open("r+b") as file:
        np.lib.format.read_magic(file)
        np.lib.format.read_array_header_1_0(file)
        file.seek(first * rows[0].nbytes, os.SEEK_CUR)
        file.write(rows.tobytes())
        file.flush()
        os.fsync(file.fileno())


def write_sums(path: Path, sums: dict[str, int]) -> None:
    """Store the checksums of a file of grid features, whole or not at all."""
    part = path.with_suffix(f".json.{os.getpid()}.part")
    part.write_text(json.dumps(sums), encoding="utf-8")
    part.replace(path.with_suffix(".json"))

"""How far are photographs from ImageNet? How sure its network is when it names them.

    python -m benchmarks.photo_distance FOLDER …

Each folder holds one sub-folder of photographs per class. EfficientNet-Lite0, with its 1,000 names
and at the 128 pixels of `benchmarks.photos`, names the photographs, and what is kept is the mean
probability of its first name. No label is used. A folder of ImageNet's own photographs among the
others shows how sure it is at home.

The draws, 60 photographs each, do not overlap.
"""

import argparse
from pathlib import Path

import numpy as np

from benchmarks import photos
from benchmarks.label_efficiency import save
from tlcourse import models
from tlcourse.backend import keras, versions
from tlcourse.evaluation import softmax

SEEDS = 5
PHOTOGRAPHS = 60  # in each draw
SOURCES = photos.PUBLIC | {
    "imagenette_96": "ImageNet, ten of its classes, Imagenette, fastai/imagenette (96 pixels)",
}


def sureness(network: keras.Model, x: np.ndarray) -> list[float]:
    """Mean probability of the first name, of each draw."""
    order = np.random.default_rng(0).permutation(len(x))[: SEEDS * PHOTOGRAPHS]
    logits = network.predict(x[order].astype("float32"), batch_size=100, verbose=0)
    first = softmax(logits).max(1)
    return [float(draw.mean()) for draw in np.split(first, SEEDS)]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser("python -m benchmarks.photo_distance", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    network, sets = models.efficientnet_lite0(side=photos.SIDE, top=True), {}
    for folder in parser.parse_args(arguments).folders:
        read = photos.read(folder)
        sets[read.folder.name] = {
            "digest": read.digest,
            "source": SOURCES.get(read.folder.name, "the reader's own photographs"),
            "sureness": photos.rounded(sureness(network, read.x)),
        }
    about = {"seeds": SEEDS, "photographs": PHOTOGRAPHS, "side": photos.SIDE}
    save("photo_distance", about | {"sets": sets, "made_with": versions()})


if __name__ == "__main__":
    main()

"""Does augmentation help frozen features of photographs? Crop, flip and colour, each alone.

    python -m benchmarks.augmentation FOLDER …

Each folder holds one sub-folder of photographs per class. The network is EfficientNet-Lite0 at 128
pixels, frozen, the classifier a logistic regression on its features, five labels per class. The
features of each labelled photograph are joined by those of changed versions of it:

- crop: seven times a window of 60 to 100 % of its area, enlarged again;
- flip: its mirror image;
- colour: seven times another brightness, contrast and tint, each by up to a third;
- all three: seven times all of them together, the flip at random.

The photographs, their split and their draws are those of `benchmarks.photos`: five seeds, paired,
with the strength of the regression tuned for each arm and folder on another draw, on a grid that
grows until its best value is not at its edge. The regression is solved, so there is no budget of
steps. The test photographs are shown as they are. What is finished is kept in the result.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from benchmarks import photos
from benchmarks.label_efficiency import RESULTS, save
from tlcourse import models, transfer
from tlcourse.backend import versions

LABELS, VERSIONS = 5, 7
SMALLEST_AREA, REACH = 0.6, 1 / 3
ARMS = ("none", "crop", "flip", "colour", "all three")


def cropped(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A random square window, brought back to the size of the image."""
    from PIL import Image

    side = len(image)
    window = round(side * np.sqrt(rng.uniform(SMALLEST_AREA, 1)))
    left, top = rng.integers(0, side - window + 1, 2)
    box = (int(left), int(top), int(left) + window, int(top) + window)
    return np.asarray(Image.fromarray(image).resize((side, side), Image.BICUBIC, box))


def coloured(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Another brightness and tint, and another contrast around the mean."""
    x = image * rng.uniform(1 - REACH, 1 + REACH) * rng.uniform(1 - REACH / 2, 1 + REACH / 2, 3)
    x = x.mean() + (x - x.mean()) * rng.uniform(1 - REACH, 1 + REACH)
    return np.clip(np.rint(x), 0, 255).astype("uint8")


def all_three(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    image = image[:, ::-1] if rng.integers(2) else image
    return coloured(cropped(image, rng), rng)


def versions_of(x: np.ndarray, arm: str, seed: int) -> np.ndarray:
    """Changed versions of all photographs, one version after the other."""
    rng = np.random.default_rng(seed)
    if arm == "flip":
        return x[:, :, ::-1]
    change = {"crop": cropped, "colour": coloured, "all three": all_three}[arm]
    return np.stack([change(image, rng) for _ in range(VERSIONS) for image in x])


def measure(found: photos.Photos) -> dict:
    """The scores of every arm on one folder, and what was tuned for them."""
    whole = models.add_head(models.efficientnet_lite0(side=photos.SIDE), found.classes)
    lower, _ = transfer.split(whole, "pool")

    def describe(x: np.ndarray) -> np.ndarray:
        return transfer.features(lower, x, lambda part: models.preprocess(part, whole))

    features = describe(found.x)
    drawn = {seed: found.draw(LABELS, seed) for seed in (photos.TUNING_SEED, *photos.SEEDS)}

    def examples(arm: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
        x, y = features[drawn[seed]], found.y[drawn[seed]]
        if arm == "none":
            return x, y
        made = versions_of(found.x[drawn[seed]], arm, seed)
        more = describe(made)
        return np.concatenate([x, more]), np.tile(y, 1 + len(made) // len(y))

    def accuracy(data: tuple, strength: float, places: np.ndarray) -> float:
        kernel, bias = photos.logistic_regression(*data, strength)
        guesses = (features[places] @ kernel + bias).argmax(1)
        return float(np.mean(guesses == found.y[places]))

    scores, tuned = {}, {}
    for arm in ARMS:
        data = examples(arm, photos.TUNING_SEED)
        places = found.validation(drawn[photos.TUNING_SEED])
        strength, inside = photos.tune(
            photos.STRENGTHS, lambda c, data=data, places=places: accuracy(data, c, places)
        )
        tuned[arm] = {"strength": strength, "inside": inside}
        scores[arm] = photos.rounded(
            accuracy(examples(arm, seed), strength, found.test) for seed in photos.SEEDS
        )
    return {"accuracy": scores, "chosen": tuned}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser("python -m benchmarks.augmentation", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    about = {"seeds": len(photos.SEEDS), "labels": LABELS, "versions": VERSIONS}
    store = RESULTS / "augmentation.json"
    kept = json.loads(store.read_text("utf-8")) if store.exists() else {}
    same = all(kept.get(key) == value for key, value in about.items())
    sets = kept["sets"] if same else {}
    for folder in parser.parse_args(arguments).folders:
        found = photos.read(folder)
        name = found.folder.name
        if sets.get(name, {}).get("digest") != found.digest:
            source = photos.PUBLIC.get(name, "the reader's own photographs")
            sets[name] = {"digest": found.digest, "source": source, **measure(found)}
            save("augmentation", about | {"sets": sets, "made_with": versions()})


if __name__ == "__main__":
    main()

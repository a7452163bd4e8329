"""How fast are the data generators, and how fast are photographs read?

Images per second on one core, after the first call; photographs of 640×480 pixels, 2,000 of them,
from the first call on.
"""

import json
import os
import tempfile
import time
from pathlib import Path

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

import numpy as np
from PIL import Image

from tlcourse import data

GENERATORS = (
    data.make_cluttered_digits,
    data.make_cluttered_letters,
    data.make_scene_digits,
    data.make_scene_letters,
)


def images_per_second(make, images: int = 5000, repeats: int = 5) -> int:
    """The median over `repeats` calls."""
    make(10, 10)  # loads the originals
    rates = []
    for seed in range(repeats):
        start = time.perf_counter()
        make(images, 10, random_state=seed)
        rates.append((images + 10) / (time.perf_counter() - start))
    return round(sorted(rates)[repeats // 2])


def photos_per_second(photos: int = 2000) -> int:
    """Of `load_photo_folder`: twenty pictures in two classes, no two files alike."""
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        for kind in ("a", "b"):
            Path(folder, kind).mkdir()
        for i in range(photos):
            path = Path(folder, "ab"[i % 2], f"{i}.jpg")
            if i < 20:
                small = Image.fromarray(rng.integers(0, 255, (6, 8, 3), "uint8"))
                small.resize((640, 480)).save(path, quality=85)
            else:
                like = Path(folder, "ab"[i % 2], f"{i % 20}.jpg")
                path.write_bytes(like.read_bytes() + i.to_bytes(4, "big"))
        start = time.perf_counter()
        data.load_photo_folder(folder, 64)
        return round(photos / (time.perf_counter() - start))


if __name__ == "__main__":
    rates = {make.__name__: images_per_second(make) for make in GENERATORS}
    rates["load_photo_folder"] = photos_per_second()
    for name, rate in rates.items():
        print(f"{name:24} {rate:>7,} images/s")
    print(json.dumps(rates))

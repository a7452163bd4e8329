"""How fast are the data generators? Images per second on one core, after the first call."""

import json
import os
import time

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

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


if __name__ == "__main__":
    rates = {make.__name__: images_per_second(make) for make in GENERATORS}
    for name, rate in rates.items():
        print(f"{name:24} {rate:>7,} images/s")
    print(json.dumps(rates))

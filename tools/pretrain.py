"""Pre-train the weights that ship with the course.

    python -m tools.pretrain

teaches Keras' ResNet50 to read letters in coloured scenes, from random weights: more than an hour
on two cores. Stop it with Ctrl-C whenever you like; the same command goes on
where it was. At the end it writes the weights and their model card to `--out`.

The recipe: AdamW with warm-up and a cosine (Loshchilov & Hutter 2019), no weight decay on biases
and normalisation, and residual branches that begin at zero (Goyal et al. 2017). Every image is
drawn afresh, so the network never sees one twice.
"""

import json
import signal
import sys
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

# Letters that differ in shape, not only in size or slant, and no digit: those are the target.
ALPHABET = (
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ" "abdefghmnqrty" "ΓΔΘΛΞΠΣΦΨΩ" "αβγδεζηλμξσω" "БДЖЙЛЦЧШЭЮЯ"
)  # fmt: skip
BATCH = 64
ROUND = 50  # batches drawn at a time
KEPT_EVERY = 5  # rounds
PEAK_RATE = 1.5e-3
WARM_UP = 0.15  # of all steps
WEIGHT_DECAY = 1e-2
BN_MOMENTUM = 0.95


def scenes(n: int, random_state: int) -> tuple[np.ndarray, np.ndarray]:
    """Letters to learn from, three in four penned, one printed: (n, 64, 64, 3) uint8 and labels."""
    from tlcourse.data import make_scene_letters

    kinds = [
        make_scene_letters(count, 1, alphabet=ALPHABET, penned=penned, random_state=random_state)
        for penned, count in ((True, n - n // 4), (False, n // 4))
    ]
    order = np.random.default_rng(random_state).permutation(n)
    x = np.concatenate([kind.x_train for kind in kinds])[order]
    return x, np.concatenate([kind.y_train for kind in kinds])[order]


def new_model(steps: int, seed: int):
    """ResNet50 with random weights and a linear head on its pooled features, compiled."""
    from tlcourse import models
    from tlcourse.backend import keras
    from tlcourse.training import compile_classifier

    keras.utils.set_random_seed(seed)
    model = models.add_head(models.resnet50(None), len(ALPHABET))
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = BN_MOMENTUM
            if layer.name.endswith("_3_bn"):  # the last of a residual branch
                layer.gamma.assign(np.zeros(layer.gamma.shape))
    warm_up = round(WARM_UP * steps)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, max(1, steps - warm_up), warmup_target=PEAK_RATE, warmup_steps=warm_up
    )
    optimizer = keras.optimizers.AdamW(rate, weight_decay=WEIGHT_DECAY)
    compile_classifier(model, optimizer=optimizer)
    return model


def train(images: int, seed: int, folder: Path):
    """Train, or go on training, on `images` images; what is done is kept in `folder`.

    Returns
    -------
    keras.Model or None
        None if it was interrupted.

    Raises
    ------
    CourseError
        If `folder` holds a run with other settings, or cannot be written.
    """
    from tqdm.auto import tqdm

    from tlcourse.backend import keras
    from tlcourse.files import CourseError, explain_os_errors
    from tlcourse.models import preprocess

    steps = images // BATCH
    settings = {"images": images, "seed": seed, "alphabet": ALPHABET}
    checkpoint, record = folder / "checkpoint.keras", folder / "settings.json"
    with explain_os_errors(folder, "--folder"):
        folder.mkdir(parents=True, exist_ok=True)
        if checkpoint.exists():
            if json.loads(record.read_text("utf-8")) != settings:
                raise CourseError(
                    f"{folder} holds an unfinished run with other settings; name another --folder, "
                    "or delete that one to begin again."
                )
            try:
                model = keras.models.load_model(checkpoint)
            except (ValueError, OSError) as error:
                raise CourseError(
                    f"{checkpoint} is damaged ({error}): delete {folder} to begin again."
                ) from error
        else:
            record.write_text(json.dumps(settings, ensure_ascii=False), "utf-8")
            model = new_model(steps, seed)

    # Not part of what a file keeps, so it is said here, for a new model and a loaded one.
    model.optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    stopped = []
    handlers = {s: signal.signal(s, lambda *_: stopped.append(1)) for s in _SIGNALS}
    bar = tqdm(total=steps, unit="batch", file=sys.stderr)
    try:
        step = bar.n = int(model.optimizer.iterations)
        while step < steps and not stopped:
            number, first = divmod(step, ROUND)
            x, y = scenes(ROUND * BATCH, random_state=1_000_000 * seed + number)
            for i in range(first, min(ROUND, steps - number * ROUND)):
                batch = slice(i * BATCH, (i + 1) * BATCH)
                loss, score = model.train_on_batch(preprocess(x[batch]), y[batch])
                step += 1
                bar.set_postfix_str(f"loss {loss:.2f}, accuracy {score:.2f}", refresh=False)
                bar.update()
                if stopped:
                    break
            model.reset_metrics()
            number += 1
            if stopped or step == steps or number % KEPT_EVERY == 0:
                with explain_os_errors(folder, "--folder"):
                    unfinished = folder / "unfinished.keras"
                    model.save(unfinished)
                    unfinished.replace(checkpoint)
    finally:
        bar.close()
        for number, handler in handlers.items():
            signal.signal(number, handler)
    return model if step == steps else None


_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def publish(model, out: Path, images: int, seed: int) -> None:
    """Write the weights, and a card that tells what was measured of the file as it is written.

    Raises
    ------
    CourseError
        If `out` cannot be written.
    """
    from tlcourse import weights
    from tlcourse.data import make_scene_letters
    from tlcourse.files import explain_os_errors
    from tlcourse.models import preprocess
    from tlcourse.training import accuracy

    file = out / weights.FILE.name
    tests = {
        name: make_scene_letters(1, 2000, alphabet=ALPHABET, penned=penned, random_state=seed + 1)
        for name, penned in (("penned", True), ("printed", False))
    }

    def measure() -> dict[str, float]:
        return {
            name: round(accuracy(model, preprocess(test.x_test), test.y_test), 3)
            for name, test in tests.items()
        }

    about = {"alphabet": ALPHABET, "images": images, "seed": seed, "accuracy_float": measure()}
    with explain_os_errors(out, "--out"):
        out.mkdir(parents=True, exist_ok=True)
        weights.save(model, file, about)
        weights.load(model, file)
        weights.save(model, file, about | {"accuracy": measure()})
        (out / "README.md").write_text(_model_card(weights.card(file), file), "utf-8")
    print(f"The weights are in {file}, and their card in {out / 'README.md'}.")


def _model_card(about: dict, file: Path) -> str:
    exact, stored = about["accuracy_float"], about["accuracy"]
    megabytes = file.stat().st_size / 1e6
    return f"""\
# ResNet50 for letters in scenes

Written by `python -m tools.pretrain`; every number was measured when the file was written.

| | |
|---|---|
| network | `keras.applications.ResNet50` (He et al. 2016, version 1), linear head |
| file | `{file.name}`, {megabytes:.1f} MB: kernels int8 per channel, the rest float32 |
| SHA-256 | `{about["sha256"]}` |
| licence | as the code of the course; the fonts allow embedding |

## Data

{about["images"]:,} images, 64×64×3, each drawn once (`tlcourse.data.make_scene_letters`):
{len(about["alphabet"])} letters in the font faces that ship with matplotlib, under a random affine
map, on coloured noise, with fragments of other letters. Three in four are *penned*: the outline
wavers, the stroke has the width of a pen, and the result is scanned at 8×8 pixels like
scikit-learn's digits. No digit is among them, and no photograph.

`{about["alphabet"]}`

## Recipe

AdamW, batches of {BATCH}, peak learning rate {PEAK_RATE:g} after a warm-up over {WARM_UP:.0%} of
the steps, then a cosine to zero; weight decay {WEIGHT_DECAY:g} on kernels; BatchNormalization with
momentum {BN_MOMENTUM:g}; residual branches begin at zero. Images go through
`tlcourse.models.preprocess`. Seed {about["seed"]}.

## Accuracy

On 2,000 letters each, in font faces that were not trained on; guessing gives
{1 / len(about["alphabet"]):.1%}.

| | penned | printed |
|---|---|---|
| as trained, float32 | {exact["penned"]:.1%} | {exact["printed"]:.1%} |
| as stored, int8 | {stored["penned"]:.1%} | {stored["printed"]:.1%} |

## Limits

These weights know glyphs in coloured clutter, and are of use for glyphs in coloured clutter. They
know nothing of photographs: for those take ImageNet's (`tlcourse fetch resnet50`).
"""


def main(
    images: Annotated[int, typer.Option(min=BATCH, help="How many to learn from.")] = 184_320,
    seed: Annotated[int, typer.Option(help="Of weights and images.")] = 0,
    folder: Annotated[Path, typer.Option(help="What is unfinished.")] = Path("pretraining"),
    out: Annotated[Path, typer.Option(help="Weights and card.")] = Path("tlcourse/weights"),
) -> None:
    """Pre-train the weights that ship with the course; Ctrl-C stops, the same command goes on."""
    from tlcourse.files import CourseError

    try:
        model = train(images, seed, folder)
        if model is None:
            print("Stopped. What is done is kept; the same command goes on.")
            raise typer.Exit(130)
        publish(model, out, images, seed)
    except CourseError as error:
        print(f"tools.pretrain: {error}", file=sys.stderr)
        raise typer.Exit(1) from error


if __name__ == "__main__":
    typer.run(main)

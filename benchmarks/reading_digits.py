"""A network of 100 inputs, 100 units and 10 classes reads digits: what does λ do to it?

    python -m benchmarks.reading_digits

It learns from 900 digits with an L2 penalty, ½λΣw², on its weights. For each λ, at three moments
of the training and from five seeds, what is kept is the loss and accuracy on the 300 validation
images, the accuracy on the 597 test images, and on drawings that a computer made: lines
such as a hand draws on the pad of `tlcourse.sketch`, turned, slanted, stretched and shaken. The
"known" shapes were there while `data.strokes_to_digit` was written and its thickness and slant were
chosen; the "new" ones were drawn afterwards.
"""

import numpy as np

from benchmarks.label_efficiency import save
from tlcourse.data import load_digits28, strokes_to_digit
from tlcourse.evaluation import softmax
from tlcourse.losses import cross_entropy

SEEDS = 5
LAMBDAS = [0, 1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1]
EPOCHS = [10, 50, 200]
DRAWINGS = 20  # of each shape, in each draw


def arc(x, y, width, height, start, end, points=18):
    """Points on an ellipse, from one angle to another, in degrees: 0 is right, 90 is below."""
    angles = np.deg2rad(np.linspace(start, end, points))
    return [(x + width * np.cos(a), y + height * np.sin(a)) for a in angles]


# Strokes by digit, in a square of side 1; y grows downwards.
KNOWN = {
    0: [
        [arc(0.5, 0.5, 0.3, 0.45, -90, 270)],
        [arc(0.5, 0.5, 0.22, 0.45, -60, 310)],
        [arc(0.5, 0.5, 0.4, 0.45, -100, 260)],
    ],
    1: [
        [[(0.5, 0.05), (0.5, 0.95)]],
        [[(0.3, 0.3), (0.55, 0.05), (0.55, 0.95)]],
        [[(0.3, 0.3), (0.52, 0.05), (0.52, 0.95)], [(0.3, 0.95), (0.75, 0.95)]],
        [[(0.58, 0.05), (0.42, 0.95)]],
    ],
    2: [
        [[*arc(0.48, 0.3, 0.27, 0.25, 190, 380), (0.25, 0.93), (0.8, 0.93)]],
        [
            [
                *arc(0.48, 0.3, 0.25, 0.25, 200, 400),
                (0.35, 0.8),
                *arc(0.3, 0.85, 0.08, 0.08, 0, -270, 8),
                (0.5, 0.88),
                (0.8, 0.95),
            ]
        ],
        [[*arc(0.45, 0.28, 0.3, 0.23, 180, 400), (0.18, 0.95), (0.82, 0.95)]],
    ],
    3: [
        [arc(0.45, 0.28, 0.25, 0.23, 200, 440) + arc(0.45, 0.72, 0.28, 0.23, -80, 160)],
        [[(0.25, 0.07), (0.7, 0.07), (0.45, 0.42), *arc(0.45, 0.68, 0.28, 0.26, -80, 150)]],
        [arc(0.42, 0.28, 0.3, 0.22, 210, 430) + arc(0.42, 0.72, 0.34, 0.23, -70, 150)],
    ],
    4: [
        [[(0.55, 0.05), (0.2, 0.62), (0.85, 0.62)], [(0.65, 0.35), (0.6, 0.95)]],
        [[(0.3, 0.05), (0.25, 0.5), (0.75, 0.5)], [(0.72, 0.05), (0.7, 0.95)]],
        [[(0.62, 0.05), (0.18, 0.65), (0.85, 0.65)], [(0.62, 0.05), (0.62, 0.95)]],
    ],
    5: [
        [[(0.75, 0.07), (0.3, 0.07), (0.27, 0.45), *arc(0.47, 0.67, 0.27, 0.27, -130, 140)]],
        [
            [(0.3, 0.07), (0.27, 0.42), *arc(0.45, 0.67, 0.28, 0.27, -110, 140)],
            [(0.3, 0.07), (0.75, 0.05)],
        ],
        [
            [
                (0.78, 0.05),
                (0.32, 0.05),
                (0.3, 0.4),
                (0.5, 0.38),
                *arc(0.47, 0.66, 0.3, 0.28, -80, 150),
            ]
        ],
    ],
    6: [
        [[(0.65, 0.05), (0.4, 0.35), *arc(0.48, 0.7, 0.23, 0.25, 200, -160)]],
        [[(0.55, 0.05), (0.33, 0.4), (0.28, 0.7), *arc(0.5, 0.74, 0.22, 0.2, 180, -180)]],
        [arc(0.62, 0.5, 0.35, 0.45, -80, -180, 8) + arc(0.5, 0.72, 0.25, 0.22, 180, -170)],
    ],
    7: [
        [[(0.2, 0.07), (0.8, 0.07), (0.4, 0.95)]],
        [[(0.2, 0.07), (0.8, 0.07), (0.4, 0.95)], [(0.35, 0.5), (0.75, 0.5)]],
        [
            [(0.2, 0.15), (0.22, 0.07), (0.75, 0.07), (0.5, 0.5), (0.42, 0.95)],
            [(0.3, 0.52), (0.72, 0.48)],
        ],
    ],
    8: [
        [arc(0.5, 0.28, 0.2, 0.22, 80, -280) + arc(0.5, 0.72, 0.25, 0.23, -80, 270)],
        [
            [
                (0.7, 0.15),
                *arc(0.48, 0.28, 0.2, 0.2, -40, -230),
                *arc(0.5, 0.73, 0.24, 0.22, -50, 220),
                (0.7, 0.2),
            ]
        ],
        [arc(0.5, 0.28, 0.25, 0.22, 0, 360), arc(0.5, 0.73, 0.28, 0.23, 0, 360)],
    ],
    9: [
        [[*arc(0.47, 0.3, 0.23, 0.24, 0, -360), (0.7, 0.3), (0.65, 0.95)]],
        [
            [
                *arc(0.47, 0.3, 0.23, 0.24, -20, -360),
                (0.68, 0.6),
                *arc(0.5, 0.75, 0.2, 0.2, 0, 130, 8),
            ]
        ],
        [[*arc(0.48, 0.3, 0.26, 0.24, -30, -350), (0.74, 0.3), (0.72, 0.95)]],
    ],
}
NEW = {
    0: [[arc(0.5, 0.5, 0.33, 0.42, -30, 325)]],
    1: [[[(0.38, 0.18), (0.5, 0.06), (0.5, 0.94)]]],
    2: [[[*arc(0.5, 0.32, 0.24, 0.26, 170, 395), (0.28, 0.9), (0.5, 0.86), (0.76, 0.92)]]],
    3: [[arc(0.46, 0.29, 0.22, 0.22, 180, 420) + arc(0.46, 0.7, 0.26, 0.24, -60, 175)]],
    4: [[[(0.35, 0.06), (0.24, 0.55), (0.8, 0.53)], [(0.62, 0.25), (0.6, 0.94)]]],
    5: [[[(0.7, 0.1), (0.36, 0.08), (0.33, 0.42), *arc(0.46, 0.66, 0.26, 0.26, -115, 165)]]],
    6: [[[(0.6, 0.07), (0.42, 0.25), *arc(0.5, 0.68, 0.24, 0.26, 210, -120)]]],
    7: [[[(0.24, 0.1), (0.74, 0.1), (0.6, 0.4), (0.5, 0.92)]]],
    8: [
        [[(0.64, 0.2), *arc(0.5, 0.3, 0.2, 0.22, -30, -250), *arc(0.5, 0.72, 0.22, 0.22, -70, 250)]]
    ],
    9: [[[*arc(0.5, 0.3, 0.22, 0.22, -40, -370), (0.72, 0.34), (0.66, 0.7), (0.52, 0.93)]]],
}


def wobble(strokes, rng: np.random.Generator) -> list[np.ndarray]:
    """Strokes as another hand draws them: turned, slanted, stretched, bent, shaken, elsewhere."""
    turn, slant = np.deg2rad(rng.uniform(-8, 8)), rng.uniform(-0.15, 0.35)
    rotate = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    matrix = rotate @ [[1, -slant], [0, 1]] @ np.diag([np.exp(rng.uniform(-0.3, 0.3)), 1])
    waves, phases = rng.uniform(0.5, 1.2, (2, 2)), rng.uniform(0, 2 * np.pi, (2, 2))
    heights, size = rng.normal(0, 0.025, (2, 2)), rng.uniform(0.4, 0.9)
    place = rng.uniform(-0.1, 0.1, 2)
    drawn = []
    for stroke in strokes:
        points = np.asarray(stroke) - 0.5
        along = np.r_[0, np.hypot(*np.diff(points, axis=0).T).cumsum()]
        steps = np.linspace(0, along[-1], 32)
        points = np.stack([np.interp(steps, along, part) for part in points.T], 1)
        bent = points @ matrix.T + rng.normal(0, 0.015, 2)
        for axis in range(2):
            for wave, phase, height in zip(waves[axis], phases[axis], heights[axis], strict=True):
                bent[:, axis] += height * np.sin(2 * np.pi * wave * points[:, 1 - axis] + phase)
        bent += np.cumsum(rng.normal(0, 0.004, bent.shape), 0)
        drawn.append(size * bent + 0.5 + place)
    return drawn


def drawings(shapes: dict, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Images (n, 28, 28, 1) of wobbled shapes, and their digits."""
    rng = np.random.default_rng(seed)
    all_shapes = [(digit, shape) for digit, several in shapes.items() for shape in several]
    made = [
        (strokes_to_digit(wobble(shape, rng)), digit)
        for digit, shape in all_shapes
        for _ in range(DRAWINGS)
    ]
    return np.stack([image for image, _ in made]), np.array([digit for _, digit in made])


def hundred_inputs(images: np.ndarray) -> np.ndarray:
    """Means over 3×3 pixels, shape (n, 100), of images (n, 28, 28, 1), as in chapter 02."""
    padded = np.pad(images[..., 0], ((0, 0), (1, 1), (1, 1)))
    return padded.reshape(-1, 10, 3, 10, 3).mean((2, 4)).reshape(-1, 100)


class Reader:
    """The network of chapter 02 in NumPy, with ½λΣw² on its weights: Adam, batches of 32.

    Weights begin as Keras begins them (Glorot & Bengio 2010). With the same seed, every λ begins
    with the same weights and sees the same batches. Keras would take ten times as long.
    """

    def __init__(self, lam: float, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.weights = []
        for n_in, n_out in ((100, 100), (100, 10)):
            limit = np.sqrt(6 / (n_in + n_out))
            self.weights += [self.rng.uniform(-limit, limit, (n_in, n_out)), np.zeros(n_out)]
        self.lam, self.steps = lam, 0
        self.moments = [(np.zeros_like(w), np.zeros_like(w)) for w in self.weights]

    def logits(self, x: np.ndarray) -> np.ndarray:
        w1, b1, w2, b2 = self.weights
        return np.maximum(x @ w1 + b1, 0) @ w2 + b2

    def fit(self, x: np.ndarray, y: np.ndarray, epochs: int) -> None:
        one_hot = np.eye(10)[y]
        for _ in range(epochs):
            order = self.rng.permutation(len(x))
            for chosen in np.split(order, range(32, len(x), 32)):
                self.step(x[chosen], one_hot[chosen])

    def step(self, x: np.ndarray, y: np.ndarray) -> None:
        w1, b1, w2, b2 = self.weights
        hidden = np.maximum(x @ w1 + b1, 0)
        push = (softmax(hidden @ w2 + b2) - y) / len(x)
        back = push @ w2.T * (hidden > 0)
        gradients = [
            x.T @ back + self.lam * w1,
            back.sum(0),
            hidden.T @ push + self.lam * w2,
            push.sum(0),
        ]
        self.steps += 1
        rate = 1e-3 * np.sqrt(1 - 0.999**self.steps) / (1 - 0.9**self.steps)
        for w, (m, v), g in zip(self.weights, self.moments, gradients, strict=True):
            m += 0.1 * (g - m)
            v += 0.001 * (g * g - v)
            w -= rate * m / (np.sqrt(v) + 1e-7)


def main() -> None:
    digits = load_digits28()
    x, x_test = hundred_inputs(digits.x_train), hundred_inputs(digits.x_test)
    mean = x[:900].mean(0)
    x, x_test, y = x - mean, x_test - mean, digits.y_train
    drawn = {
        name: [drawings(shapes, seed) for seed in range(SEEDS)]
        for name, shapes in {"known": KNOWN, "new": NEW}.items()
    }
    kept = {name: [] for name in ("validation_loss", "validation", "test", *drawn)}
    for lam in LAMBDAS:
        table = {name: np.zeros((len(EPOCHS), SEEDS)) for name in kept}
        for seed in range(SEEDS):
            model, done = Reader(lam, seed), 0
            for i, epochs in enumerate(EPOCHS):
                model.fit(x[:900], y[:900], epochs - done)
                done = epochs
                z = model.logits(x[900:])
                table["validation_loss"][i, seed] = cross_entropy(z, y[900:])
                table["validation"][i, seed] = np.mean(z.argmax(1) == y[900:])
                table["test"][i, seed] = np.mean(model.logits(x_test).argmax(1) == digits.y_test)
                for name, draws in drawn.items():
                    images, labels = draws[seed]
                    z = model.logits(hundred_inputs(images) - mean)
                    table[name][i, seed] = np.mean(z.argmax(1) == labels)
        print(lam, {name: values.mean(1).round(3).tolist() for name, values in table.items()})
        for name, values in table.items():
            kept[name].append(values.round(4).tolist())
    about = {"lambdas": LAMBDAS, "epochs": EPOCHS, "seeds": SEEDS, "drawings": DRAWINGS}
    save("reading_digits", about | kept)


if __name__ == "__main__":
    main()

"""The networks of the course, with layers named so that weights can be copied by name."""

from functools import cache

import numpy as np

from tlcourse import efficientnet
from tlcourse import weights as shipped
from tlcourse.arguments import is_whole
from tlcourse.backend import keras
from tlcourse.data import download
from tlcourse.files import short

layers = keras.layers


def article_network(classes: int = 10) -> keras.Model:
    """The network that introductory articles print: one convolution, one dense layer.

    Conv2D(32, 3×3, ReLU) → MaxPooling 2×2 → Flatten → Dense(softmax) on 28×28×1 images;
    returns probabilities, shape (n, classes).
    """
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu", name="conv"),
            layers.MaxPooling2D(2, name="pool"),
            layers.Flatten(name="flatten"),
            layers.Dense(classes, activation="softmax", name="head"),
        ]
    )


def small_cnn(classes: int = 10) -> keras.Model:
    """Four 3×3 convolutions (16, 32, 64, 64 channels) dropout and a linear head, for 28×28×1.

    Layers `conv1` … `conv4` are the backbone; `head` returns logits, shape (n, classes).
    """
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(16, 3, padding="same", activation="relu", name="conv1"),
            layers.MaxPooling2D(2, name="pool1"),
            layers.Conv2D(32, 3, padding="same", activation="relu", name="conv2"),
            layers.MaxPooling2D(2, name="pool2"),
            layers.Conv2D(64, 3, padding="same", activation="relu", name="conv3"),
            layers.MaxPooling2D(2, name="pool3"),
            layers.Conv2D(64, 3, padding="same", activation="relu", name="conv4"),
            layers.Flatten(name="flatten"),
            layers.Dropout(0.5, name="dropout"),
            layers.Dense(classes, name="head"),
        ]
    )


def scene_cnn(classes: int = 10, side: int | tuple[int, int] = 64) -> keras.Model:
    """A small CNN for colour images, the rival from scratch: logits, shape (n, classes).

    Four 3×3 convolutions (32, 64, 128, 128 channels), each with BatchNormalization and pooling,
    dropout and a linear head: at 64×64 pixels 0.26 million parameters. Takes what `preprocess`
    returns, in images of `side` pixels, or (height, width), at least 16.
    """
    network = [keras.Input((*_size(side, 16), 3)), layers.Rescaling(1 / 64, name="rescale")]
    for number, channels in enumerate((32, 64, 128, 128), 1):
        network += [
            layers.Conv2D(channels, 3, padding="same", use_bias=False, name=f"conv{number}"),
            layers.BatchNormalization(momentum=0.9, name=f"norm{number}"),
            layers.ReLU(name=f"relu{number}"),
            layers.MaxPooling2D(2, name=f"pool{number}"),
        ]
    network += [
        layers.Flatten(name="flatten"),
        layers.Dropout(0.5, name="dropout"),
        layers.Dense(classes, name="head"),
    ]
    return keras.Sequential(network)


def resnet50(weights: str | None = "auto", side: int | tuple[int, int] = 64) -> keras.Model:
    """`keras.applications.ResNet50` (He et al. 2016) without its head: 23,587,712 parameters.

    Parameters
    ----------
    weights : {"auto", "imagenet", "course", None}
        "imagenet" is Keras' own file, downloaded if need be (`tlcourse fetch resnet50`); "course"
        ships with the package and knows letters in coloured scenes (`tlcourse/weights/`); "auto"
        takes ImageNet's if they are on this machine, else the course's, and prints which; None is
        random. The first time that the course's are loaded, a sentence says what they are for.
    side : int or (int, int)
        Of the images, in pixels, or their height and width, at least 32. The course's weights
        were trained at 64.

    Returns
    -------
    keras.Model
        Takes what `preprocess` returns, shape (n, height, width, 3); returns (n, h, w, 2048).

    Raises
    ------
    FetchError
        If ImageNet's weights are not here and cannot be downloaded.
    CourseError
        If the course's file is damaged.
    ValueError
        If `weights` or `side` is something else.
    """
    if weights not in ("auto", "imagenet", "course", None):
        raise ValueError(f"weights must be 'auto', 'imagenet', 'course' or None, not {weights!r}.")
    size = _size(side, 32)
    if weights == "auto":
        weights = "imagenet" if download.is_here("resnet50") else "course"
        print(f"ResNet50 with the weights {weights!r}")
    model = keras.applications.ResNet50(
        include_top=False, weights=None, input_shape=(*size, 3), name="resnet50"
    )
    if weights == "imagenet":
        model.load_weights(download.fetch("resnet50")[0])
    elif weights == "course":
        shipped.load(model)
        _say_once(shipped.PURPOSE)
    return model


@cache
def _say_once(message: str) -> None:
    print(message)


def _size(side: int | tuple[int, int], least: int) -> tuple[int, int]:
    """Height and width of the images that a network takes."""
    size = (side, side) if np.ndim(side) == 0 else tuple(side)
    if len(size) != 2 or not all(isinstance(n, int | np.integer) and n >= least for n in size):
        raise ValueError(
            f"side must be at least {least} pixels, or (height, width) of which both are, not "
            f"{side!r}."
        )
    return size


def efficientnet_lite0(
    weights: str | None = "imagenet", side: int = 224, top: bool = False
) -> keras.Model:
    """EfficientNet-Lite0 (Tan and Le 2019; Google 2020), which knows a million photographs.

    Its preprocessing, (x − 127) / 128, is its first layer, `preprocess`: it takes photographs as
    they are, and a saved model keeps what it needs. `models.preprocess(images, network)` may be
    called all the same, and then leaves the numbers as they are.

    Parameters
    ----------
    weights : {"imagenet", None}
        "imagenet" ships with the package (`tlcourse/weights/`); None is random.
    side : int
        Of the images, in pixels, at least 64. The weights were trained at 224; at 128 a photograph
        takes a third of the time.
    top : bool
        Whether to end in logits over ImageNet's 1,000 classes, whose names
        `tlcourse.weights.class_names` returns in the same order.

    Returns
    -------
    keras.Model
        Takes RGB in 0–255, ``uint8`` or ``float32``, shape (n, side, side, 3); returns features
        (n, h, w, 1280), where h = w = ⌈side / 32⌉, or logits (n, 1000).

    Raises
    ------
    CourseError
        If the course's file is damaged.
    ValueError
        If `weights` or `side` is something else.
    """
    if weights not in ("imagenet", None):
        raise ValueError(f"weights must be 'imagenet' or None, not {weights!r}.")
    if not is_whole(side) or side < efficientnet.SMALLEST_SIDE:
        raise ValueError(
            f"side must be at least {efficientnet.SMALLEST_SIDE} pixels, not {side!r}: one whole "
            "number, for below that nothing is left of a photograph at the end of the network."
        )
    model = efficientnet.build(side, top)
    if weights == "imagenet":
        shipped.load(model, shipped.PHOTOS)
    return model


def preprocess(images: np.ndarray, network: keras.Model | None = None) -> np.ndarray:
    """Photographs as a network's weights expect them.

    Every family of pretrained weights wants its own: ResNet50's BGR with channel means
    subtracted, EfficientNet-Lite0's the plain pixels, for it scales them itself. Name the network,
    and it gets the right one.

    Keras' `preprocess_input` changes a float array in place; this returns a new one.

    Parameters
    ----------
    images : ndarray, shape (n, h, w, 3)
        RGB in 0–255.
    network : keras.Model, optional
        One of `resnet50`, `scene_cnn` or `efficientnet_lite0`, with a head or without. By default
        the images are made ready for `resnet50` and `scene_cnn`.

    Returns
    -------
    ndarray, float32, same shape

    Raises
    ------
    ValueError
        If the network is none of these, or the images are not RGB, are scaled to 0–1, or have been
        preprocessed before: the result would be worthless, without a word.
    """
    pixels = check_pixels(images)
    if network is not None:
        _check_network(network)
        names = {layer.name for layer in network.layers}
        if efficientnet.PREPROCESS in names:
            return pixels
        if not names & {"conv1_pad", "rescale"}:  # of ResNet50 and of `scene_cnn`
            raise ValueError(
                f"{network.name!r} has no known preprocessing: give the whole network that "
                "resnet50, scene_cnn or efficientnet_lite0 returned, not its upper part."
            )
    return keras.applications.resnet50.preprocess_input(pixels)


def fit_images(images: np.ndarray, network: keras.Model) -> np.ndarray:
    """Images as a network takes them: its size, its channels, its preprocessing.

    So different networks can look at the same images, each in its own way. A network of one channel
    gets the mean of red, green and blue in 0–1, as `small_cnn` and `article_network` want it.

    Parameters
    ----------
    images : ndarray, shape (n, h, w, 3)
        RGB in 0–255.
    network : keras.Model
        One of `preprocess`, or one that takes grey images (height, width, 1) in 0–1.

    Returns
    -------
    ndarray, float32, shape (n, height, width, channels)

    Raises
    ------
    ValueError
        As `preprocess`; or if the network takes images of no fixed size.
    """
    from PIL import Image

    pixels = check_pixels(images)
    _check_network(network)
    shape = getattr(network, "input_shape", None)  # a list of several inputs
    if (
        not isinstance(shape, tuple)
        or len(shape) != 4
        or None in shape[1:]
        or shape[3] not in (1, 3)
    ):
        raise ValueError(
            f"{network.name!r} does not take images of a fixed height and width in one or three "
            "channels: prepare the images yourself."
        )
    *size, channels = shape[1:]
    if tuple(size) != pixels.shape[1:3]:
        squares = (Image.fromarray(np.rint(image).astype("uint8")) for image in pixels)
        way = size[::-1], Image.Resampling.BILINEAR  # which averages where it shrinks
        pixels = np.array([np.asarray(one.resize(*way)) for one in squares], "float32")
    if channels == 1:
        return pixels.mean(3, keepdims=True) / np.float32(255)
    return preprocess(pixels, network)


def _check_network(network: keras.Model) -> None:
    if not isinstance(network, keras.Model):
        raise ValueError(
            f"network must be a Keras model, as efficientnet_lite0() returns one, not "
            f"{short(network)}."
        )


def check_pixels(x: np.ndarray) -> np.ndarray:
    """A copy, ``float32``, of RGB images in 0–255, shape (n, h, w, 3).

    Raises
    ------
    ValueError
        If the shape or the range of `x` is another.
    """
    try:
        x = np.asarray(x)
    except (NotImplementedError, TypeError, ValueError):  # symbolic, or of several shapes
        raise ValueError(
            f"images come as one array, not as {type(x).__name__}: within a tf.data map or a model "
            "use keras.applications.resnet50.preprocess_input."
        ) from None
    if x.dtype.kind not in "uif":
        raise ValueError(f"images hold pixels as numbers from 0 to 255, not {x.dtype}.")
    if x.ndim != 4 or x.shape[3] != 3:
        fix = ""
        if x.ndim == 2:
            fix = ": a single grey image is np.stack([x, x, x], axis=-1)[None]"
        elif x.ndim == 3 and x.shape[2] in (1, 3, 4):
            fix = ": a single image is x[None]"
        elif x.ndim == 3:
            fix = ": of grey ones np.stack([x, x, x], axis=-1) makes three channels"
        elif x.ndim == 4 and x.shape[3] == 1:
            fix = ": of grey ones np.repeat(x, 3, axis=-1) makes three channels"
        elif x.ndim == 4 and x.shape[3] == 4:
            fix = ": x[..., :3] leaves out a fourth channel, which is transparency"
        elif x.ndim == 4 and x.shape[1] == 3:
            fix = ": np.moveaxis(x, 1, -1) puts the channels last"
        raise ValueError(f"images must have the shape (n, h, w, 3), not {x.shape}{fix}.")
    low, high = (float(x.min()), float(x.max())) if x.size else (0.0, 0.0)
    if not 0 <= low <= high <= 255:  # which NaN fails as well
        fix = "have they been preprocessed before?" if low < 0 else "scale them to 0–255."
        if not np.isfinite([low, high]).all():
            fix = "some are no finite numbers."
        raise ValueError(f"pixels must lie in 0–255, and these go from {low:g} to {high:g}: {fix}")
    if x.dtype.kind == "f" and 0 < high <= 1:
        raise ValueError(
            f"pixels must lie in 0–255, and these go from {low:g} to {high:g}: multiply by 255."
        )
    return x.astype("float32")


def _one_photograph(image: np.ndarray) -> np.ndarray:
    """The array of shape (h, w, channels) that an image is.

    Raises
    ------
    ValueError
        If it is none, with the way to one.
    """
    takes = "classify takes one photograph of shape (h, w, 3)"
    try:
        array = np.asarray(image)
    except (NotImplementedError, TypeError, ValueError):  # symbolic, or of several shapes
        array = np.array(None)
    if array.ndim == 0 or array.dtype == object:
        way = "its pixels are its .image" if hasattr(image, "image") else "load_photo reads a file"
        raise ValueError(f"{takes}, not {short(image)}: {way}.")
    if array.ndim != 3 or not array.size:
        ways = {2: ": of a grey one np.stack([x, x, x], axis=-1) makes three channels"}
        ways[4] = ": x[0] is the first of several"
        raise ValueError(f"{takes}, and the shape is {array.shape}{ways.get(array.ndim, '')}.")
    return array


@cache
def _photo_classifier() -> keras.Model:
    return efficientnet_lite0(top=True)


def classify(image: np.ndarray, top: int = 5) -> list[tuple[str, float]]:
    """Name what is on a photograph, as one of ImageNet's 1,000 classes.

    The largest square in the middle is brought to 224×224 pixels and shown to
    `efficientnet_lite0`, which is built at the first call and kept.

    Parameters
    ----------
    image : ndarray, shape (h, w, 3)
        RGB in 0–255, ``uint8`` or float, of any size.
    top : int
        How many names, 1 to 1,000.

    Returns
    -------
    list of (str, float)
        Names and probabilities in 0–1, the most probable first. They are the network's own, and
        it has no class for "something else".

    Raises
    ------
    ValueError
        If it is not one RGB image in 0–255, or `top` is out of its range.
    CourseError
        If the course's weights are damaged.
    """
    from PIL import Image, ImageOps

    if not is_whole(top) or not 1 <= top <= efficientnet.CLASSES:
        raise ValueError(f"top must be 1 to {efficientnet.CLASSES:,}, not {top!r}.")
    image = check_pixels(_one_photograph(image)[None])[0]
    network = _photo_classifier()
    square = ImageOps.fit(Image.fromarray(np.rint(image).astype("uint8")), network.input.shape[1:3])
    logits = keras.ops.convert_to_numpy(network(np.asarray(square, "float32")[None]))[0]
    probabilities = np.exp(logits - logits.max())
    probabilities /= probabilities.sum()
    names = shipped.class_names()
    return [(names[k], float(probabilities[k])) for k in np.argsort(-probabilities)[:top]]


def add_head(backbone: keras.Model, classes: int, hidden: int = 0) -> keras.Model:
    """A classifier on a backbone: global average pooling, a head, logits (n, classes).

    Parameters
    ----------
    backbone : keras.Model
        Its layers become the classifier's own; they are shared, not copied.
    classes : int
    hidden : int
        Units of a ReLU layer before the logits, as in the widely copied ResNet50 recipe, which
        has 1024; 0 for the linear head.
    """
    x = layers.GlobalAveragePooling2D(name="pool")(backbone.output)
    if hidden:
        x = layers.Dense(hidden, activation="relu", name="hidden")(x)
    return keras.Model(backbone.inputs, layers.Dense(classes, name="head")(x), name="classifier")


def letter_reader() -> keras.Model:
    """The source network of the course's weights, with its head over the letters of their card."""
    model = add_head(resnet50(None), len(shipped.card()["alphabet"]))
    shipped.load(model)
    return model


# --- the graph of any network ----------------------------------------------------------------


def graph(model: keras.Model) -> keras.Model | None:
    """The graph of a network's layers; None if it has none."""
    found = getattr(model, "_functional", model)
    return found if hasattr(found, "_nodes_by_depth") else None


def calls(graph: keras.Model) -> list:
    """Keras' nodes of a graph, each one call of a layer or operation, in order."""
    by_depth = sorted(graph._nodes_by_depth.items(), reverse=True)
    return [node for _, nodes in by_depth for node in nodes if node.operation]

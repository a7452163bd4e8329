# %% [markdown] slideshow={"slide_type": "slide"}
# # 03 · A CNN from scratch
#
# You see the edge of a roof at once. In this chapter a computer learns to see it too, with nine numbers that it
# finds by itself. In the end it reads handwriting that other handwriting has half covered.
#
# <!-- Notes:
# Ask who has used Conv2D, and who could say what its parameters are. Today they find nine of them with gradient
# descent, and see what they do to a photograph.
# -->

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What you will be able to do
#
# - let gradient descent find an edge filter, and say why a dense layer could not;
# - follow an image through a layer, and say how much of it one number sees;
# - send a gradient back through a convolution, and check it;
# - judge a network by a rival and an honest split;
# - choose an augmentation for your own data.
#
# <!-- Notes:
# If time is short, leave out section 3, the way back. Section 5 is what chapter 04 builds on.
# -->

# %% [markdown] slideshow={"slide_type": "skip"}
# **Time:** 75 minutes to read and try, 1 min 40 s to run. You need chapters 01
# (gradient descent) and 02 (cross-entropy).

# %% slideshow={"slide_type": "skip"} tags=["setup"]
# Everything that the chapter needs.
from dataclasses import replace

import numpy as np
from scipy import ndimage, stats
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from tlcourse import backend, models, plotting, quiz, rivals, training
from tlcourse.autodiff import gradient
from tlcourse.course.content import benchmark
from tlcourse.data import few_labels, load_digits28, load_sample_photos, load_textures
from tlcourse.data import make_cluttered_digits
from tlcourse.quiz import claim

import keras

# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
print(backend.versions())

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Before you start: what do you remember?

# %% slideshow={"slide_type": "slide"}
quiz.ask("03")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 1 · What is an edge, to a computer?
#
# Here is a temple. You could follow the edge of its roof with your finger.
#
# <!-- Notes: Let somebody trace the roof on the screen. Then ask how they would explain it to a table of numbers. -->

# %%
photos = load_sample_photos()
photo = photos["temple"].image[60:260, 120:420]
ax = plotting.plt.subplots(figsize=(5, 3.5))[1]
plotting.show(plotting.image_grid(photo[None], ax=ax), "A temple with a curved roof before the sky")

# %% [markdown] slideshow={"headline": "Which lines will light up?", "slide_type": "subslide"}
# A computer has only a table of numbers, one for each pixel, from 0 for black to 1 for white. An edge is where two
# neighbours differ. So let us subtract each pixel from its neighbour on the right: right minus left.

# %%
grey = photo.mean(axis=2) / 255
edges = grey[:, 1:] - grey[:, :-1]

# %% [markdown]
# The temple has posts and beams, tiles, and a smooth sky. Some of these lines will light up in `edges`, and others
# will be missing.
#
# <!-- Notes:
# Answer: upright ones. Along a level beam the neighbour on the right looks just like you. Many expect all edges.
# -->

# %% slideshow={"code": false}
choices = ["upright ones", "level ones", "both alike"]
quiz.predict("03.edges", "Which lines will light up?", choices)

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
quiz.reveal("03.edges", "upright ones")

# %% jupyter={"source_hidden": true} slideshow={"code": false, "headline": "Upright lines light up, level ones vanish", "slide_type": "subslide"}
ax = plotting.plt.subplots(figsize=(5, 3.5))[1]
ax = plotting.image_grid(abs(edges)[None], limits=(0, 0.5), ax=ax)
plotting.show(
    ax, "The posts and the tiles of the temple in white lines on black; the beams are missing"
)


# %% [markdown] slideshow={"slide_type": "notes"}
# The posts light up, and of the long beams there is almost nothing left, because along a beam your neighbour on the
# right looks just like you.

# %% [markdown] slideshow={"slide_type": "subslide"}
# Two numbers have done this, −1 and 1. We laid them over every pair of neighbours, multiplied and added up. Such a
# small table is called a **kernel**, and sliding it over an image is called a **convolution**:
#
# $$ z_{ij} = \sum_{u}\sum_{v} x_{i+u,\,j+v}\; w_{uv} $$
#
# with the image $x$ and the kernel $w$.
#
# <!-- Notes: Do one place by hand on the board before anybody sees code. -->

# %%
def convolve(image, kernel):
    h, w = kernel.shape
    rows, columns = image.shape[0] - h + 1, image.shape[1] - w + 1
    z = np.zeros((rows, columns))
    for u, v in np.ndindex(h, w):
        z += kernel[u, v] * image[u : u + rows, v : v + columns]
    return z


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
same = np.allclose(convolve(grey, np.array([[-1.0, 1.0]])), edges)
claim(same, "sliding −1 and 1 over the photograph gives the same picture")

# %% [markdown] slideshow={"slide_type": "slide"}
# ### Can a computer find such a kernel by itself?
#
# Now somebody has a filter and will not tell us how it works. All we get is a photograph before the filter and after
# it.
#
# <!-- Notes: This is the idea of the whole chapter. Nobody tells the computer what an edge is. -->

# %% jupyter={"source_hidden": true}
# The photograph before and after the unknown filter.
after = ndimage.sobel(grey, axis=1)[1:-1, 1:-1]
ax = plotting.plt.subplots(figsize=(plotting.WIDTH, 2.7))[1]
pair = np.stack([grey[1:-1, 1:-1], np.clip(abs(after) / 2, 0, 1)])
ax = plotting.image_grid(pair, ["before", "after"], ax=ax)
plotting.show(ax, "The temple before and after an edge filter that nobody has explained")

# %% [markdown] slideshow={"slide_type": "skip"}
# We start with nine *random* numbers, and let gradient descent make our picture more and more like
# theirs. The loss J is the mean squared error over all $n$ places. If $e_{ij}$ is our picture minus theirs at one place, then
#
# $$ \frac{\partial J}{\partial w_{uv}} = \frac{2}{n} \sum_{i,j} e_{ij}\; x_{i+u,\,j+v} $$
#
# In words: multiply each error by the pixel on which the weight was laid.

# %% slideshow={"code": false}
# Learn nine numbers from one photograph before and after.
before = grey - grey.mean()  # so that one learning rate suits all nine numbers
kernel = np.random.default_rng(0).normal(0, 0.5, (3, 3))
rows, columns = after.shape
on_the_way = []
for step in range(1001):
    if step in (0, 10, 100, 1000):
        on_the_way.append(kernel.copy())
    error = convolve(before, kernel) - after
    for u, v in np.ndindex(3, 3):
        kernel[u, v] -= 0.8 * 2 * np.mean(error * before[u : u + rows, v : v + columns])

# %% jupyter={"source_hidden": true} slideshow={"code": false, "headline": "What gradient descent finds", "slide_type": "subslide"}
# Four kernels on the way, with a key to their colours.
steps = ["random", "10 steps", "100 steps", "1,000 steps"]
figure, axes = plotting.plt.subplots(1, 4, figsize=(plotting.WIDTH, 2.1), layout="constrained")
for ax, title, numbers in zip(axes, steps, on_the_way, strict=True):
    colours = ax.imshow(numbers, cmap="RdBu_r", vmin=-2, vmax=2)
    _ = ax.set_title(title, fontsize=11)
    _ = ax.axis("off")
_ = figure.colorbar(colours, ax=axes, shrink=0.8, ticks=[-2, 0, 2])
plotting.show(figure, "Four kernels: from random colours to a blue left and a red right column")

# %% slideshow={"slide_type": "fragment"}
print(np.round(kernel, 2) + 0.0)

# %% [markdown] slideshow={"slide_type": "notes"}
# It found the filter. Blue is negative and red is positive, so these nine numbers say: *right side minus left side,
# and the middle row counts twice*. This is the Sobel filter, whose numbers people once chose by hand.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
claim(
    np.allclose(kernel, [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], atol=0.01),
    "the learned kernel is Sobel's, to two decimals",
)

# %% [markdown] slideshow={"slide_type": "subslide"}
# Is that worth anything on a new picture? Let us show it a cat.
#
# <!-- Notes: It learned from one temple. An edge is an edge wherever it stands, and that is why it works on a cat. -->

# %%
cat = photos["cat"].image.mean(axis=2) / 255
found = convolve(cat, kernel)
pair = np.stack([cat[1:-1, 1:-1], np.clip(abs(found), 0, 1)])
ax = plotting.plt.subplots(figsize=(plotting.WIDTH, 2.7))[1]
ax = plotting.image_grid(pair, ["a cat", "what the learned kernel sees"], ax=ax)
plotting.show(ax, "A cat, and its fur, eyes and whiskers as bright lines on black")

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
same = np.allclose(found, ndimage.sobel(cat, axis=1)[1:-1, 1:-1], atol=0.02)
claim(same, "on the cat it does what the unknown filter does")

# %% [markdown] slideshow={"slide_type": "skip"}
# **Change it.** Move the window over the roof. Do the nine products add up to the framed number, but for rounding?

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
roof, kernel = grey[40:80, 100:150], np.round(kernel, 2) + 0.0
ax = plotting.kernel_window(roof, kernel, 12, 20)
plotting.show(
    ax, "A piece of the roof with a framed window, the nine products in it, and the output"
)

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
from ipywidgets import IntSlider, interact

_ = interact(
    lambda row, column: plotting.show(plotting.kernel_window(roof, kernel, row, column), "Moved"),
    row=IntSlider(12, 0, 37),
    column=IntSlider(20, 0, 47),
)

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Why not a dense layer?
#
# A dense layer (chapter 02) connects every output with every pixel, each pair by a weight of its own. Our photograph
# has 200 × 300 pixels, and its edges are 198 × 298 numbers.
#
# <!-- Notes:
# Answer: 3.5 billion. Let them multiply on paper. The kernel has nine.
# -->

# %% slideshow={"code": false}
choices = ["9", "60 thousand", "3.5 million", "3.5 billion"]
quiz.predict("03.dense", "How many weights would the dense layer have?", choices)

# %%
weights = grey.size * after.size
print(f"{grey.size:,} × {after.size:,} = {weights:,}")

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
quiz.reveal("03.dense", "3.5 billion" if 3.4e9 < weights < 3.6e9 else "3.5 million")


# %% [markdown] slideshow={"slide_type": "notes"}
# At 4 bytes each, that is fourteen gigabytes for one filter, and one photograph gives one equation for 60,000 weights of
# each output. A convolution assumes that what belongs together lies close
# together, so that a small window will do. And it assumes that what is worth finding may stand anywhere, so all windows
# **share the same weights**.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 2 · What makes a layer of it?
#
# One kernel finds one kind of edge. A layer needs many, and a way to make the picture smaller.
#
# <!-- Notes: Ask for the number of weights of a layer with C channels and F kernels before you show w's indices. -->

# %% [markdown]
# **Many kernels.** Each kernel makes a picture of its own, a **feature map**. The maps are the *channels* of the
# output, as red, green and blue are those of a photograph. A kernel of the next layer looks at all channels at once,
# so one of size k×k has k·k·C weights. With C channels and F kernels, each with a bias $b_f$:
#
# $$ z_{n,i,j,f} = b_f + \sum_{u,v,c} x_{n,\,i+u,\,j+v,\,c}\; w_{u,v,c,f} $$

# %%
def conv_forward(x, w, b):
    """x (N, H, W, C), w (k, k, C, F), b (F,) -> (N, H-k+1, W-k+1, F)."""
    # All windows at once, shape (N, rows, columns, C, k, k): the letters n i j c u v below.
    windows = np.lib.stride_tricks.sliding_window_view(x, w.shape[:2], axis=(1, 2))
    # einsum adds up over every letter that is missing after the arrow.
    return np.einsum("nijcuv,uvcf->nijf", windows, w, optimize=True) + b


# %% slideshow={"slide_type": "skip"}
rng = np.random.default_rng(3)
x = rng.normal(size=(4, 9, 8, 3))
w, b = rng.normal(size=(3, 3, 3, 5)), rng.normal(size=5)
layer = keras.layers.Conv2D(5, 3)
layer.build(x.shape)
layer.set_weights([w, b])

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
theirs = keras.ops.convert_to_numpy(layer(x))
claim(
    np.allclose(conv_forward(x, w, b), theirs, rtol=1e-3, atol=1e-4), "Keras' layer says the same"
)


# %% [markdown] slideshow={"slide_type": "subslide"}
# **ReLU and max-pooling.** $\mathrm{ReLU}(z) = \max(0, z)$ keeps the positive answers. Without it, two convolutions
# in a row would be one larger convolution: two of 3×3 act as one of 5×5. **Max-pooling** keeps the
# largest number of each block of 2×2.
#
# <!-- Notes: What does 2×2 pooling make of 5 rows and 6 columns? Two rows and three columns; Keras does the same. -->

# %%
def pool_forward(a):
    """a (N, H, W, F) -> (N, H//2, W//2, F), the largest of each 2×2 block."""
    n, h, w, f = a.shape
    blocks = a[:, : h // 2 * 2, : w // 2 * 2].reshape(n, h // 2, 2, w // 2, 2, f)
    return blocks.max((2, 4))


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
a = np.maximum(rng.normal(size=(2, 5, 6, 3)), 0)
theirs = keras.ops.convert_to_numpy(keras.layers.MaxPooling2D(2)(a))
claim(np.allclose(pool_forward(a), theirs), "so does its pooling, with an odd row, too")

# %% [markdown] slideshow={"slide_type": "subslide"}
# **Stride and padding.** With a **stride** of 2 the window takes every second place, and the map gets half as high and half as wide.
# **Padding** first lays a frame of zeros around the image, so that the window can also stand at its edge.
#
# <!-- Notes: Cover the right half of the figure, and let them say how large the output will be. -->

# %% jupyter={"source_hidden": true}
# Three windows of 3×3 with stride 2, on 5×5 pixels with a frame of one zero.
figure, (left, right) = plotting.plt.subplots(1, 2, figsize=(plotting.WIDTH, 3.4))
colours, box = ("#D55E00", "#0072B2", "#009E73"), plotting.plt.Rectangle
for i, j in np.ndindex(7, 7):
    inside = 0 < i < 6 and 0 < j < 6
    fill = "#cfd8e3" if inside else "white"
    _ = left.add_patch(box((j, i), 1, 1, fc=fill, ec="#999999", ls="-" if inside else ":"))
    if not inside:
        _ = left.text(j + 0.5, i + 0.5, "0", ha="center", va="center", color="#777777")
for i, j in np.ndindex(3, 3):
    fill = colours[j] if i == 0 else "#eeeeee"
    _ = right.add_patch(box((j, i), 1, 1, fc=fill, ec="#999999", alpha=0.6 if i == 0 else 1))
for j, colour in enumerate(colours):
    _ = left.add_patch(box((2 * j + 0.06, 0.06), 2.88, 2.88, fill=False, ec=colour, lw=3))
for ax, n, title in ((left, 7, "5×5 pixels, padding 1, stride 2"), (right, 3, "3×3 numbers")):
    _ = ax.set(xlim=(-0.1, n + 0.1), ylim=(n + 0.1, -0.1), aspect="equal", title=title)
    _ = ax.axis("off")
plotting.show(figure, "Three framed windows, two pixels apart, on padded pixels, and their outputs")

# %% [markdown] slideshow={"headline": "How large is the output?", "slide_type": "subslide"}
# To get the size of the output, count the places where the window fits. The first layer of ResNet50 (chapter 05) takes
# photographs of 224×224 pixels, with kernels of 7×7, a padding of 3 and a stride of 2.
#
# <!-- Notes:
# Answer: 112. The padded side has 230 pixels, the window starts at 0, 2, … 222. Expect 109 from those who forget the
# padding.
# -->

# %% slideshow={"code": false}
choices = ["224", "218", "112", "109"]
quiz.predict("03.stem", "How many rows does its output have?", choices)

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
stem = keras.Sequential(
    [
        keras.Input((224, 224, 3)),
        keras.layers.ZeroPadding2D(3),
        keras.layers.Conv2D(64, 7, strides=2),
    ]
)

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
quiz.reveal("03.stem", str(stem.output_shape[1]))

# %% [markdown] slideshow={"slide_type": "notes"}
# With its frame a row has 230 pixels, and the window starts at 0, 2, 4, …, 222. In general, with padding $p$, kernel
# size $k$ and stride $s$, $n$ pixels become $\lfloor (n + 2p - k)/s \rfloor + 1$. Keras' `padding="same"` chooses $p$
# so that with a stride of 1 the size stays.

# %% [markdown] slideshow={"slide_type": "subslide"}
# **How far does one number see?** Behind one 3×3 convolution a number sees 3×3 pixels, its **receptive field**.
# Behind a second one it sees 3×3 *numbers* with overlapping fields, 5×5 pixels in all. Pooling lets a number see two
# neighbours together, and after it the field grows faster, because neighbours now stand two pixels apart. The network
# of section 5 has four 3×3 convolutions, with 2×2 pooling between them.
#
# <!-- Notes:
# Answer: 38 pixels, more than the whole digit. After the pairs of convolution and pooling it is 4, 10, 22. Let them draw it
# on squared paper from the end to the beginning.
# -->

# %% slideshow={"code": false}
quiz.predict("03.field", "How many pixels wide is the field of one of its last numbers?", 0, 100)

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Which pixels have an influence? Weights of 1 and means let every one that is seen show up.
network, fields = keras.Sequential([keras.Input((64, 64, 1))]), {}
image = np.ones((1, 64, 64, 1), "float32")
for number in range(1, 5):
    ones = {"kernel_initializer": "ones", "padding": "same"}
    network.add(keras.layers.Conv2D(1, 3, **ones))
    middle = 64 // 2**number
    seen = gradient(lambda x, at=middle: network(x)[0, at, at, 0], image)
    fields[f"conv{number}"] = np.flatnonzero(seen[0].any((1, 2)))
    network.add(keras.layers.AveragePooling2D(2))
widths = [int(np.ptp(rows)) + 1 for rows in fields.values()]

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
quiz.reveal("03.field", widths[-1])

# %% jupyter={"source_hidden": true} slideshow={"code": false, "headline": "Each layer sees more of the roof", "slide_type": "subslide"}
# What one number of each layer sees of a piece of the photograph.
ax = plotting.plt.subplots(figsize=(plotting.WIDTH, 2.6))[1]
_ = ax.imshow(grey[30:94, 90:200], vmin=0, vmax=1)
digit = plotting.plt.Rectangle((46, 18), 28, 28, fill=False, ec="#CC79A7", lw=2, ls="--")
digit.set_label("a digit: 28 pixels")
_ = ax.add_patch(digit)
for width, colour in zip(widths, ("#56B4E9", "#009E73", "#E69F00", "#D55E00"), strict=True):
    corner = (60 - width / 2, 32 - width / 2)
    frame = plotting.plt.Rectangle(corner, width, width, fill=False, ec=colour, lw=3)
    _ = ax.add_patch(frame)
    frame.set_label(f"conv{widths.index(width) + 1}: {width} pixels")
_ = ax.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize=9)
_ = ax.axis("off")
plotting.show(ax, "Four frames of growing size on the roof; the largest holds a frame of 28 pixels")

# %% [markdown] slideshow={"slide_type": "notes"}
# A number of the first layer sees a spot or a piece of an edge; one of the last sees more than a whole digit. In
# ResNet50 the last one's field is 483 pixels, more than the whole photograph.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# A layer widens the field by (kernel − 1) times the distance of its neighbours, in pixels.
field, apart = 1 + 6 + 2 * 2, 4  # of ResNet50 after 7×7 and pooling by 3×3, with stride 2 each
for blocks, stride in ((3, 1), (4, 2), (6, 2), (3, 2)):
    apart *= stride
    field += blocks * 2 * apart
claim(field == 483 and widths[-1] > 28, "the last numbers of both networks see a whole image")

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Going deeper: does pooling make a network blind to shifts?

# %% [markdown] slideshow={"slide_type": "skip"}
# It is often said so. We can measure it: move handwritten digits by one pixel, and see by how much their maps
# change, without pooling and with it.

# %% slideshow={"slide_type": "skip"}
# The maps of all training digits, and of the same digits one pixel to the right.
digits = load_digits28()
moved = np.roll(digits.x_train, 1, axis=2)
w = kernel[:, :, None, None]
maps = [np.maximum(conv_forward(x, w, 0), 0) for x in (digits.x_train, moved)]
for name, (a, b) in {"maps": maps, "pooled": [pool_forward(a) for a in maps]}.items():
    print(f"{name:6} change by {np.linalg.norm(a - b) / np.linalg.norm(a):.0%}")

# %% [markdown] slideshow={"slide_type": "skip"}
# So pooling helps a little, and only a little. (Mathematicians, by the way, turn the kernel by 180° before they
# slide it, and call what we do *cross-correlation*. Since the weights are learned, it makes no difference.)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 3 · Where did this error come from?
#
# With several layers, the error must first find its way back to each weight. By the chain rule, each operation receives $g = \partial J / \partial\,\text{output}$ of the loss J, and passes $\partial
# J/\partial\,\text{input}$ on to the one before:
#
# - **Max-pooling** passes $g$ to the winner of each block.
# - **ReLU** passes $g$ where its input was positive, and nothing elsewhere.
# - **A convolution** used each weight in every window, so its gradient is the sum, over all windows, of $g$
#   times the pixel under it. And
#   each pixel collects g times the weight from every window that it was part of.
#
# <!-- Notes:
# One sentence each: the winner takes the gradient; the gate was open or shut; everybody who took part pays a share.
# -->

# %% [markdown] slideshow={"headline": "From how many windows?", "slide_type": "subslide"}
# Let us do the third one on paper. The loss is half the squared distance to a target, so that g is simply *output
# minus target*.
#
# <!-- Notes:
# Answer: 4, which are all windows that there are. A pixel in a corner collects from one. Let them fill in all nine
# numbers on paper.
# -->

# %%
x = np.array([[1.0, 2, 0], [0, 1, 3], [2, 0, 1]])
w = np.array([[1.0, -1], [0, 2]])
target = np.array([[0.0, 6], [1, 1]])
g = convolve(x, w) - target

# %% slideshow={"code": false}
quiz.predict(
    "03.back", "How many windows does the pixel in the middle collect from?", list("12345")
)

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
ones = np.ones((2, 2))
quiz.reveal("03.back", f"{convolve(np.pad(ones, 1), ones)[1, 1]:.0f}")

# %% slideshow={"slide_type": "skip"}
dw = convolve(x, g)
dx = convolve(np.pad(g, 1), w[::-1, ::-1])

# %% jupyter={"source_hidden": true} slideshow={"code": false, "headline": "Each line is a convolution", "slide_type": "subslide"}
# All numbers of the small example: each line is a convolution.
rows = [
    {"pixels": x, "kernel": w, "output": convolve(x, w)},
    {"pixels": x, "g": g, "gradient of the kernel": dw},
    {"g in zeros": np.pad(g, 1), "kernel, turned": w[::-1, ::-1], "gradient of the pixels": dx},
]
figure, axes = plotting.plt.subplots(3, 3, figsize=(plotting.WIDTH, 5.2), layout="constrained")
for ax, (title, grid) in zip(
    axes.flat, [pair for row in rows for pair in row.items()], strict=True
):
    start = (4 - len(grid)) / 2
    for (i, j), value in np.ndenumerate(grid):
        corner = (start + j, start + i)
        _ = ax.add_patch(plotting.plt.Rectangle(corner, 1, 1, fill=False, ec="#999999"))
        number = f"{value + 0:.0f}".replace("-", "−")
        _ = ax.text(start + j + 0.5, start + i + 0.5, number, ha="center", va="center")
    _ = ax.set(xlim=(-0.1, 4.1), ylim=(4.1, -0.1), aspect="equal")
    _ = ax.set_title(title, fontsize=11, loc="center")
    _ = ax.axis("off")
plotting.show(figure, "Three lines of small tables of numbers: each two make the third")


# %% [markdown] slideshow={"slide_type": "notes"}
# Both gradients are convolutions again. For the weights, slide g over the pixels, as in section 1. For the pixels, lay
# zeros around g, and slide the kernel over it, turned by 180°, because the window to the *left* of a pixel touched it
# with its *right* weight. Check the middle by hand: 1·2 + 2·0 + (−2)·(−1) + (−1)·1 = 3.

# %% [markdown] slideshow={"slide_type": "subslide"}
# Is that right? The test of a gradient is the difference quotient of chapter 01: move one number by a tiny step in
# both directions, and see how the loss changes.
#
# <!-- Notes: A rule for the way back is right when it agrees with the difference quotient, and not before. -->

# %%
def loss(x, w):
    return 0.5 * np.sum((convolve(x, w) - target) ** 2)


step = np.zeros((3, 3))
step[1, 1] = 1e-5
quotient = (loss(x + step, w) - loss(x - step, w)) / 2e-5
print(f"the pixel in the middle: {dx[1, 1]:.3f}, and by small steps: {quotient:.3f}")


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# The gradient of f at x by difference quotients, one number at a time.
def difference_quotients(f, x, h=1e-5):
    quotients = np.empty_like(x)
    for place in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[place] = h
        quotients[place] = (f(x + step) - f(x - step)) / (2 * h)
    return quotients


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
same = np.allclose(dx, difference_quotients(lambda x: loss(x, w), x), atol=1e-6)
same &= np.allclose(dw, difference_quotients(lambda w: loss(x, w), w), atol=1e-6)
claim(same, "all nine pixels and all four weights agree with small steps")


# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Going deeper: a network without a framework

# %% [markdown] slideshow={"slide_type": "skip"}
# First the same rules for a whole layer, with many images n, channels c and kernels f. Where p − u or q − v leaves
# the map, g counts as 0:
#
# $$ \frac{\partial J}{\partial w_{uvcf}} = \sum_{n,i,j} x_{n,i+u,j+v,c}\; g_{nijf} \qquad
#    \frac{\partial J}{\partial x_{npqc}} = \sum_{u,v,f} g_{n,\,p-u,\,q-v,\,f}\; w_{uvcf} $$

# %% slideshow={"slide_type": "skip"}
def conv_backward(x, w, g):
    """Gradients for x, w and b, given g = dJ/dz (N, H-k+1, W-k+1, F)."""
    k = len(w)
    windows = np.lib.stride_tricks.sliding_window_view(x, (k, k), axis=(1, 2))
    dw = np.einsum("nijcuv,nijf->uvcf", windows, g, optimize=True)
    padded = np.pad(g, ((0, 0), (k - 1, k - 1), (k - 1, k - 1), (0, 0)))
    dx = conv_forward(padded, w[::-1, ::-1].transpose(0, 1, 3, 2), 0)
    return dx, dw, g.sum((0, 1, 2))


# %% slideshow={"slide_type": "skip"}
# Pass g (N, H//2, W//2, F) to the largest number of each block; to the first, if some are equal.
def pool_backward(a, g):
    h, w = 2 * g.shape[1], 2 * g.shape[2]
    da, largest, free = np.zeros_like(a), pool_forward(a), np.ones(g.shape, bool)
    for u, v in ((0, 0), (0, 1), (1, 0), (1, 1)):
        wins = free & (a[:, u:h:2, v:w:2] == largest)
        da[:, u:h:2, v:w:2] = wins * g
        free &= ~wins
    return da


# %% slideshow={"slide_type": "skip"}
# A small loss of a whole layer, and its gradients by the three rules.
x, b = rng.normal(size=(4, 9, 8, 3)), rng.normal(size=5)
w, target = rng.normal(size=(3, 3, 3, 5)), rng.normal(size=(4, 3, 3, 5))


def layer_loss(x, w, b):
    a = np.maximum(conv_forward(x, w, b), 0)
    return 0.5 * np.sum((pool_forward(a) - target) ** 2)


def gradients(x, w, b):
    z = conv_forward(x, w, b)
    a = np.maximum(z, 0)
    g = pool_backward(a, pool_forward(a) - target)
    return conv_backward(x, w, g * (z > 0))


# %% slideshow={"slide_type": "skip"}
dx, dw, db = gradients(x, w, b)
by_steps = difference_quotients(lambda w: layer_loss(x, w, b), w)
print("one weight:", dw[0, 0, 0, 0].round(6), "and by small steps:", by_steps[0, 0, 0, 0].round(6))

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
others = (dx, lambda x: layer_loss(x, w, b), x), (db, lambda b: layer_loss(x, w, b), b)
close = [np.allclose(dw, by_steps, atol=1e-6)]
close += [np.allclose(ours, difference_quotients(f, at), atol=1e-6) for ours, f, at in others]
claim(all(close), f"all {dx.size + dw.size + db.size:,} gradients agree with small steps")


# %% [markdown] slideshow={"slide_type": "skip"}
# Now add a dense layer with a softmax and the cross-entropy of chapter 02, whose gradient for the logits is $\hat y -
# y$, and you have a whole network in NumPy.

# %% slideshow={"slide_type": "skip"}
def forward(x, theta):
    z = conv_forward(x, theta["kernel"], theta["bias"])
    pooled = pool_forward(np.maximum(z, 0))
    logits = pooled.reshape(len(x), -1) @ theta["dense"] + theta["dense_bias"]
    e = np.exp(logits - logits.max(1, keepdims=True))
    return z, pooled, e / e.sum(1, keepdims=True)


# %% slideshow={"slide_type": "skip"}
# One way back through all layers: the gradient for every parameter.
def backward(x, y, theta):
    z, pooled, y_hat = forward(x, theta)
    g = (y_hat - np.eye(10)[y]) / len(x)
    dv, dc = pooled.reshape(len(x), -1).T @ g, g.sum(0)
    g = (g @ theta["dense"].T).reshape(pooled.shape)
    g = pool_backward(np.maximum(z, 0), g) * (z > 0)
    _, dw, db = conv_backward(x, theta["kernel"], g)
    return {"kernel": dw, "bias": db, "dense": dv, "dense_bias": dc}


# %% [markdown] slideshow={"slide_type": "skip"}
# Keras has no call that returns a gradient, but there is a way to see one. A single step of plain gradient descent
# with a learning rate of 1 moves every weight by exactly minus its gradient.

# %% slideshow={"slide_type": "skip"}
# The same network in Keras.
keras.utils.set_random_seed(3)
twin = keras.Sequential(
    [
        keras.Input((28, 28, 1)),
        keras.layers.Conv2D(8, 3, activation="relu"),
        keras.layers.MaxPooling2D(2),
        keras.layers.Flatten(),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
twin.compile(keras.optimizers.SGD(1.0), "sparse_categorical_crossentropy")

# %% slideshow={"slide_type": "skip"}
before = twin.get_weights()
theta = dict(zip(("kernel", "bias", "dense", "dense_bias"), before, strict=True))
x, y = digits.x_train[:32], digits.y_train[:32]
ours = backward(x, y, theta)
twin.train_on_batch(x, y)
moves = [old - new for old, new in zip(before, twin.get_weights(), strict=True)]

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
pairs = zip(moves, ours.values(), strict=True)
same = all(np.allclose(a, b, rtol=1e-3, atol=1e-5) for a, b in pairs)
claim(same, "every gradient is the one that Keras has computed")

# %% [markdown] slideshow={"slide_type": "skip"}
# Now train it from the same random weights, with NumPy alone: two epochs, in batches of 30, at a learning rate of
# 0.1. (A larger rate is a gamble. With 0.3 it depends on the random weights whether the network learns at all.)

# %% slideshow={"slide_type": "skip"}
rng = np.random.default_rng(0)
for batch in np.concatenate([rng.permutation(1200).reshape(-1, 30) for _ in range(2)]):
    step = backward(digits.x_train[batch], digits.y_train[batch], theta)
    theta = {name: value - 0.1 * step[name] for name, value in theta.items()}

# %% slideshow={"slide_type": "skip"} tags=["atol-0.03"]
by_hand = np.mean(forward(digits.x_test, theta)[2].argmax(1) == digits.y_test)
print(f"test accuracy of the network without a framework: {by_hand:.2f}")

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
claim(
    by_hand > 0.8,
    "a network of ours, without any framework, reads four digits of five",
    measured=by_hand,
)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 4 · Does it read better than a list of pixels?
#
# From here on Keras does the work, and we go from edges to digits. These are 1,797 pieces of real handwriting,
# scanned with 8×8 pixels and enlarged to 28×28, which is why they are blurred.
#
# <!-- Notes: Say that the blur is honest: nobody has scanned them with more pixels. -->

# %%
digits = load_digits28()
names = [digits.class_names[k] for k in digits.y_train[:20]]
ax = plotting.image_grid(digits.x_train[:20], names)
plotting.show(ax, "Twenty handwritten digits, two of each class, blurred by enlargement")


# %% [markdown] slideshow={"slide_type": "subslide"}
# Many introductions print this network, so we call it the **article network**: one convolution, pooling, and a
# dense layer with a softmax, its *head*.
#
# <!-- Notes: Ask where the parameters are before you show the table. -->

# %% slideshow={"code": false}
# Four layers, two of them with parameters.
def article_network():
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            keras.layers.Conv2D(32, 3, activation="relu", name="conv"),
            keras.layers.MaxPooling2D(2, name="pool"),
            keras.layers.Flatten(name="flatten"),
            keras.layers.Dense(10, activation="softmax", name="head"),
        ]
    )


# %% slideshow={"code": false, "slide_type": "-"}
model = article_network()
for layer in model.layers:
    print(f"{layer.name:8} {str(layer.output.shape):22} {layer.count_params():6,} parameters")

# %% [markdown] slideshow={"slide_type": "notes"}
# The convolution has F·(k·k·C + 1) parameters. But more than 99 of 100 sit in the head, which does not know that pixels have neighbours.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
counts = {layer.name: layer.count_params() for layer in model.layers}
claim(counts["conv"] == 32 * (3 * 3 * 1 + 1), "the convolution has F·(k·k·C + 1) parameters")
claim(
    counts["head"] > 0.99 * model.count_params(), "more than 99 of 100 parameters are in the head"
)

# %% [markdown] slideshow={"slide_type": "subslide"}
# Now train it for ten epochs. The last fifth of the training images is kept out, for **validation**.
#
# <!-- Notes: Both curves are near the top. Let them say how good it is on new images, and write the number on the board. -->

# %% jupyter={"source_hidden": true} slideshow={"code": false} tags=["nbval-ignore-output"]
# Ten epochs, the curves drawn live.
keras.utils.set_random_seed(0)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(
    digits.x_train,
    digits.y_train,
    epochs=10,
    validation_split=0.2,
    verbose=0,
    callbacks=[training.LiveCurves()],
).history

# %% [markdown] slideshow={"headline": "Is that good? Compared with what?", "slide_type": "subslide"}
# Good? A number needs a rival: softmax regression (chapter 02) on a list of 784
# pixels. And we train the network from five random beginnings.
#
# <!-- Notes:
# Answer: by nothing that could be seen. Expect five or ten points. Take the guesses before the next key, and let the room
# find the reason.
# -->

# %% slideshow={"code": false}
quiz.predict("03.rival", "By how many points does the convolution win on the test images?", -10, 20)

# %% slideshow={"code": false}
flat = [x.reshape(len(x), -1) for x in (digits.x_train, digits.x_test)]
with threadpool_limits(1):  # because several threads would only wait for each other here
    regression = LogisticRegression(max_iter=2000).fit(flat[0], digits.y_train)
rival = regression.score(flat[1], digits.y_test)

# %% slideshow={"code": false}
# `restart` gives the network new random weights without building it again.
scores, kernels = [], []
for seed in range(5):
    training.restart(model, seed)
    random_kernels = model.get_layer("conv").get_weights()[0]
    model.fit(digits.x_train, digits.y_train, epochs=10, verbose=0)
    kernels.append((random_kernels, model.get_layer("conv").get_weights()[0]))
    scores.append(training.accuracy(model, digits.x_test, digits.y_test))

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"} tags=["atol-2"]
quiz.reveal("03.rival", 100 * (np.mean(scores) - rival))

# %% slideshow={"code": false, "slide_type": "fragment"} tags=["atol-0.02"]
print(f"softmax regression  {rival:.3f}")
print(f"article network     {np.mean(scores):.3f} ± {np.std(scores, ddof=1):.3f}  (± sd, 5 seeds)")

# %% [markdown] slideshow={"slide_type": "notes"}
# After ten epochs the convolution has bought us nothing. (With 597 test images, each score could be off by two points.)
# We think that is because every digit stands upright in the middle. In section 5 they move.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
holds = abs(np.mean(scores) - rival) < 0.03
claim(holds, "the two are within three points", measured=np.subtract(scores, rival), seeds=5)

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### The split that flattered us
#
# The network reads 0.98 of the validation images, and 0.92 of the test images. Which should we believe?
#
# It seems that one person's digits stand close together in the file. If so, a *shuffled* split, which scatters
# everybody over both sides, must score higher than a split in file order.
#
# <!-- Notes:
# If two of your students had written the same letter on neighbouring lines, would you train on one and test on the
# other?
# -->

# %% slideshow={"slide_type": "skip"}
# Train on 1,200 images chosen at random from all, and test on the others.
every_x = np.concatenate([digits.x_train, digits.x_test])
every_y = np.concatenate([digits.y_train, digits.y_test])
shuffled = []
for seed in range(5):
    order = np.random.default_rng(seed).permutation(1797)
    training.restart(model, seed)
    model.fit(every_x[order[:1200]], every_y[order[:1200]], epochs=10, verbose=0)
    shuffled.append(training.accuracy(model, every_x[order[1200:]], every_y[order[1200:]]))


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# The regression: each third of the file kept out, in file order, and a third at random.
def regression_score(places):
    x, rest = every_x.reshape(1797, -1), np.setdiff1d(np.arange(1797), places)
    regression = LogisticRegression(max_iter=2000)
    with threadpool_limits(1):
        regression.fit(x[rest], every_y[rest])
    return regression.score(x[places], every_y[places])


thirds = [regression_score(np.arange(start, start + 599)) for start in (0, 599, 1198)]
at_random = [
    regression_score(np.random.default_rng(seed).permutation(1797)[:599]) for seed in range(5)
]

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"} tags=["atol-0.02"]
print(f"network, split in file order  {np.mean(scores):.3f} ± {np.std(scores, ddof=1):.3f}")
print(f"network, shuffled split       {np.mean(shuffled):.3f} ± {np.std(shuffled, ddof=1):.3f}")
print("regression, first, middle and last third:", *(f"{score:.3f}" for score in thirds))
print(f"regression, a random third: {np.mean(at_random):.3f} ± {np.std(at_random, ddof=1):.3f}")

# %% [markdown] slideshow={"slide_type": "notes"}
# It does. And the last images are not simply harder: softmax regression, too, finds every third of the file harder
# than a random third. So the score on *new* handwriting is the lower one. (Validation was higher still:
# some stretches of the file are easier.)

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# By how much other splits flatter the network and the regression.
flattered = np.subtract(shuffled, scores)
claim(
    flattered.min() > 0, "the shuffled split flatters from every seed", measured=flattered, seeds=5
)
claim(
    history["val_accuracy"][-1] > np.mean(scores) + 0.03,
    "and so does the validation split",
    measured=history["val_accuracy"][-1] - np.mean(scores),
)
claim(
    max(thirds) < min(at_random),
    "for the regression every third is below every random one",
    measured=[max(thirds), min(at_random)],
)

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# How far away in the file is the most similar image of the same digit, and how far a random one?
pixels = every_x.reshape(1797, -1).astype("float64")
distance = (pixels**2).sum(1)[:, None] + (pixels**2).sum(1) - 2 * pixels @ pixels.T
distance[every_y[:, None] != every_y] = np.inf
np.fill_diagonal(distance, np.inf)
away = abs(np.arange(1797)[:, None] - np.arange(1797))
nearest = np.median(away[np.arange(1797), distance.argmin(1)])
chance = np.median(away[np.isfinite(distance)])
claim(nearest < 100 and chance > 500, "similar images stand close together in the file")


# %% [markdown] slideshow={"slide_type": "fragment"}
# > A test is only as honest as its split: what will be new in use must be new in the test.
#
# <!-- Notes:
# Let them name a wrong split from their own field: one patient's scans, one day's photographs, one writer's digits.
# -->

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Going deeper: did it learn edges?

# %% [markdown] slideshow={"slide_type": "skip"}
# In section 1 nine random numbers became an edge filter. Did the same happen here, in five networks? Subtract from
# each kernel its mean; what is left is its **pattern**, the part that can answer to an edge.
#
# There are two groups of kernels. On ink all nine pixels are about 1, so a kernel answers there with about the sum of
# its weights. If the random weights add up to more than zero, it answers wherever there is ink. If they add up to
# less, and while its bias is still near 0, ReLU keeps it silent on ink and on black paper. It can answer only at the
# rim of a stroke.

# %% slideshow={"slide_type": "skip"}
# By which share of itself has each kernel, and each pattern, moved? Arrays (3, 3, 1, kernels).
def share_moved(old, new):
    return (np.linalg.norm(new - old, axis=(0, 1)) / np.linalg.norm(old, axis=(0, 1)))[0]


def pattern(kernels):
    return kernels - kernels.mean(axis=(0, 1))


# %% slideshow={"slide_type": "skip"}
# How much of a pattern is a slope, darker on one side and brighter on the other? That is an edge filter.
def slope_share(kernels):
    kernels = pattern(kernels)[:, :, 0].reshape(9, -1)
    rows, columns = np.mgrid[-1:2, -1:2].reshape(2, 9) / np.sqrt(6)
    along = np.stack([rows @ kernels, columns @ kernels])
    return (along**2).sum(0) / (kernels**2).sum(0)


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# The medians of each group, in each network, shape (2 groups, networks); and where it answers.
def medians(kernels, measure):
    values = []
    for old, new in kernels:
        positive, found = old.sum(axis=(0, 1))[0] > 0, measure(old, new)
        values.append([np.median(found[positive]), np.median(found[~positive])])
    return np.array(values).T


patches = np.lib.stride_tricks.sliding_window_view(digits.x_train[:300, ..., 0], (3, 3), (1, 2))
patches = patches.reshape(-1, 9)


def answer_on_ink(old, new):
    """Which share of a random kernel's answers comes from windows that are ink on the whole."""
    answers = np.maximum(patches @ old[:, :, 0].reshape(9, -1), 0)
    return answers[patches.mean(1) > 0.6].sum(0) / np.maximum(answers.sum(0), 1e-9)


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"} tags=["atol-0.2"]
# Everything that we look at, for both groups.
measures = {
    "answers that come from ink": answer_on_ink,
    "the whole kernel moved by": share_moved,
    "its pattern moved by": lambda old, new: share_moved(pattern(old), pattern(new)),
    "slope in its pattern, before": lambda old, new: slope_share(old),
    "slope in its pattern, after": lambda old, new: slope_share(new),
}
table = {name: medians(kernels, measure) for name, measure in measures.items()}
print(f"{'median, mean of five networks':32} sum > 0   sum < 0")
for name, (positive, negative) in table.items():
    print(f"{name:32} {positive.mean():7.2f} {negative.mean():9.2f}")

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
# Patterns of ten kernels of the last network, and by which share of itself each has moved.
old, new = kernels[-1]
order = np.argsort(old.sum(axis=(0, 1))[0] < 0, kind="stable")
some = np.concatenate([order[:5], order[-5:]])
shares = share_moved(pattern(old), pattern(new))[some]
figure, axes = plotting.plt.subplots(2, 10, figsize=(plotting.WIDTH, 2.3), layout="constrained")
for row, state, kernel_set in zip(axes, ("before", "after"), (old, new), strict=True):
    for ax, k, share in zip(row, some, shares, strict=True):
        _ = ax.imshow(pattern(kernel_set)[:, :, 0, k], cmap="RdBu_r", vmin=-0.3, vmax=0.3)
        _ = ax.set(xticks=[], yticks=[])
        _ = ax.grid(False)
        if state == "before":
            _ = ax.set_title(f"{share:.2f}", fontsize=10)
    _ = row[0].set_ylabel(state)
_ = figure.suptitle("how far each pattern moved: left sum > 0, right sum < 0", fontsize=11)
plotting.show(figure, "Patterns before and after: the right five have turned into slopes")

# %% [markdown] slideshow={"slide_type": "skip"}
# As a whole, the kernels of both groups have moved by a similar amount. But those that answer on ink have kept their
# patterns, and only their means have moved. Those that answer at the rim have a new pattern, and more than half of it
# is now a slope, the sign of an edge filter.
#
# It is tempting to conclude that a kernel learns edges where it sees edges. But you may object that a kernel which
# is mostly silent gets a small gradient, and should learn *less*. Let us change one thing, and replace Adam by plain
# gradient descent.

# %% slideshow={"slide_type": "skip"}
model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy", metrics=["accuracy"])
by_sgd = []
for seed in range(5):
    training.restart(model, seed)
    start = model.get_layer("conv").get_weights()[0]
    model.fit(digits.x_train, digits.y_train, epochs=10, verbose=0)
    by_sgd.append((start, model.get_layer("conv").get_weights()[0]))

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
moved_by_sgd = medians(by_sgd, measures["its pattern moved by"])
for name, values in zip(("> 0", "< 0"), moved_by_sgd, strict=True):
    print(f"sum {name}: the patterns moved by", "  ".join(f"{value:.2f}" for value in values))

# %% [markdown] slideshow={"slide_type": "skip"}
# Now it is the other way round. The objection is right: with plain gradient descent the kernels that answer most
# learn most. Adam divides each step by the usual size of its gradient (chapter 01), and so it lets the quiet kernels
# at the rim move as far as the loud ones. Which kernels become edge filters depends on the optimizer, too.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
positive, negative = table["its pattern moved by"]
claim(positive.max() < 0.2, "Adam, positive sum: patterns stay", measured=positive, seeds=5)
claim(negative.min() > 0.4, "Adam, negative sum: they change", measured=negative, seeds=5)
before, after = table["slope in its pattern, before"][1], table["slope in its pattern, after"][1]
claim((after - before).min() > 0.15, "and become slopes", measured=after - before, seeds=5)
apart = moved_by_sgd[0] - moved_by_sgd[1]
claim(apart.min() > 0.1, "with gradient descent the others change", measured=apart, seeds=5)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 5 · What helps when labels are few?
#
# Now the digits move. They are turned and shifted, and covered with pieces of others and with noise. And you have
# only 20 labelled images of each.
#
# <!-- Notes:
# Read them aloud together before you go on. People do not read all of them either.
# -->

# %%
cluttered = make_cluttered_digits(2_000, 1_500, random_state=3)
few = few_labels(cluttered, per_class=20, random_state=0)
ax = plotting.image_grid(few.x_train[:20], title="Can you read them all?")
plotting.show(ax, "Twenty digits off the centre, turned, and covered with pieces of others")


# %% [markdown] slideshow={"slide_type": "skip"}
# Write down what you read; the answers come under the next cell. The network is the deeper one of section 2. Before its
# head stands **dropout**: in every training step it switches off half of the numbers at random.

# %% slideshow={"slide_type": "skip"}
# `small_cnn`, with layers put before it, and without its dropout if you say so.
def build(*augmentation, classes=10, dropout=True):
    layers = models.small_cnn(classes).layers
    kept = [layer for layer in layers if dropout or layer.name != "dropout"]
    network = keras.Sequential([keras.Input((28, 28, 1)), *augmentation, *kept])
    training.compile_classifier(network, learning_rate=2e-3)
    return network


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
print("The digits were", " ".join(cluttered.class_names[k] for k in few.y_train[:20]))

# %% [markdown] slideshow={"headline": "By heart", "slide_type": "subslide"}
# First we leave dropout out. The network has 66,000 parameters, and after forty epochs it gets all 200 images right.
# We also watch 1,000 others.
#
# <!-- Notes:
# Answer: below 0.4. Let them sketch both curves. Many expect a validation curve that follows with a delay.
# -->

# %% slideshow={"code": false}
quiz.predict("03.gap", "Which share of those 1,000 will it get right?", 0, 1)

# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
# Forty epochs on 200 images.
validation = make_cluttered_digits(1, 1_000, held_out="validation", random_state=4)
keras.utils.set_random_seed(0)
plain = build(dropout=False)
history = plain.fit(
    few.x_train,
    few.y_train,
    epochs=40,
    verbose=0,
    validation_data=(validation.x_test, validation.y_test),
).history

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"} tags=["atol-0.08"]
quiz.reveal("03.gap", history["val_accuracy"][-1])

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"} tags=["nbval-ignore-output"]
ax = plotting.learning_curves(history)
plotting.show(ax, "Training accuracy climbs to 1, validation accuracy stays far below")

# %% [markdown] slideshow={"slide_type": "notes"}
# The network knows its 200 images by heart and reads few of the others. That is **over-fitting**.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# What is read at the end.
claim(
    history["accuracy"][-1] > 0.99,
    "all training images are right",
    measured=history["accuracy"][-1],
)
claim(
    history["val_accuracy"][-1] < 0.45,
    "less than half of the others are",
    measured=history["val_accuracy"][-1],
)


# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Make new images from old ones
#
# **Augmentation** makes new images, by changes that do not matter for the answer. The **random crop** lays a frame
# around the image and cuts out a window of the old size, so that everything shifts. The **flip** shows half of the
# images in the mirror. In Keras both are layers that act in training only.

# %% slideshow={"slide_type": "skip"}
def crop():
    """A window of the old size, from the image in a black frame of four pixels."""
    reach = 4 / 28
    return keras.layers.RandomTranslation(reach, reach, "constant", "nearest")


def flip():
    return keras.layers.RandomFlip("horizontal")


# %% [markdown] slideshow={"slide_type": "skip"}
# We try them on our digits, and the flip also on pieces of three photographs: bricks, grass and gravel.
#
# <!-- Notes: Hold a printed 2 before a mirror. -->

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Five labelled pieces of the left half of each photograph; the right half is for testing.
textures = load_textures(28)
x_train, x_test = (x[..., :1].astype("float32") / 255 for x in (textures.x_train, textures.x_test))
textures = replace(textures, x_train=x_train, x_test=x_test)
pieces = few_labels(textures, per_class=5, random_state=0)

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "fragment"}
# A digit without clutter and a piece of a photograph, as the layers show them in training.
keras.utils.set_random_seed(1)
clean = make_cluttered_digits(40, 10, difficulty=0, random_state=3)
digit, piece = clean.x_train[15:16], pieces.x_train[pieces.y_train == 2][:1]
figure, axes = plotting.plt.subplots(3, 1, figsize=(plotting.WIDTH, 3.2), layout="constrained")
for ax, image, layer, title in (
    (axes[0], digit, crop(), "a digit: random crop"),
    (axes[1], digit, flip(), "a digit: flip"),
    (axes[2], piece, flip(), "gravel: flip"),
):
    shown = keras.ops.convert_to_numpy(layer(np.repeat(image, 10, axis=0), training=True))
    _ = plotting.image_grid(shown, title=title, ax=ax)
plotting.show(figure, "Ten crops of a digit, ten flips of it, and ten flips of a piece of gravel")

# %% [markdown] slideshow={"headline": "What does the flip do?", "slide_type": "subslide"}
# We train on the digits with the crop, for 600 steps. How does the accuracy on new images change with flips?
#
# <!-- Notes:
# Answer: about eleven points less. Many expect a gain, since it is in every recipe. Go back one slide if they cannot
# see why a mirrored digit is a lie.
# -->

# %% slideshow={"code": false}
quiz.predict("03.flip", "By how many points does the flip change it?", -20, 20)

# %% [markdown] slideshow={"slide_type": "skip"}
# This takes too long for a chapter, so it was run beforehand (`python -m benchmarks.augmentation_from_scratch`) from
# five seeds, paired, with learning rates tuned for each augmentation and budget on other images. Three scores we compute
# again, and the rival of section 4 runs now.

# %% slideshow={"slide_type": "skip"}
stored = benchmark("augmentation_from_scratch")["tasks"]


def scores_of(task, arm, budget, part="test"):
    return np.array(stored[task]["arms"][arm][str(budget)][part])


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# The same once more for one seed and three ways.
again = []
for task, arm, layers in (
    ("textures", "as they are", []),
    ("textures", "flip", [flip()]),
    ("digits", "crop", [crop()]),
):
    data, budget = {"textures": pieces, "digits": few}[task], stored[task]["budgets"][0]
    network = training.restart(build(*layers, classes=len(data.class_names)), seed=0)
    network.optimizer.learning_rate = stored[task]["arms"][arm][str(budget)]["rate"]
    training.fit_steps(network, data.x_train, data.y_train, steps=budget, seed=0)
    score = training.accuracy(network, data.x_test, data.y_test)
    again.append((score, scores_of(task, arm, budget)[0]))

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
apart = max(abs(now - then) for now, then in again)
claim(
    apart < 0.1, "three scores that were computed again are close to what is stored", measured=apart
)

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
by_flip = scores_of("digits", "crop, flip", 600) - scores_of("digits", "crop", 600)
quiz.reveal("03.flip", round(100 * by_flip.mean(), 1))


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Softmax regression on the same labels; its C is tuned on the validation images.
def regression_reads(data, x, y, strength):
    flat = data.x_train.reshape(len(data.x_train), -1)
    kernel, bias = rivals.logistic_regression(flat, data.y_train, strength)
    return float(np.mean((x.reshape(len(x), -1) @ kernel + bias).argmax(1) == y))


tuning, known = few_labels(cluttered, 20, random_state=100), (validation.x_test, validation.y_test)
strength, _ = rivals.tune((1e-5, 1e-4, 1e-3), lambda c: regression_reads(tuning, *known, c))
new = cluttered.x_test, cluttered.y_test
draws = [few_labels(cluttered, per_class=20, random_state=seed) for seed in range(5)]
regression = np.array([regression_reads(draw, *new, strength) for draw in draws])

# %% jupyter={"source_hidden": true} slideshow={"headline": "True of gravel, false of a 2", "slide_type": "subslide"}
# Mean and standard deviation over five seeds, at both budgets of steps.
figure, axes = plotting.plt.subplots(1, 2, figsize=(plotting.WIDTH, 3.6), layout="constrained")
ways = {"as they are": "#000000", "crop": "#0072B2", "flip": "#E69F00", "crop, flip": "#CC79A7"}
titles = "textures: flip helps", "digits: crop helps, flip harms"
for ax, (task, record), title in zip(axes, stored.items(), titles, strict=True):
    for place, arm in enumerate(arm for arm in record["arms"] if arm in ways):
        found = np.array([100 * scores_of(task, arm, budget) for budget in record["budgets"]])
        at = np.arange(2) + 0.05 * (place - 1)
        style = {"marker": "o", "capsize": 4, "color": ways[arm], "label": arm}
        _ = ax.errorbar(at, found.mean(1), found.std(1, ddof=1), **style)
    _ = ax.set_xticks([0, 1], [f"{budget:,} steps" for budget in record["budgets"]])
    _ = ax.set_title(title, fontsize=11)
    _ = ax.set(xlim=(-0.2, 1.2))
axes[1].axhline(100 * regression.mean(), color="#777777", ls="--", label="softmax regression")
_ = [ax.legend(loc="best", fontsize=9) for ax in axes]
_ = axes[0].set_ylabel("accuracy on new images (%)")
plotting.show(figure, "Accuracy at 150 and 600 steps with each augmentation; bars are ± 1 sd")


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"} tags=["atol-1.5"]
# Mean gains in points, with their paired intervals of 95 % over five seeds.
def gain(task, arm, rest, budget):
    rest = regression if rest == "regression" else scores_of(task, rest, budget)
    gained = scores_of(task, arm, budget) - rest
    return gained, stats.ttest_1samp(gained, 0).confidence_interval()


gains = {}
for task, arm, rest in (
    ("textures", "flip", "as they are"),
    ("digits", "crop, flip", "crop"),
    ("digits", "crop", "as they are"),
    ("digits", "as they are", "no dropout"),
    ("digits", "as they are", "regression"),
):
    for budget in (150, 600):
        gained, (low, high) = gains[task, arm, rest, budget] = gain(task, arm, rest, budget)
        text = f"{100 * gained.mean():+5.1f} ({100 * low:+5.1f} to {100 * high:+5.1f})"
        print(f"{task:8} {budget} steps: {f'{arm} − {rest}':24} {text}")

# %% [markdown] slideshow={"slide_type": "notes"}
# The bars are ± one standard deviation over five seeds; the lines above are paired differences, with intervals of 95 %.
#
# **The flip** gains about ten points on the textures, because mirrored gravel is gravel. (Each class is one
# photograph, and scores differ widely from draw to draw.) On the digits it costs eleven: a mirrored 2 is no 2.
#
# **The crop** suits digits that may stand anywhere. Yet after 150 steps it has brought nothing visible: the network sees new
# images all the time, and gets only half of its training images right so far. After 600 steps it reads 49 % with the
# crop and 31 % without; with crop and flip 38 %, but that is not finished (78 % of its training images). So say after
# how many steps you compare.
#
# **Dropout** brought four points after 600 steps, and nothing that we could see after 150.
#
# **The convolution?** From the same 200 labels, softmax regression reads 18 % (guessing: 10 %), and the network without
# augmentation 31 %. On these digits the convolution wins.
#
# > An augmentation is a statement about your data. Make only true ones.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# At the long budget; of crop and flip together, also how the gain has grown since the short one.
for task, arm, rest, sign, text in (
    ("textures", "flip", "as they are", 1, "the flip helps on textures"),
    ("digits", "crop, flip", "crop", -1, "it harms on digits"),
    ("digits", "crop", "as they are", 1, "the crop helps on digits"),
    ("digits", "as they are", "no dropout", 1, "dropout helps on digits"),
    ("digits", "as they are", "regression", 1, "the network beats softmax regression"),
):
    gained, interval = gains[task, arm, rest, 600]
    claim(min(sign * np.array(interval)) > 0, text, measured=gained, seeds=5)
short, (low, high) = gains["digits", "crop", "as they are", 150]
claim(low < 0 < high, "after 150 steps the crop has brought nothing", measured=short, seeds=5)
late, (low, _) = gain("digits", "crop, flip", "as they are", 600)
claim(low > 0, "after 600, crop and flip have overtaken no augmentation", measured=late, seeds=5)
known = {arm: scores_of("digits", arm, 150, "train").mean() for arm in ("as they are", "crop")}
claim(
    known["as they are"] > 0.95 and known["crop"] < 0.6,
    "with the crop learning takes longer",
    measured=[known["crop"], known["as they are"]],
)

# %% [markdown] slideshow={"slide_type": "skip"}
# **Make one.** Try another augmentation, such as `keras.layers.RandomRotation` or `GaussianNoise`. Say first what it
# claims about the digits, then put it into `build(…)` and compare with five seeds.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 6 · Does it work?
#
# Now we give it 8,000 labelled images instead of 200 (made from 900 originals), more steps, and the crop, here
# `shift=4`, in whole pixels. This is one run, to see how far we get, no comparison.
#
# <!-- Notes: The moment to lean back. Let the room read the images in a race with the network. -->

# %% slideshow={"slide_type": "skip"}
many = make_cluttered_digits(8_000, 1_500, random_state=5)
keras.utils.set_random_seed(0)
reader = build()
training.fit_steps(reader, many.x_train, many.y_train, steps=3_000, shift=4)
reader.optimizer.learning_rate = 4e-4  # shorter steps at the end (chapter 01)
training.fit_steps(reader, many.x_train, many.y_train, steps=600, shift=4, seed=1)

# %% slideshow={"code": false} tags=["nbval-ignore-output"]
# What it reads in thirty images that it has never seen; where it is wrong, the truth in brackets.
read, true = reader.predict(many.x_test[:30], verbose=0).argmax(1), many.y_test[:30]
marks = [f"{k} ✔" if k == t else f"{k} ✘ ({t})" for k, t in zip(read, true, strict=True)]
ax = plotting.image_grid(many.x_test[:30], marks, title="What the network reads")
plotting.show(
    ax, "Thirty cluttered digits, above each what the network reads and whether it is right"
)

# %% slideshow={"code": false} tags=["atol-0.04"]
accuracy = training.accuracy(reader, many.x_test, many.y_test)
rival = regression_reads(many, many.x_test, many.y_test, 1e-4)  # the best C on validation
print(f"right on {accuracy:.2f} of {len(many.x_test):,} new images, in handwriting it never saw")
print(f"softmax regression, from the same 8,000 images: {rival:.2f}")

# %% [markdown] slideshow={"slide_type": "notes"}
# It reads six of seven, and softmax regression one of four. It found all its kernels by gradient descent, as we did in section 1 with nine numbers.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
claim(accuracy > 0.82, "it reads more than four of five", measured=accuracy)
claim(rival < 0.35, "softmax regression reads less than half as many", measured=rival)

# %% [markdown] slideshow={"slide_type": "skip"}
# ## How well did you predict?

# %% slideshow={"slide_type": "skip"}
quiz.predictions("03")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Key points
#
# - A convolution asks the same question, its kernel, at every place. Gradient descent can find it.
# - `Conv2D(F, k)` on C channels has F·(k·k·C + 1) parameters.
# - Trust a gradient when it agrees with small steps.
# - A result needs a rival, several seeds, and an honest split.
# - An augmentation is a statement about your data: true of gravel, false of a 2.
#
# <!-- Notes:
# The sentence to take home: an augmentation is a statement about your data. Then hand out exercise set 03.
# -->

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercises to do next
#
# The [exercise set of this chapter](../exercises/ex03/ex03_cnn_from_scratch.ipynb) checks your answers as you go.
#
# ## Further reading
#
# - LeCun, Bottou, Bengio & Haffner 1998, *Gradient-based learning applied to document recognition*,
#   Proceedings of the IEEE 86(11).
# - Srivastava, Hinton, Krizhevsky, Sutskever & Salakhutdinov 2014, *Dropout*, JMLR 15.
# - Dumoulin & Visin 2016, *A guide to convolution arithmetic for deep learning*, arXiv:1603.07285.

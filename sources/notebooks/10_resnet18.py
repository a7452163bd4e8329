# %% [markdown] slideshow={"slide_type": "slide"}
# # 10 · ResNet18 in PyTorch
#
# Many people meet transfer learning in a PyTorch tutorial of thirty lines. It loads a ResNet18, replaces the last layer, and
# prints a loss that falls. Here you write all of it yourself, beside the Keras
# that you know, and find out what those lines get wrong, and what each mistake costs.
#
# <!-- Notes:
# Ask who has run such a tutorial, and how they knew that it worked. Most will say: the loss fell.
# -->

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What you will be able to do
#
# - write a ResNet18 and its training loop in PyTorch, and name Keras' twin of every line;
# - find out which weights train;
# - catch the mistakes of widely copied tutorials by running them;
# - pull a network towards the weights it came from, and measure what that gives;
# - carry weights between PyTorch and Keras, and prove that they compute the same.
#
# <!-- Notes: Section 3 is the heart. Sections 1 and 2 are needed for it, 4 to 6 can be chosen from. -->

# %% [markdown] slideshow={"slide_type": "skip"}
# **Time:** 80 minutes to read and try, 1 min 30 s to run. You need chapters 01 and 05, and PyTorch (`make torch`; `tlcourse doctor` checks).

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"} tags=["setup"]
# Everything that the chapter needs; without PyTorch it says here what to do.
import io
import pickle
from copy import deepcopy

import numpy as np
from scipy import stats

from tlcourse import backend, data, models, plotting, pytorch, quiz, rivals, weights
from tlcourse.course.content import benchmark
from tlcourse.quiz import claim

pytorch.require()
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

_ = torch.manual_seed(0)

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
print(backend.versions())
print("PyTorch", torch.__version__)

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Before you start: what do you remember?

# %% slideshow={"slide_type": "slide"}
quiz.ask("10")


# %% [markdown] slideshow={"slide_type": "slide"}
# ## 1 · What is in the network?
#
# **ResNet18** (He et al. 2016) is the small sister of chapter 05's network. Its block has two convolutions of 3×3, and the
# detour around them that you know: it returns $x + F(x)$.
#
# In PyTorch a network is a class. You make its layers in `__init__`, where `super().__init__()` comes first, and say in
# `forward` how images run through them. `net(x)` calls `forward`. Keras calls it `call`.
#
# <!-- Notes: Draw the block with its detour. Where does the gradient go when F's weights are near zero? -->

# %% slideshow={"slide_type": "subslide"}
# One block: two convolutions, and the detour around them.
class BasicBlock(nn.Module):
    def __init__(self, channels_in, channels, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.downsample = nn.Sequential()  # empty: the detour returns x as it is, …
        if stride > 1:  # … except where F(x) is smaller: a 1×1 convolution shrinks x, too
            conv = nn.Conv2d(channels_in, channels, 1, stride, bias=False)
            self.downsample = nn.Sequential(conv, nn.BatchNorm2d(channels))

    def forward(self, x):
        f = F.relu(self.bn1(self.conv1(x)))
        f = self.bn2(self.conv2(f))
        return F.relu(self.downsample(x) + f)


# %% [markdown] slideshow={"slide_type": "notes"}
# Two things differ from Keras. A layer wants to know how many channels come *in*. And channels come first: a batch has the shape
# (N, channels, rows, columns).
#
# Eight blocks, in four stages, stand between a **stem** and the last layer, `fc` (*fully connected*, Keras' `Dense`).

# %% slideshow={"slide_type": "subslide"}
# The whole network: a stem, four stages of two blocks, the mean over the map, and a last layer.
class ResNet18(nn.Module):
    def __init__(self, classes=1000):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1, self.relu = nn.BatchNorm2d(64), nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = nn.Sequential(BasicBlock(64, 64), BasicBlock(64, 64))
        self.layer2 = nn.Sequential(BasicBlock(64, 128, stride=2), BasicBlock(128, 128))
        self.layer3 = nn.Sequential(BasicBlock(128, 256, stride=2), BasicBlock(256, 256))
        self.layer4 = nn.Sequential(BasicBlock(256, 512, stride=2), BasicBlock(512, 512))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(512, classes)

    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(torch.flatten(self.avgpool(x), 1))


# %% [markdown] slideshow={"headline": "What is left of 32 pixels?", "slide_type": "subslide"}
# The stem was made for photographs of 224×224 pixels: its convolution and its pooling each halve the map once, and
# three of the stages halve it again. The tutorial gives it images of 32×32.
#
# <!-- Notes: Answer: one. Let them halve on paper: 32, 16, 8, 8, 4, 2, 1. -->

# %% slideshow={"code": false}
sizes = ["1×1", "4×4", "7×7", "8×8"]
quiz.predict("10.map", "Which size has the map that leaves `layer4`?", sizes)

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# The shape after each part, for both sizes.
net, shapes = ResNet18().eval(), {}
for side in (32, 224):
    x = torch.zeros(1, 3, side, side)
    for name, part in list(net.named_children())[:-1]:
        x = part(x)
        shapes.setdefault(name, []).append(tuple(x.shape[1:]))

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
_, rows, columns = shapes["layer4"][0]
quiz.reveal("10.map", f"{rows}×{columns}")

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "subslide"}
# Channels, rows and columns after each part.
print(f"{'':9}{'of 32 pixels':>16}{'of 224 pixels':>18}")
for name, (small, large) in shapes.items():
    print(f"{name:9}{small!s:>16}{large!s:>18}")

# %% [markdown] slideshow={"slide_type": "notes"}
# After `layer4`'s first convolution a single pixel is left. From here on each 3×3 kernel sees one pixel in a frame of zeros, so eight
# of its nine weights have nothing to do.
#
# Our names, such as `layer1.0.conv1.weight`, are the published ones, so published weights fit into the network that you have
# just written.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Names, shapes and number of parameters beside the published ones.
ours, published = ResNet18().state_dict(), pytorch.resnet18().state_dict()
same = {k: v.shape for k, v in ours.items()} == {k: v.shape for k, v in published.items()}
claim(same, "our names and shapes are the published ones")
n = sum(p.numel() for p in net.parameters())
claim(n == 11_689_512, "as many parameters as published", measured=n)

# %% [markdown] slideshow={"headline": "It reads", "slide_type": "subslide"}
# The weights that we load have learned printed letters, bright on dark, in tints that change from image to image. The first
# time, they are trained here in about a minute, and then kept. A `state_dict` is a dictionary from names to weights.
# `pytorch.tensors` puts channels first and normalises with ImageNet's mean and deviation. Section 2 explains `eval` and `no_grad`.
#
# <!-- Notes: Start this cell before the lesson, because of the first training. -->

# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
state = pytorch.letters_resnet18()

# %% slideshow={"slide_type": "skip"}
reader = ResNet18(26)
reader.load_state_dict(state)

# %%
letters = data.make_cluttered_letters(26, 500, difficulty=0.3, random_state=7)
images, y_letters = pytorch.tinted(letters.x_test, seed=7), letters.y_test
x_letters = pytorch.tensors(images)
reader.eval()
with torch.no_grad():
    read = reader(x_letters).argmax(1).numpy()  # the class with the largest logit

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "subslide"}
# Twenty letters, each with what it reads.
names = letters.class_names
pairs = zip(read[:20], y_letters[:20], strict=True)
titles = [names[k] if k == y else f"{names[k]} (is {names[y]})" for k, y in pairs]
ax = plotting.image_grid(images[:20], titles)
for text, k, y in zip(ax.texts, read, y_letters, strict=False):
    text.set(fontsize=8, color="black" if k == y else plotting.COLORS["scratch"])
plotting.show(ax, "Twenty letters in two tints each, above them what your ResNet18 reads")

# %% slideshow={"slide_type": "notes"} tags=["atol-0.05"]
print(f"your network reads {np.mean(read == y_letters):.2f} of new letters")

# %% [markdown] slideshow={"slide_type": "notes"}
# You have just read every line of this network, and it reads.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
share = np.mean(read == y_letters)
claim(share > 0.5, "of 26 letters it reads more than half", measured=share)


# %% [markdown] slideshow={"slide_type": "slide"}
# ## 2 · The loop that `fit` hides
#
# In Keras, everything below happens inside `fit`. In PyTorch you write it yourself, so there is much to get wrong. You set the
# mode once. Then each step has four lines.
#
# | PyTorch | what it does | in Keras |
# |---|---|---|
# | `model.train()`, later `model.eval()` | the mode of BatchNormalization and dropout | `training=True`, `False` |
# | `optimizer.zero_grad()` | forget the last gradients, because `backward` *adds* | not needed |
# | `loss = F.cross_entropy(model(x), y)` | run the batch; the loss takes logits | `from_logits=True` |
# | `loss.backward()` | a gradient for every parameter, kept in `p.grad` | inside `fit` |
# | `optimizer.step()` | move the parameters | inside `fit` |
#
# <!-- Notes: Take one row away at a time, and ask what would go wrong. Exactly that is set as an exercise. -->

# %% slideshow={"slide_type": "skip"}
# The loop: `optimizer` holds the parameters that it may move; the seed decides the order.
def fit(model, optimizer, x, y, epochs, seed=0, training=True):
    order = torch.Generator().manual_seed(seed)
    loader = DataLoader(TensorDataset(x, y), batch_size=32, shuffle=True, generator=order)
    model.train(training)
    for _ in range(epochs):
        for x_batch, y_batch in loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x_batch), y_batch)
            loss.backward()
            optimizer.step()


# %% [markdown] slideshow={"slide_type": "notes"}
# `DataLoader` shuffles the images before each epoch. Of 33 images one would be left over, and BatchNormalization refuses a batch
# of one here. `drop_last=True` leaves it out.

# %% [markdown] slideshow={"headline": "Asking is not training", "slide_type": "subslide"}
# For an answer you need no gradients, so `no_grad` does not keep what `backward` would need. And `eval` makes BatchNormalization use what it has
# stored, instead of the batch that happens to be there. You need both.
#
# <!-- Notes: "Does no_grad not switch to eval?" is the most frequent question here. -->

# %% slideshow={"slide_type": "-"}
def accuracy(model, x, y):
    model.eval()
    with torch.no_grad():
        return (model(x).argmax(1) == y).float().mean().item()


# %% [markdown] slideshow={"headline": "0.001, with momentum 0.9", "slide_type": "subslide"}
# ### What does a rate of 0.001 with momentum 0.9 amount to?
#
# Tutorials print gradient descent, $\theta \leftarrow \theta - \alpha \nabla J(\theta)$, or its stochastic twin with one
# example at a time. Their code takes batches, with momentum. PyTorch writes that as
#
# $$ v \leftarrow \beta v + g, \qquad \theta \leftarrow \theta - \alpha v, $$
#
# while Keras, and chapter 01, take the rate into the velocity: $v \leftarrow \beta v - \alpha g$, $\theta \leftarrow \theta + v$. As long
# as α stays the same, both take the same steps.
#
# <!-- Notes: Answer: 0.01. Let them add up 1 + 0.9 + 0.81 + … on paper before the reveal. -->

# %% slideshow={"code": false}
question = (
    "On an even slope, which rate without momentum moves as far per step, in the long run, as 0.001 "
    "with momentum 0.9?"
)
quiz.predict("10.momentum", question, ["0.0009", "0.001", "0.0019", "0.01"])

# %% slideshow={"slide_type": "skip"}
theta = torch.zeros(1, requires_grad=True)
optimizer, path = torch.optim.SGD([theta], lr=0.001, momentum=0.9), [0.0]
for _ in range(60):
    theta.grad = torch.ones(1)  # the slope
    optimizer.step()
    path.append(theta.item())
moves = -np.diff(path)

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
quiz.reveal("10.momentum", f"{moves[-1]:.1g}")

# %% slideshow={"slide_type": "skip"}
for step in (1, 2, 10, 60):
    print(f"step {step:2}: {moves[step - 1]:.4f}")

# %% [markdown] slideshow={"slide_type": "notes"}
# The velocity adds up $1 + 0.9 + 0.81 + \dots = 1/(1 - 0.9) = 10$ gradients. So in the long run 0.001 with momentum 0.9 is a rate
# of about 0.01. If you take momentum away, take ten times the rate.
#
# Does that hold where the slope changes? We train a new last layer for ten digits, on what the network sees before `fc`.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Digits at 32 pixels, 20 labels of each, and 1,000 to test on.
drawn = data.make_cluttered_digits(1000, 1000, difficulty=0.3, random_state=1)
few = data.few_labels(drawn, 20, random_state=0)
digits, digits_test = pytorch.tinted(few.x_train, seed=0), pytorch.tinted(few.x_test, seed=1)
x, y = pytorch.tensors(digits), torch.from_numpy(few.y_train)
x_test, y_test = pytorch.tensors(digits_test), torch.from_numpy(few.y_test)

# %% slideshow={"slide_type": "skip"}
backbone = deepcopy(reader).eval()
backbone.fc = nn.Identity()  # now the network returns what `fc` would see
with torch.no_grad():
    seen, seen_test = backbone(x), backbone(x_test)


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Four ways to move the last layer; the loss on all 200 images after every step.
def head_losses(rate, momentum=0.0, size=32, steps=150):
    torch.manual_seed(0)
    head, every = nn.Linear(512, 10), []
    optimizer = torch.optim.SGD(head.parameters(), rate, momentum)
    order = np.random.default_rng(0)
    for _ in range(steps):
        chosen = order.permutation(len(y))[:size]
        optimizer.zero_grad()
        F.cross_entropy(head(seen[chosen]), y[chosen]).backward()
        optimizer.step()
        with torch.no_grad():
            every.append(F.cross_entropy(head(seen), y).item())
    return every


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
ways = {
    "gradient descent, all 200 images, 0.01": {"rate": 0.01, "size": 200},
    "one image at a time, 0.01": {"rate": 0.01, "size": 1},
    "batches of 32, 0.01": {"rate": 0.01},
    "batches of 32, 0.001, momentum 0.9": {"rate": 0.001, "momentum": 0.9},
}
curves = {way: head_losses(**settings) for way, settings in ways.items()}

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "subslide"}
# The four losses; where three lie on each other, the broad one is below.
figure, ax = plotting.plt.subplots(figsize=(plotting.WIDTH, 3.8))
styles = [("-", 7, "#56B4E9"), (":", 2, "#D55E00"), ("-", 3, "#E69F00"), ("--", 2, "#000000")]
for (way, curve), (style, width, color) in zip(curves.items(), styles, strict=True):
    _ = ax.plot(curve, style, label=way, lw=width, color=color)
_ = ax.set(xlabel="step", ylabel="loss on the 200 images")
_ = ax.set_title("0.001 with momentum 0.9 ends where 0.01 does (one seed)")
_ = ax.legend(fontsize=9)
plotting.show(ax, "Losses of a last layer over 150 steps, for four ways to take the steps")

# %% [markdown] slideshow={"slide_type": "notes"}
# Momentum starts slowly, while its velocity builds up, and then meets the curve of the tenfold rate. One image at a time gives a
# nervous path. Batches of 32 follow gradient descent at a sixth of its price, which is 200 images in each step.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# 150 steps, the mean of the last 20.
late = {way: np.mean(curve[-20:]) for way, curve in curves.items()}
apart = late["batches of 32, 0.001, momentum 0.9"] / late["batches of 32, 0.01"] - 1
claim(abs(apart) < 0.1, "0.001 with momentum 0.9 ends where 0.01 does", measured=apart)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 3 · What does the tutorial get wrong?
#
# This is the tutorial without its imports, in our own words. It learns these digits, with 20 labels of each, and promises to
# train nothing but the new last layer.
#
# <!-- Notes: Show the lines, and let them look for the mistakes before you run them. Most find one of five. -->

# %% jupyter={"source_hidden": true} slideshow={"code": false}
# Ten of the digits.
ax = plotting.image_grid(digits[:10], [str(k) for k in few.y_train[:10]])
plotting.show(ax, "Ten handwritten digits in clutter, each in two tints")

# %% [markdown] slideshow={"slide_type": "notes"}
# How many mistakes do you see? Write them down. Our list ends section 4.

# %% slideshow={"headline": "The tutorial, whole", "slide_type": "subslide"}
# The tutorial, whole. You know its loop.
net = ResNet18(26)
net.load_state_dict(state)
net.fc = nn.Linear(512, 10)  # the new last layer
half = {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}
pixels = pytorch.tensors(digits, **half)
loader = DataLoader(TensorDataset(pixels, y), batch_size=32, shuffle=True)
optimizer = torch.optim.SGD(net.parameters(), lr=0.001, momentum=0.9)
losses = []
for _ in range(10):
    for x_batch, y_batch in loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(net(x_batch), y_batch)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())

# %% slideshow={"slide_type": "skip"} tags=["atol-0.4"]
for epoch, loss in enumerate(np.reshape(losses, (10, -1)).mean(1), 1):
    print(f"epoch {epoch:2}  loss {loss:.2f}")

# %% [markdown] slideshow={"slide_type": "subslide"}
# The loss falls, and here the tutorial ends. It never asks the network about a digit that it has not trained on. We do.
#
# <!-- Notes: Collect guesses before you run it: the loss fell to less than a third, so how many of ten new digits will it read? -->

# %% slideshow={"code": false, "slide_type": "-"} tags=["atol-0.08"]
pixels_test = pytorch.tensors(digits_test, **half)
print(f"trained on: {accuracy(net, pixels, y):.2f}")
print(f"new digits: {accuracy(net, pixels_test, y_test):.2f}")

# %% [markdown] slideshow={"headline": "Which weights have moved?", "slide_type": "subslide"}
# So a falling loss is no test. Is only the last layer trained, as the tutorial says? The network has 62 arrays of
# parameters. Its `state_dict` has 60 more: 40 means and variances that BatchNormalization has stored, and 20 counters of batches.
#
# <!-- Notes: Answer: all of them. "The last layer" was what the text meant; the optimiser got `net.parameters()`. -->

# %% slideshow={"code": false}
who = ["only the two arrays of `fc`", "`fc` and the last stage", "every one of them"]
quiz.predict("10.moved", "Which of the 62 arrays have changed?", who)


# %% slideshow={"slide_type": "skip"}
def changed(net):
    """Names of the arrays below `fc` that are no longer those of the letters."""
    now = net.state_dict()
    below = [name for name in state if not name.startswith("fc.")]
    return [name for name in below if not torch.equal(now[name], state[name])]


moved = [name for name in changed(net) if name in dict(net.named_parameters())]

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
quiz.reveal("10.moved", who[0 if not moved else 1 if len(moved) < 60 else 2])


# %% [markdown] slideshow={"headline": "Now really only `fc`", "slide_type": "subslide"}
# The optimiser moves what it is given, and it was given everything. So this was fine-tuning. Let us do what the text says:
# freeze all, and give the optimiser the new layer.
#
# <!-- Notes: Answer: BatchNormalization's means and variances, and its counters. In Keras `trainable = False` says both at once. Ask what it does there to BatchNormalization (chapter 05). -->

# %% slideshow={"slide_type": "-"}
def frozen_but_fc():
    net = ResNet18(26)
    net.load_state_dict(state)
    net.requires_grad_(False)  # the last _ says that it changes the network itself
    net.fc = nn.Linear(512, 10)  # new, so it can be trained
    return net, torch.optim.SGD(net.fc.parameters(), lr=0.001, momentum=0.9)


# %% slideshow={"code": false}
what = ["nothing", "BatchNormalization's means and variances", "some of the kernels, too"]
quiz.predict("10.still", "After one epoch, what has changed below `fc`?", what)

# %% slideshow={"slide_type": "skip"}
net, optimizer = frozen_but_fc()
_ = fit(net, optimizer, x, y, epochs=1)
after_one = changed(net)

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
kernels = [name for name in after_one if name in dict(net.named_parameters())]
quiz.reveal("10.still", what[2 if kernels else 1 if after_one else 0])

# %% [markdown] slideshow={"slide_type": "notes"}
# Freezing and handing over `fc` alone each keep the kernels still; freezing also spares their gradients. Neither stops
# BatchNormalization, which in `train` mode blends each batch into its stored 40 arrays, and counts. Keras' `trainable = False` stops
# it. In PyTorch, train a frozen network in `eval` mode. (If your head has dropout, say `net.eval(); net.fc.train()`.)

# %% slideshow={"slide_type": "skip"}
net, optimizer = frozen_but_fc()
_ = fit(net, optimizer, x, y, epochs=1, training=False)
print(len(changed(net)), "arrays have changed below fc")

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
claim(len(moved) == 60, "as printed, every array below `fc` has moved", measured=len(moved))
counters = [name for name in after_one if name.endswith("num_batches_tracked")]
numbers = (len(kernels), len(after_one), len(counters))
claim(numbers == (0, 60, 20), "in `train` mode, statistics and counters move", measured=numbers)
claim(changed(net) == [], "frozen in `eval` mode, nothing moves")

# %% [markdown] slideshow={"headline": "An answer that depends on its neighbours", "slide_type": "subslide"}
# ### Nobody said `eval()`, and nobody tested
#
# In `train` mode, BatchNormalization normalises each image by the *other* images of its batch. Take the reader of section 1 and
# its 500 letters in batches of 32, once mixed, and once in the order of the alphabet, as files lie in folders.
#
# <!-- Notes: Answer: about 0.20, where `eval` mode reads 0.80. Ask first: what can a network say about a batch that holds nothing but As? -->

# %% slideshow={"code": false}
question = "What share will it read in `train` mode, in the order of the alphabet?"
quiz.predict("10.eval", question, 0, 1)

# %% slideshow={"slide_type": "skip"}
# The share of letters that the reader reads in a mode, in an order.
mixed = np.arange(500)


def share_read(x=x_letters, training=False, order=mixed):
    asked = deepcopy(reader).train(training)
    with torch.no_grad():
        logits = torch.cat([asked(batch) for batch in x[order].split(32)])  # batches of 32
    return np.mean(logits.argmax(1).numpy() == y_letters[order])


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# The same letters with other pixels, and the order of the alphabet.
halved = pytorch.tensors(images, **half)
whole = torch.from_numpy(images.transpose(0, 3, 1, 2)).float()
alphabet = np.argsort(y_letters, kind="stable")

# %% slideshow={"slide_type": "skip"}
shares = {
    "as it should be": share_read(),
    "train mode, mixed": share_read(training=True),
    "train mode, A to Z": share_read(training=True, order=alphabet),
    "pixels normalised with 0.5": share_read(halved),
    "pixels of 0–255": share_read(whole),
}

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"} tags=["atol-0.1"]
quiz.reveal("10.eval", shares["train mode, A to Z"])

# %% slideshow={"code": false, "slide_type": "subslide"} tags=["atol-0.1"]
for way, share in shares.items():
    print(f"{way:28} {share:.2f}")

# %% [markdown] slideshow={"slide_type": "notes"}
# In alphabetical order a batch holds two or three classes. BatchNormalization takes away what its images have in common, which
# is the letter. In mixed batches you would hardly notice, so the mistake waits for the day on which your images come sorted. Keras'
# `predict` spares you that.
#
# The last two rows show other pixels than the weights have learned from. The tutorial's 0.5 is close to ImageNet's means and
# twice their standard deviations, and on bright letters that costs little, if anything. Pixels that nobody has divided cost nearly
# everything.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# What each of the four ways costs beside the right one.
cost = {way: shares["as it should be"] - share for way, share in shares.items()}
sorted_cost = cost["train mode, A to Z"]
claim(sorted_cost > 0.4, "sorted, it costs over 40 points", measured=sorted_cost)
small = max(cost["train mode, mixed"], cost["pixels normalised with 0.5"])
claim(small < 0.08, "mixed batches and 0.5 cost less than eight each", measured=small)
claim(
    cost["pixels of 0–255"] > 0.4, "pixels of 0–255 cost over 40", measured=cost["pixels of 0–255"]
)

# %% [markdown] slideshow={"headline": "The lost flatten", "slide_type": "subslide"}
# ### The other tutorial
#
# A second recipe cuts the network off at its last layer, which looks as neat as cutting at `layers[-1].input` in Keras:
#
# <!-- Notes: Where does the flatten stand? In `forward`, not among the children. In Keras the graph knows it. -->

# %% slideshow={"slide_type": "-"}
body = nn.Sequential(*list(reader.children())[:-1])
try:
    nn.Sequential(body, nn.Linear(512, 10))(x[:4])
except RuntimeError as error:
    print(error)

# %% [markdown] slideshow={"slide_type": "notes"}
# `children()` lists the layers, but `flatten` stands in `forward` alone, and was lost. The body returns
# (4, 512, 1, 1), and the linear layer takes that for 2,048 rows of one number each. The remedy is `nn.Flatten()` in between, or to keep
# `forward` and replace the last layer by `nn.Identity()`, as we did in section 2.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
with torch.no_grad():
    mended = nn.Sequential(body.eval(), nn.Flatten())(x)
claim(
    torch.allclose(mended, seen, atol=1e-5), "with `nn.Flatten()` both ways give the same features"
)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 4 · Where do the weights come from?
#
# Ours have seen 8,000 letters of 32 pixels, as `pytorch.RECIPE` tells. The published ones have seen a million photographs of 224
# pixels. `tlcourse fetch resnet18` downloads them, and checks the file by the SHA-256 digits in its name.
#
# Convolutions slide over a map of any size. So you may show the reader letters enlarged to 64 pixels: no detail is lost, and
# `layer4` has four pixels instead of one.
#
# <!-- Notes: Answer: far fewer. Then ask: the strokes, or the map? How would you find out? -->

# %% slideshow={"code": false}
more = ["more letters", "about as many", "fewer letters"]
quiz.predict("10.size", "What will it read when the letters are twice as large?", more)


# %% slideshow={"slide_type": "skip"}
def enlarged(side):
    return F.interpolate(x_letters, size=(side, side), mode="bilinear", antialias=True)


sides = (16, 24, 28, 32, 36, 40, 48, 64)
by_side = {side: share_read(enlarged(side)) for side in sides}

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
quiz.reveal("10.size", more[1 + int(np.sign(round((by_side[32] - by_side[64]) / 0.1)))])

# %% [markdown] slideshow={"slide_type": "notes"}
# Are the strokes too thick, or is the map too large? We change one without the other. From enlarged letters we cut out the
# middle, 32 pixels again. And we leave letters as they are, on a larger canvas.
#
# <!-- Notes: Let them say first what either explanation predicts for the two curves. -->

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Thick strokes on a small map, and thin strokes on a large one.
cropped, padded = {32: by_side[32]}, {32: by_side[32]}
for side in sides[4:]:
    edge = (side - 32) // 2
    cropped[side] = share_read(enlarged(side)[:, :, edge : edge + 32, edge : edge + 32])
    padded[side] = share_read(F.pad(x_letters, (edge,) * 4, mode="replicate"))

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "subslide"}
# Three curves over the size: the image, its strokes alone, its canvas alone.
figure, ax = plotting.plt.subplots(figsize=(plotting.WIDTH, 4.2))
curves = {
    "enlarged, then cut back to 32 pixels": (cropped, "s-", plotting.COLORS["fine-tuned"]),
    "the whole image brought to this size": (by_side, "D-", plotting.COLORS["source"]),
    "letters as they were, on a larger canvas": (padded, "o--", plotting.COLORS["scratch"]),
}
for label, (found, style, color) in curves.items():
    _ = ax.plot(list(found), [100 * v for v in found.values()], style, color=color, label=label)
_ = ax.axhline(100 / 26, color="#666666", ls=":", lw=1, label="guessing")
_ = ax.set(xlabel="size (pixels)", ylabel="letters read (%)", ylim=(0, 100), xticks=sides)
_ = ax.set_title("A larger map is fatal, a thicker stroke is not")
_ = ax.legend(fontsize=9)
plotting.show(
    ax, "Letters read by size: near guessing on larger maps, well after cutting back to 32"
)

# %% [markdown] slideshow={"slide_type": "notes"}
# It is not the strokes: enlarged by a quarter and cut back to 32 pixels, letters are still read, three of four. (Larger ones lose
# parts by the cut.) Letters of the *old* size on a larger canvas are hardly read at all. These weights have only known one size of map.
# Where it had one pixel, 6 million weights around the middle of a kernel stand nearly as they were drawn. On a larger map they join in.
#
# The tutorial shows small pictures to weights that know large ones. So bring images to the size that the weights know.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# The size, the strokes and the map; and which weights have moved from their start.
known = by_side[32]
claim(max(by_side, key=by_side.get) == 32, "it reads best at the size that it knows")
claim(known - by_side[64] > 0.4, "at twice the size it guesses", measured=by_side[64])
claim(known - cropped[40] < 0.15, "thicker strokes on 32 pixels it reads", measured=cropped[40])
claim(known - padded[40] > 0.4, "old strokes on 40 pixels it does not", measured=padded[40])
start, middle, outer = pytorch.resnet18(26, pytorch.RECIPE["seed"]).state_dict(), [], []
for name in ("layer4.0.conv2", "layer4.1.conv1", "layer4.1.conv2"):
    step = (state[f"{name}.weight"] - start[f"{name}.weight"]).abs().flatten(2)
    middle.append(step[..., 4].max().item())
    outer.append(step[..., [0, 1, 2, 3, 5, 6, 7, 8]].max().item())
moves = (max(outer), min(middle))
claim(10 * moves[0] < moves[1], "outer weights have hardly moved, middle ones have", measured=moves)


# %% [markdown] slideshow={"headline": "Tick them off", "slide_type": "subslide"}
# ### The tutorial's mistakes
#
# 1. All parameters go to the optimiser, where the text says *the last layer*.
# 2. Nobody sets the mode, for training or for asking.
# 3. New images are never shown to it.
# 4. It normalises with 0.5, whatever the weights have learned from.
# 5. It gives 32 pixels to weights that know 224.
#
# <!-- Notes: Who had found them all? Which one would you have noticed from the loss? None. -->

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 5 · What does λR(w) do?
#
# Section 3's other tutorial prints an objective with a penalty, and a program without it:
#
# $$ \min_w\ \frac1n \sum_i L\bigl(y_i, f(x_i; w)\bigr) + \lambda R(w) $$
#
# The usual choice is $R(w) = \tfrac12 \sum_j w_j^2$, **L2**. Its gradient is $w$, so each step pulls every weight towards
# zero. PyTorch has it built into `SGD`, as `weight_decay=λ`; in
# Adam that is something else. But at zero a network knows nothing. **L2-SP** (Li, Grandvalet & Davoine 2018) pulls towards the *starting point* instead, with
# $R(w) = \tfrac12 \sum_j (w_j - w_{0j})^2$. Only the new last layer, which has none, is pulled towards zero.
#
# <!-- Notes: On the board: one weight, its source value 3, and two springs. Where does each of them pull? -->

# %% slideshow={"slide_type": "skip"}
# Call it between `backward` and `step`.
def pull(model, start, strength):
    for name, p in model.named_parameters():
        goal = 0 if name.startswith("fc.") else start[name]
        if p.grad is not None:  # a frozen parameter has no gradient
            p.grad += strength * (p.detach() - goal)  # `detach`: p as a number


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# One step of each from the same weights and gradient, against PyTorch's own.
def one_step(decay=0.0, start=None, strength=0.0):
    net = ResNet18(26)
    net.load_state_dict(state)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=decay)
    F.cross_entropy(net(x_letters[:32]), torch.as_tensor(y_letters[:32])).backward()
    if start is not None:
        pull(net, start, strength)
    optimizer.step()
    return torch.cat([p.detach().flatten() for p in net.parameters()])


zeros = {name: torch.zeros_like(value) for name, value in state.items()}
by_option, by_hand = one_step(decay=0.01), one_step(start=zeros, strength=0.01)
claim(torch.allclose(by_option, by_hand, atol=1e-6), "pulled towards zero, it is `weight_decay`")

# %% [markdown] slideshow={"headline": "Which one wins with few labels?", "slide_type": "subslide"}
# `python -m benchmarks.resnet18` fine-tuned the network with neither, with L2 and with L2-SP, on the digits: five seeds, 50 and 120
# steps of 32 images. Rate and λ were tuned each time, on other images. *As printed* trains every parameter at the tutorial's
# 0.001.
#
# <!-- Notes: Answer: see the table. Ask what it would take to see a difference of one point with five seeds. -->

# %% slideshow={"slide_type": "skip"}
stored = benchmark("resnet18")

# %% slideshow={"code": false}
kinds = ["no penalty", "L2", "L2-SP", "we cannot tell"]
quiz.predict("10.penalty", "Which is best with 20 labels of each digit?", kinds)


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# How to ask what is stored: percent of five seeds, and the interval of a paired difference.
def reached(arm, labels, steps=120):
    """The accuracies of the five seeds, in percent; a regression takes no steps."""
    runs = stored["arms"][str(labels)][arm]
    return 100 * np.array(runs.get(str(steps), runs.get("0"))["results"])


def interval(ours, theirs):
    """The mean of the paired differences in points, and its 95 % interval."""
    low, high = stats.ttest_1samp(ours - theirs, 0).confidence_interval()
    return np.mean(ours - theirs), low, high


# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
# The best of three, if its interval beside the other two leaves out zero at both budgets.
three = ("fine-tuned", "L2", "L2-SP")
first = max(three, key=lambda arm: reached(arm, 20).mean())
ends = [
    interval(reached(first, 20, steps), reached(arm, 20, steps))[1]
    for arm in three
    for steps in (50, 120)
    if arm != first
]
answer = {"fine-tuned": "no penalty"}.get(first, first) if min(ends) > 0 else "we cannot tell"
quiz.reveal("10.penalty", answer)

# %% jupyter={"source_hidden": true} slideshow={"code": false, "headline": "With 10, 20 and 50 labels", "slide_type": "subslide"}
# Mean test accuracies in percent over five seeds.
arms = ("pixels", "frozen", "scratch", "as printed", "fine-tuned", "L2", "L2-SP")
cases = [(n, steps) for steps in (120, 50) for n in stored["labels"]]
heads = f"{'':16}{'after 120 steps':>24}{'after 50 steps':>24}\n"
heads += f"{'labels':16}" + "".join(f"{n:8}" for n, _ in cases)
print(heads)
for arm in arms:
    print(f"{arm:16}" + "".join(f"{reached(arm, *case).mean():6.0f} %" for case in cases))

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# The rate that the tuning chose, and λ.
print(heads)
for place, what in enumerate(("rate", "λ")):
    for arm in ("scratch", "fine-tuned", "L2", "L2-SP")[2 * place :]:
        chosen = [stored["arms"][str(n)][arm][str(steps)]["setting"] for n, steps in cases]
        print(f"{what:4} {arm:11}" + "".join(f"{setting[place]:8.2g}" for setting in chosen))

# %% jupyter={"source_hidden": true} slideshow={"code": false, "headline": "Which differences are sure?", "slide_type": "subslide"}
# Paired differences in points, with intervals of 95 %; a star where they leave out zero.
pairs = [("fine-tuned", "scratch"), ("fine-tuned", "frozen"), ("fine-tuned", "as printed")]
pairs += [("L2", "fine-tuned"), ("L2-SP", "fine-tuned"), ("L2-SP", "L2")]
for steps in (120, 50):
    print(f"{steps} steps, labels:".ljust(24) + "".join(f"{n:<20}" for n in stored["labels"]))
    for ours, theirs in pairs:
        line = f"{ours} − {theirs}".ljust(24)
        for n in stored["labels"]:
            mean, low, high = interval(reached(ours, n, steps), reached(theirs, n, steps))
            star = "*" if low * high > 0 else ""
            mean, low, high = (round(value, 1) + 0.0 for value in (mean, low, high))  # no −0.0
            line += f"{mean} ({low}, {high}){star}".ljust(20)
        print(line.rstrip())


# %% [markdown] slideshow={"slide_type": "notes"}
# With 10 labels the frozen features lead fine-tuning. With 20, after 120 steps, fine-tuning leads by about two points. The tutorial's
# 0.001 is right by luck where the tuning found 0.00095. Where it found 0.003 or 0.01 for 50 steps, 0.001 is behind by 3.6 and 7.3
# points.
#
# And λR(w)? We can tell neither penalty from none. Where L2-SP leads L2, the interval just leaves out zero, and of so many one such is
# no news. So short a training could hardly show more: with 20 labels, L2 shrinks a weight by about 1 %. The inventors of L2-SP report
# gains on photographs, with many more steps.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Paired intervals of 95 %, in points.
def lead(ours, theirs, labels=20, steps=120):
    return interval(reached(ours, labels, steps), reached(theirs, labels, steps))[1:]


ends = [lead("frozen", "pixels", n)[0] for n in stored["labels"]]
claim(min(ends) > 0, "frozen, the letters' features beat the pixels", measured=ends, seeds=5)
ends = [lead("fine-tuned", "frozen", 10, steps)[1] for steps in (50, 120)]
claim(max(ends) < 0, "with 10 labels frozen features lead", measured=ends, seeds=5)
ends = lead("fine-tuned", "frozen")
claim(ends[0] > 0, "with 20, after 120 steps, fine-tuning does", measured=ends, seeds=5)
ends = [lead("fine-tuned", "as printed", n, 50)[0] for n in (20, 50)]
claim(min(ends) > 0, "the printed rate is behind after 50", measured=ends, seeds=5)

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# The penalties, and how much they could do.
for arm in ("L2", "L2-SP"):
    ends = [lead(arm, "fine-tuned", n, steps) for n in stored["labels"] for steps in (50, 120)]
    unsure = all(low < 0 < high for low, high in ends)
    claim(unsure, f"{arm}: six intervals hold zero", measured=ends, seeds=5)
rate, decay = stored["arms"]["20"]["L2"]["120"]["setting"]
shrinks = rate / (1 - 0.9) * decay * 120
claim(shrinks < 0.02, "120 steps of L2 shrink a weight by about 1 %", measured=shrinks)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 6 · Is it the same network in Keras?
#
# Someone gives you PyTorch weights, and your project uses Keras. The two libraries differ in four conventions: the order of a kernel's axes; the ε of BatchNormalization, 1e-5 in PyTorch and 1e-3 in Keras; its
# momentum, where PyTorch's 0.1 is Keras' 0.9; and the padding of a convolution with stride 2. `pytorch.to_keras` respects them all. So measure:
#
# <!-- Notes: Do not trust, compare. Two networks are the same when the same images give the same logits. -->

# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
twin = pytorch.to_keras(state, side=32)
channels_last = x_letters.numpy().transpose(0, 2, 3, 1)
theirs = twin.predict(channels_last, verbose=0)
with torch.no_grad():
    mine = reader.eval()(x_letters).numpy()

# %% jupyter={"source_hidden": true} slideshow={"code": false}
largest = np.abs(mine - theirs).max()
print("largest difference of 13,000 logits below 0.0001:", bool(largest < 1e-4))
claim(largest < 1e-4, "Keras and PyTorch agree to 1e-4 in every logit")

# %% [markdown] slideshow={"headline": "Weights that fit, and are wrong", "slide_type": "subslide"}
# It works: one network in two libraries. But fitting shapes alone prove nothing. The famous trap is ResNet50. In Keras
# (version 1), its blocks shrink the map in their first convolution, of 1×1. In PyTorch (version 1.5) they do so in the second one, of
# 3×3. A stride has no weights, so each version's weights fit into the other without a word.
#
# Chapter 05's ResNet50 reads letters in scenes. We put its weights into a copy whose strides stand where PyTorch has them.
#
# <!-- Notes: Answer: about two of three. It is worse, and not broken, which is the trap. Ask what the 3×3 kernels now see: a map
# that is twice as fine. -->

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
# The same network with the strides of version 1.5: only conv3, conv4 and conv5 shrink in a block.
version_1 = models.letter_reader()
config = version_1.get_config()
for layer in config["layers"]:
    for stage in ("conv3", "conv4", "conv5"):
        if layer["name"].startswith(f"{stage}_block1_1_conv"):
            layer["config"]["strides"] = (1, 1)
        if layer["name"].startswith(f"{stage}_block1_2_conv"):
            layer["config"]["strides"] = (2, 2)
version_15 = type(version_1).from_config(config)

# %% slideshow={"slide_type": "-"}
version_15.set_weights(version_1.get_weights())  # every shape fits

# %% slideshow={"code": false}
question = "Version 1 reads about three of four letters. What share does the copy read, of 72?"
quiz.predict("10.version", question, 0, 1)

# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
alphabet_72 = weights.card()["alphabet"]
scenes = data.make_scene_letters(1, 200, alphabet=alphabet_72, random_state=5)
pixels = models.preprocess(scenes.x_test)
both = [network.predict(pixels, verbose=0) for network in (version_1, version_15)]
right = [p.argmax(1) == scenes.y_test for p in both]
right_1, right_15 = np.mean(right, axis=1)

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"} tags=["atol-0.05"]
quiz.reveal("10.version", right_15)

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
# What three blocks return for 30 letters, in both versions; four channels of the first letter.
blocks = [f"{stage}_block1_out" for stage in ("conv3", "conv4", "conv5")]
networks = (version_1, version_15)
views = [type(n)(n.inputs, [n.get_layer(b).output for b in blocks]) for n in networks]
maps = [view.predict(pixels[:30], verbose=0) for view in views]
first, other = maps[0][0][0], maps[1][0][0]
strongest = np.argsort(-first.var((0, 1)))[:4]
top = first[..., strongest].max()

# %% jupyter={"source_hidden": true} slideshow={"code": false, "headline": "What a block returns", "slide_type": "subslide"}
# One letter, four channels after the first block of conv3, in both versions, and their difference.
rows = {"v1": first, "v1.5": other, "difference": other - first}
layout = [["image", *(f"{row} {c}" for c in strongest)] for row in rows]
figure, axes = plotting.plt.subplot_mosaic(layout, figsize=(plotting.WIDTH, 4.3))
_ = axes["image"].imshow(scenes.x_test[0])
for row, picture in rows.items():
    lowest = -top if row == "difference" else 0
    for c in strongest:
        ax = axes[f"{row} {c}"]
        _ = ax.imshow(picture[..., c], cmap="gray", vmin=lowest, vmax=top)
        _ = ax.set_title(f"{row}, {c}" if row != "difference" else row, fontsize=9)
_ = [ax.axis("off") for ax in axes.values()]
plotting.show(
    figure, "A letter, four channels in version 1 and in version 1.5, and their difference"
)

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "notes"} tags=["atol-6"]
mean, low, high = interval(100.0 * right[1], 100.0 * right[0])
print(f"version 1 reads {right_1:.2f}, the copy {right_15:.2f}")
print(f"paired difference: {mean:.1f} points ({low:.1f} to {high:.1f})")

# %% [markdown] slideshow={"slide_type": "notes"}
# No error, no warning. The copy still reads, only worse, and its maps correlate with the original's by more than 0.9. Alone, you
# would take it for a weak network. So after every transfer of weights, compare activations: equal means equal up to rounding.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
claim(high < 0, "the copy reads less", measured=(low, high))
alike = [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(*maps, strict=True)]
claim(
    0.9 < min(alike) < 0.999, "the maps of three blocks are alike, not equal", measured=min(alike)
)

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ## Going deeper · Every mistake with its price

# %% [markdown] slideshow={"slide_type": "skip"}
# The benchmark ran the mistakes of section 3 on the digits, with 20 labels of each, five seeds and 120 steps, each beside the same
# run without the mistake. One of them *helps* here: to hand all parameters over, where the text promises `fc` alone.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Mean accuracy with the mistake, and the paired difference to that without it.
print(f"{'':58}with   points")
for name, found in stored["mistakes"].items():
    wrong, proper = 100 * np.array(found["results"]), 100 * np.array(found["beside"])
    mean, low, high = interval(wrong, proper)
    print(f"{name:57}{wrong.mean():3.0f} %   {mean:.1f} ({low:.1f}, {high:.1f})")

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
_, *ends = 100 * np.array(stored["mistakes"]["all parameters handed over"]["difference"])
claim(ends[0] > 0, "all parameters beat `fc` alone", measured=ends, seeds=5)

# %% [markdown] slideshow={"slide_type": "skip"}
# One entry of section 5 you can compute yourself, from what section 2 has seen of your own digits: *frozen*, with 20 labels. `C` is
# the inverse of the strength of logistic regression's own L2.

# %% slideshow={"slide_type": "skip"} tags=["atol-0.08"]
C = stored["arms"]["20"]["frozen"]["0"]["setting"][0]  # as the benchmark has tuned it
kept = reached("frozen", 20).mean() / 100
kernel, bias = rivals.logistic_regression(seen.numpy(), few.y_train, C)
live = np.mean((seen_test.numpy() @ kernel + bias).argmax(1) == few.y_test)
print(f"frozen, 20 labels: {live:.2f} live, {kept:.2f} stored")

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
claim(abs(live - kept) < 0.08, "your entry agrees with what is stored", measured=live)

# %% [markdown] slideshow={"slide_type": "skip"}
# With the internet you can try it on the tutorial's own photographs, CIFAR-10, after `tlcourse fetch resnet18 cifar10`:
#
# ```python
# net = ResNet18()
# net.load_state_dict(pytorch.imagenet_resnet18())
# photos = data.few_labels(data.fetch_cifar10(), 20, random_state=0)
# large = pytorch.tensors(photos.x_train, side=224)  # and once without `side`
# ```

# %% [markdown] slideshow={"slide_type": "skip"}
# A batch of one image is an error in `train` mode at 32 pixels, because `layer4` then has a single value for each channel, and a
# single value has no variance:

# %% slideshow={"slide_type": "skip"}
try:
    deepcopy(reader).train()(x_letters[:1])
except ValueError as error:
    print(error)


# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ## Going deeper · Saving, and what a file can do

# %% [markdown] slideshow={"slide_type": "skip"}
# `torch.save(net.state_dict(), path)` keeps the weights. The file is a *pickle*, and a pickle may hold any call, which runs
# while the file is loaded. Here is a harmless one:

# %% slideshow={"slide_type": "skip"}
class NotWeights:
    def __reduce__(self):  # the call that the file is to hold
        return print, ("I am running on your computer.",)


file = io.BytesIO()
torch.save({"fc.bias": NotWeights()}, file)

# %% slideshow={"slide_type": "skip"}
# First as one should, then as many old scripts do.
_ = file.seek(0)
try:
    torch.load(file, weights_only=True)
except pickle.UnpicklingError:
    print("weights_only=True refuses it")
_ = file.seek(0)
_ = torch.load(file, weights_only=False)

# %% [markdown] slideshow={"slide_type": "skip"}
# `weights_only=True` lets in tensors and plain containers alone. It is the default since PyTorch 2.6, but your code may meet an
# older one. Keras' `.weights.h5` files hold arrays and no calls.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## How well did you predict?

# %% slideshow={"slide_type": "skip"}
quiz.predictions("10")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Key points
#
# - The optimiser moves what it is given. To train a last layer alone, give it that layer alone.
# - `requires_grad_(False)` does not stop BatchNormalization. `eval()` does.
# - Ask in `eval` mode, without gradients, on images that were kept back. A falling loss is no test.
# - A rate of 0.001 with momentum 0.9 is 0.01 in the long run.
# - Weights know a size and a normalisation. Give them both.
# - Shapes that fit prove nothing. Compare activations or logits.
# - Load files of others with `weights_only=True`.
#
# <!-- Notes:
# Show the tutorial's lines once more, and let them find the mistakes now. Then hand out exercise set 10.
# -->

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercises to do next
#
# The [exercise set](../exercises/ex10/ex10_resnet18.ipynb) checks your answers as you go. Beyond it:
#
# 1. Take `optimizer.zero_grad()` out of `fit`, and train the last layer of section 3 for 10 epochs. What does the loss do?
# 2. Make the stem gentler: a first convolution with stride 1, and `net.maxpool = nn.Identity()`. Do the letters' weights still read?
#
# ## Further reading
#
# - He, Zhang, Ren & Sun 2016, *Deep residual learning for image recognition*, CVPR.
# - Li, Grandvalet & Davoine 2018, *Explicit inductive bias for transfer learning with convolutional networks*, ICML.

# %% [markdown] slideshow={"slide_type": "slide"}
# # 10 · ResNet18 in PyTorch
#
# Many people meet transfer learning in a PyTorch tutorial of thirty lines. It loads a ResNet18, replaces the last layer, and
# prints a loss that falls. Here you build it beside the Keras
# that you know, find out what those lines get wrong, and what each mistake costs.
#
# <!-- Notes:
# Ask who has run such a tutorial, and how they knew that it worked. Was it the loss?
# -->

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What you will be able to do
#
# - write a ResNet18 and its training loop in PyTorch, and name Keras' twin of every line;
# - find out which weights train, and catch a tutorial's mistakes by running it;
# - pull a network towards the weights it came from, and measure what that gives;
# - carry weights to Keras and back, and check that both compute the same.
#
# <!-- Notes: Section 3 is the heart. Sections 1 and 2 are needed for it, 4 to 6 can be chosen from. -->

# %% [markdown] slideshow={"slide_type": "skip"}
# **Time:** 80 minutes to read and try, 1 min to run. You need chapters 01 and 05, and PyTorch (`make torch`; `tlcourse doctor` checks).

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
# detour around them that you know: it returns $x + f(x)$.
#
# In PyTorch a network is a class. You make its layers in `__init__`, where `super().__init__()` comes first, and say in
# `forward` how images run through them. `net(x)` calls `forward`, which is Keras' `call`.
#
# <!-- Notes: Draw the block with its detour. Where does the gradient go when f's weights are near zero? -->

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
        if stride > 1:  # … except where the branch `f` is smaller: so shrink x, too
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
# three of the stages halve it again. The tutorial gives it 32×32.
#
# <!-- Notes: Answer: one. Let them halve on paper: 32, 16, 8, 8, 4, 2, 1. -->

# %% slideshow={"code": false}
sizes = ["1×1", "4×4", "7×7", "8×8"]
question = "Which size has the map that leaves `layer4`, for an image of 32×32 pixels?"
quiz.predict("10.map", question, sizes)

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
# Our names, such as `layer1.0.conv1.weight`, are the published ones, so published weights fit into it.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Names, shapes and number of parameters beside the published ones.
ours, published = ResNet18().state_dict(), pytorch.resnet18().state_dict()
same = {k: v.shape for k, v in ours.items()} == {k: v.shape for k, v in published.items()}
claim(same, "our names and shapes are the published ones")
n = sum(p.numel() for p in net.parameters())
claim(n == 11_689_512, "as many parameters as published", measured=n)

# %% [markdown] slideshow={"headline": "It reads", "slide_type": "subslide"}
# The weights that we load have learned printed letters, bright on dark, in tints that change from image to image. The first
# time, they are trained here (a minute), and kept. A `state_dict` is a dictionary from names to weights.
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
claim(share > 0.5, "it reads more than half of 500 letters", measured=share)


# %% [markdown] slideshow={"slide_type": "slide"}
# ## 2 · The loop that `fit` hides
#
# In Keras, everything below happens inside `fit`. In PyTorch you write it yourself, so there is much to get wrong. Set the
# mode once; then each step has four lines.
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
# The loop: `optimizer` holds the parameters that it may move; it returns the batches' losses.
def fit(model, optimizer, x, y, epochs, training=True, penalty=None):
    shuffled = torch.Generator().manual_seed(0)
    loader = DataLoader(TensorDataset(x, y), batch_size=32, shuffle=True, generator=shuffled)
    model.train(training)
    losses = []
    for _ in range(epochs):
        for x_batch, y_batch in loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x_batch), y_batch)
            loss.backward()
            if penalty:
                penalty(model)  # section 5 needs it
            optimizer.step()
            losses.append(loss.item())
    return losses


# %% [markdown] slideshow={"headline": "Asking is not training", "slide_type": "subslide"}
# An answer needs no gradients, so `no_grad` saves memory: it does not keep what only `backward` needs. And `eval` makes BatchNormalization use what it has
# stored, instead of the batch that happens to be there. You need both.
#
# <!-- Notes: Ask whether `no_grad` switches to `eval`, and how to find out. -->

# %% slideshow={"slide_type": "-"}
def accuracy(model, x, y):
    model.eval()
    with torch.no_grad():
        return (model(x).argmax(1) == y).float().mean().item()


# %% [markdown] slideshow={"headline": "0.001, with momentum 0.9", "slide_type": "subslide"}
# ### What does a rate of 0.001 with momentum 0.9 amount to?
#
# Tutorials print gradient descent, but their code takes batches, with momentum. PyTorch writes that as
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
# of about 0.01. If you take momentum away, take ten times the rate, as long as that is small.
#
# Does that hold where the slope changes? We train a new last layer for ten digits.

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
    rng = np.random.default_rng(0)
    for _ in range(steps):
        chosen = rng.permutation(len(y))[:size]
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
# Momentum starts slowly, and then meets the curve of the tenfold rate. Batches of 32 follow gradient
# descent at a sixth of its price of 200 images a step. One image at a time is nervous, and cheap: its
# 150 steps see fewer images than the first step of gradient descent.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# 150 steps, the mean of the last 20.
late = {way: np.mean(curve[-20:]) for way, curve in curves.items()}
apart = late["batches of 32, 0.001, momentum 0.9"] / late["batches of 32, 0.01"] - 1
claim(abs(apart) < 0.1, "0.001 with momentum 0.9 ends where 0.01 does", measured=apart)
single, whole = (
    curves["one image at a time, 0.01"],
    curves["gradient descent, all 200 images, 0.01"],
)
claim(
    single[-1] < whole[0],
    "150 images, one at a time, beat one step of all 200",
    measured=single[-1],
)
plain, with_momentum = head_losses(1.0), head_losses(0.1, 0.9)
worse = np.mean(plain[-20:]) / np.mean(with_momentum[-20:])
claim(worse > 3, "0.1 with momentum learns, 1 without it jumps about", measured=worse)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 3 · What does the tutorial get wrong?
#
# This is such a tutorial without its imports, in our own words, and with the letters' weights in place of ImageNet's. It learns
# these digits, with 20 labels of each, and promises to train nothing but the new last layer.
#
# <!-- Notes: Show the lines, and let them look for the mistakes before you run them. -->

# %% jupyter={"source_hidden": true} slideshow={"code": false}
# Ten of the digits.
ax = plotting.image_grid(digits[:10], [str(k) for k in few.y_train[:10]])
plotting.show(ax, "Ten handwritten digits in clutter, each in two tints")

# %% [markdown] slideshow={"slide_type": "notes"}
# How many mistakes do you see? Write them down. Our list is at the end of section 4.

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
# The loss falls, and here the tutorial ends. It never asks about new digits. We do.
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
# The optimiser moves what it is given, and it was given everything. So this was fine-tuning. Now do what the text says:
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
# it. In PyTorch, train a frozen network in `eval` mode.

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
# In `train` mode, BatchNormalization normalises each image by the *other* images of its batch. Take section 1's
# 500 letters in batches of 32, once mixed, and once in the order of the alphabet, as files lie in folders.
#
# <!-- Notes: Answer: about 0.20, where `eval` mode reads 0.80. Ask first: what can a network say about a batch that holds nothing but As? -->

# %% slideshow={"code": false}
question = "What share will it read in `train` mode, in the order of the alphabet?"
quiz.predict("10.eval", question, 0, 1)

# %% slideshow={"slide_type": "skip"}
# The share of letters that the reader reads in a mode, in an order.
as_drawn = np.arange(500)  # the letters come mixed


def share_read(x=x_letters, training=False, places=as_drawn):
    asked = deepcopy(reader).train(training)
    with torch.no_grad():
        logits = torch.cat([asked(batch) for batch in x[places].split(32)])  # batches of 32
    return np.mean(logits.argmax(1).numpy() == y_letters[places])


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# The same letters with other pixels, and the order of the alphabet.
halved = pytorch.tensors(images, **half)
undivided = torch.from_numpy(images.transpose(0, 3, 1, 2)).float()
alphabet = np.argsort(y_letters, kind="stable")

# %% slideshow={"slide_type": "skip"}
shares = {
    "as it should be": share_read(),
    "train mode, mixed": share_read(training=True),
    "train mode, A to Z": share_read(training=True, places=alphabet),
    "pixels normalised with 0.5": share_read(halved),
    "pixels of 0–1": share_read(undivided / 255),
    "pixels of 0–255": share_read(undivided),
}

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"} tags=["atol-0.1"]
quiz.reveal("10.eval", shares["train mode, A to Z"])

# %% slideshow={"code": false, "slide_type": "subslide"} tags=["atol-0.1"]
for way, share in shares.items():
    print(f"{way:28} {share:.2f}")

# %% [markdown] slideshow={"slide_type": "notes"}
# In alphabetical order a batch holds two or three classes. BatchNormalization takes away what its images have in common, which
# is the letter. In mixed batches you might not notice, so the mistake waits until your images come sorted. Keras'
# `predict` spares you that.
#
# The last three rows show other pixels than the weights have learned from. The tutorial's 0.5 is close to ImageNet's means and
# twice their deviations, and on these letters it costs little (*Going deeper* prices it on digits). Pixels that are only divided cost
# much, others nearly everything.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# What each of the four ways costs beside the right one.
cost = {way: shares["as it should be"] - share for way, share in shares.items()}
sorted_cost = cost["train mode, A to Z"]
claim(sorted_cost > 0.4, "sorted, it costs over 40 points", measured=sorted_cost)
small = max(cost["train mode, mixed"], cost["pixels normalised with 0.5"])
claim(small < 0.08, "mixed batches and 0.5 cost less than eight each", measured=small)
divided, raw = cost["pixels of 0–1"], cost["pixels of 0–255"]
claim(divided > 0.15, "pixels that are only divided cost over 15", measured=divided)
claim(raw > 0.4, "pixels of 0–255 cost over 40", measured=raw)

# %% [markdown] slideshow={"headline": "The lost flatten", "slide_type": "subslide"}
# ### The other tutorial
#
# A second recipe cuts off the last layer, which looks as neat as `layers[-1].input` in Keras:
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
# (4, 512, 1, 1), and the linear layer takes that for 2,048 rows of one number each. The remedy is `nn.Flatten()` in between, or
# `nn.Identity()` as the last layer, as in section 2.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
with torch.no_grad():
    mended = nn.Sequential(body.eval(), nn.Flatten())(x)
claim(
    torch.allclose(mended, seen, atol=1e-5), "with `nn.Flatten()` both ways give the same features"
)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 4 · What if the images have another size?
#
# Our weights know letters of 32 pixels, the published ones photographs of 224. But convolutions slide over a map of any size. So show the
# reader letters enlarged to 64 pixels: no detail is lost, and `layer4` has four pixels instead of one.
#
# <!-- Notes: Answer: far fewer. Then ask: the strokes, the map, or the place? How would you find out? -->

# %% slideshow={"code": false}
more = ["more letters", "about as many", "fewer letters"]
quiz.predict("10.size", "What will it read when the letters are twice as large?", more)


# %% slideshow={"slide_type": "skip"}
def resized(side):
    return F.interpolate(x_letters, size=(side, side), mode="bilinear", antialias=True)


sides = (16, 24, 28, 32, 36, 40, 48, 64)
by_side = {side: share_read(resized(side)) for side in sides}

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
quiz.reveal("10.size", more[1 + int(np.sign(round((by_side[32] - by_side[64]) / 0.1)))])


# %% [markdown] slideshow={"slide_type": "notes"}
# Is it the strokes, the map, or the letter's place? We change one at a time. *Strokes*: letters made smaller or larger, on
# the middle of 32 pixels. *Map*: the old letters on a canvas that grows to the right and below. (Kernels stride from the top left corner,
# so nothing else moves.) *Place*: 32 pixels, the letters moved down and right.
#
# <!-- Notes: Let them say first what each explanation predicts for its curve. -->

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Other strokes, a larger canvas, another place; each leaves the other two as they were.
def on_middle(side):
    """The letters of another size, on the middle of 32 pixels."""
    edge = abs(side - 32) // 2
    if side > 32:
        return resized(side)[:, :, edge : edge + 32, edge : edge + 32]
    return F.pad(resized(side), (edge,) * 4, mode="replicate")


def on_canvas(side):
    return F.pad(x_letters, (0, side - 32, 0, side - 32), mode="replicate")


def moved_by(d):
    return F.pad(x_letters, (d, 0, d, 0), mode="replicate")[:, :, :32, :32]


strokes = {side: share_read(on_middle(side)) for side in sides}
larger = {side: share_read(on_canvas(side)) for side in sides[3:]}
by_place = {d: share_read(moved_by(d)) for d in range(0, 9, 2)}

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "subslide"}
# Left: over the size; right: over the place, at 32 pixels.
figure, (ax, beside) = plotting.plt.subplots(
    1, 2, figsize=(plotting.WIDTH, 4.2), width_ratios=(3, 2), sharey=True
)
lines = {
    "strokes alone": (strokes, "s-", plotting.COLORS["fine-tuned"]),
    "map alone": (larger, "o--", plotting.COLORS["scratch"]),
    "the whole image": (by_side, "D-", plotting.COLORS["source"]),
}
for label, (found, style, color) in lines.items():
    _ = ax.plot(list(found), [100 * v for v in found.values()], style, color=color, label=label)
_ = beside.plot(list(by_place), [100 * v for v in by_place.values()], "^-", color="#E69F00")
for each in (ax, beside):
    _ = each.axhline(100 / 26, color="#666666", ls=":", lw=1, label="guessing")
_ = ax.set(xlabel="size (pixels)", ylabel="letters read (%)", ylim=(0, 100))
_ = ax.set(title="It needs the map that it knows", xticks=(16, 24, 32, 40, 48, 64))
_ = beside.set(xlabel="moved down and right (pixels)", title="… and the place")
_ = ax.legend(fontsize=9)
plotting.show(figure, "Letters read, over the size and over the place: both curves fall steeply")

# %% [markdown] slideshow={"slide_type": "notes"}
# The strokes matter least: a quarter smaller or larger, more than half of the letters are read. Four pixels away, less than half of what
# it could read is left. And on a larger canvas it reads hardly any. There `fc` sees the mean over four places. Let us show it
# each place alone:

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# The size, the strokes, the map and the place.
known = by_side[32]
claim(max(by_side, key=by_side.get) == 32, "it reads best at the size that it knows")
claim(known - by_side[64] > 0.4, "at twice the size it guesses", measured=by_side[64])
ends = [strokes[24], strokes[40]]
claim(min(ends) > 0.5, "strokes a quarter thinner or thicker are read", measured=ends)
claim(by_place[4] < known / 2, "four pixels away, less than half is left", measured=by_place[4])
claim(larger[40] < 0.2, "on a canvas of 40 pixels hardly any is", measured=larger[40])

# %% slideshow={"headline": "Which place reads?", "slide_type": "subslide"} tags=["atol-0.1"]
# What `fc` reads from the mean over the map of 40 pixels, and from each of its places.
up_to_map = nn.Sequential(*list(reader.children())[:-2]).eval()
with torch.no_grad():
    layer4 = up_to_map(on_canvas(40))  # (500, 512, 2, 2)
    logits = {"the mean": reader.fc(layer4.mean((2, 3)))}
    for row, column in np.ndindex(2, 2):
        logits[f"place {row}, {column}"] = reader.fc(layer4[:, :, row, column])
from_map = {what: np.mean(z.argmax(1).numpy() == y_letters) for what, z in logits.items()}
for what, share in from_map.items():
    print(f"{what:10} {share:.2f}")

# %% [markdown] slideshow={"slide_type": "notes"}
# Place 0, 0, where the letter is, reads several times as many as the mean. At 32 pixels there was nothing to average. Now it is averaged
# with three other places. (The outer weights of section 1 are hardly to blame: set to zero, they mend little.) Another size also moves
# the letter: shrunk to 24 pixels, it is read as rarely as in the corner of 32.
#
# So much for the *old* last layer. A new one, trained with 20 labels at 64 pixels, reaches 44 % instead of 60 frozen, and
# 53 instead of 63 fine-tuned. So bring images to the size that the weights know, or measure. What 32 pixels cost
# ImageNet's weights, *Going deeper* helps you measure.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# The map, the weights that never had anything to do, and the small letter in the corner.
alone, mean = from_map["place 0, 0"], from_map["the mean"]
claim(alone > 3 * mean, "one place reads over three times as many as the mean", measured=alone)
cut = deepcopy(reader)
for conv in (cut.layer4[0].conv2, cut.layer4[1].conv1, cut.layer4[1].conv2):
    keep = torch.zeros(3, 3)
    keep[1, 1] = 1
    conv.weight.data *= keep
with torch.no_grad():
    same = torch.allclose(cut(x_letters), reader(x_letters), atol=1e-4)
    ends = [np.mean(cut(on_canvas(n)).argmax(1).numpy() == y_letters) for n in (40, 64)]
claim(same, "without the outer weights of three kernels, 32 pixels give the same logits")
claim(max(ends) < 0.25, "without them it reads hardly more at 40 and 64", measured=ends)
corner = share_read(F.pad(resized(24), (0, 8, 0, 8), mode="replicate"))
claim(
    abs(corner - by_side[24]) < 0.1, "small in the corner is as bad as small alone", measured=corner
)

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# What is stored of 64 pixels: percent of five seeds, with 20 labels.
stored = benchmark("resnet18")
for arm, budget, at_32, at_64 in (("frozen", "0", 60, 44), ("fine-tuned", "120", 63, 53)):
    runs = stored["arms"]["20"][arm][budget], stored["enlarged"][arm][budget]
    found = [100 * np.mean(run["results"]) for run in runs]
    close = np.allclose(found, (at_32, at_64), atol=0.5)
    claim(close, f"{arm}, {at_64} % at 64 pixels instead of {at_32}", measured=found, seeds=5)


# %% [markdown] slideshow={"headline": "Tick them off", "slide_type": "subslide"}
# ### The tutorial's mistakes
#
# 1. All parameters go to the optimiser, where the text says *the last layer*.
# 2. New images are never shown to it.
# 3. Nobody says `eval()`, to ask, or to train `fc` alone.
# 4. It normalises with 0.5, whatever the weights have learned from.
# 5. It gives 32 pixels to ImageNet's weights. (With the letters' you could not see it.)
#
# <!-- Notes: Who had found the first four? When is `train` mode right? (For training everything.) Which one would you have noticed from the loss? None. -->

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 5 · What does λR(w) do?
#
# Section 3's other tutorial prints an objective with a penalty, and a program without it:
#
# $$ \min_w\ \frac1n \sum_i L\bigl(y_i, f(x_i; w)\bigr) + \lambda R(w) $$
#
# The usual choice is $R(w) = \tfrac12 \sum_j w_j^2$, **L2**. Its gradient is $w$, so each step pulls every weight towards
# zero. PyTorch's `SGD` has it built in, as `weight_decay=λ`; in
# Adam that is something else (exercise 2 of the set). But at zero a network knows nothing. **L2-SP** (Li, Grandvalet & Davoine 2018) pulls towards the *starting point* instead, with
# $R(w) = \tfrac12 \sum_j (w_j - w_{0j})^2$. The new last layer has no starting point; it is pulled towards zero.
#
# <!-- Notes: On the board: one weight, its source value 3, and two springs. Where does each of them pull? -->

# %% slideshow={"slide_type": "skip"}
# `fit` calls it between `backward` and `step`.
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

# %% [markdown] slideshow={"slide_type": "skip"}
# Watch both springs, with a λ that is far too strong:

# %% slideshow={"slide_type": "skip"} tags=["atol-6"]
# How far the backbone ends from where it began, which was itself 111 away from zero.
away = {}
for name, goal in (("no penalty", None), ("L2", zeros), ("L2-SP", state)):
    net = ResNet18(26)
    net.load_state_dict(state)
    net.fc = nn.Linear(512, 10)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
    _ = fit(net, optimizer, x, y, 4, penalty=goal and (lambda model, w=goal: pull(model, w, 0.5)))
    steps = [p.detach() - state[k] for k, p in net.named_parameters() if not k.startswith("fc.")]
    away[name] = torch.cat([step.flatten() for step in steps]).norm().item()
    print(f"{name:10} {away[name]:5.1f}")

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
names_below = [name for name, _ in reader.named_parameters() if not name.startswith("fc.")]
length = torch.cat([state[name].flatten() for name in names_below]).norm().item()
claim(abs(length - 111) < 2, "the backbone began about 111 from zero", measured=length)
claim(away["L2"] > 50 > 10 * away["no penalty"], "L2 pulls it away", measured=away["L2"])
held = away["L2-SP"] / away["no penalty"]
claim(held < 0.8, "L2-SP holds it nearer than no penalty does", measured=held)

# %% [markdown] slideshow={"headline": "Which one wins with few labels?", "slide_type": "subslide"}
# `python -m benchmarks.resnet18` fine-tuned the network with neither, with L2 and with L2-SP, on the digits: five seeds, 50 and 120
# steps of 32 images. Rate and λ were tuned each time, on other images. *As printed* trains every parameter at the tutorial's
# 0.001.
#
# <!-- Notes: Answer: see the figure. Ask what it would take to see a difference of one point with five seeds. -->

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
best = max(three, key=lambda arm: reached(arm, 20).mean())
ends = [
    interval(reached(best, 20, steps), reached(arm, 20, steps))[1]
    for arm in three
    for steps in (50, 120)
    if arm != best
]
answer = {"fine-tuned": "no penalty"}.get(best, best) if min(ends) > 0 else "we cannot tell"
quiz.reveal("10.penalty", answer)

# %% jupyter={"source_hidden": true} slideshow={"code": false, "headline": "Which gains are sure?", "slide_type": "subslide"}
# Points that each arm gains on fine-tuning without a penalty, with intervals of 95 %.
figure, both = plotting.plt.subplots(1, 2, figsize=(plotting.WIDTH, 3.8), sharex=True, sharey=True)
arms = ("L2-SP", "L2", "as printed", "frozen")
colors = dict(zip(stored["labels"], ("#56B4E9", "#0072B2", "#000000"), strict=True))
for ax, steps in zip(both, (120, 50), strict=True):
    for n, lift in zip(stored["labels"], (0.22, 0, -0.22), strict=True):
        gains = [interval(reached(arm, n, steps), reached("fine-tuned", n, steps)) for arm in arms]
        means, lows, highs = np.transpose(gains)
        spread = (means - lows, highs - means)
        places = np.arange(len(arms)) + lift
        _ = ax.errorbar(means, places, xerr=spread, fmt="o", color=colors[n], label=f"{n} labels")
    _ = ax.axvline(0, color="#666666", lw=1)
    _ = ax.set(title=f"After {steps} steps", yticks=range(len(arms)), yticklabels=arms)
    _ = ax.set(xlabel="points gained on fine-tuning")
_ = both[1].legend(fontsize=8, loc="lower left")
plotting.show(
    figure, "Gains of four arms on plain fine-tuning, with intervals, of which most hold zero"
)

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Mean test accuracies in percent over five seeds.
arms = ("pixels", "frozen", "scratch", "as printed", "fine-tuned", "L2", "L2-SP")
cases = [(n, steps) for steps in (120, 50) for n in stored["labels"]]
heads = f"{'':16}{'after 120 steps':>24}{'after 50 steps':>24}\n"
heads += f"{'labels':16}" + "".join(f"{n:8}" for n, _ in cases)
print(heads)
for arm in arms:
    entries = [f"{reached(arm, *case).mean():.0f} %" for case in cases]
    if arm in ("pixels", "frozen"):  # a regression takes no steps
        entries[3:] = "—" * 3
    print(f"{arm:16}" + "".join(f"{entry:>8}" for entry in entries))


# %% [markdown] slideshow={"slide_type": "notes"}
# With 10 labels the frozen features lead fine-tuning. With 20, after 120 steps, fine-tuning leads by about two points. The tutorial's
# 0.001 loses nothing that we can see in four of six cases. After 50 steps, with 20 and 50 labels, it is behind by 3.6 and 7.3
# points.
#
# And λR(w)? We can tell neither penalty from none. With 20 labels L2 shrinks a weight by about 1 % in so short a training,
# which can hardly show. With 50 labels and 120 steps it is 12 %, but the intervals are 12 points wide. The inventors of L2-SP report
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
others = [(10, 50), (10, 120), (20, 120), (50, 120)]
ends = [lead("fine-tuned", "as printed", *case)[0] for case in others]
claim(max(ends) < 0, "in four other cases it is not", measured=ends, seeds=5)
tuned, printed = (np.ptp(reached(arm, 50)) for arm in ("fine-tuned", "as printed"))
claim(tuned > 5 * printed, "tuned, 50 labels scatter more", measured=(tuned, printed), seeds=5)

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# The penalties, and how much they could do.
for arm in ("L2", "L2-SP"):
    ends = [lead(arm, "fine-tuned", n, steps) for n in stored["labels"] for steps in (50, 120)]
    unsure = all(low < 0 < high for low, high in ends)
    claim(unsure, f"{arm}: six intervals hold zero", measured=ends, seeds=5)
for n, about in (("20", 1), ("50", 12)):
    rate, decay = stored["arms"][n]["L2"]["120"]["setting"]
    shrinks = 100 * rate / (1 - 0.9) * decay * 120
    close = abs(shrinks - about) < 0.5
    claim(close, f"with {n} labels L2 shrinks a weight by about {about} %", measured=shrinks)
wide = [np.ptp(lead(arm, "fine-tuned", 50)) for arm in ("L2", "L2-SP")]
claim(min(wide) > 10, "with 50 labels the intervals are wide", measured=wide, seeds=5)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 6 · Is it the same network in Keras?
#
# Someone gives you PyTorch weights, and your project uses Keras. Four conventions differ: the order of a kernel's axes; the ε of BatchNormalization, 1e-5 in PyTorch and 1e-3 in Keras; its
# momentum, where PyTorch's 0.1 is Keras' 0.9; and the padding where a convolution or a pooling has stride 2. `pytorch.to_keras` respects them all. So measure:
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
claim(largest < 1e-4, "Keras and PyTorch agree to 1e-4 in each of 13,000 logits")

# %% [markdown] slideshow={"slide_type": "skip"}
# And back: Keras' kernels have the axes (rows, columns, in, out), PyTorch's (out, in, rows, columns).

# %% slideshow={"slide_type": "skip"}
# Each layer's arrays from Keras into an empty network.
back = ResNet18(26)
keys = ("weight", "bias", "running_mean", "running_var")
for name, part in back.named_modules():
    if hasattr(part, "weight"):
        arrays = twin.get_layer(name.replace(".", "_")).get_weights()
        if arrays[0].ndim > 1:  # a kernel: `out` and `in` come first
            arrays[0] = np.moveaxis(arrays[0], (-1, -2), (0, 1))
        for key, array in zip(keys, arrays, strict=False):
            getattr(part, key).data.copy_(torch.from_numpy(array))

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
equal = [torch.equal(back.state_dict()[k], state[k]) for k in state if not k.endswith("tracked")]
claim(all(equal), "to Keras and back, every array comes home equal", measured=len(equal))

# %% [markdown] slideshow={"headline": "Weights that fit, and are wrong", "slide_type": "subslide"}
# It works: one network in two libraries. But fitting shapes alone prove nothing. The famous trap is ResNet50. In Keras
# (version 1), its blocks shrink the map in a convolution of 1×1, in PyTorch (version 1.5) in the next one, of 3×3. A stride has no
# weights, so each version's weights fit into the other.
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
scene_pixels = models.preprocess(scenes.x_test)
both = [network.predict(scene_pixels, verbose=0) for network in (version_1, version_15)]
right = [p.argmax(1) == scenes.y_test for p in both]
right_1, right_15 = np.mean(right, axis=1)

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"} tags=["atol-0.05"]
quiz.reveal("10.version", right_15)

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
# What three blocks return for 30 letters, in both versions; four channels of the first letter.
blocks = [f"{stage}_block1_out" for stage in ("conv3", "conv4", "conv5")]
networks = (version_1, version_15)
views = [type(n)(n.inputs, [n.get_layer(b).output for b in blocks]) for n in networks]
maps = [view.predict(scene_pixels[:30], verbose=0) for view in views]
original, copy = maps[0][0][0], maps[1][0][0]
strongest = np.argsort(-original.var((0, 1)))[:4]
top = original[..., strongest].max()

# %% jupyter={"source_hidden": true} slideshow={"code": false, "headline": "What a block returns", "slide_type": "subslide"}
# One letter, four channels after the first block of conv3, in both versions, and their difference.
rows = {"v1": original, "v1.5": copy, "difference": copy - original}
layout = [["image", *(f"{row} {c}" for c in strongest)] for row in rows]
figure, axes = plotting.plt.subplot_mosaic(layout, figsize=(plotting.WIDTH, 4.3))
_ = axes["image"].imshow(scenes.x_test[0])
for row, picture in rows.items():
    lowest = -top if row == "difference" else 0
    for c in strongest:
        ax = axes[f"{row} {c}"]
        _ = ax.imshow(picture[..., c], cmap="gray", vmin=lowest, vmax=top)
        _ = ax.set_title(f"{row}, channel {c}" if row != "difference" else row, fontsize=8)
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
# The benchmark ran the mistakes of section 3 on the digits, with 20 labels of each, five seeds and 120 steps. Each row says what the
# mistake reaches, what the same run reaches without it, and the paired difference in points.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Mean accuracy with and without the mistake, and the paired difference with its interval.
print(f"{'':61}with  without  points")
for name, found in stored["mistakes"].items():
    wrong, proper = 100 * np.array(found["results"]), 100 * np.array(found["beside"])
    mean, low, high = interval(wrong, proper)
    line = f"{name:61}{wrong.mean():2.0f} %{proper.mean():7.0f} %  "
    print(line + f"{mean:.1f} ({low:.1f}, {high:.1f})")


# %% [markdown] slideshow={"slide_type": "skip"}
# Two of the tutorial's mistakes cost nothing here. To hand all parameters over, where the text promises `fc` alone, even *helps*. And 0.5, trained
# and asked alike, we cannot tell from the right normalisation when everything trains. (Frozen features lose two points.) It costs six points when you train with one and ask with the other, which is how two scripts that each work fail
# together. `fc` alone in `train` mode we cannot tell from the frozen features either. Without `eval`, mixed batches cost three points, and sorted ones
# nearly everything.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# In points, the ends of the paired intervals.
def ends_of(name):
    found = stored["mistakes"][name]
    return interval(100 * np.array(found["results"]), 100 * np.array(found["beside"]))[1:]


ends = ends_of("all parameters handed over")
claim(ends[0] > 0, "all parameters beat `fc` alone", measured=ends, seeds=5)
for name in (
    "trained and asked with 0.5, fine-tuned",
    "fc alone, in train mode, beside frozen regression",
):
    ends = ends_of(name)
    claim(ends[0] < 0 < ends[1], f"{name}: we cannot tell", measured=ends, seeds=5)
for name in (
    "trained as the source, asked with 0.5",
    "trained and asked with 0.5, frozen",
    "no eval, asked in mixed batches of 32",
):
    ends = ends_of(name)
    claim(ends[1] < 0, f"{name}: it costs", measured=ends, seeds=5)

# %% [markdown] slideshow={"slide_type": "skip"}
# One entry of section 5's table you can compute yourself, from what section 2 has seen of your own digits: *frozen*, with 20 labels. `C` is
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
# single value has no variance. (Of 33 images `DataLoader` leaves one over; `drop_last=True` drops it.)
# And if you train a frozen network in `eval` mode whose head has dropout, say `net.eval(); net.fc.train()`.

# %% slideshow={"slide_type": "skip"}
try:
    deepcopy(reader).train()(x_letters[:1])
except ValueError as error:
    print(error)

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ## Going deeper · All settings and intervals of section 5

# %% [markdown] slideshow={"slide_type": "skip"}
# First the rate that the tuning chose at each budget, and λ. Then the paired differences in points, with intervals of 95 %; a star
# stands where they leave out zero. One star speaks for L2-SP against L2, and of so many one such is no news.
#
# Look at 50 labels after 120 steps. The tuning took ten times the tutorial's rate, and its seeds scatter from 60 to 77 %; those of
# 0.001 lie between 68 and 70.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# The rate that the tuning chose, and λ.
print(heads)
for place, what in enumerate(("rate", "λ")):
    for arm in ("scratch", "fine-tuned", "L2", "L2-SP")[2 * place :]:
        chosen = [stored["arms"][str(n)][arm][str(steps)]["setting"] for n, steps in cases]
        print(f"{what:4} {arm:11}" + "".join(f"{setting[place]:8.2g}" for setting in chosen))

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
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
# - Weights know a size and a normalisation. Give them both, or measure.
# - Shapes that fit prove nothing. Compare activations or logits.
#
# <!-- Notes:
# Show the tutorial's lines once more, and let them find the mistakes now. Then hand out exercise set 10.
# -->

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercises to do next
#
# The [exercise set](../exercises/ex10/ex10_resnet18.ipynb) checks your answers as you go. Beyond it:
#
# 1. Take `optimizer.zero_grad()` out of `fit`, and train the last layer of section 3 for 10 epochs. What do its losses do?
# 2. Give `net = deepcopy(reader)` a gentler stem: `net.conv1.stride = (1, 1)` and `net.maxpool = nn.Identity()`. Does it still read?
#
# ## Further reading
#
# - He, Zhang, Ren & Sun 2016, *Deep residual learning for image recognition*, CVPR.
# - Li, Grandvalet & Davoine 2018, *Explicit inductive bias for transfer learning with convolutional networks*, ICML.

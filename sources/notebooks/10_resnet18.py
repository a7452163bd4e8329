# %% [markdown] slideshow={"slide_type": "slide"}
# # 10 · ResNet18 in PyTorch
#
# Many people meet transfer learning in a PyTorch tutorial of thirty lines. It loads a ResNet18, replaces the last layer, and
# prints a loss that falls. In this chapter you write all of it yourself, beside the Keras that you know. Then you find out
# what those thirty lines get wrong, and what each mistake costs.
#
# <!-- Notes:
# Ask who has run such a tutorial, and how they knew that it worked. Most will say: the loss fell.
# -->

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What you will be able to do
#
# - write a ResNet18 and its training loop in PyTorch, and name Keras' twin of every line;
# - find out which weights train, and which stand still;
# - catch the mistakes of widely copied tutorials by running them;
# - pull a network towards the weights it came from, and measure whether that helps;
# - carry weights between PyTorch and Keras, and prove that they compute the same.
#
# <!-- Notes: Section 3 is the heart. Sections 1 and 2 are needed for it, 4 to 6 can be chosen from. -->

# %% [markdown] slideshow={"slide_type": "skip"}
# **Time:** 75 minutes to read and try, 1 min 30 s to run. You need chapters 01 and 05, and PyTorch: `make torch` installs it, and
# `tlcourse doctor` says whether it is there.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"} tags=["setup"]
# Everything that the chapter needs; without PyTorch it says here what to do.
import io
import pickle
from copy import deepcopy
from itertools import islice

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
# In PyTorch a network is a class. You make its layers in `__init__`, and say in `forward` how an image runs through them; in
# a Keras `Model` of your own, `forward` is called `call`.
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
        self.downsample = nn.Sequential()  # the detour changes nothing, …
        if stride > 1:  # … except where it has to shrink x to the size of F(x)
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
# Eight blocks, in four stages, stand between a **stem** and the last layer, `fc`.

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
# The stem was made for photographs of 224×224 pixels: its convolution and its pooling halve the map twice, and three of the
# stages halve it again. The tutorial gives it images of 32×32.
#
# <!-- Notes: Answer: one. Let them halve on paper: 32, 16, 8, 8, 4, 2, 1. -->

# %% slideshow={"code": false}
sizes = ["1×1", "4×4", "7×7", "8×8"]
quiz.predict("10.map", "Which size has the map that leaves `layer4`?", sizes)

# %% slideshow={"slide_type": "skip"}
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
# After `layer4` a single pixel is left, so the network cannot say any more *where* it saw something.
#
# Our names, such as `layer1.0.conv1.weight`, are those of the published network. Weights are stored under these names, so
# published weights fit into the network that you have just written.

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
    read = reader(x_letters).argmax(1).numpy()

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "subslide"}
# Twenty letters, each with what it reads.
names = letters.class_names
pairs = zip(read[:20], y_letters[:20], strict=True)
titles = [names[k] if k == y else f"{names[k]} (is {names[y]})" for k, y in pairs]
ax = plotting.image_grid(images[:20], titles)
for text, k, y in zip(ax.texts, read, y_letters, strict=False):
    text.set_color("black" if k == y else plotting.COLORS["scratch"])
plotting.show(ax, "Twenty letters in two tints each, above them what your ResNet18 reads")

# %% slideshow={"slide_type": "notes"} tags=["atol-0.05"]
print(f"your network reads {np.mean(read == y_letters):.2f} of new letters")

# %% [markdown] slideshow={"slide_type": "notes"}
# You wrote this network ten minutes ago, and it reads.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
share = np.mean(read == y_letters)
claim(share > 0.5, "of 26 letters it reads more than half", measured=share)


# %% [markdown] slideshow={"slide_type": "slide"}
# ## 2 · The loop that `fit` hides
#
# In Keras you compile and call `fit`. In PyTorch you write the loop yourself, which is why there is so much to get wrong. Each
# step has five lines.
#
# | PyTorch | what it does | in Keras |
# |---|---|---|
# | `optimizer.zero_grad()` | forget the last gradients, because `backward` *adds* | not needed |
# | `loss = F.cross_entropy(model(x), y)` | run; the loss takes logits | `from_logits=True` |
# | `loss.backward()` | a gradient for every parameter, kept in `p.grad` | `GradientTape` |
# | `optimizer.step()` | move the parameters | `optimizer.apply` |
# | `model.train()`, `model.eval()` | the mode of BatchNormalization and dropout | `training=True`, `False` |
#
# <!-- Notes: Take one row away at a time, and ask what would go wrong. Exactly that is set as an exercise. -->

# %% slideshow={"slide_type": "subslide"}
# Batch after batch without end; the seed decides the order.
def batches(x, y, seed):
    order = torch.Generator().manual_seed(seed)
    loader = DataLoader(TensorDataset(x, y), batch_size=32, shuffle=True, generator=order)
    while True:
        yield from loader


# %% slideshow={"slide_type": "subslide"}
# The loop: `optimizer` holds the parameters that it may move.
def fit(model, optimizer, x, y, steps, seed=0, training=True):
    losses = []
    model.train(training)
    for x_batch, y_batch in islice(batches(x, y, seed), steps):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x_batch), y_batch)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


# %% [markdown] slideshow={"headline": "Asking is not training", "slide_type": "subslide"}
# For an answer you need no gradients, so `no_grad` spares their memory. And `eval` makes BatchNormalization use what it has
# stored, instead of the batch that happens to be there. These are two different things, and you need both.
#
# <!-- Notes: "Does no_grad not switch to eval?" is the most frequent question here. -->

# %% slideshow={"slide_type": "-"}
def accuracy(model, x, y):
    model.eval()
    with torch.no_grad():
        return (model(x).argmax(1) == torch.as_tensor(y)).float().mean().item()


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
    "A slope stays the same for many steps. Which rate without momentum moves as far per step?"
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

# %% slideshow={"slide_type": "subslide"}
for step in (1, 2, 10, 60):
    print(f"step {step:2}: {moves[step - 1]:.4f}")

# %% [markdown] slideshow={"slide_type": "notes"}
# The velocity adds up $1 + 0.9 + 0.81 + \dots = 1/(1 - 0.9) = 10$ gradients. So in the long run 0.001 with momentum 0.9 is a rate
# of about 0.01. If you take momentum away, take ten times the rate.
#
# Does that hold where the slope changes? We train a new last layer for ten digits, on what the network sees before `fc`.

# %% slideshow={"slide_type": "skip"}
# Digits at 32 pixels, 20 labels of each; and what the reader's last layer would see of them.
drawn = data.make_cluttered_digits(1000, 1000, difficulty=0.3, random_state=1)
few = data.few_labels(drawn, 20, random_state=0)
digits, digits_test = pytorch.tinted(few.x_train, seed=0), pytorch.tinted(few.x_test, seed=1)
x, y = pytorch.tensors(digits), torch.from_numpy(few.y_train)
x_test, y_test = pytorch.tensors(digits_test), torch.from_numpy(few.y_test)
backbone = deepcopy(reader).eval()
backbone.fc = nn.Identity()
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
figure, ax = plotting.plt.subplots(figsize=(plotting.WIDTH, 3.8))
for (way, curve), style in zip(curves.items(), ("-", ":", "--", "-"), strict=True):
    _ = ax.plot(curve, style, label=way, lw=2)
_ = ax.set(xlabel="step", ylabel="loss on the 200 images")
_ = ax.legend(fontsize=9)
plotting.show(ax, "Losses of a last layer over 150 steps, for four ways to take the steps")

# %% [markdown] slideshow={"slide_type": "notes"}
# Momentum starts slowly, while its velocity builds up, and then meets the curve of the tenfold rate. One image at a time gives a
# nervous path, and gradient descent pays for its smooth one with 200 images in each step.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# 150 steps, the mean of the last 20.
late = {way: np.mean(curve[-20:]) for way, curve in curves.items()}
apart = late["batches of 32, 0.001, momentum 0.9"] / late["batches of 32, 0.01"] - 1
claim(abs(apart) < 0.1, "0.001 with momentum 0.9 ends where 0.01 does", measured=apart)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 3 · What do the thirty lines get wrong?
#
# This is the core of the tutorial, in our own words, on digits with 20 labels of each. It promises to train nothing but the
# new last layer.
#
# <!-- Notes: Show the cell, and let them look for the mistakes before you run it. Most find one of five. -->

# %% jupyter={"source_hidden": true} slideshow={"code": false}
# Ten of the digits.
ax = plotting.image_grid(digits[:10], [str(k) for k in few.y_train[:10]])
plotting.show(ax, "Ten handwritten digits in clutter, each in two tints")

# %% slideshow={"slide_type": "subslide"}
net = ResNet18(26)
net.load_state_dict(state)
net.fc = nn.Linear(512, 10)  # the new last layer
pixels = pytorch.tensors(digits, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
optimizer = torch.optim.SGD(net.parameters(), lr=0.001, momentum=0.9)

# %% slideshow={"slide_type": "subslide"} tags=["atol-0.4"]
losses = fit(net, optimizer, pixels, y, steps=70)
for epoch in range(10):
    print(f"epoch {epoch + 1:2}  loss {np.mean(losses[7 * epoch : 7 * epoch + 7]):.2f}")

# %% [markdown] slideshow={"slide_type": "subslide"}
# The loss falls, and here the tutorial ends. It never asks the network about a digit that it has not trained on. We do.
#
# <!-- Notes: Collect guesses before you run it: the loss has halved, so how many of ten new digits will it read? -->

# %% slideshow={"code": false, "slide_type": "-"} tags=["atol-0.08"]
pixels_test = pytorch.tensors(digits_test, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
print(
    f"trained on: {accuracy(net, pixels, y):.2f}   new digits: {accuracy(net, pixels_test, y_test):.2f}"
)

# %% [markdown] slideshow={"headline": "Which weights have moved?", "slide_type": "subslide"}
# So a falling loss is no test. What else did the tutorial say? That only the last layer is trained. The network has 62 arrays of
# parameters, and 40 more with the means and variances that its BatchNormalization has stored.
#
# <!-- Notes: Answer: all of them. "The last layer" was what the text meant; the optimiser got `net.parameters()`. -->

# %% slideshow={"code": false}
who = ["only the two arrays of `fc`", "`fc` and the last stage", "every one of them"]
quiz.predict("10.moved", "Which of the 62 arrays have changed?", who)


# %% slideshow={"slide_type": "skip"}
def changed(net):
    """Names of the arrays below `fc` that are no longer those of the letters."""
    now = net.state_dict()
    return [name for name in state if "fc" not in name and not torch.equal(now[name], state[name])]


moved = [name for name in changed(net) if name in dict(net.named_parameters())]

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
quiz.reveal("10.moved", who[0 if not moved else 1 if len(moved) < 60 else 2])

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
body = [(p.detach(), state[name]) for name, p in net.named_parameters() if "fc" not in name]
way = sum(((now - before) ** 2).sum() for now, before in body)
travelled = float((way / sum((before**2).sum() for _, before in body)) ** 0.5)
claim(travelled < 0.02, "together, by less than 2 % of their length", measured=travelled)

# %% [markdown] slideshow={"headline": "Now really only `fc`", "slide_type": "subslide"}
# The optimiser moves what it is given, and it was given everything. So this was fine-tuning. Let us do what the text says:
# freeze all, and give the optimiser the new layer.
#
# <!-- Notes: In Keras `trainable = False` says both at once. Ask what it does there to BatchNormalization (chapter 05). -->

# %% slideshow={"slide_type": "-"}
net = ResNet18(26)
net.load_state_dict(state)
net.requires_grad_(False)
net.fc = nn.Linear(512, 10)  # new, so it can be trained
optimizer = torch.optim.SGD(net.fc.parameters(), lr=0.001, momentum=0.9)

# %% slideshow={"code": false}
what = ["nothing", "BatchNormalization's means and variances", "some of the kernels, too"]
quiz.predict("10.still", "After one more step, what has changed below `fc`?", what)

# %% slideshow={"slide_type": "skip"}
_ = fit(net, optimizer, x, y, steps=1)
after_one = changed(net)

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
kernels = [name for name in after_one if name in dict(net.named_parameters())]
quiz.reveal("10.still", what[2 if kernels else 1 if after_one else 0])

# %% [markdown] slideshow={"slide_type": "notes"}
# `requires_grad_(False)` stops gradients. It does not stop BatchNormalization, which in `train` mode blends each batch into its
# stored means, gradient or not. Keras' `trainable = False` stops both. In PyTorch, train a frozen network in `eval` mode:

# %% slideshow={"slide_type": "skip"}
net.load_state_dict(state | net.fc.state_dict(prefix="fc."))
_ = fit(net, optimizer, x, y, steps=1, training=False)
print(len(changed(net)), "arrays have changed below fc")

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
claim(len(moved) == 60, "as printed, every array below `fc` has moved", measured=len(moved))
claim(after_one and not kernels, "frozen in `train` mode, only stored statistics move")
claim(changed(net) == [], "frozen in `eval` mode, nothing moves")

# %% [markdown] slideshow={"headline": "An answer that depends on its neighbours", "slide_type": "subslide"}
# ### Nobody said `eval()`, and nobody tested
#
# In `train` mode, BatchNormalization normalises each image by the *other* images of its batch. Take the reader of section 1 and
# its 500 letters in batches of 32, once mixed, and once in the order of the alphabet, as files lie in folders.
#
# <!-- Notes: Ask first: what can a network say about a batch that holds nothing but As? -->

# %% slideshow={"code": false}
question = "What share will it read in `train` mode, in the order of the alphabet?"
quiz.predict("10.eval", question, 0, 1)

# %% slideshow={"slide_type": "skip"}
# The share of letters that the reader reads in a mode, in an order.
mixed = np.arange(500)


def share_read(x=x_letters, training=False, order=mixed):
    asked = deepcopy(reader).train(training)
    with torch.no_grad():
        logits = torch.cat([asked(batch) for batch in x[order].split(32)])
    return np.mean(logits.argmax(1).numpy() == y_letters[order])


# %% slideshow={"slide_type": "skip"}
half = pytorch.tensors(images, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
whole = pytorch.tensors(images, mean=(0, 0, 0), std=(1 / 255, 1 / 255, 1 / 255))
alphabet = np.argsort(y_letters, kind="stable")

# %% slideshow={"slide_type": "skip"}
shares = {
    "as it should be": share_read(),
    "train mode, mixed": share_read(training=True),
    "train mode, A to Z": share_read(training=True, order=alphabet),
    "pixels normalised with 0.5": share_read(half),
    "pixels of 0–255": share_read(whole),
}

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"} tags=["atol-0.1"]
quiz.reveal("10.eval", shares["train mode, A to Z"])

# %% slideshow={"code": false, "slide_type": "subslide"} tags=["atol-0.1"]
for way, share in shares.items():
    print(f"{way:28} {share:.2f}")

# %% [markdown] slideshow={"slide_type": "notes"}
# In alphabetical order a batch holds two or three classes. BatchNormalization takes away what its images have in common, which
# is the letter. In mixed batches you would hardly notice, so the mistake waits for the day on which your images come sorted.
# Keras spares you that: `predict` runs with `training=False`.
#
# The last two rows show other pixels than the weights have learned from (chapter 05). Ours learned with ImageNet's mean and
# standard deviation of each channel, as the published weights did. The tutorial's 0.5 is close to these means and twice the
# deviations, and on bright letters that costs little. Pixels that nobody has divided cost nearly everything.

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
# A second recipe cuts the network off at its last layer, which looks as neat as chapter 05's `backbone.layers[-1].input`:
#
# <!-- Notes: Where does the flatten stand? In `forward`, not among the children. In Keras the graph knows it. -->

# %% slideshow={"slide_type": "-"}
body = nn.Sequential(*list(reader.children())[:-1])
try:
    nn.Sequential(body, nn.Linear(512, 10))(x[:4])
except RuntimeError as error:
    print(error)

# %% [markdown] slideshow={"slide_type": "notes"}
# `children()` lists the layers, but `flatten` is no layer: it stands in `forward` alone, and was lost. The body returns
# (4, 512, 1, 1), and the linear layer takes that for 2,048 rows. The remedy is `nn.Flatten()` in between, or to keep
# `forward` and replace the last layer by `nn.Identity()`, as we did in section 2.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
with torch.no_grad():
    mended = nn.Sequential(body.eval(), nn.Flatten())(x)
claim(
    torch.allclose(mended, seen, atol=1e-5), "with `nn.Flatten()` both ways give the same features"
)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 4 · Where do the weights come from, and what size do they know?
#
# Ours have seen 8,000 letters of 32 pixels, 32 in a step; `pytorch.RECIPE` holds the recipe. The published ones have seen a
# million photographs of 224 pixels. `tlcourse fetch resnet18` downloads them, and compares the file with the eight hexadecimal
# digits in its own name, which begin its SHA-256 sum.
#
# Convolutions slide over a map of any size. So you may show the reader letters enlarged to 64 pixels: no detail is lost, and
# `layer4` has four pixels instead of one.
#
# <!-- Notes: Answer: far fewer. Ask what stroke width the kernels of the first layers have learned. -->

# %% slideshow={"code": false}
more = ["more letters", "about as many", "fewer letters"]
quiz.predict("10.size", "What will it read when the letters are twice as large?", more)

# %% slideshow={"slide_type": "skip"}
sides = (16, 24, 32, 40, 48, 64)
by_side = {}
for side in sides:
    resized = F.interpolate(x_letters, size=(side, side), mode="bilinear", antialias=True)
    by_side[side] = share_read(resized)

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
quiz.reveal("10.size", more[1 + int(np.sign(round((by_side[32] - by_side[64]) / 0.1)))])

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "subslide"}
figure, ax = plotting.plt.subplots(figsize=(plotting.WIDTH, 3.8))
_ = ax.plot(sides, [100 * v for v in by_side.values()], "D-", color=plotting.COLORS["source"])
_ = ax.axvline(32, color="#999999", ls="--", lw=1)
_ = ax.text(33, 92, "learned at 32", color="#555555")
_ = ax.set(xlabel="side of the images (pixels)", ylabel="letters read (%)", ylim=(0, 100))
plotting.show(ax, "Share of letters read over the side of the images, highest at 32 pixels")

# %% [markdown] slideshow={"slide_type": "notes"}
# At 64 pixels it guesses: the kernels have learned strokes of about two pixels, and know no others. The tutorial does the same the
# other way round: it gives 32 pixels to weights that know 224. So bring images to the size that the weights have learned from.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
loss_64 = by_side[32] - by_side[64]
claim(max(by_side, key=by_side.get) in (24, 32, 40), "it reads best at the size that it knows")
claim(loss_64 > 0.2, "at twice the size it loses more than 20 points", measured=loss_64)


# %% [markdown] slideshow={"slide_type": "skip"}
# With the internet you can try it on the tutorial's own photographs, CIFAR-10, after `tlcourse fetch resnet18 cifar10`:
#
# ```python
# net = ResNet18()
# net.load_state_dict(pytorch.imagenet_resnet18())
# photos = data.few_labels(data.fetch_cifar10(), 20, random_state=0)
# large = pytorch.tensors(photos.x_train, side=224)  # and once without `side`
# ```

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 5 · What does λR(w) do?
#
# The second tutorial prints an objective with a penalty, and then a program without it:
#
# $$ \min_w\ \sum_i L\bigl(y_i, f(x_i; w)\bigr) + \lambda R(w) $$
#
# The usual choice is $R(w) = \tfrac12 \lVert w \rVert^2$, **L2**. Its gradient is $w$, so each step pulls every weight towards
# zero. PyTorch has it built in, as `weight_decay=λ`. But when you transfer, zero is an odd place to be pulled to: that is where a
# network knows nothing. **L2-SP** (Li, Grandvalet & Davoine 2018) pulls towards the *starting point* instead, with
# $R(w) = \tfrac12 \lVert w - w_0 \rVert^2$. Only the new last layer, which has no such point, is pulled towards zero.
#
# <!-- Notes: On the board: one weight, its source value 3, and two springs. Where does each of them pull? -->

# %% slideshow={"slide_type": "subslide"}
# Call it between `backward` and `step`.
def pull(model, start, strength):
    for name, p in model.named_parameters():
        goal = 0 if "fc" in name else start[name]
        p.grad += strength * (p.detach() - goal)


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
# `python -m benchmarks.resnet18` fine-tuned the whole network with neither, with L2 and with L2-SP, on the digits. Rate and λ
# were tuned for each way and each number of labels on images of their own. There are 120 steps of 32 images, and five seeds.
# *As printed* is the tutorial: every parameter, at its rate of 0.001.
#
# <!-- Notes: Answer: see the figure. Ask what it would take to see a difference of one point with five seeds. -->

# %% slideshow={"slide_type": "skip"}
# What the benchmark has stored, and how to ask it.
stored = benchmark("resnet18")


def reached(arm, labels, steps=120):
    """The accuracies of the five seeds, in percent; None where they are not measured yet."""
    runs = stored["arms"][str(labels)].get(arm, {})
    found = runs.get(str(steps), runs.get("0"))
    return 100 * np.array(found["results"]) if found else None


def verdict(ours, theirs):
    """The mean of the paired differences in points, its 95 % interval, and what it allows to say."""
    low, high = stats.ttest_1samp(ours - theirs, 0).confidence_interval()
    word = "ahead" if low > 0 else "behind" if high < 0 else "we cannot tell"
    return f"{np.mean(ours - theirs):+.1f} ({low:+.1f} to {high:+.1f}): {word}"


# %% slideshow={"code": false}
kinds = ["no penalty", "L2", "L2-SP", "we cannot tell"]
quiz.predict("10.penalty", "Which is best with 20 labels of each digit?", kinds)

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
# The best of three, if its interval beside the other two leaves out zero.
three = {arm: reached(arm, 20) for arm in ("fine-tuned", "L2", "L2-SP")}
measured = {arm: scores for arm, scores in three.items() if scores is not None}
first = max(measured, key=lambda arm: measured[arm].mean()) if measured else ""
sure = len(measured) == 3 and all(
    "ahead" in verdict(measured[first], measured[a]) for a in measured if a != first
)
answer = {"fine-tuned": "no penalty"}.get(first, first) if sure else "we cannot tell"
quiz.reveal("10.penalty", answer)

# %% jupyter={"source_hidden": true} slideshow={"code": false, "headline": "Six ways to use the source", "slide_type": "subslide"}
# Mean test accuracies in percent over five seeds.
arms = ("pixels", "scratch", "frozen", "as printed", "fine-tuned", "L2", "L2-SP")
print(f"{'labels of each digit':22}" + "".join(f"{n:>7}" for n in stored["labels"]))
for arm in arms:
    found = [reached(arm, n) for n in stored["labels"]]
    texts = ["–" if f is None else f"{f.mean():.0f} %" for f in found]
    print(f"{arm:22}" + "".join(f"{text:>7}" for text in texts))

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
# Paired differences, where both are measured.
pairs = [("fine-tuned", "as printed"), ("fine-tuned", "frozen"), ("fine-tuned", "scratch")]
pairs += [("L2", "fine-tuned"), ("L2-SP", "fine-tuned"), ("L2-SP", "L2")]
print("points, with intervals of 95 %")
for labels, steps in [(n, 120) for n in stored["labels"]] + [(20, 50)]:
    for ours, theirs in pairs[: 1 if steps == 50 else None]:
        both = reached(ours, labels, steps), reached(theirs, labels, steps)
        if all(scores is not None for scores in both):
            which = f"{labels} labels, {steps} steps: {ours} beside {theirs}"
            print(f"{which:54} {verdict(*both)}")


# %% [markdown] slideshow={"slide_type": "notes"}
# (A dash: not measured yet.) With 20 labels fine-tuning leads the frozen features by about two points. The tutorial's rate is a
# lucky one here: after 120 steps we cannot tell it from the tuned rate, after 50 it is behind. What it *says* is wrong, and what it
# *does* works, which it could not know without a test.
#
# And λR(w)? We cannot tell either penalty from none. L2-SP is ahead of L2 by a fifth of a point, which is sure, and too little to
# matter. In section 3 the weights moved by less than 2 % of their length, so there is little to pull back. The inventors of L2-SP report
# gains on photographs, with ImageNet's weights and many more steps.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Paired intervals of 95 %, in points, with 20 labels of each digit.
def lead(ours, theirs):
    low, high = stats.ttest_1samp(ours - theirs, 0).confidence_interval()
    return low, high


frozen, tuned, printed = (reached(arm, 20) for arm in ("frozen", "fine-tuned", "as printed"))
ends = lead(frozen, reached("pixels", 20))
claim(ends[0] > 0, "frozen, the letters' features beat the pixels", measured=ends, seeds=5)
ends = lead(tuned, frozen)
claim(ends[0] > 0, "fine-tuning leads the frozen features", measured=ends, seeds=5)
ends = lead(tuned, printed)
claim(ends[0] < 0 < ends[1], "the printed rate: we cannot tell", measured=ends, seeds=5)
ends = lead(*(reached(arm, 20, steps=50) for arm in ("fine-tuned", "as printed")))
claim(ends[0] > 0, "after 50 steps it is behind", measured=ends, seeds=5)
for arm in ("L2", "L2-SP"):
    ends = lead(reached(arm, 20), tuned)
    claim(-0.6 < ends[0] < 0 < ends[1], f"{arm}: we cannot tell", measured=ends, seeds=5)
ends = lead(reached("L2-SP", 20), reached("L2", 20))
claim(0 < ends[0] < ends[1] < 0.5, "L2-SP leads L2 by under half a point", measured=ends, seeds=5)

# %% [markdown] slideshow={"slide_type": "skip"}
# One entry you can compute yourself, from what section 2 has seen of your own digits: *frozen*, with 20 labels.

# %% slideshow={"slide_type": "skip"} tags=["atol-0.08"]
C = stored["arms"]["20"]["frozen"]["0"]["setting"][0]  # as the benchmark has tuned it
kernel, bias = rivals.logistic_regression(seen.numpy(), few.y_train, C)
live = np.mean((seen_test.numpy() @ kernel + bias).argmax(1) == few.y_test)
print(f"frozen, 20 labels: {live:.2f} live, {frozen.mean() / 100:.2f} stored")

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
claim(
    abs(live - frozen.mean() / 100) < 0.08, "your entry agrees with what is stored", measured=live
)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 6 · Is it the same network in Keras?
#
# Someone gives you PyTorch weights, and your project uses Keras. The numbers can be carried over, but the two libraries differ
# in four conventions: the order of a kernel's axes; the ε of BatchNormalization, 1e-5 in PyTorch and 1e-3 in Keras; what they
# call its momentum; and the padding of a convolution with stride 2. `pytorch.to_keras` respects them all. So measure:
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
# It works: one network in two libraries. But fitting shapes alone would prove nothing. The famous trap is ResNet50. Its blocks shrink the map in their first convolution, of 1×1, in Keras (version 1), and in the second one, of 3×3,
# in PyTorch (version 1.5). A stride has no weights, so each version's weights fit into the other without a word.
#
# Chapter 05's ResNet50 reads letters in scenes. We put its weights into a copy whose strides stand where PyTorch has them.
#
# <!-- Notes: Answer: about two of three. It is worse, and not broken, which is the trap. Ask what the 3×3 kernels now see: a map
# that is twice as fine. -->

# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
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
version_15.set_weights(version_1.get_weights())

# %% slideshow={"code": false}
question = "Version 1 reads about three of four letters. What share does the copy read, of 72?"
quiz.predict("10.version", question, 0, 1)

# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
alphabet_72 = weights.card()["alphabet"]
scenes = data.make_scene_letters(1, 200, alphabet=alphabet_72, random_state=5)
pixels = models.preprocess(scenes.x_test)
both = [network.predict(pixels, verbose=0) for network in (version_1, version_15)]
right_1, right_15 = (np.mean(p.argmax(1) == scenes.y_test) for p in both)

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"} tags=["atol-0.05"]
quiz.reveal("10.version", right_15)

# %% jupyter={"source_hidden": true} slideshow={"code": false, "headline": "What a block returns", "slide_type": "subslide"}
# The same letter, four channels after the first block of conv3, in both versions.
layer = "conv3_block1_out"
views = [type(n)(n.inputs, n.get_layer(layer).output) for n in (version_1, version_15)]
maps = [view.predict(pixels[:1], verbose=0)[0] for view in views]
strongest = np.argsort(-maps[0].var((0, 1)))[:4]
figure, axes = plotting.plt.subplots(2, 5, figsize=(plotting.WIDTH, 4), layout="constrained")
for row, (version, m) in zip(axes, zip(("v1", "v1.5"), maps, strict=True), strict=True):
    pictures = [scenes.x_test[0]] + [m[..., channel] for channel in strongest]
    titles = [f"image, {version}"] + [f"channel {channel}" for channel in strongest]
    for ax, picture, title in zip(row, pictures, titles, strict=True):
        _ = ax.imshow(picture, cmap="gray")
        _ = ax.set_title(title, fontsize=9)
        _ = ax.axis("off")
plotting.show(figure, "A letter, and four channels of a block in version 1 and in version 1.5")

# %% slideshow={"slide_type": "notes"} tags=["atol-0.1"]
alike = np.corrcoef(maps[0].ravel(), maps[1].ravel())[0, 1]
print(
    f"version 1 reads {right_1:.2f}, the copy {right_15:.2f}; their maps correlate by {alike:.2f}"
)

# %% [markdown] slideshow={"slide_type": "notes"}
# No error, no warning. The copy still reads, only worse, and its maps are almost those of the original. Without the original
# beside it, you would take it for a weak network. So after every transfer of weights, compare activations on a few images:
# equal means equal up to rounding.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
claim(
    right_1 - right_15 > 0.03, "the copy reads over three points less", measured=right_1 - right_15
)
claim(not np.allclose(maps[0], maps[1], atol=0.01), "and its maps are others", measured=alike)


# %% [markdown] slideshow={"headline": "Saving, and what a file can do", "slide_type": "subslide"}
# ### Saving, and what a file can do
#
# `torch.save(net.state_dict(), path)` keeps the weights. The file is a *pickle*, and a pickle may hold any call, which runs
# while the file is loaded. Here is a harmless one:
#
# <!-- Notes: Ask where their last weights file came from, and who could have put something into it. -->

# %% slideshow={"slide_type": "-"}
class NotWeights:
    def __reduce__(self):
        return print, ("I am running on your computer.",)


file = io.BytesIO()
torch.save({"fc.bias": NotWeights()}, file)

# %% slideshow={"slide_type": "subslide"}
# First as one should, then as many old scripts do.
_ = file.seek(0)
try:
    torch.load(file, weights_only=True)
except pickle.UnpicklingError:
    print("weights_only=True refuses it")
_ = file.seek(0)
_ = torch.load(file, weights_only=False)

# %% [markdown] slideshow={"slide_type": "notes"}
# `weights_only=True` lets in tensors and plain containers alone. Since PyTorch 2.6 it is the default. Say it all the same, since
# your code may meet an older version. Keras' `.weights.h5` files hold arrays and no calls.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ## Going deeper · Every mistake with its price

# %% [markdown] slideshow={"slide_type": "skip"}
# The benchmark ran the mistakes of section 3 on the digits, with 20 labels of each, five seeds, and 120 steps at a tuned rate,
# each beside the same run without the mistake.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Mean accuracy with the mistake and without it, and the paired difference.
print(f"{'':58}with  without   points")
for name, found in stored["mistakes"].items():
    wrong, right = 100 * np.array(found["results"]), 100 * np.array(found["beside"])
    print(f"{name:56}{wrong.mean():4.0f} %   {right.mean():4.0f} %   {verdict(wrong, right)}")
print("" if stored["mistakes"] else "not measured yet")

# %% [markdown] slideshow={"slide_type": "skip"}
# A batch of one image is an error in `train` mode at 32 pixels, because `layer4` then has a single value for each channel, and a
# single value has no variance:

# %% slideshow={"slide_type": "skip"}
try:
    deepcopy(reader).train()(x_letters[:1])
except ValueError as error:
    print(error)

# %% [markdown] slideshow={"slide_type": "skip"}
# ## How well did you predict?

# %% slideshow={"slide_type": "skip"}
quiz.predictions("10")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Key points
#
# - The optimiser moves what it is given. To train a last layer alone, give it that layer alone.
# - `requires_grad_(False)` does not stop BatchNormalization. `eval()` does.
# - Ask in `eval` mode and without gradients, and on images that were kept back. A falling loss is no test.
# - A rate of 0.001 with momentum 0.9 is 0.01 in the long run.
# - Weights know a size and a normalisation. Give them both.
# - Shapes that fit prove nothing. Compare activations, or logits, on a few images.
# - Load files of others with `weights_only=True`.
#
# <!-- Notes:
# Show the thirty lines once more, and let them find the mistakes now. Then hand out exercise set 10.
# -->

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercises to do next
#
# The [exercise set of this chapter](../exercises/ex10/ex10_resnet18.ipynb) checks your answers as you go. Beyond it:
#
# 1. Take `optimizer.zero_grad()` out of `fit`, and train the last layer of section 3 for 70 steps. What does the loss do?
# 2. Make the stem gentler: a first convolution with stride 1, and `net.maxpool = nn.Identity()`. What size has `layer4` then, and
#    do the letters' weights still read?
#
# ## Further reading
#
# - He, Zhang, Ren & Sun 2016, *Deep residual learning for image recognition*, CVPR.
# - Ioffe & Szegedy 2015, *Batch normalization: accelerating deep network training by reducing internal covariate shift*, ICML.
# - Li, Grandvalet & Davoine 2018, *Explicit inductive bias for transfer learning with convolutional networks*, ICML.
# - Paszke et al. 2019, *PyTorch: an imperative style, high-performance deep learning library*, NeurIPS.

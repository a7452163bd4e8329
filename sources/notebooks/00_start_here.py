# %% [markdown] slideshow={"slide_type": "slide"}
# # 00 · Start here
#
# On your machine there is now a network that has seen more than a million photographs. In the next minutes it
# will name things for you, first in pictures that we brought along, then on your own desk. After that you will
# teach it three new names, with fifteen small pictures. And you will find out whether the million photographs
# had anything to do with it.
#
# <!-- Notes:
# Run this chapter live. Everybody who has brought a laptop runs it along with you.
# -->

# %% [markdown] slideshow={"slide_type": "skip"}
# **Time:** 30 minutes to read and try, 27 s to run.
#
# Click into the cell below and press **Shift + Enter**. That runs the cell and moves to the next one. Go on like
# this down to the end; you cannot break anything, because this is your own copy.
#
# Some cells open folded, because their code is not what the chapter is about. Run them like the others. To see the
# code of one, click on the bar at its left.
#
# If you know gradient descent, cross-entropy and convolutions already, go on with
# [chapter 04](04_weight_transfer.ipynb) after this one.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"} tags=["setup"]
# Everything that the chapter needs.
from dataclasses import replace

import numpy as np
from scipy import stats
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from tlcourse import backend, data, models, plotting, quiz
from tlcourse.camera import Live
from tlcourse.course.content import photo_scores
from tlcourse.quiz import claim
from tlcourse.rivals import simple_statistics

import keras

# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
print(backend.versions())

# %% [markdown] slideshow={"slide_type": "skip"}
# If you see one line with versions, you are ready. A GPU is welcome but not needed: everything in this course runs
# on two processor cores, and without the internet.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 1 · What does it see?
#
# Here are nine photographs. Above each stands the name of its file. (The clock is blurred because it moved.)
#
# <!-- Notes: Ask what the second picture of the last row is. It is the inside of an eye. -->

# %%
photos = data.load_sample_photos()
images = [photo.image for photo in photos.values()]
ax = plotting.image_grid(images, list(photos), columns=5)
plotting.show(ax, "Nine photographs, from an astronaut to a temple")

# %% [markdown] slideshow={"slide_type": "skip"}
# The network is called EfficientNet-Lite0, and its photographs were those of ImageNet, a large public collection. It
# has learned 1,000 names, among them more than a hundred breeds of dogs. It gives every one of these names
# a share, and the shares add up to 100 %. We look at the name with the largest share: the larger it is, the surer
# is the network.

# %% [markdown] slideshow={"slide_type": "subslide"}
# One of the nine is the inside of an eye, as an eye doctor sees it: the *retina*. None of the 1,000 names fits.
#
# In this course you guess before you look, because a guess makes you see more.
#
# <!-- Notes:
# Answer: a good third, and the name is "lampshade". Collect the guesses by a show of hands first. Expect: close to
# zero, as from somebody who knows that they do not know.
# -->

# %% slideshow={"code": false}
quiz.predict("00.sure", "How sure will it be of its name for the retina, in percent?", 0, 100)

# %% slideshow={"slide_type": "skip"}
answers = {name: models.classify(photo.image, top=3) for name, photo in photos.items()}

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"} tags=["atol-3"]
retina, share = answers["retina"][0]
quiz.reveal("00.sure", 100 * share)

# %% slideshow={"slide_type": "subslide"}
best = [answer[0] for answer in answers.values()]
named = [f"{name} {100 * share:.0f} %" for name, share in best]
title = "It can be right, wrong, and wrong and sure"
ax = plotting.image_grid(images, named, columns=3, title=title)
plotting.show(ax, "The nine photographs, each with the network's name for it and how sure it is")

# %% [markdown] slideshow={"slide_type": "skip"}
# It knows a cup of espresso when it sees one. It finds the tripod beside the photographer, and it calls the temple a
# palace, which is not bad at all.
#
# Now look at what it gets wrong, because that is at least as interesting. The retina becomes a lampshade. It has to
# choose one of its 1,000 names, and none of them means "something else". *Astronaut* is not among them either. It
# says *football helmet*; perhaps it looks at the helmet on the table. The moving clock becomes a bubble, with
# nearly two thirds of its confidence, although *analog clock* and *wall clock* are among its names.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
claim(answers["coffee"][0][0] == "espresso", "it knows an espresso when it sees one")
known = {name for name, _ in models.classify(photos["retina"].image, top=1000)}
claim(
    not known & {"retina", "eye", "astronaut"}, "neither an eye nor an astronaut is among its names"
)
bubble, share = answers["clock"][0]
words = "it is surer of a bubble than of anything else, though it knows two kinds of clock"
claim(bubble == "bubble" and share > 0.5 and {"analog clock", "wall clock"} <= known, words)

# %% [markdown] slideshow={"slide_type": "skip"}
# These lines with a ✔ are *claims*. The notebook checks them each time that somebody runs it.

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Your turn
#
# Run the next cell, press **Start**, and hold things before the camera: a cup, a banana, your glasses, your hand. If you have no camera, drop a file with a photograph into the box; if you have no
# photograph either, just read on. No picture leaves your computer.
#
# <!-- Notes:
# Take something from the lectern that is among the 1,000 names (a cup, a banana, sunglasses), and then something
# that is not: your hand. It gets a name as well.
# -->

# %% slideshow={"code": false}
Live(lambda photo: models.classify(photo, top=3))

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 2 · Teach it something new
#
# The names *brick*, *grass* and *gravel* are not among the 1,000. Can the network learn them all the same, from
# five small pictures of each, 64 pixels wide?
#
# <!-- Notes:
# Ask how many pictures of each a child would need. Then ask how many a network would need that has never seen
# anything.
# -->

# %%
textures = data.load_textures(64)
five = data.few_labels(textures, 5, random_state=0)
order = np.argsort(five.y_train)
names = [five.class_names[k] for k in five.y_train[order]]
ax = plotting.image_grid(five.x_train[order], names, columns=5)
plotting.show(ax, "Five small grey pictures each of brick, grass and gravel")


# %% [markdown] slideshow={"slide_type": "skip"}
# The network stays as it is. We only cut off its last layer, the one that knows the 1,000 names. What is left computes
# 1,280 numbers at each of several places of a picture. We take their mean over the places, and call these 1,280
# numbers the picture's **features**.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
def features(network, pictures):
    """1,280 numbers for each picture."""
    maps = keras.ops.convert_to_numpy(network(models.preprocess(pictures, network)))
    return maps.mean(axis=(1, 2))


# %% slideshow={"slide_type": "skip"}
network = models.efficientnet_lite0(weights="imagenet", side=64)
seen = {"train": features(network, textures.x_train), "test": features(network, textures.x_test)}
print("features of the new pictures:", seen["test"].shape)


# %% [markdown] slideshow={"slide_type": "skip"}
# What learns is a very small classifier on top, called logistic regression. (Chapter 02 derives it.) It gets these
# numbers for the fifteen pictures above, and their names, and nothing else.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# How far the weights of the regression may grow, C, is chosen by cross-validation on its own few pictures.
def accuracy(numbers, labels_per_class, seed):
    """The share of new pictures that it names right."""
    unit = np.sqrt(numbers["train"].var(0).mean())  # one for all numbers, from unlabelled pictures
    x_train, x_test = numbers["train"] / unit, numbers["test"] / unit
    few = data.few_labels(replace(textures, x_train=x_train), labels_per_class, seed)
    classifier = make_pipeline(StandardScaler(with_std=False), LogisticRegression(max_iter=1000))
    strengths = {"logisticregression__C": [1e-5, 1e-3, 1e-1, 10]}
    search = GridSearchCV(classifier, strengths, cv=min(labels_per_class, 5))
    with threadpool_limits(1):  # so small a task is slower with two
        return search.fit(few.x_train, few.y_train).score(x_test, textures.y_test)


# %% [markdown] slideshow={"slide_type": "subslide"}
# Then it names 72 new pictures. All pictures of brick were cut from one photograph of a wall: the training pictures
# from its left half, the new ones from its right half. Grass and gravel were cut likewise. Somebody who guesses
# gets a third of them right, 33 %.
#
# <!-- Notes:
# Answer: nearly all of them. Write the lowest and the highest guess on the board.
# -->

# %% slideshow={"code": false}
quiz.predict("00.textures", "How many per cent will it name right?", 0, 100)

# %% slideshow={"slide_type": "skip"}
pictures_of_each = 5
right = [accuracy(seen, pictures_of_each, seed) for seed in range(5)]

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"} tags=["atol-6"]
quiz.reveal("00.textures", 100 * np.mean(right))
print("five attempts, in per cent:", *(round(100 * score) for score in right))

# %% [markdown] slideshow={"slide_type": "skip"}
# Fifteen pictures, a second of work, and it knows three new names. There were five attempts, each with fifteen other
# pictures to learn from and the same 72 to name. With so few pictures luck plays a part, so this course always shows
# you several attempts.

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### But was it the million photographs?
#
# A number alone says nothing: it needs a **rival**. Here is the first one: the same network with random
# **weights**, the millions of numbers that training adjusts. This network was never trained, so it has never seen a
# photograph. It gets the same fifteen pictures.
#
# <!-- Notes:
# Answer: about 65 %, which is far more than a third. The rule of the course: no number without a rival.
# -->

# %% slideshow={"code": false}
question = "How many per cent will the network with random weights name right?"
quiz.predict("00.rival", question, 0, 100)

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Each draw of random weights is a different network, so we draw five.
unseen = []
for seed in range(5):
    keras.utils.set_random_seed(seed)
    untrained = models.efficientnet_lite0(weights=None, side=64)
    both = {"train": textures.x_train, "test": textures.x_test}
    unseen.append({name: features(untrained, pictures) for name, pictures in both.items()})
random_right = [accuracy(unseen[seed], pictures_of_each, seed) for seed in range(5)]

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"} tags=["atol-12"]
quiz.reveal("00.rival", 100 * np.mean(random_right))
print("five networks, in per cent:", *(round(100 * score) for score in random_right))

# %% [markdown] slideshow={"slide_type": "skip"}
# Is that more or less than you thought? Random numbers react to edges and to roughness in *some* way, and the
# small classifier makes use of it. One of the five networks reacts to little that helps, and is not far from guessing.
#
# The second rival is meaner. Perhaps nobody needs a network here at all. For each picture we compute six numbers that
# you could have thought of yourself. Two say how bright it is: the mean of its pixels, and how much they vary. Four say
# how rough it is: how strongly neighbouring pixels differ, to the right and downwards, and how much that varies.
# The same small classifier learns from these six.
#
# <!-- Notes: Answer: about 96 %. Let them say first what the six numbers are. -->

# %% slideshow={"code": false}
quiz.predict("00.six", "How many per cent will six numbers name right?", 0, 100)

# %% slideshow={"slide_type": "skip"}
grey = {"train": textures.x_train[..., :1], "test": textures.x_test[..., :1]}  # three equal colours
six = {name: simple_statistics(pictures) for name, pictures in grey.items()}
spread = six["train"].std(axis=0)  # brightness and roughness have different units
six = {name: numbers / spread for name, numbers in six.items()}
six_right = [accuracy(six, pictures_of_each, seed) for seed in range(5)]

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"} tags=["atol-4"]
quiz.reveal("00.six", 100 * np.mean(six_right))
lead = 100 * np.subtract(right, six_right)
low, high = stats.ttest_1samp(lead, 0).confidence_interval()
print(f"the network is ahead by {lead.mean():.0f} points ({low:.1f} to {high:.1f})")

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Each attempt a dot, each way a row and a colour; a line where guessing is.
green, red = plotting.COLORS["frozen"], plotting.COLORS["scratch"]
plotting.COLORS.update({"trained network": green, "from scratch": red, "random weights": "C3"})
plotting.COLORS.update({"six numbers": "C5", "18 numbers": "C5", "pixels": "C6"})


def dots(scores, guessing, title):
    figure, ax = plotting.plt.subplots(figsize=(7, 0.8 + 0.5 * len(scores)))
    for row, (way, accuracies) in enumerate(scores.items()):
        _ = ax.plot(
            100 * np.array(accuracies), [row] * 5, "o", ms=9, alpha=0.6, color=plotting.COLORS[way]
        )
    _ = ax.axvline(100 * guessing, color="grey", ls="--", label="guessing")
    ax.set_yticks(range(len(scores)), scores)
    ax.set_ylim(len(scores) - 0.5, -0.5)
    ax.set(xlim=(15, 102), xlabel="new pictures named right (%)", title=title)
    _ = ax.legend(loc="lower right")
    return figure


# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "subslide"} tags=["nbval-ignore-output"]
attempts = {"trained network": right, "six numbers": six_right, "random weights": random_right}
figure = dots(attempts, 1 / 3, "On textures, six numbers come close to the network")
plotting.show(figure, "The trained network and six numbers above 85 %, random weights far below")

# %% [markdown] slideshow={"slide_type": "notes"}
# The million photographs did help the network, which beats its untrained twin in every attempt: by more than fifteen
# points where the lead is smallest, and by more than thirty on average. But six numbers come within a few points of it.
# **It was an easy task.** With random weights as the only rival, you would have believed far too much.
#
# In brackets stands the range in which the true lead lies, with 95 % confidence after five attempts. A way counts as
# *better* if this range does not contain zero: then the lead is too clear for luck. (Chapter 06 shows where such a range
# comes from.)
#
# **Change it.** Set `pictures_of_each` to 2 in the cell above, and run on from there. Who suffers most?

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
gain = np.subtract(right, random_right)
words = "it beats random weights by over 15 points in every attempt, by over 30 on average"
claim(gain.min() > 0.15 and gain.mean() > 0.3, words, measured=gain, seeds=5)
least = min(random_right)
claim(least < 0.5, "one random network is not far from guessing", measured=least, seeds=5)
claim(
    0 < lead.mean() < 10, "it leads over six numbers by a few points", measured=lead.mean(), seeds=5
)

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### A task for which nobody knows six numbers
#
# Five flowers: daisy, dandelion, rose, sunflower and tulip. (One of them, the daisy, is among the network's 1,000
# names.) It gets 20 labelled photographs of each, and 400 new ones to name. Guessing gives 20 %. We may not ship these
# photographs, so the scores were measured before and stored.
#
# <!-- Notes:
# Answer: about 78 %. Let them name six numbers for a rose first.
# -->

# %% slideshow={"code": false}
quiz.predict("00.flowers", "How many per cent will the trained network name right?", 0, 100)

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Stored by `benchmarks/photos.py`: five draws of 100 photographs for each way.
arms = {
    "trained network": "frozen EfficientNet-Lite0",
    "from scratch": "scratch",
    "18 numbers": "statistics",
    "pixels": "pixels",
    "random weights": "random EfficientNet-Lite0",
}
flowers = {way: photo_scores("flowers_160", arm) for way, arm in arms.items()}

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
quiz.reveal("00.flowers", 100 * flowers["trained network"].mean())

# %% [markdown] slideshow={"slide_type": "skip"}
# And the rivals? They are the same network with random weights, 18 numbers (six of each colour), the bare pixels, and a
# small network that learns **from scratch**, from these photographs alone. All were tuned on other photographs of the
# same flowers. The small network sees them at 64 pixels, the large one at 128.

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "subslide"}
figure = dots(flowers, 1 / 5, "On flowers, the trained network is far ahead")
plotting.show(figure, "Three in four flowers right for the trained network; all rivals far below")

# %% [markdown] slideshow={"slide_type": "skip"}
# Here is what this course is about. **What a network learned for one task can be worth a lot for another.** To reuse
# it is called **transfer**.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
for rival in list(flowers)[1:]:
    gain = flowers["trained network"] - flowers[rival]
    low = stats.ttest_1samp(gain, 0).confidence_interval().low
    words = f"on flowers it beats the rival “{rival}” by more than 15 points"
    claim(low > 0.15, words, measured=gain, seeds=5)

# %% [markdown] slideshow={"slide_type": "skip"}
# But it does not always help. Sometimes it changes nothing, and sometimes it does harm. You will learn to build
# such a network yourself, to move its weights to a new task, and to find out honestly whether that has helped.
# And do not read more into our textures than they hold: all pictures of grass show one lawn, in one light. Would the
# classifier know the grass in your garden? We cannot tell. In chapter 07 you try it with your own photographs.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Going deeper: more pictures of each texture
#
# Sections that begin with *Going deeper* are folded. You can skip them without loss, or open them when you want
# to know more.

# %% [markdown] slideshow={"slide_type": "skip"}
# What if there are two pictures of each texture, or twenty? Here are all four ways: the trained network, six numbers,
# random weights, and the bare pixels. The band reaches one standard deviation of five attempts to either side, and
# ends at 100 %. With twenty pictures of each, six numbers have caught up: we can no longer tell them from the network.

# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
# Five draws with 2, 5 and 20 pictures of each texture.
pixels = {name: x.reshape(len(x), -1) / 255 for name, x in grey.items()}
ways = {"pixels": [pixels] * 5, "six numbers": [six] * 5}
ways |= {"trained network": [seen] * 5, "random weights": unseen}
scores = {}
for way, numbers in ways.items():
    scores[way] = [[accuracy(numbers[s], n, s) for s in range(5)] for n in (2, 5, 20)]
ax = plotting.label_efficiency(
    [2, 5, 20], scores, title="With twenty pictures of each, six numbers have caught up"
)
plotting.show(ax, "Accuracy on new pictures against labelled pictures per class, for four ways")

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
ahead = np.subtract(scores["trained network"], scores["six numbers"])
low, high = stats.ttest_1samp(ahead[-1], 0).confidence_interval()
claim(low < 0 < high, "with twenty of each we cannot tell", measured=ahead[-1], seeds=5)

# %% [markdown] slideshow={"slide_type": "skip"}
# ## 3 · How a chapter works
#
# - **Guess first.** You have done it five times by now, and the course keeps your guesses.
# - **Run, and look closely.** Where were you wrong, and why?
# - **Change it.** Change a number, run the cell again, break something.
# - **Make one.** Towards the end of a chapter you write a small piece of code of your own.
#
# <!-- Notes: Learners skip the guess if nobody insists. In the first week, insist. -->

# %% slideshow={"slide_type": "skip"}
quiz.predictions("00")

# %% [markdown] slideshow={"slide_type": "skip"}
# The next chapters open with questions about earlier ones. Here is a first one. Answer them before you look anything up: remembering is what
# makes things stick. Choose an answer, and it explains itself.

# %% slideshow={"slide_type": "skip"}
quiz.ask("00")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Where to go
#
# One chapter after the other: from gradient descent, through a network of your own, to weights that somebody else
# trained, and to a verdict on whether they helped.
#
# <!-- Notes:
# Everybody runs this chapter on their own machine before they leave; `tlcourse doctor` says
# what is wrong where it fails.
# -->

# %% [markdown] slideshow={"slide_type": "skip"}
# <!-- chapters: made by `make chapters` -->
# | chapter | you will be able to | to read | to run |
# |---|---|---|---|
# | [00 Start here](00_start_here.ipynb) | name things with a network, teach it new ones, and ask whether it was the network | 30 min | 27 s |
# | [01 Gradient descent](01_gradient_descent.ipynb) | derive gradient descent, choose a learning rate, a batch size and an optimiser, and check a gradient | 90 min | 35 s |
# | [02 Cross-entropy](02_cross_entropy.ipynb) | derive the loss of a classifier and its gradient, compute it safely, and recognise its classic mistakes | 85 min | 55 s |
# | [03 A CNN from scratch](03_cnn_from_scratch.ipynb) | write convolution, ReLU and pooling by hand, forward and backward; see over-fitting and treat it | 75 min | 1 min 40 s |
# | [04 Weight transfer](04_weight_transfer.ipynb) | move weights between networks, and measure what that is worth, in accuracy and in labels | 75 min | 1 min 35 s |
# | [05 ResNet50 fine-tuning](05_resnet50_fine_tuning.ipynb) | give pretrained weights the pixels they expect, cache features, fine-tune layer by layer, and compare the result with its two rivals | 75 min | 1 min 45 s |
# | [06 Evaluation](06_evaluation.ipynb) | say how far a score can be trusted, catch leakage, compare two ways to train, and answer "does transfer help here?" | 80 min | 1 min 55 s |
# | [07 Photographs, a project with your own camera](07_photographs.ipynb) | teach a network the things on your desk with your own camera, measure what its source is worth, and hand it over as a file and a report | 75 min | 1 min 30 s |
# | [08 Trust](08_trust.ipynb) | measure whether a network's confidence can be believed, mend it, test it on another world, and ask where it looks | 75 min | 1 min 50 s |
# | [09 Choosing a source, and several tasks at once](09_sources.ipynb) | choose among several sources before you train, train one network for two tasks, and keep it from forgetting the first | 70 min | 1 min 20 s |
# | [10 ResNet18 in PyTorch](10_resnet18.ipynb) | write a ResNet18 and its training loop in PyTorch, catch what a tutorial gets wrong, and carry weights to Keras and back | 80 min | 1 min |
# | [11 Small budgets](11_budgets.ipynb) | count what a training takes before you run it, train fewer weights, use fewer bits, distil a small network, share a batch between machines, and plan for your own | 80 min | 1 min 20 s |
#
# Run times were measured on AMD EPYC; Python 3.11.7, NumPy 2.4.6, Keras 3.15.1 on tensorflow with 2 CPU cores (00 to 09 on 2026-11-29, 10 and 11 on 2026-11-30).
# <!-- end of chapters -->

# %% [markdown] slideshow={"slide_type": "skip"}
# ### Whose photographs these are

# %% slideshow={"slide_type": "skip"}
for name, photo in photos.items():
    print(f"{name}: {photo.credit} ({photo.licence}; {photo.source})")
print(f"brick, grass, gravel: {textures.source} ({textures.licence})")

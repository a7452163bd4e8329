# %% [markdown] slideshow={"slide_type": "slide"}
# # 00 · Start here
#
# On your machine there is now a network that has seen more than a million photographs. In the next ten minutes it
# will name things for you, first in pictures that we brought along, then on your own desk. After that you will
# teach it something that it never learned, with fifteen small pictures.
#
# <!-- Notes:
# Run this chapter live. Everybody who has brought a laptop runs it along with you.
# -->

# %% [markdown] slideshow={"slide_type": "skip"}
# **Time:** 10 minutes to read and try, 30 s to run.
#
# Click into the cell below and press **Shift + Enter**. That runs the cell and moves to the next one. Go on like
# this down to the end; you cannot break anything, because this is your own copy.
#
# Do you know gradient descent, cross-entropy and convolutions already? Then read this chapter, and go on with
# [chapter 04](04_weight_transfer.ipynb).

# %% slideshow={"slide_type": "skip"} tags=["setup"]
# Everything that the chapter needs.
from dataclasses import replace

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from tlcourse import backend, data, models, plotting, quiz
from tlcourse.camera import Live
from tlcourse.quiz import claim

import keras

# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
print(backend.versions())

# %% [markdown] slideshow={"slide_type": "skip"}
# If you see one line with versions, you are ready. A GPU is welcome but not needed: everything in this course runs
# on two processor cores, and without the internet.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 1 · What does it see?
#
# Here are nine photographs. Above each stands the name of its file.
#
# <!-- Notes: Ask what the first picture of the last row is. It is the inside of an eye. -->

# %%
photos = data.load_sample_photos()
images = [photo.image for photo in photos.values()]
ax = plotting.image_grid(images, list(photos), columns=5)
plotting.show(ax, "Nine photographs, from an astronaut to a temple")

# %% [markdown] slideshow={"slide_type": "skip"}
# The network has learned 1,000 names, among them more than a hundred breeds of dogs, but also *espresso* and
# *palace*. For each photograph it spreads its confidence over these 1,000 names, and we look at the name that gets
# the largest part.

# %% [markdown] slideshow={"slide_type": "subslide"}
# One of the nine is the inside of an eye, as an eye doctor sees it: the *retina*. That is none of the 1,000 things
# that the network knows. In this course you guess before you look, because a guess makes you see more.
#
# <!-- Notes:
# Answer: the name of some thing, for it has no other words. Collect the guesses by a show of hands first.
# -->

# %% slideshow={"code": false}
replies = ["nothing at all", "“I don't know”", "the name of some thing"]
quiz.predict("00.retina", "What will the network say to the retina?", replies)

# %% slideshow={"slide_type": "skip"}
answers = {name: models.classify(photo.image, top=3) for name, photo in photos.items()}

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
quiz.reveal("00.retina", "the name of some thing" if answers["retina"] else "nothing at all")

# %% slideshow={"slide_type": "subslide"}
named = [f"{likeliest} {share:.0%}" for (likeliest, share), *_ in answers.values()]
ax = plotting.image_grid(images, named, columns=3, title="What the network sees")
plotting.show(ax, "The nine photographs, each with the network's name for it and how sure it is")

# %% [markdown] slideshow={"slide_type": "skip"}
# It knows a cup of espresso when it sees one. It finds the tripod beside the photographer, and it calls the temple a palace, which is not bad at all.
#
# Now look at what it gets wrong, because that is at least as interesting. It was never taught what an astronaut
# is, so it takes the name of the most similar thing that it knows: something with a helmet. And the retina becomes
# a lampshade. It has to choose one of its 1,000 names, and none of them means "something else".

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
claim(answers["coffee"][0][0] == "espresso", "it knows an espresso when it sees one")
known = {name for name, _ in models.classify(photos["retina"].image, top=1000)}
claim(
    not known & {"retina", "eye", "astronaut"}, "neither an eye nor an astronaut is among its names"
)

# %% [markdown] slideshow={"slide_type": "skip"}
# These two lines with a ✔ are *claims*. Whatever this course claims is checked at this very place, each time that
# somebody runs the notebook. Click on the bar at the left of such a line to see how.

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Your turn
#
# Run the next cell, press **Start**, and hold things before the camera: a cup, a banana, your glasses, your hand. If you have no camera, drop a file with a photograph into the box; if you have none
# of these either, just read on. No picture leaves your computer.
#
# <!-- Notes:
# Take something from the lectern that is among the 1,000 names (a cup, a pencil, a banana), and then something
# that is not: your hand. It gets a name as well.
# -->

# %% slideshow={"code": false}
Live(lambda photo: models.classify(photo, top=3))

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 2 · Teach it something new
#
# The names *brick*, *grass* and *gravel* are not among the 1,000. Can the network learn them all the same, from
# five small pictures of each?
#
# <!-- Notes:
# Ask how many pictures of each a child would need. Then ask how many a network would need that has never seen
# anything.
# -->

# %%
textures = data.load_textures(64)
five = data.few_labels(textures, 5, random_state=0)
order = np.argsort(five.y_train, kind="stable")
names = [five.class_names[k] for k in five.y_train[order]]
ax = plotting.image_grid(five.x_train[order], names, columns=5)
plotting.show(ax, "Five small pictures each of brick, grass and gravel")


# %% [markdown] slideshow={"slide_type": "skip"}
# We do not train the network any further. We only cut off its last layer, the one that knows the 1,000 names. What
# is left turns each picture into 1,280 numbers, which are called its **features**.

# %% slideshow={"slide_type": "skip"}
def features(network, pictures):
    """1,280 numbers for each picture."""
    maps = keras.ops.convert_to_numpy(network(models.preprocess(pictures, network)))
    return maps.mean(axis=(1, 2))


network = models.efficientnet_lite0(weights="imagenet", side=64)
seen = features(network, textures.x_train), features(network, textures.x_test)
print("features of the new pictures:", seen[1].shape)


# %% [markdown] slideshow={"slide_type": "skip"}
# On these numbers we train a very small classifier, called logistic regression. (Chapter 02 derives it.) It sees the
# fifteen pictures above and their names, and nothing else.

# %% slideshow={"slide_type": "skip"}
# Logistic regression; how strongly it is held back is chosen on its own few pictures.
def accuracy(numbers, labels_per_class, seed):
    """The share of new pictures that it names right."""
    pictures = replace(textures, x_train=numbers[0], x_test=numbers[1])
    few = data.few_labels(pictures, labels_per_class, seed)
    classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    strengths = {"logisticregression__C": [1e-5, 1e-3, 1e-1, 10]}
    search = GridSearchCV(classifier, strengths, cv=min(labels_per_class, 5))
    with threadpool_limits(1):  # so small a task is slower with two
        return search.fit(few.x_train, few.y_train).score(few.x_test, few.y_test)


# %% [markdown] slideshow={"slide_type": "subslide"}
# Then it names 72 new pictures. They come from another part of the wall, the lawn and the path, which it has not
# seen. Somebody who guesses gets a third of them right.
#
# <!-- Notes:
# Answer: nearly all of them. Write the lowest and the highest guess on the board.
# -->

# %% slideshow={"code": false}
quiz.predict("00.textures", "Which share will it name right?", 0, 1)

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"} tags=["atol-0.06"]
quiz.reveal("00.textures", np.mean([accuracy(seen, 5, seed) for seed in range(5)]))

# %% [markdown] slideshow={"slide_type": "skip"}
# Fifteen pictures, a second of work, and it knows three new things. (The number is the mean of five attempts, each
# with other pictures: with so few of them, luck plays a part, and in this course you will always see how large it is.)

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### But was it the million photographs?
#
# Perhaps the task was easy. A number alone says nothing: it needs a **rival**. So we give the same pictures to the
# same network with random weights, one that has never seen anything, and to a classifier that looks at the bare
# pixels.
#
# <!-- Notes:
# Answer: about two thirds, which is far more than a third. The rule of the course: no number without a rival.
# -->

# %% slideshow={"code": false}
quiz.predict("00.rival", "Which share will the network with random weights reach?", 0, 1)

# %% slideshow={"slide_type": "skip"}
# Random weights are another network each time that they are drawn, so we draw them five times.
unseen = []
for seed in range(5):
    keras.utils.set_random_seed(seed)
    untrained = models.efficientnet_lite0(weights=None, side=64)
    unseen.append((features(untrained, textures.x_train), features(untrained, textures.x_test)))
pixels = [x[..., 0].reshape(len(x), -1) / 255 for x in (textures.x_train, textures.x_test)]

# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
# Five draws with 2, 5 and 20 pictures of each texture.
labels, seeds = [2, 5, 20], range(5)
arms = {"a million photographs": [seen] * 5, "random weights": unseen, "pixels": [pixels] * 5}
scores = {
    arm: np.array([[accuracy(numbers[seed], n, seed) for seed in seeds] for n in labels])
    for arm, numbers in arms.items()
}

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"} tags=["atol-0.1"]
quiz.reveal("00.rival", scores["random weights"][1].mean())

# %% slideshow={"slide_type": "subslide"} tags=["nbval-ignore-output"]
title = "The million photographs made the difference"
ax = plotting.label_efficiency(labels, scores, title=title)
plotting.show(ax, "Accuracy on new pictures against labelled pictures per class, for three ways")

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# The stronger rival of each draw, with 2, 5 and 20 pictures of each texture.
rival = np.maximum(scores["random weights"], scores["pixels"])
ours = scores["a million photographs"]
claim((ours > rival).all(), "it beats both rivals from every draw", measured=ours - rival, seeds=5)
gain = ours[1] - rival[2]
claim(gain.min() > 0, "with five pictures it beats their twenty", measured=gain, seeds=5)

# %% [markdown] slideshow={"slide_type": "skip"}
# Here is what this course is about, in one figure. **What a network learned for one task can be worth a lot for
# another**, above all when you have few labels. The band around each line says how much luck there was in the choice of
# the pictures.
#
# But it does not always help. Sometimes it changes nothing, and sometimes it does harm. You will learn to build
# such a network yourself, to move its weights to a new task, and to find out honestly whether that has helped.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Going deeper: what the small classifier cannot know
#
# Sections that begin with *Going deeper* are folded. You can skip them without loss, or open them when you want
# to know more.

# %% [markdown] slideshow={"slide_type": "skip"}
# All the pictures of *grass* come from one photograph of one lawn. We have taken care that the new pictures lie in
# another part of that photograph, but it is still the same lawn in the same light. Would the classifier know
# the grass in your garden? We cannot tell from this measurement. Chapter 06 is about such questions, and in
# chapter 07 you try it with photographs of your own.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 3 · How a chapter works
#
# - **Guess first.** You have done it three times by now, and the course keeps your guesses.
# - **Run, and look closely.** Where were you wrong, and why?
# - **Change it.** Change a number, run the cell again, break something.
# - **Make one.** Towards the end of a chapter you build something of your own.
#
# <!-- Notes: Learners skip the guess if nobody insists. In the first week, insist. -->

# %% slideshow={"slide_type": "skip"}
quiz.predictions("00")

# %% [markdown] slideshow={"slide_type": "skip"}
# Chapters open with questions about earlier ones. Answer them before you look anything up: remembering is what
# makes things stick. Choose an answer, and it explains itself.

# %% slideshow={"slide_type": "subslide"}
quiz.ask("00")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Where to go
#
# One chapter after the other: from gradient descent, over a network of your own, to weights that somebody else
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
# | [00 Start here](00_start_here.ipynb) | find your way | 10 min | 30 s |
# | [01 Gradient descent](01_gradient_descent.ipynb) | derive gradient descent, momentum and Adam, choose a learning rate, and see why it fails | 75 min | 20 s |
# | [02 Cross-entropy](02_cross_entropy.ipynb) | derive the loss of a classifier and its gradient, compute it safely, and recognise its classic mistakes | 75 min | 45 s |
# | [03 A CNN from scratch](03_cnn_from_scratch.ipynb) | write convolution, ReLU and pooling by hand, forward and backward; see over-fitting and treat it | 60 min | 1 min 50 s |
# | [04 Weight transfer](04_weight_transfer.ipynb) | move weights between networks, and measure what that is worth, in accuracy and in labels | 60 min | 3 min 40 s |
# | [05 ResNet50 fine-tuning](05_resnet50_fine_tuning.ipynb) | choose weights, repair a run that never learns, cache features, fine-tune without spoiling, and do it with your own photos | 75 min | 3 min 20 s |
# | [06 Evaluation](06_evaluation.ipynb) | say how far a score can be trusted, catch leakage, compare two ways to train, and answer "does transfer help here?" | 75 min | 2 min 40 s |
# | [07 Photographs, a project with your own camera](07_photographs.ipynb) | teach a network the things on your desk with your own camera, measure what its source is worth, and hand it over as a file and a report | 75 min | 1 min 5 s |
#
# Run times were measured on two server cores without a GPU (00 and 07 on 2026-11-29, 01 to 06 for edition 0.1.0).
# <!-- end of chapters -->

# %% [markdown] slideshow={"slide_type": "skip"}
# ### Whose photographs these are

# %% slideshow={"slide_type": "skip"}
for name, photo in photos.items():
    print(f"{name}: {photo.credit} ({photo.licence}; {photo.source})")
print(f"brick, grass, gravel: {textures.source} ({textures.licence})")

# %% [markdown] slideshow={"slide_type": "slide"}
# # 00 · Start here
#
# This course is about one idea: **what a network learned for one task can be worth a lot for
# another**, when there are few labels for the other. You will build it up from gradient descent to a
# fine-tuned ResNet50, and measure at every step whether it helped.
#
# <!-- Notes: Ask who has used a pretrained network, and how they knew that it helped. -->

# %% [markdown] slideshow={"slide_type": "subslide"}
# Nothing here asks to be believed. Every number is computed in front of you or stored by a benchmark that
# you can run again, every comparison runs over several seeds beside a rival trained from scratch, and the mistakes
# that introductions make are made on purpose, with their damage measured.
#
# <!-- Notes:
# The rule of the course: no number without a rival trained from scratch. Say so now, it
# returns in every chapter.
# -->

# %% [markdown] slideshow={"slide_type": "skip"}
# **Time:** 10 minutes to read and try, 5 s to run.
#
# ## Does everything work?
#
# Click into the cell below and press **Shift + Enter**. (That runs a cell and moves to the next. To
# run them all, use the menu: *Run → Run All Cells*.)

# %% slideshow={"slide_type": "skip"} tags=["setup"]
import numpy as np

from tlcourse import backend, data, plotting, quiz
from tlcourse.course.content import benchmark

# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
print(backend.versions())

# %% [markdown] slideshow={"slide_type": "skip"}
# One line with versions: you are ready. A GPU is welcome and not needed; everything runs on two
# processor cores, without a network.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## How a chapter works
#
# - **First, predict.** Before you run a cell that measures something, write down what will come out.
# - **Run, and look closer.** Compare. Where were you wrong, and why?
# - **Change it.** This is your own copy: change a number, run the cell again, break something.
# - **Make one.** Towards the end of each chapter you build something of your own.
#
# <!-- Notes:
# Show it live with the first cells of the notebook. Learners skip the prediction if nobody
# insists; collect it on paper in the first week.
# -->

# %% [markdown] slideshow={"slide_type": "notes"}
# Predict honestly: a prediction that turns out wrong teaches more than a result that was merely
# watched. The original of what you change stays safe, and an update of the course never overwrites
# your copy.
#
# Chapters open with three questions about earlier ones. Answer before you look anything up: choose
# an answer, and it explains itself.

# %% slideshow={"slide_type": "subslide"}
quiz.ask("00")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The data
#
# You will meet two kinds of small images again and again: printed letters, which a computer draws by
# the thousand, each with its label for free; and real handwritten digits, of which there are never
# enough.
#
# <!-- Notes:
# Cover the labels and let them read the second row aloud. Then ask who would label two thousand
# of these, and for how much.
# -->

# %% slideshow={"slide_type": "skip"}
letters = data.make_cluttered_letters(10, random_state=1)
digits = data.make_cluttered_digits(10, random_state=2)
names = [letters.class_names[k] for k in letters.y_train]
names += [digits.class_names[k] for k in digits.y_train]
images = np.concatenate([letters.x_train, digits.x_train])

# %%
ax = plotting.image_grid(images, names, title="Printed letters, and handwritten digits")
plotting.show(
    ax,
    "A row of ten printed letters and a row of ten handwritten digits, all turned and "
    "surrounded by fragments of other characters",
)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The question that chapter 04 answers
#
# Can a network that knows the letters help one that must learn the digits?

# %% [markdown]
# **Predict.** With 20 labelled digits of each class, a network trained from scratch reads about half
# of the test images. How many will it read if it starts from the weights that learned the letters?
#
# <!-- Notes:
# Answer: some ten points more; the next key shows it. Collect guesses first and keep them on
# the board. Expect guesses that are far too high, and zeros.
# -->

# %% slideshow={"code": false, "slide_type": "fragment"}
stored = benchmark("label_efficiency")
at_20 = stored["labels"].index(20)
mean = {arm: plotting.mean_and_sd(s)[0] for arm, s in stored["accuracy"]["full"].items()}
scratch, transfer = mean["scratch"][at_20], mean["fine-tuned"][at_20]
assert 0.45 < scratch < 0.55
print(f"from scratch {scratch:.0%}, from the letters {transfer:.0%}")

# %% slideshow={"slide_type": "subslide"}
curves = {arm: stored["accuracy"]["full"][arm] for arm in ("fine-tuned", "scratch")}
ax = plotting.label_efficiency(stored["labels"], curves, title="Letters help most with few labels")
plotting.show(
    ax,
    "Test accuracy against labels per class, from 5 to 100, for a network fine-tuned "
    "from letters and one trained from scratch: the first is higher throughout, most "
    "of all where labels are few",
)

# %% slideshow={"slide_type": "skip"}
gain = mean["fine-tuned"] - mean["scratch"]
assert gain[0] == max(gain) > 2 * gain[-1] > 0, "most with the fewest labels, at 100 less than half"

# %% [markdown] slideshow={"slide_type": "notes"}
# Five seeds each; the bands are one standard deviation. Not magic, and not nothing. What it depends on, when it fails, and how to get more
# of it is what the course is about.
#
# <!-- Notes:
# Read one vertical and one horizontal line: the gain at 20 labels, and the labels that the
# same accuracy costs without transfer.
# -->

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Where to go
#
# One chapter after the other: from gradient descent, over a network of your own, to weights that somebody else
# trained, and to a verdict on whether they helped.
#
# <!-- Notes:
# Everybody runs the first cell on their own machine before they leave; `tlcourse doctor` says
# what is wrong where it fails.
# -->

# %% [markdown] slideshow={"slide_type": "skip"}
# <!-- chapters: made by `make chapters` -->
# | chapter | you will be able to | to read | to run |
# |---|---|---|---|
# | [00 Start here](00_start_here.ipynb) | find your way | 10 min | 5 s |
# | [01 Gradient descent](01_gradient_descent.ipynb) | derive gradient descent, momentum and Adam, choose a learning rate, and see why it fails | 75 min | 20 s |
# | [02 Cross-entropy](02_cross_entropy.ipynb) | derive the loss of a classifier and its gradient, compute it safely, and recognise its classic mistakes | 75 min | 45 s |
# | [03 A CNN from scratch](03_cnn_from_scratch.ipynb) | write convolution, ReLU and pooling by hand, forward and backward; see over-fitting and treat it | 60 min | 1 min 50 s |
# | [04 Weight transfer](04_weight_transfer.ipynb) | move weights between networks, and measure what that is worth, in accuracy and in labels | 60 min | 3 min 40 s |
# | [05 ResNet50 fine-tuning](05_resnet50_fine_tuning.ipynb) | choose weights, repair a run that never learns, cache features, fine-tune without spoiling, and do it with your own photos | 75 min | 3 min 20 s |
# | [06 Evaluation](06_evaluation.ipynb) | say how far a score can be trusted, catch leakage, compare two ways to train, and answer "does transfer help here?" | 75 min | 2 min 40 s |
# | [07 Photographs, a project with your own camera](07_photographs.ipynb) | teach a network the things on your desk with your own camera, measure what its source is worth, and hand it over as a file and a report | 75 min | 1 min 10 s |
#
# Run times were measured on two server cores without a GPU.
# <!-- end of chapters -->

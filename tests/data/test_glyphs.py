import numpy as np
import pytest

from tlcourse import data
from tlcourse.data import glyphs

CLUTTERED = [data.make_cluttered_digits, data.make_cluttered_letters]
SCENES = [data.make_scene_digits, data.make_scene_letters]
EVERY = [*CLUTTERED, *SCENES, data.make_stripes]


@pytest.mark.parametrize("make", EVERY)
def test_generated_sets_have_the_documented_shape_type_and_range(make):
    made = make(60, 40, random_state=1)
    shape, dtype, top = (
        ((64, 64, 3), "uint8", 255) if make in SCENES else ((28, 28, 1), "float32", 1)
    )
    for x, y, n in ((made.x_train, made.y_train, 60), (made.x_test, made.y_test, 40)):
        assert x.shape == (n, *shape)
        assert x.dtype == dtype
        assert x.min() >= 0
        assert 0.5 * top < x.max() <= top
        assert y.shape == (n,)
        assert y.dtype == "int64"
        assert set(y) <= set(range(len(made.class_names)))
    assert made.licence
    assert made.source
    assert "60 training and 40 test images" in repr(made)


@pytest.mark.parametrize("make", EVERY)
def test_the_same_seed_gives_the_same_images_and_another_seed_others(make):
    first, again, other = make(20, 10, random_state=5), make(20, 10, random_state=5), make(20, 10)
    np.testing.assert_array_equal(first.x_train, again.x_train)
    np.testing.assert_array_equal(first.y_test, again.y_test)
    assert (first.x_train != other.x_train).any()


@pytest.mark.parametrize("make", EVERY)
def test_asking_for_more_training_images_leaves_the_test_set_alone(make):
    np.testing.assert_array_equal(make(20, 15).x_test, make(300, 15).x_test)


@pytest.mark.parametrize("make", EVERY)
def test_classes_are_balanced(make):
    made = make(520, 60)
    counts = np.bincount(made.y_train, minlength=len(made.class_names))
    assert counts.max() - counts.min() <= 1


def test_the_digits_are_scikit_learn_s_in_file_order():
    from sklearn.datasets import load_digits

    bunch, ours = load_digits(), data.load_digits28()
    np.testing.assert_array_equal(np.r_[ours.y_train, ours.y_test], bunch.target)
    assert ours.x_train.shape == (1200, 28, 28, 1)
    assert ours.x_test.shape == (597, 28, 28, 1)
    assert ours.x_train.min() >= 0
    assert ours.x_train.max() <= 1
    # Enlarged, not drawn anew: the mean over each 3.5-pixel cell is nearly the original's pixel.
    small = ours.x_train[:50, ..., 0].reshape(50, 4, 7, 4, 7).mean((2, 4))
    original = bunch.images[:50].reshape(50, 4, 2, 4, 2).mean((2, 4)) / 16
    assert abs(small - original).max() < 0.15


def test_a_shuffled_split_of_the_digits_would_flatter():
    """The claim in `load_digits28`: neighbours in the file resemble each other."""
    from sklearn.neighbors import KNeighborsClassifier

    ours = data.load_digits28()
    x = np.concatenate([ours.x_train, ours.x_test]).reshape(1797, -1)
    y = np.concatenate([ours.y_train, ours.y_test])

    def score(order):
        train, test = order[:1200], order[1200:]
        return KNeighborsClassifier(3).fit(x[train], y[train]).score(x[test], y[test])

    shuffled = [score(np.random.default_rng(seed).permutation(1797)) for seed in range(5)]
    assert min(shuffled) > score(np.arange(1797))


def test_no_handwritten_original_serves_two_splits():
    atlases = [glyphs._digit_atlas(split)[0] for split in ("train", "validation", "test")]
    assert [len(a) for a in atlases] == [900, 300, 597]
    assert len(np.unique(np.concatenate(atlases), axis=0)) == 1797


def test_no_face_shows_the_same_letter_in_training_and_test():
    for letter in "AgQ+":
        train, test = (glyphs._print_atlas(letter, split)[0] for split in ("train", "test"))
        both = {tile.tobytes() for tile in train} & {tile.tobytes() for tile in test}
        assert len(train) > len(test) >= 1
        assert not both


def test_within_a_class_no_original_returns_before_all_were_used():
    labels = np.array([0, 0, 0, 1, 1, 1, 1])
    y, tiles = glyphs._choose_originals(np.random.default_rng(0), labels, 12, 2)
    assert sorted(tiles[y == 0]) == [0, 0, 1, 1, 2, 2]
    assert len(set(tiles[y == 1][:4]) | set(tiles[y == 1])) == 4
    np.testing.assert_array_equal(labels[tiles], y)


def test_difficulty_zero_is_a_clean_digit_in_the_middle_and_more_of_it_hides_the_digit():
    easy, hard = (data.make_cluttered_digits(300, 10, difficulty=d) for d in (0, 0.8))
    border = np.r_[easy.x_train[:, :3].ravel(), easy.x_train[:, :, -3:].ravel()]
    assert border.max() == 0
    assert hard.x_train.mean() > 1.5 * easy.x_train.mean()


def test_ink_keeps_its_distance_from_the_ground():
    rng = np.random.default_rng(0)
    ground = rng.uniform(0, 1, 5000)
    ink = glyphs._ink(rng, ground)[:, :, 0, 0]
    assert (abs(ink.mean(1) - ground) > 0.2499).all()
    assert ink.min() >= -1e-6
    assert ink.max() <= 1 + 1e-6


def test_the_alphabet_chooses_the_classes_in_its_order():
    made = data.make_cluttered_digits(40, 40, alphabet="73", difficulty=0)
    assert made.class_names == ("7", "3")
    seven = made.x_train[made.y_train == 0].mean(0)
    three = made.x_train[made.y_train == 1].mean(0)
    digits = data.load_digits28()
    for k, mean, other in ((7, seven, three), (3, three, seven)):
        like = digits.x_train[digits.y_train == k].mean(0)
        assert (
            np.corrcoef(like.ravel(), mean.ravel())[0, 1]
            > (np.corrcoef(like.ravel(), other.ravel())[0, 1])
        )


@pytest.mark.parametrize(
    ("make", "wrong", "message"),
    [
        (data.make_cluttered_digits, {"difficulty": 1.5}, "between 0 and 1, not 1.5"),
        (data.make_cluttered_digits, {"alphabet": "12x"}, "digits 0 to 9, not '12x'"),
        (data.make_cluttered_digits, {"held_out": "train"}, "'validation', not 'train'"),
        (data.make_cluttered_digits, {"n_train": 0}, "at least 1, not 0"),
        (data.make_cluttered_letters, {"alphabet": "A"}, "different characters, not 'A'"),
        (data.make_cluttered_letters, {"alphabet": "AA"}, "different characters, not 'AA'"),
        (data.make_cluttered_letters, {"alphabet": "A字"}, "'字' has 0 different shapes"),
        (data.make_cluttered_letters, {"alphabet": "A "}, "' ' has no ink"),
        (data.make_scene_digits, {"held_out": "all"}, "not 'all'"),
        (data.make_stripes, {"directions": 1}, "directions=1"),
    ],
)  # fmt: skip
def test_a_wrong_argument_is_named(make, wrong, message):
    with pytest.raises(ValueError, match=message):
        make(**({"n_train": 4, "n_test": 4} | wrong))


def test_few_labels_keeps_the_same_number_of_each_class_and_the_test_set():
    pool = data.make_cluttered_digits(300, 50)
    few = data.few_labels(pool, 7, random_state=1)
    np.testing.assert_array_equal(np.bincount(few.y_train), [7] * 10)
    np.testing.assert_array_equal(few.x_test, pool.x_test)
    known = {
        image.tobytes(): label for image, label in zip(pool.x_train, pool.y_train, strict=True)
    }
    assert all(known[x.tobytes()] == y for x, y in zip(few.x_train, few.y_train, strict=True))


def test_fewer_labels_of_the_same_seed_are_a_subset():
    pool = data.make_cluttered_digits(300, 10)
    three, nine = (data.few_labels(pool, n, random_state=4).x_train for n in (3, 9))
    assert {x.tobytes() for x in three} < {x.tobytes() for x in nine}


@pytest.mark.parametrize("wrong", [0, -1, 31])
def test_too_many_or_too_few_labels_are_refused(wrong):
    pool = data.make_cluttered_digits(300, 10)
    with pytest.raises(ValueError, match=f"per_class={wrong} is not possible.*choose 1 to 30"):
        data.few_labels(pool, wrong, random_state=0)


def test_penned_letters_blur_and_waver_as_the_digits_do():
    """Sharpness: how much of an image's contrast lies between neighbouring pixels."""

    def sharpness(tiles):
        tiles = tiles.astype(float)
        return abs(np.diff(tiles, axis=2)).mean() / tiles.std()

    digits, _ = glyphs._digit_atlas("train")
    printed, labels = glyphs._print_atlas("ABC", "train", penned=False)
    penned, penned_labels = glyphs._print_atlas("ABC", "train", penned=True)
    assert len(penned) == glyphs._PENNED * len(printed)
    np.testing.assert_array_equal(np.repeat(labels, glyphs._PENNED), penned_labels)
    assert len(np.unique(penned, axis=0)) > 0.98 * len(penned), "hardly two hands write alike"
    assert sharpness(digits) < sharpness(penned) < sharpness(printed)
    ink = penned.mean() / 255
    assert 0.6 < ink / (digits.mean() / 255) < 1.4


def test_penned_scenes_are_other_images_of_the_same_letters():
    plain = data.make_scene_letters(26, 26, alphabet="AB")
    penned = data.make_scene_letters(26, 26, alphabet="AB", penned=True)
    np.testing.assert_array_equal(plain.y_train, penned.y_train)
    assert (plain.x_train != penned.x_train).any()

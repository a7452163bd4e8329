"""`take` and `skip` after a `shuffle` that shuffles again each epoch: the two parts mix."""

import tensorflow as tf


def seen(part, epochs=10):
    return {int(i) for _ in range(epochs) for i in part}


def test_mistake_over_the_epochs_training_sees_the_validation_examples():
    shuffled = tf.data.Dataset.range(100).shuffle(100, seed=0)
    assert seen(shuffled.take(80)) & seen(shuffled.skip(80))


def test_way_out_split_first_shuffle_afterwards():
    files = tf.data.Dataset.range(100)
    train = files.take(80).shuffle(80, seed=0)
    assert not seen(train) & seen(files.skip(80))

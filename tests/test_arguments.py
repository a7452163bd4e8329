"""Numbers that a caller gives."""

import numpy as np
import pytest

from tlcourse.arguments import check_number, check_whole


@pytest.mark.parametrize("value", [2, 3, np.int64(2)])
def test_a_whole_number_in_its_range_passes(value):
    check_whole("steps", value, 2)


@pytest.mark.parametrize("value", [1, 2.0, True, "2", None, float("nan"), [2]])
def test_what_is_no_whole_number_or_too_small_is_named(value):
    with pytest.raises(ValueError, match="^steps must be a whole number of at least 2, not "):
        check_whole("steps", value, 2)


@pytest.mark.parametrize("value", [0, 0.5, 1, np.float32(0.5)])
def test_a_number_in_its_range_passes(value):
    check_number("momentum", value, 0, 1)


@pytest.mark.parametrize("value", [-0.1, 1.1, True, "0.5", None, float("nan"), float("inf"), [0]])
def test_what_is_no_number_or_out_of_its_range_is_named(value):
    with pytest.raises(ValueError, match="^momentum must be a number from 0 to 1, not "):
        check_number("momentum", value, 0, 1)

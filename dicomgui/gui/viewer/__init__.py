"""Windows that show what arrived: data set, image, comparison, and a copy to be changed. None of them stops anybody."""

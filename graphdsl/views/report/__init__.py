"""The run report: the folders of one run or two come in, one self-contained page goes out."""

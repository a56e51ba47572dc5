"""Near names: what is meant by a misspelling, and when nothing is."""

from __future__ import annotations

import time

import pytest

from graphdsl.compiler.lower.program import prelude
from graphdsl.graph.op import OPS
from graphdsl.language.near import MAX_LENGTH, nearest
from graphdsl.language.settings import TRAIN
from graphdsl.ops.initial import INITIALIZERS

FUNCTIONS = (list(prelude().bindings), list(OPS.public()))
SETTINGS = ([setting.key for setting in TRAIN],)
ADAM = (["lr", "beta1", "beta2", "eps"],)
DRAWS = (list(INITIALIZERS),)
COLUMNS = (["y", "age", "label", "mean radius", "target"],)
PARAMETERS = (["h.W", "h.b", "o[1].W", "o[2].W"],)


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        # slips of one letter or two
        ("sgimoid", "sigmoid"),
        ("sigmod", "sigmoid"),
        ("igmoid", "sigmoid"),
        ("sofmax", "softmax"),
        ("sotfmax", "softmax"),
        ("exo", "exp"),
        ("epx", "exp"),
        ("rleu", "relu"),
        ("tnah", "tanh"),
        ("tahn", "tanh"),
        ("maen", "mean"),
        ("agrmax", "argmax"),
        ("maxium", "maximum"),
        ("transpos", "transpose"),
        ("cros_entropy", "cross_entropy"),
        ("Embeding", "Embedding"),
        ("Desne", "Dense"),
        ("Con2d", "Conv2d"),
        ("mutli_head_attention", "MultiHeadAttention"),
        ("adma", "adam"),
        # other capitals, other underscores
        ("Relu", "relu"),
        ("ReLU", "relu"),
        ("SUM", "sum"),
        ("layernorm", "layer_norm"),
        ("Layernorm", "LayerNorm"),
        ("crossentropy", "cross_entropy"),
        ("CrossEntropy", "cross_entropy"),
        ("log_soft_max", "log_softmax"),
        ("mat_mul", "matmul"),
        ("onehot", "one_hot"),
        ("dense", "Dense"),
        ("batchnorm", "batch_norm"),
        # doubled letters
        ("abss", "abs"),
        ("cuumsum", "cumsum"),
        # more words, fewer words, the beginning
        ("mse_loss", "mse"),
        ("cross_entropy_with_logits", "cross_entropy"),
        ("hinge_loss", "hinge"),
        ("concatenate", "concat"),
        ("transposed", "transpose"),
        ("zeros_like", "zeros"),
        ("softm", "softmax"),
        ("LSTM", "LSTMCell"),
        # nothing near: too far, too short, or as near to several
        ("missing", None),
        ("nil", None),
        ("null", None),
        ("foo", None),
        ("hidden", None),
        ("W", None),
        ("x1", None),
        ("Conv", None),
        ("arg", None),
        ("xyz", None),
    ],
)
def test_functions(word: str, meant: str | None) -> None:
    assert nearest(word, *FUNCTIONS) == meant


@pytest.mark.parametrize(
    ("word", "known", "meant"),
    [
        ("batch_size", SETTINGS, "batch"),
        ("batchsize", SETTINGS, "batch"),
        ("optimiser", SETTINGS, "optimizer"),
        ("optim", SETTINGS, "optimizer"),
        ("num_epochs", SETTINGS, "epochs"),
        ("epoch", SETTINGS, "epochs"),
        ("random_seed", SETTINGS, "seed"),
        ("weights", SETTINGS, None),
        ("learning_rate", ADAM, "lr"),
        ("learningRate", ADAM, "lr"),
        ("rl", ADAM, "lr"),
        ("epsilon", ADAM, "eps"),
        ("momentum", ADAM, None),
        ("he_norml", DRAWS, "he_normal"),
        ("HeNormal", DRAWS, "he_normal"),
        ("sigmoid", DRAWS, None),
        ("Y", COLUMNS, "y"),
        ("yy", COLUMNS, "y"),
        ("lab", COLUMNS, "label"),
        ("targets", COLUMNS, "target"),
        ("mean_radius", COLUMNS, "mean radius"),
        ("z", COLUMNS, None),
        ("h.w", PARAMETERS, "h.W"),
        ("o[1].w", PARAMETERS, "o[1].W"),
    ],
)
def test_other_names(word: str, known: tuple[list[str]], meant: str | None) -> None:
    assert nearest(word, *known) == meant


def test_of_equally_near_names_the_inner_scope_is_meant() -> None:
    assert nearest("relux", ["reluy"], ["reluz"]) == "reluy"
    assert nearest("relux", [], ["reluz"]) == "reluz"
    assert nearest("sigmoidd", ["sigmolds"], ["sigmoid"]) == "sigmoid"


def test_a_name_is_not_near_to_itself() -> None:
    assert nearest("relu", ["relu"]) is None


def test_long_words_and_many_names_take_no_time() -> None:
    names = [f"layer_{a}_{b}" for a in range(100) for b in range(100)]
    start = time.perf_counter()
    assert nearest("x" * (MAX_LENGTH + 1), names) is None
    for number in range(10):
        nearest(f"layer_{number}_x{number}", names)
    assert time.perf_counter() - start < 4  # 8 s without the limit on names

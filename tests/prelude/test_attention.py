"""Attention: causal, masked, and beside torch where it is installed."""

from __future__ import annotations

import numpy as np
import pytest

import graphdsl
from prelude.layers import (
    draw,
    model,
)


def test_attention_does_not_look_ahead() -> None:
    m = model("TransformerBlock(x, 2, causal = true)", "N, 5, 6")
    x = draw(2, 5, 6)
    before = m.run(x=x)["y"]
    x[:, 3:] += 1
    np.testing.assert_array_equal(m.run(x=x)["y"][:, :3], before[:, :3])


def test_attention_is_that_of_torch() -> None:
    torch = pytest.importorskip("torch", reason="torch, the reference, is not installed")
    m = model("MultiHeadAttention(x, 2, causal = true)", "N, 4, 6")
    theirs = torch.nn.MultiheadAttention(6, 2, batch_first=True).double()
    p = {name: torch.tensor(view) for name, view in m.params.items()}
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([p[f"h.{k}.W"].T for k in "qkv"]))
        theirs.in_proj_bias.copy_(torch.cat([p[f"h.{k}.b"] for k in "qkv"]))
        theirs.out_proj.weight.copy_(p["h.out.W"].T)
        theirs.out_proj.bias.copy_(p["h.out.b"])
    x = draw(3, 4, 6)
    mask = torch.triu(torch.ones(4, 4, dtype=torch.bool), 1)
    t = torch.tensor(x)
    expected, _ = theirs(t, t, t, attn_mask=mask)
    np.testing.assert_allclose(m.run(x=x)["y"], expected.detach().numpy(), rtol=1e-8)


@pytest.mark.parametrize("shape", [(3, 1, 1, 5), (4, 5), (3, 2, 4, 5)])
def test_masked_attention_is_that_of_torch(shape: tuple[int, ...]) -> None:
    """Of keys, of pairs, and of each head its own; with its gradients."""
    torch = pytest.importorskip("torch", reason="torch, the reference, is not installed")
    sizes = ", ".join(map(str, shape))
    text = (
        f"input q: [3, 2, 4, 6]\ninput k: [3, 2, 5, 6]\ninput v: [3, 2, 5, 7]\n"
        f"input m: bool[{sizes}]\noutput y = masked_attention(q, k, v, m)\nJ = sum(y^2)\n"
        "output gq = grad(J, q)\noutput gk = grad(J, k)\noutput gv = grad(J, v)\n"
    )
    seen = draw(*shape) > 0
    seen[..., 0] = True
    q, k, v = (draw(3, 2, *rest) for rest in ((4, 6), (5, 6), (5, 7)))
    found = graphdsl.loads(text, dtype="f64").run(q=q, k=k, v=v, m=seen)
    leaves = [torch.tensor(x, requires_grad=True) for x in (q, k, v)]
    attend = torch.nn.functional.scaled_dot_product_attention
    expected = attend(*leaves, attn_mask=torch.tensor(seen))
    (expected**2).sum().backward()
    np.testing.assert_allclose(found["y"], expected.detach().numpy(), rtol=1e-10)
    for name, leaf in zip("qkv", leaves, strict=True):
        np.testing.assert_allclose(found[f"g{name}"], leaf.grad.numpy(), rtol=1e-8, atol=1e-12)

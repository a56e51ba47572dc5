"""Random programs: texts that lower without a fault, for tests that compare whole programs."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from hypothesis import strategies as st

Shape = tuple[str, ...]

UNARY = ("tanh", "sigmoid", "relu", "softplus", "abs", "square", "identity", "exp", "-", "gelu")
BINARY = ("+", "-", "*", "maximum", "minimum", "where")
OPTIMIZERS = (
    "sgd(lr = 0.1)",
    "sgd(lr = 0.1, momentum = 0.9, nesterov = true, decay = 0.01)",
    "adam(lr = cosine(0.1, warmup = 3))",
    "by_norm()",
)
NORM_RULE = """
optimizer by_norm(lr = 0.1) {
  state m = 0
  update m = 0.9 * m + g / (1 + sum(g^2))
  update p = p - lr * m
}
"""


@dataclass
class _Writer:
    """Writes statements over a pool of named tensors whose shapes it knows."""

    random: Random
    lines: list[str] = field(default_factory=list)
    pool: dict[str, Shape] = field(default_factory=dict)

    def bind(self, text: str, shape: Shape) -> str:
        name = f"n{len(self.pool)}"
        self.lines.append(f"{name} = {text}")
        self.pool[name] = shape
        return name

    def pick(self, shape: Shape | None = None, rank: int | None = None) -> str | None:
        fitting = [
            name
            for name, found in self.pool.items()
            if shape in (None, found) and rank in (None, len(found))
        ]
        # late names more often, so that chains become deep and values die
        late = fitting[-4:] if self.random.random() < 0.6 else fitting
        return self.random.choice(late) if late else None

    def step(self) -> None:
        name = self.pick()
        assert name is not None
        shape = self.pool[name]
        draw = self.random.randrange(12)
        if draw < 3:
            op = self.random.choice(UNARY)
            inner = f"tanh({name})" if op in ("exp", "square") else name
            self.bind(f"-{inner}" if op == "-" else f"{op}({inner})", shape)
        elif draw < 7:
            self._binary(name, shape)
        elif draw == 7 and shape:
            axis = self.random.randrange(len(shape))
            keep = self.random.random() < 0.5
            op = self.random.choice(("sum", "mean", "max", "logsumexp"))
            left = (*shape[:axis], *(("1",) if keep else ()), *shape[axis + 1 :])
            text = f"{op}({name}, axis = {axis}, keepdims = {str(keep).lower()})"
            self.bind(text, left)
        elif draw == 8 and len(shape) == 2:
            self.bind(f"{name}.T", shape[::-1])
        elif draw == 9 and len(shape) == 2:
            self._product(name, shape)
        elif draw == 10 and len(shape) == 2:
            self._shaped(name, shape)
        elif shape:
            self.bind(f"softmax({name})", shape)

    def _binary(self, name: str, shape: Shape) -> None:
        other = self.pick(shape) if self.random.random() < 0.8 else self.pick(())
        if other is None:
            other = name
        if self.pool[other] == ():
            op = self.random.choice(("+", "*"))
            self.bind(f"tanh({name}) {op} tanh({other})", shape)
            return
        op = self.random.choice(BINARY)
        if op == "where":
            self.bind(f"where({name} > 0.1, {other}, 0.5)", shape)
        elif op.isalpha():
            self.bind(f"{op}({name}, {other})", shape)
        else:
            self.bind(f"tanh({name}) {op} {other}", shape)

    def _product(self, name: str, shape: Shape) -> None:
        fitting = [n for n, s in self.pool.items() if len(s) == 2 and s[0] == shape[1]]
        if fitting:
            other = self.random.choice(fitting)
            self.bind(f"0.1 * ({name} @ {other})", (shape[0], self.pool[other][1]))

    def _shaped(self, name: str, shape: Shape) -> None:
        match self.random.randrange(4):
            case 0:
                flat = f"{shape[0]}*{shape[1]}"
                self.bind(f"reshape({name}, [{flat}])", (flat,))
            case 1:
                self.bind(f"{name}[:, 0]", (shape[0],))
            case 2 if (other := self.pick(shape)) is not None:
                self.bind(f"concat({name}, {other}, axis = 1)[:, :{shape[1]}]", shape)
            case _ if (other := self.pick(shape)) is not None:
                self.bind(f"sum(stack({name}, {other}), axis = 0)", shape)


def write_program(random: Random, length: int) -> str:
    """A whole file of random ops, with states, a loss and an optimizer."""
    writer = _Writer(random)
    writer.pool |= {"x": ("N", "3"), "v": ("N",), "W": ("3", "4"), "U": ("4", "3"), "b": ("4",)}
    writer.pool |= {"m": ("3", "4"), "s": (), "r": ("4",), "q": ("4", "4")}
    head = [
        "dim N",
        "input x: [N, 3]",
        "input v: [N]",
        "param W: [3, 4] ~ normal(0, 0.5)",
        "param U: [4, 3] ~ normal(0, 0.5)",
        "param b: [4] = 0.1 with lr = 0.5",
        "param s = 0.3",
        "state m: [3, 4] = 0.2",
        "state r: [4] = 0.7",
        "state q: [4, 4] ~ normal(0, 1)",
        "h = tanh(x @ W + b)",
    ]
    writer.pool["h"] = ("N", "4")
    for _ in range(length):
        writer.step()
    names = [n for n in writer.pool if n.startswith("n")] or ["h"]
    loss = " + ".join(f"mean(tanh({n})^2)" for n in random.sample(names, min(3, len(names))))
    outputs = random.sample(names, min(2, len(names)))
    tail = [f"output o{i} = {name}" for i, name in enumerate(outputs)]
    optimizer = random.choice(OPTIMIZERS)
    tail.append(f"loss J = {loss} + 0.01 * s^2 + 0.1 * sum(h^2)")
    text = [*head, *_with_updates(random, writer), *tail]
    text.append(f"train {{\n  optimizer = {optimizer}\n}}")
    return "\n".join(text) + (NORM_RULE if "norm" in optimizer else "\n")


def _with_updates(random: Random, writer: _Writer) -> list[str]:
    """The statements with an update of each state somewhere between them."""
    lines = list(writer.lines)
    for name, shape in (("m", ("3", "4")), ("r", ("4",)), ("q", ("4", "4"))):
        at = random.randrange(len(lines) + 1)
        bound = {line.partition(" ")[0] for line in lines[:at]} | {name}
        other = random.choice([n for n in bound if writer.pool.get(n) == shape])
        forms = [f"tanh({other})", f"0.5 * {name} + 0.5 * {other}", f"{name} + 1"]
        if name == "q":
            forms += ["q + 0.1 * q.T", "q - q.T"]
        lines.insert(at, f"update {name} = {random.choice(forms)}")
    return lines


@st.composite
def programs(draw: st.DrawFn) -> str:
    """Texts of random programs."""
    seed = draw(st.integers(0, 2**32))
    return write_program(Random(seed), draw(st.integers(0, 30)))

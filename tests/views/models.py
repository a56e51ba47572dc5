"""Texts of models that several tests draw."""

CELL = """dim N
input x: [N, 5, 4]
share cell = LSTMCell(units = 3)
h = zeros([N, 3])
c = zeros([N, 3])
repeat t in 0..4 {
  h, c = cell(x[:, t], h, c)
}
"""
"""A cell that five turns share; a loss or an output of h follows."""

CHAIN = "input x\ninput s\no = x\nrepeat l in 1..4 {\n  o = tanh(o * s)\n}\noutput y = o * 2\n"

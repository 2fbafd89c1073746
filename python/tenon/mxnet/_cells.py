"""One step of the three recurrences, for arrays and symbols: what Gluon's cells and those of mx.rnn have in common.

`i2h` and `h2h` are the linear parts of the input and of the state, all gates side by side; `name` gives a node its name.
"""


def plain(F, i2h, h2h, activation, name):
    return F.Activation(i2h + h2h, act_type=activation, name=name("out"))


def lstm(F, i2h, h2h, cell, name, recurrent="sigmoid", activation="tanh"):
    """(output, next cell); the gates are input, forget, transform, output."""
    gates = F.SliceChannel(i2h + h2h, num_outputs=4, name=name("slice"))
    enter = F.Activation(gates[0], act_type=recurrent, name=name("i"))
    forget = F.Activation(gates[1], act_type=recurrent, name=name("f"))
    transform = F.Activation(gates[2], act_type=activation, name=name("c"))
    leave = F.Activation(gates[3], act_type=recurrent, name=name("o"))
    following = F.elemwise_add(forget * cell, enter * transform, name=name("state"))
    return F.elemwise_mul(leave, F.Activation(following, act_type=activation), name=name("out")), following


def gru(F, i2h, h2h, state, name, recurrent="sigmoid", activation="tanh"):
    """The gates are reset, update, and the new value, of which the reset gate scales the state's part."""
    i2h_reset, i2h_update, i2h_new = F.SliceChannel(i2h, num_outputs=3, name=name("i2h_slice"))
    h2h_reset, h2h_update, h2h_new = F.SliceChannel(h2h, num_outputs=3, name=name("h2h_slice"))
    reset = F.Activation(i2h_reset + h2h_reset, act_type=recurrent, name=name("r_act"))
    update = F.Activation(i2h_update + h2h_update, act_type=recurrent, name=name("z_act"))
    new = F.Activation(i2h_new + reset * h2h_new, act_type=activation, name=name("h_act"))
    return F.elemwise_add((1.0 - update) * new, update * state, name=name("out"))


def as_steps(F, length, inputs, layout):
    """The inputs step by step, whether they come as a list or as one sequence of the layout "NTC" or "TNC"."""
    axis = layout.find("T")
    if isinstance(inputs, (list, tuple)):
        if length is not None and len(inputs) != length:
            raise AssertionError(f"{len(inputs)} inputs came, but the cell is unrolled over {length} steps")
        return list(inputs), axis
    if length is None:
        length = inputs.shape[axis]
    steps = F.SliceChannel(inputs, axis=axis, num_outputs=length, squeeze_axis=1)
    return (list(steps) if length > 1 else [steps]), axis


def merged(F, outputs, axis):
    """One sequence from the outputs of the steps."""
    return F.stack(*outputs, axis=axis)

"""Recurrent layers over whole sequences, and cells for one step."""

from . import rnn_cell, rnn_layer  # noqa: F401
from .rnn_cell import *  # noqa: F403
from .rnn_layer import GRU, LSTM, RNN  # noqa: F401

"""Array aliases and the shape vocabulary.

Shapes in docstrings use these words: ``n_nodes``, ``n_edges`` (undirected street edges), ``n_arcs`` (directed, two
an edge), ``n_demand``, ``n_facilities``, ``n_bands``, ``n_divisions``. Times are float64 seconds and lengths float64
metres from end to end; they are compared with a threshold once and never rounded before.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
Int = NDArray[np.int64]
Int32 = NDArray[np.int32]
UInt8 = NDArray[np.uint8]
Bool = NDArray[np.bool_]

# SPDX-License-Identifier: Apache-2.0
"""The embedder `vjepa2`: a V-JEPA 2 encoder on CUDA, or slowly on the CPU; needs `pip install 'ovpo[vjepa2]'`."""
